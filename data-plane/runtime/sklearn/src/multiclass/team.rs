//! The estimators of a classifier over several.

use hari_error::Result;
use hari_pickle::Cursor;

use super::constant::Constant;
use crate::estimator::{Estimator, Form, Method};
use crate::input::Kind;
use crate::reader::{Node, Reader};
use crate::table::{Matrix, Table};

/// `estimators_`: classifiers of two classes, or regressors; at least one.
#[derive(Debug)]
pub(super) struct Team(pub(super) Vec<Node>);

impl Team {
    pub(super) fn read(cursor: &Cursor<'_>, reader: &Reader, count: Option<usize>) -> Result<Self> {
        let at = cursor.attribute("estimators_")?;
        let found = reader.read_all(&at)?;
        if found.is_empty() || count.is_some_and(|count| count != found.len()) {
            return Err(at.refuse(format_args!(
                "expected {} estimators, found {}",
                count.unwrap_or(1),
                found.len()
            )));
        }
        match found.iter().position(|node| !one_number(node)) {
            None => Ok(Self(found)),
            Some(place) => Err(at.refuse(format_args!(
                "estimator {place}, `{}`, gives more than one number for a row",
                found.get(place).map_or("", Node::class)
            ))),
        }
    }

    pub(super) fn takes(&self, column: usize) -> Kind {
        let first = self.0.first();
        first.map_or(Kind::Number, |node| node.takes(column))
    }

    pub(super) fn names(&self) -> &[String] {
        self.0.first().map_or(&[], Estimator::names)
    }

    pub(super) fn all_have(&self, method: Method) -> bool {
        self.0.iter().all(|node| node.has(method))
    }

    /// Above this the second class is meant; the first estimator tells.
    pub(super) fn threshold(&self) -> f64 {
        let decides =
            |node: &Node| node.has(Method::DecisionFunction) && node.class() != Constant::NAME;
        if self.0.first().is_some_and(decides) {
            0.0
        } else {
            0.5
        }
    }

    /// [`score`] of each: `[rows, estimators]`.
    pub(super) fn scores(&self, rows: &Table) -> Result<Matrix> {
        let columns: Vec<_> = self
            .0
            .iter()
            .map(|node| score(node, rows))
            .collect::<Result<_>>()?;
        Ok(beside(rows.rows(), &columns))
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.0.iter().map(Estimator::memory_bytes).sum()
    }
}

/// Columns of numbers as a matrix.
pub(super) fn beside(rows: usize, columns: &[Vec<f64>]) -> Matrix {
    let mut found = Matrix::zeros(rows, columns.len());
    for (at, column) in columns.iter().enumerate() {
        for (row, &value) in column.iter().enumerate() {
            if let Some(to) = found.row_mut(row).get_mut(at) {
                *to = value;
            }
        }
    }
    found
}

/// Whether [`score`] has one number for a row.
fn one_number(node: &Node) -> bool {
    let width = |method| node.form(method).map(|form| form.width);
    match width(Method::DecisionFunction) {
        Some(decision) => decision == Form::NUMBER.width,
        None => match width(Method::PredictProba) {
            Some(chances) => chances == Form::numbers(2).width,
            None => width(Method::Predict) == Some(Form::NUMBER.width),
        },
    }
}

/// How sure an estimator is of its second class: its decision, its probability, or what a
/// regressor predicts.
pub(super) fn score(node: &Node, rows: &Table) -> Result<Vec<f64>> {
    if node.has(Method::DecisionFunction) {
        return Ok(node.decision_function(rows)?.values);
    }
    if node.has(Method::PredictProba) {
        return Ok(node.predict_proba(rows)?.column(1));
    }
    node.predict(rows)?.floats()
}
