//! Classifiers and regressors of one tree or of many, which answer with the mean of their trees.

use hari_error::Result;
use hari_pickle::Cursor;

use super::forest::{Forest, Planter};
use super::records::{Records, count_of, value};
use crate::estimator::{Accepts, Estimator, Form, Method, Width};
use crate::math;
use crate::reader::Reader;
use crate::table::{Matrix, Table};
use crate::values::Values;

/// The mean of the fractions of each class.
#[derive(Debug)]
pub(crate) struct Classifier {
    forest: Forest,
    /// Labels of each output.
    classes: Vec<Values>,
}

impl Classifier {
    /// `cursor` has the classes, `trees` are the estimators with a `tree_`: itself for one tree.
    pub(crate) fn read(
        cursor: &Cursor<'_>,
        trees: &[Cursor<'_>],
        reader: &Reader,
    ) -> Result<Box<dyn Estimator>> {
        let classes = labels(cursor)?;
        let counts: Vec<_> = classes.iter().map(Values::len).collect();
        let features = features(cursor, trees)?;
        let mut planter = Planter::new(reader, features, counts.iter().sum());
        for tree in trees {
            planter.vectors(tree, |records, at, to| fractions(records, at, &counts, to))?;
        }
        let forest = planter.finish();
        Ok(Box::new(Self { forest, classes }))
    }

    /// The mean over all trees, the classes of each output behind each other.
    fn means(&self, rows: &Table) -> Result<Matrix> {
        means(&self.forest, rows)
    }

    /// Columns of each output in [`Self::means`].
    fn parts(&self) -> impl Iterator<Item = (&Values, std::ops::Range<usize>)> {
        self.classes.iter().scan(0, |start, classes| {
            let from = *start;
            *start += classes.len();
            Some((classes, from..*start))
        })
    }
}

/// `classes_`: an array for one output, a list of arrays for several.
fn labels(cursor: &Cursor<'_>) -> Result<Vec<Values>> {
    let found = cursor.attribute("classes_")?;
    let outputs = count_of(&cursor.attribute("n_outputs_")?)?;
    let classes: Vec<_> = match outputs {
        1 => vec![Values::read(&found)?],
        _ => found
            .items()?
            .iter()
            .map(Values::read)
            .collect::<Result<_>>()?,
    };
    let full = classes.iter().all(|one| one.len() > 0);
    match full && !classes.is_empty() && classes.len() == outputs {
        true => Ok(classes),
        false => Err(found.refuse(format_args!("expected labels for {outputs} outputs"))),
    }
}

/// Width of the rows that all trees take.
pub(crate) fn features(cursor: &Cursor<'_>, trees: &[Cursor<'_>]) -> Result<usize> {
    let first = trees.first();
    let first = first.ok_or_else(|| cursor.refuse("there are no trees"))?;
    count_of(&first.attribute("tree_")?.argument(0)?)
}

/// Appends the fractions of each class in a node, output by output. A node that does not have them
/// gives too few, which the builder refuses.
fn fractions(records: &Records<'_>, at: usize, counts: &[usize], to: &mut Vec<f64>) {
    if counts.len() != records.outputs {
        return;
    }
    let outputs = records.values(at).chunks(records.classes).zip(counts);
    for values in outputs.filter_map(|(values, &count)| values.get(..count)) {
        if records.is_new() {
            to.extend_from_slice(values);
            continue;
        }
        let sum: f64 = values.iter().sum();
        let sum = if sum == 0.0 { 1.0 } else { sum };
        to.extend(values.iter().map(|value| value / sum));
    }
}

fn means(forest: &Forest, rows: &Table) -> Result<Matrix> {
    let mut sums = forest.sums(rows)?;
    let trees = forest.trees() as f64;
    for sum in &mut sums.values {
        *sum /= trees;
    }
    Ok(sums)
}

impl Estimator for Classifier {
    fn form(&self, method: Method) -> Option<Form> {
        match (method, self.classes.as_slice()) {
            (Method::Predict, [classes]) => Some(Form::label(classes)),
            (Method::Predict, several) => {
                let none: Vec<_> = several.iter().map(|one| one.at(&[])).collect();
                Some(Form {
                    dtype: Values::beside(&none).dtype(),
                    width: Width::Columns(several.len()),
                })
            }
            (Method::PredictProba, [classes]) => Some(Form::numbers(classes.len())),
            (Method::PredictProba, several) => Some(Form {
                width: Width::Many(several.iter().map(Values::len).collect()),
                ..Form::NUMBER
            }),
            _ => None,
        }
    }

    fn accepts(&self) -> Accepts {
        self.forest.accepts()
    }

    fn classes(&self) -> &[Values] {
        &self.classes
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let means = self.means(rows)?;
        let columns: Vec<_> = self
            .parts()
            .map(|(classes, part)| {
                let places = means
                    .iter_rows()
                    .map(|row| math::argmax(row.get(part.clone()).unwrap_or_default()));
                classes.at(&places.collect::<Vec<_>>())
            })
            .collect();
        match <[Values; 1]>::try_from(columns) {
            Ok([only]) => Ok(only),
            Err(several) => Ok(Values::beside(&several)),
        }
    }

    fn predict_proba(&self, rows: &Table) -> Result<Matrix> {
        self.means(rows)
    }

    fn predict_probas(&self, rows: &Table) -> Result<Vec<Matrix>> {
        let means = self.means(rows)?;
        if self.classes.len() == 1 {
            return Ok(vec![means]);
        }
        let parts = self.parts();
        Ok(parts
            .map(|(_, part)| means.select(&part.collect::<Vec<_>>()))
            .collect())
    }

    fn memory_bytes(&self) -> usize {
        self.forest.memory_bytes()
    }
}

/// The mean of what trees say.
#[derive(Debug)]
pub(crate) struct Regressor {
    forest: Forest,
    outputs: usize,
}

impl Regressor {
    /// `trees` are the estimators with a `tree_`.
    pub(crate) fn read(
        cursor: &Cursor<'_>,
        trees: &[Cursor<'_>],
        reader: &Reader,
    ) -> Result<Box<dyn Estimator>> {
        let outputs = count_of(&cursor.attribute("n_outputs_")?)?;
        let mut planter = Planter::new(reader, features(cursor, trees)?, outputs);
        for tree in trees {
            match outputs {
                1 => planter.numbers(tree, 0, |feature| feature, value)?,
                _ => planter.vectors(tree, |records, at, to| {
                    to.extend(records.values(at).iter().step_by(records.classes));
                })?,
            }
        }
        let forest = planter.finish();
        Ok(Box::new(Self { forest, outputs }))
    }
}

impl Estimator for Regressor {
    fn form(&self, method: Method) -> Option<Form> {
        let form = match self.outputs {
            1 => Form::NUMBER,
            several => Form::numbers(several),
        };
        (method == Method::Predict).then_some(form)
    }

    fn accepts(&self) -> Accepts {
        self.forest.accepts()
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        Ok(Values::Floats(means(&self.forest, rows)?.values))
    }

    fn memory_bytes(&self) -> usize {
        self.forest.memory_bytes()
    }
}
