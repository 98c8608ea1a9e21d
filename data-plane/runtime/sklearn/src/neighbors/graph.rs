//! `KNeighborsTransformer`, `RadiusNeighborsTransformer`: which training rows are near, as a sparse
//! matrix.

use hari_error::Result;
use hari_pickle::Cursor;

use super::index::Index;
use super::weights::Reach;
use crate::attributes::{self, text};
use crate::estimator::{Accepts, Estimator, Form, Method};
use crate::reader::Reader;
use crate::table::{Csr, Table};

#[derive(Debug)]
struct Graph {
    index: Index,
    reach: Reach,
    /// Whether distances are given; else 1 for each neighbour.
    distances: bool,
}

/// With distances there is one neighbour more: a training row has itself.
pub(super) fn nearest(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    let index = Index::read(cursor)?;
    let distances = text(cursor, "mode")? == "distance";
    let size = index.neighbours(cursor, "n_neighbors")? + usize::from(distances);
    if size > index.count {
        return Err(cursor.refuse(format_args!("there are only {} rows", index.count)));
    }
    Ok(Box::new(Graph {
        index,
        reach: Reach::Nearest(size),
        distances,
    }))
}

pub(super) fn within(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    let radius = attributes::number(cursor, "radius")?;
    let radius = radius.ok_or_else(|| cursor.refuse("there is no `radius`"))?;
    Ok(Box::new(Graph {
        index: Index::read(cursor)?,
        reach: Reach::Within(radius),
        distances: text(cursor, "mode")? == "distance",
    }))
}

impl Estimator for Graph {
    fn form(&self, method: Method) -> Option<Form> {
        (method == Method::Transform).then(|| Form::numbers(self.index.count))
    }

    fn accepts(&self) -> Accepts {
        self.index.accepts()
    }

    fn width(&self) -> Option<usize> {
        Some(self.index.width())
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        let rows = rows.dense()?;
        let mut found = Csr {
            columns: self.index.count,
            starts: vec![0],
            ..Csr::default()
        };
        for row in rows.iter_rows() {
            for (distance, place) in self.reach.of(&self.index, row) {
                found.indices.push(place as u32);
                found
                    .values
                    .push(if self.distances { distance } else { 1.0 });
            }
            found.starts.push(found.values.len());
        }
        Ok(found.into())
    }

    fn memory_bytes(&self) -> usize {
        self.index.memory_bytes()
    }
}
