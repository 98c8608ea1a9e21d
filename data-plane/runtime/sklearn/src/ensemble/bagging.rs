//! Bagging: the mean of estimators that were each trained with some of the rows and columns.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::estimator::{Accepts, Estimator, Form, Method};
use crate::input::Kind;
use crate::math;
use crate::reader::{Node, Reader};
use crate::table::{Matrix, Table};
use crate::values::Values;

/// Estimators with the columns that each takes.
#[derive(Debug)]
struct Bag {
    members: Vec<(Node, Vec<usize>)>,
}

impl Bag {
    fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Self> {
        let nodes = reader.read_all(&cursor.attribute("estimators_")?)?;
        let columns = cursor.attribute("estimators_features_")?.items()?;
        if nodes.is_empty() || nodes.len() != columns.len() {
            let (nodes, columns) = (nodes.len(), columns.len());
            return Err(cursor.refuse(format_args!(
                "{nodes} estimators have {columns} lists of features"
            )));
        }
        super::check_method(cursor, &nodes, Method::Predict)?;
        let columns = columns.iter().map(super::places);
        let columns: Vec<_> = columns.collect::<Result<_>>()?;
        Ok(Self {
            members: nodes.into_iter().zip(columns).collect(),
        })
    }

    fn first(&self) -> Option<&Node> {
        self.members.first().map(|(node, _)| node)
    }

    fn takes(&self, column: usize) -> Kind {
        let member = self.members.iter().find_map(|(node, columns)| {
            let at = columns.iter().position(|&one| one == column)?;
            Some(node.takes(at))
        });
        member.unwrap_or(Kind::Number)
    }

    /// The mean of matrices that `ask` gives for each member.
    fn mean(
        &self,
        rows: &Table,
        mut ask: impl FnMut(&Node, &Table, &mut Matrix) -> Result<()>,
        columns: usize,
    ) -> Result<Matrix> {
        let mut sums = Matrix::zeros(rows.rows(), columns);
        for (node, features) in &self.members {
            match is_all(features, rows.width()) {
                true => ask(node, rows, &mut sums)?,
                false => ask(node, &rows.select(features), &mut sums)?,
            }
        }
        for sum in &mut sums.values {
            *sum /= self.members.len() as f64;
        }
        Ok(sums)
    }

    fn memory_bytes(&self) -> usize {
        let nodes = self.members.iter();
        nodes
            .map(|(node, columns)| node.memory_bytes() + size_of_val(columns.as_slice()))
            .sum()
    }
}

fn is_all(columns: &[usize], width: usize) -> bool {
    columns.len() == width && columns.iter().copied().eq(0..width)
}

fn add(sums: &mut Matrix, found: &[f64]) {
    for (sum, found) in sums.values.iter_mut().zip(found) {
        *sum += found;
    }
}

/// `BaggingRegressor`.
#[derive(Debug)]
pub(super) struct Regressor {
    bag: Bag,
    form: Form,
}

impl Regressor {
    pub(super) fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
        let bag = Bag::read(cursor, reader)?;
        let form = bag.first().and_then(|node| node.form(Method::Predict));
        let form = form.ok_or_else(|| cursor.refuse("there are no estimators"))?;
        Ok(Box::new(Self { bag, form }))
    }
}

impl Estimator for Regressor {
    fn form(&self, method: Method) -> Option<Form> {
        (method == Method::Predict).then(|| self.form.clone())
    }

    fn accepts(&self) -> Accepts {
        Accepts::Anything
    }

    fn takes(&self, column: usize) -> Kind {
        self.bag.takes(column)
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let columns = super::columns_of(&self.form);
        let add_one = |node: &Node, rows: &Table, sums: &mut Matrix| {
            add(sums, &node.predict(rows)?.floats()?);
            Ok(())
        };
        Ok(Values::Floats(
            self.bag.mean(rows, add_one, columns)?.values,
        ))
    }

    fn memory_bytes(&self) -> usize {
        self.bag.memory_bytes()
    }
}

/// `BaggingClassifier`: its members know classes by their numbers.
#[derive(Debug)]
pub(super) struct Classifier {
    bag: Bag,
    classes: [Values; 1],
    /// The numbers of the classes that each member has seen.
    seen: Vec<Vec<usize>>,
}

