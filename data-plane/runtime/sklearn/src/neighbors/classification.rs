//! `KNeighborsClassifier`, `RadiusNeighborsClassifier`: the class of most neighbours.

use hari_error::{Error, Result};
use hari_pickle::Cursor;

use super::weights::Neighbourhood;
use crate::attributes::{flag, places_of};
use crate::estimator::{Accepts, Estimator, Form, Method, Width};
use crate::math::argmax;
use crate::reader::Reader;
use crate::table::{Matrix, Table};
use crate::values::Values;

#[derive(Debug)]
struct Classifier {
    neighbourhood: Neighbourhood,
    /// Labels of each output.
    classes: Vec<Values>,
    outputs: Vec<Output>,
    /// Whether the outputs have a dimension of their own.
    several: bool,
}

#[derive(Debug)]
struct Output {
    /// The class number of each training row.
    numbers: Vec<usize>,
    classes: usize,
    /// Labels that can be predicted: the classes, and behind them that of outliers, if it is none
    /// of the classes.
    labels: Values,
    /// The place of the label of rows without a neighbour; none if such a row is refused.
    outlier: Option<usize>,
}

pub(super) fn nearest(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    read(cursor, Neighbourhood::nearest(cursor)?, None)
}

pub(super) fn within(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    let outliers = cursor
        .find_attribute("outlier_label_")?
        .and_then(Cursor::optional);
    let outliers = outliers.map(|at| Values::read(&at)).transpose()?;
    read(cursor, Neighbourhood::within(cursor)?, outliers.as_ref())
}

fn read(
    cursor: &Cursor<'_>,
    neighbourhood: Neighbourhood,
    outliers: Option<&Values>,
) -> Result<Box<dyn Estimator>> {
    let several = flag(cursor, "outputs_2d_")?;
    let at = cursor.attribute("classes_")?;
    let classes = match several {
        true => at
            .items()?
            .iter()
            .map(Values::read)
            .collect::<Result<_>>()?,
        false => vec![Values::read(&at)?],
    };
    let rows = neighbourhood.index.count;
    let at = cursor.attribute("_y")?;
    let most = classes.iter().map(Values::len).max().unwrap_or(0);
    let size = rows.saturating_mul(classes.len());
    let numbers = places_of(&at, Some(size), most)?;
    let mut outputs = Vec::with_capacity(classes.len());
    for (place, labels) in classes.iter().enumerate() {
        let numbers = numbers.iter().skip(place).step_by(classes.len());
        let numbers: Vec<_> = numbers.copied().collect();
        if numbers.iter().any(|&number| number >= labels.len()) {
            return Err(at.refuse("a class number lies beyond `classes_`"));
        }
        let (labels, outlier) = with_outlier(cursor, labels, outliers, place)?;
        outputs.push(Output {
            numbers,
            classes: classes.get(place).map_or(0, Values::len),
            labels,
            outlier,
        });
    }
    Ok(Box::new(Classifier {
        neighbourhood,
        classes,
        outputs,
        several,
    }))
}

/// The labels of an output with that of its outliers among them, and its place.
fn with_outlier(
    cursor: &Cursor<'_>,
    classes: &Values,
    outliers: Option<&Values>,
    output: usize,
) -> Result<(Values, Option<usize>)> {
    let Some(outliers) = outliers else {
        return Ok((classes.clone(), None));
    };
    let label = outliers.at(&[output]);
    let known = (0..classes.len()).find(|&place| classes.at(&[place]) == label);
    if let Some(place) = known {
        return Ok((classes.clone(), Some(place)));
    }
    let mut labels = classes.clone();
    labels.append(label);
    if labels.len() == classes.len() {
        let at = cursor.attribute("outlier_label_")?;
        return Err(at.refuse("expected a label like those of the classes"));
    }
    Ok((labels, Some(classes.len())))
}

