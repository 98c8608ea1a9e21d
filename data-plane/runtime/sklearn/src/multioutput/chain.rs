//! `ClassifierChain` and `RegressorChain`: each estimator sees what those before it say.

use hari_core::DataType;
use hari_error::Result;
use hari_pickle::Cursor;

use super::{chain_method, classes_of, nodes, order};
use crate::estimator::{Accepts, Estimator, Form, Method, Width};
use crate::input::Kind;
use crate::reader::{Node, Reader};
use crate::table::{Matrix, Table};
use crate::values::Values;

#[derive(Debug)]
pub(super) struct Chain {
    nodes: Vec<Node>,
    classes: Vec<Values>,
    /// The output of each estimator.
    order: Vec<usize>,
    /// What is handed on.
    method: Method,
}

impl Chain {
    pub(super) fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
        let nodes = nodes(cursor, reader)?;
        let found = Self {
            classes: classes_of(&nodes),
            order: order(cursor, nodes.len())?,
            method: chain_method(cursor)?,
            nodes,
        };
        if !found.answers(found.method) {
            return Err(cursor.refuse(format_args!(
                "expected estimators with one number from `{}`",
                found.method.name()
            )));
        }
        Ok(Box::new(found))
    }

    /// Whether every estimator has one number a row from a method: of two classes, the second
    /// one's probability.
    fn answers(&self, method: Method) -> bool {
        self.nodes.iter().all(|node| match node.form(method) {
            Some(form) if method == Method::PredictProba => form.width == Width::Columns(2),
            Some(form) => form.width == Width::One && form.dtype != DataType::Bytes,
            None => false,
        })
    }

    /// `[rows, outputs]`, by the outputs' own order.
    fn run(&self, rows: &Table, method: Method) -> Result<Matrix> {
        let mut handed = Vec::<f64>::new();
        let mut found = Matrix::zeros(rows.rows(), self.nodes.len());
        for (node, &output) in self.nodes.iter().zip(&self.order) {
            let seen = with_columns(rows, &handed)?;
            let answer = one(node, &seen, method)?;
            for (row, &value) in answer.iter().enumerate() {
                if let Some(to) = found.row_mut(row).get_mut(output) {
                    *to = value;
                }
            }
            match method == self.method {
                true => handed.extend(answer),
                false => handed.extend(one(node, &seen, self.method)?),
            }
        }
        Ok(found)
    }
}

/// The rows with more columns behind, given one after the other.
fn with_columns(rows: &Table, columns: &[f64]) -> Result<Table> {
    let count = rows.rows();
    let width = columns.len().checked_div(count).unwrap_or(0);
    let mut more = Matrix::zeros(count, width);
    for (at, column) in columns.chunks_exact(count.max(1)).enumerate() {
        for (row, &value) in column.iter().enumerate() {
            if let Some(to) = more.row_mut(row).get_mut(at) {
                *to = value;
            }
        }
    }
    let sparse = matches!(rows, Table::Sparse(_));
    Table::beside(vec![rows.clone(), more.into()], sparse)
}

fn one(node: &Node, rows: &Table, method: Method) -> Result<Vec<f64>> {
    match method {
        Method::PredictProba => Ok(node.predict_proba(rows)?.column(1)),
        Method::DecisionFunction => Ok(node.decision_function(rows)?.values),
        _ => node.predict(rows)?.floats(),
    }
}

impl Estimator for Chain {
    fn form(&self, method: Method) -> Option<Form> {
        let asked = matches!(
            method,
            Method::Predict | Method::PredictProba | Method::DecisionFunction
        );
        (asked && self.answers(method)).then(|| Form::numbers(self.nodes.len()))
    }

    fn accepts(&self) -> Accepts {
        Accepts::Anything
    }

    fn takes(&self, column: usize) -> Kind {
        let first = self.nodes.first();
        first.map_or(Kind::Number, |node| node.takes(column))
    }

    fn names(&self) -> &[String] {
        self.nodes.first().map_or(&[], Estimator::names)
    }

    fn width(&self) -> Option<usize> {
        self.nodes.first().and_then(Estimator::width)
    }

    fn classes(&self) -> &[Values] {
        &self.classes
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        Ok(Values::Floats(self.run(rows, Method::Predict)?.values))
    }

    fn predict_proba(&self, rows: &Table) -> Result<Matrix> {
        self.run(rows, Method::PredictProba)
    }

    fn decision_function(&self, rows: &Table) -> Result<Matrix> {
        self.run(rows, Method::DecisionFunction)
    }

    fn memory_bytes(&self) -> usize {
        self.nodes.iter().map(Estimator::memory_bytes).sum()
    }
}
