//! `ColumnTransformer`: what transformers make of some columns each, side by side.

use hari_error::Result;
use hari_pickle::Cursor;

use super::columns::places;
use crate::estimator::{Accepts, Estimator, Form, Method};
use crate::input::Kind;
use crate::pipeline::{beside, weighted, weights};
use crate::reader::{Node, Reader};
use crate::table::{Matrix, Table};

#[derive(Debug)]
pub(super) struct ColumnTransformer {
    width: usize,
    parts: Vec<Part>,
    sparse: bool,
}

/// Some columns, and what is made of them.
#[derive(Debug)]
struct Part {
    columns: Vec<usize>,
    /// None: they are passed through.
    node: Option<Node>,
    weight: Option<f64>,
}

impl ColumnTransformer {
    pub(super) fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
        let width = fitted_width(cursor)?;
        let names = names(cursor)?;
        let weights = weights(cursor)?;
        let mut parts = Vec::new();
        for entry in cursor.attribute("transformers_")?.items()? {
            let (name, step) = (entry.item(0)?.text()?, entry.item(1)?);
            let word = step.text().unwrap_or_default();
            if word == "drop" || is_empty(&entry.item(2)?) {
                continue;
            }
            let columns = places(&entry.item(2)?, width, &names)?;
            if columns.is_empty() {
                continue;
            }
            let node = match word.as_str() {
                "passthrough" => None,
                _ => Some(reader.read(&step)?),
            };
            let weight = weights
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, weight)| *weight);
            parts.push(Part {
                columns,
                node,
                weight,
            });
        }
        let sparse = cursor.attribute("sparse_output_")?.boolean()?;
        Ok(Box::new(Self {
            width,
            parts,
            sparse,
        }))
    }
}

/// An empty list or array chooses nothing, whatever its type.
fn is_empty(cursor: &Cursor<'_>) -> bool {
    cursor.any_array().is_ok_and(hari_pickle::Array::is_empty)
        || cursor.count().is_ok_and(|count| count == 0)
}

fn fitted_width(cursor: &Cursor<'_>) -> Result<usize> {
    let found = match cursor.find_attribute("n_features_in_")? {
        Some(found) => found,
        None => cursor.attribute("_n_features")?,
    };
    let width = found.integer()?;
    usize::try_from(width).map_err(|_| found.refuse("expected no negative number"))
}

fn names(cursor: &Cursor<'_>) -> Result<Vec<String>> {
    for name in ["feature_names_in_", "_feature_names_in"] {
        if let Some(found) = cursor.find_attribute(name)?.and_then(Cursor::optional) {
            return found.strings();
        }
    }
    Ok(Vec::new())
}

impl Estimator for ColumnTransformer {
    fn form(&self, method: Method) -> Option<Form> {
        let forms = self.parts.iter().map(|part| match &part.node {
            Some(node) => node.form(Method::Transform),
            None => Some(Form::numbers(part.columns.len())),
        });
        (method == Method::Transform).then(|| beside(forms))
    }

    fn accepts(&self) -> Accepts {
        Accepts::Anything
    }

    fn takes(&self, column: usize) -> Kind {
        let mut found = Kind::Unused;
        for part in &self.parts {
            let Some(place) = part.columns.iter().position(|&one| one == column) else {
                continue;
            };
            match part
                .node
                .as_ref()
                .map_or(Kind::Number, |node| node.takes(place))
            {
                Kind::Text => return Kind::Text,
                Kind::Number => found = Kind::Number,
                Kind::Unused => {}
            }
        }
        found
    }

    fn width(&self) -> Option<usize> {
        Some(self.width)
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        let tables = self.parts.iter().map(|part| {
            let chosen = rows.select(&part.columns);
            let table = match &part.node {
                Some(node) => node.transform(&chosen)?,
                None => chosen,
            };
            Ok(weighted(table, part.weight))
        });
        let tables: Vec<_> = tables.collect::<Result<_>>()?;
        match tables.is_empty() {
            true => Ok(Matrix::zeros(rows.rows(), 0).into()),
            false => Table::beside(numeric(tables), self.sparse),
        }
    }

    fn memory_bytes(&self) -> usize {
        self.parts
            .iter()
            .filter_map(|part| part.node.as_ref())
            .map(Estimator::memory_bytes)
            .sum()
    }
}

/// Columns that were passed through and are all numbers become matrices again.
fn numeric(tables: Vec<Table>) -> Vec<Table> {
    let each = tables.into_iter().map(|table| match table {
        Table::Columns(columns) => {
            let table = Table::Columns(columns);
            let dense = table.dense().map(std::borrow::Cow::into_owned);
            dense.map_or(table, Table::Dense)
        }
        other => other,
    });
    each.collect()
}