impl Classifier {
    pub(super) fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
        let bag = Bag::read(cursor, reader)?;
        let classes = Values::read(&cursor.attribute("classes_")?)?;
        let seen = bag.members.iter().map(|(node, _)| {
            let [labels] = node.classes() else {
                return Err(cursor.refuse("expected classifiers of one output"));
            };
            let numbers = numbers(labels, classes.len());
            numbers.ok_or_else(|| cursor.refuse("an estimator knows classes that are not there"))
        });
        Ok(Box::new(Self {
            seen: seen.collect::<Result<_>>()?,
            bag,
            classes: [classes],
        }))
    }

    /// Whether decisions of all members have one form.
    fn decides(&self) -> bool {
        let [classes] = &self.classes;
        let form = Some(Form::decision(classes.len()));
        let nodes = self.bag.members.iter();
        nodes
            .map(|(node, _)| node.form(Method::DecisionFunction))
            .all(|found| found == form)
    }
}

/// Labels that are numbers of classes; none if one is not. One that knows as many classes as there
/// are knows them in order, whatever their labels are.
fn numbers(labels: &Values, count: usize) -> Option<Vec<usize>> {
    if labels.len() == count {
        return Some((0..count).collect());
    }
    let floats = labels.floats().ok()?;
    let places = floats.into_iter().map(|label| {
        let place = label as usize;
        (place as f64 == label && place < count).then_some(place)
    });
    places.collect()
}

impl Estimator for Classifier {
    fn form(&self, method: Method) -> Option<Form> {
        let [classes] = &self.classes;
        match method {
            Method::DecisionFunction if !self.decides() => None,
            _ => super::form_of_classifier(classes, method),
        }
    }

    fn accepts(&self) -> Accepts {
        Accepts::Anything
    }

    fn takes(&self, column: usize) -> Kind {
        self.bag.takes(column)
    }

    fn classes(&self) -> &[Values] {
        &self.classes
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let [classes] = &self.classes;
        Ok(classes.at(&math::argmax_rows(&self.predict_proba(rows)?)))
    }

    fn predict_proba(&self, rows: &Table) -> Result<Matrix> {
        let [classes] = &self.classes;
        let mut seen = self.seen.iter();
        let add_one = |node: &Node, rows: &Table, sums: &mut Matrix| {
            let seen = seen.next().map_or(&[][..], Vec::as_slice);
            let labels = node.classes().first();
            if node.has(Method::PredictProba) {
                let found = node.predict_proba(rows)?;
                for row in 0..sums.rows {
                    let places = seen.iter().zip(found.row(row));
                    vote(sums.row_mut(row), places.map(|(&at, &share)| (at, share)));
                }
            } else if let Some(labels) = labels {
                let found = super::places_of(&node.predict(rows)?, labels);
                for (row, place) in found.into_iter().enumerate() {
                    let place = place.and_then(|place| seen.get(place).copied());
                    vote(sums.row_mut(row), place.map(|at| (at, 1.0)).into_iter());
                }
            }
            Ok(())
        };
        self.bag.mean(rows, add_one, classes.len())
    }

    fn decision_function(&self, rows: &Table) -> Result<Matrix> {
        let [classes] = &self.classes;
        let columns = super::columns_of(&Form::decision(classes.len()));
        let add_one = |node: &Node, rows: &Table, sums: &mut Matrix| {
            add(sums, &node.decision_function(rows)?.values);
            Ok(())
        };
        self.bag.mean(rows, add_one, columns)
    }

    fn memory_bytes(&self) -> usize {
        self.bag.memory_bytes()
    }
}

fn vote(sums: &mut [f64], votes: impl Iterator<Item = (usize, f64)>) {
    for (at, share) in votes {
        if let Some(sum) = sums.get_mut(at) {
            *sum += share;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_of_a_member_are_numbers_of_classes() {
        assert_eq!(numbers(&Values::Integers(vec![0, 2]), 3), Some(vec![0, 2]));
        assert_eq!(numbers(&Values::Floats(vec![1.0]), 3), Some(vec![1]));
        assert_eq!(numbers(&Values::Integers(vec![0, 3]), 3), None);
        assert_eq!(numbers(&Values::Floats(vec![0.5]), 3), None);
        assert_eq!(numbers(&Values::Integers(vec![7, 9]), 2), Some(vec![0, 1]));
    }

    #[test]
    fn all_columns_are_told() {
        assert!(is_all(&[0, 1, 2], 3));
        assert!(!is_all(&[0, 2, 1], 3) && !is_all(&[0, 1], 3));
    }
}