impl Classifier {
    /// What the neighbours of a row give to each class, for each output; nothing at all for a row
    /// without neighbours.
    fn votes(&self, rows: &Matrix) -> Result<Vec<Matrix>> {
        let zeros = |output: &Output| Matrix::zeros(rows.rows, output.classes);
        let mut found: Vec<_> = self.outputs.iter().map(zeros).collect();
        for (at, row) in rows.iter_rows().enumerate() {
            let neighbours = self.neighbourhood.of(row);
            for (output, votes) in self.outputs.iter().zip(&mut found) {
                let votes = votes.row_mut(at);
                for &(place, weight) in &neighbours {
                    let number = output.numbers.get(place).copied().unwrap_or_default();
                    if let Some(vote) = votes.get_mut(number) {
                        *vote += weight;
                    }
                }
                if neighbours.is_empty() {
                    output.vote_outlier(votes, at)?;
                }
            }
        }
        Ok(found)
    }
}

impl Output {
    fn vote_outlier(&self, votes: &mut [f64], row: usize) -> Result<()> {
        let Some(place) = self.outlier else {
            return Err(Error::invalid(format!(
                "row {row} has no neighbour within the radius, and the model was fitted without \
                 `outlier_label`"
            )));
        };
        if let Some(vote) = votes.get_mut(place) {
            *vote = 1.0;
        }
        Ok(())
    }

    /// The place of the label that most votes are for.
    fn chosen(&self, votes: &[f64]) -> usize {
        match self.outlier {
            Some(place) if votes.iter().all(|&vote| vote == 0.0) => place,
            _ => argmax(votes),
        }
    }
}

impl Estimator for Classifier {
    fn form(&self, method: Method) -> Option<Form> {
        let width = match (method, self.several) {
            (Method::Predict, false) => Width::One,
            (Method::Predict, true) => Width::Columns(self.outputs.len()),
            (Method::PredictProba, _) => {
                let counts: Vec<_> = self.outputs.iter().map(|output| output.classes).collect();
                match (self.several, counts.as_slice()) {
                    (false, [only]) => Width::Columns(*only),
                    _ => Width::Many(counts),
                }
            }
            _ => return None,
        };
        let dtype = match method {
            Method::Predict => beside_dtype(&self.classes),
            _ => Form::NUMBER.dtype,
        };
        Some(Form { dtype, width })
    }

    fn accepts(&self) -> Accepts {
        self.neighbourhood.index.accepts()
    }

    fn width(&self) -> Option<usize> {
        Some(self.neighbourhood.index.width())
    }

    fn classes(&self) -> &[Values] {
        &self.classes
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let votes = self.votes(&*rows.dense()?)?;
        let labels = self.outputs.iter().zip(&votes).map(|(output, votes)| {
            let chosen: Vec<_> = votes.iter_rows().map(|row| output.chosen(row)).collect();
            output.labels.at(&chosen)
        });
        let labels: Vec<_> = labels.collect();
        Ok(Values::beside(&labels))
    }

    fn predict_proba(&self, rows: &Table) -> Result<Matrix> {
        let mut found = self.predict_probas(rows)?;
        Ok(found.pop().unwrap_or_default())
    }

    fn predict_probas(&self, rows: &Table) -> Result<Vec<Matrix>> {
        let mut found = self.votes(&*rows.dense()?)?;
        for votes in &mut found {
            for row in 0..votes.rows {
                let votes = votes.row_mut(row);
                let total: f64 = votes.iter().sum();
                let total = if total == 0.0 { 1.0 } else { total };
                votes.iter_mut().for_each(|vote| *vote /= total);
            }
        }
        Ok(found)
    }

    fn memory_bytes(&self) -> usize {
        let numbers = self.outputs.iter().map(|output| output.numbers.len());
        self.neighbourhood.index.memory_bytes() + numbers.sum::<usize>() * size_of::<usize>()
    }
}

/// The type of labels of several outputs side by side.
fn beside_dtype(classes: &[Values]) -> hari_core::DataType {
    let empty: Vec<_> = classes.iter().map(|labels| labels.at(&[])).collect();
    Values::beside(&empty).dtype()
}
