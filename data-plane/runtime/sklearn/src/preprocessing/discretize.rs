//! `KBinsDiscretizer`: numbers become the number of their bin.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::attributes::text;
use crate::estimator::{Estimator, Form, Method};
use crate::reader::{Node, Reader};
use crate::table::Table;

#[derive(Debug)]
pub(super) struct KBins {
    /// The edges between bins, of each column.
    edges: Vec<Vec<f64>>,
    /// Centres of the bins, of each column.
    centres: Vec<Vec<f64>>,
    encoder: Option<Node>,
}

impl KBins {
    pub(super) fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
        let lists = cursor.attribute("bin_edges_")?.items()?;
        let all = lists.iter().map(|list| Ok(list.numbers()?.values));
        let all: Vec<Vec<f64>> = all.collect::<Result<_>>()?;
        let inner = |edges: &Vec<f64>| {
            let end = edges.len().saturating_sub(1);
            edges.get(1..end).unwrap_or_default().to_vec()
        };
        let centres = |edges: &Vec<f64>| {
            let pairs = edges.array_windows::<2>();
            pairs.map(|[low, high]| (high + low) * 0.5).collect()
        };
        let encoder = match text(cursor, "encode")?.as_str() {
            "ordinal" => None,
            _ => Some(reader.read(&cursor.attribute("_encoder")?)?),
        };
        Ok(Box::new(Self {
            edges: all.iter().map(inner).collect(),
            centres: all.iter().map(centres).collect(),
            encoder,
        }))
    }
}

impl Estimator for KBins {
    fn form(&self, method: Method) -> Option<Form> {
        match &self.encoder {
            Some(encoder) => encoder.form(method),
            None => Form::transformed(method, self.edges.len()),
        }
    }

    fn width(&self) -> Option<usize> {
        Some(self.edges.len())
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        let mut found = rows.dense()?.into_owned();
        for row in 0..found.rows {
            for (value, edges) in found.row_mut(row).iter_mut().zip(&self.edges) {
                *value = edges.partition_point(|edge| edge <= value) as f64;
            }
        }
        match &self.encoder {
            Some(encoder) => encoder.transform(&found.into()),
            None => Ok(found.into()),
        }
    }

    fn inverse_transform(&self, rows: &Table) -> Result<Table> {
        let mut found = rows.dense()?.into_owned();
        for row in 0..found.rows {
            for (value, centres) in found.row_mut(row).iter_mut().zip(&self.centres) {
                *value = centres.get(*value as usize).copied().unwrap_or(f64::NAN);
            }
        }
        Ok(found.into())
    }

    fn memory_bytes(&self) -> usize {
        let edges = self
            .edges
            .iter()
            .map(|edges| edges.len() * 2 * size_of::<f64>());
        edges.sum()
    }
}
