//! The rows of the training data, and the search for those near another one.

use hari_error::Result;
use hari_pickle::Cursor;

use super::heap::{Heap, Neighbour};
use super::tree::{Tree, Walk};
use crate::attributes::{self, rows_dense_or_sparse};
use crate::estimator::Accepts;
use crate::metrics::distance::Metric;
use crate::table::Matrix;

#[derive(Debug)]
pub(crate) struct Index {
    /// How many rows there are.
    pub(crate) count: usize,
    /// None where what is asked are the distances themselves.
    measured: Option<Measured>,
}

/// All rows are measured, or those that a tree leads to.
#[derive(Debug)]
struct Measured {
    points: Matrix,
    metric: Metric,
    tree: Option<Tree>,
}

impl Index {
    /// The index of a fitted estimator of `sklearn.neighbors`.
    ///
    /// # Errors
    /// `Model` for attributes that do not fit each other.
    pub(crate) fn read(cursor: &Cursor<'_>) -> Result<Self> {
        let rows = cursor.attribute("_fit_X")?;
        let name = cursor.attribute("effective_metric_")?;
        if name.text().is_ok_and(|text| text == "precomputed") {
            return Ok(Self {
                count: height(&rows)?,
                measured: None,
            });
        }
        let points = rows_dense_or_sparse(&rows)?;
        let given = cursor.find_attribute("effective_metric_params_")?;
        let given = given.and_then(Cursor::optional);
        let metric = Metric::read(&name, given.as_ref(), points.columns)?;
        let tree = cursor.find_attribute("_tree")?.and_then(Cursor::optional);
        let shape = (points.rows, points.columns);
        let tree = tree.map(|tree| Tree::read(&tree, shape, &metric));
        Ok(Self {
            count: points.rows,
            measured: Some(Measured {
                tree: tree.transpose()?,
                points,
                metric,
            }),
        })
    }

    /// `n_neighbors`, of which there must be as many rows.
    ///
    /// # Errors
    /// `Model` for none, or more.
    pub(crate) fn neighbours(&self, cursor: &Cursor<'_>, name: &str) -> Result<usize> {
        let found = attributes::count(cursor, name)?;
        if (1..=self.count).contains(&found) {
            return Ok(found);
        }
        let at = cursor.attribute(name)?;
        Err(at.refuse(format_args!(
            "expected 1 to {} neighbours, found {found}",
            self.count
        )))
    }

    /// So many rows with their distances, the nearest first.
    pub(crate) fn nearest(&self, row: &[f64], size: usize) -> Vec<Neighbour> {
        let mut heap = Heap::new(size);
        let Some(measured) = &self.measured else {
            for (place, &distance) in row.iter().enumerate().take(self.count) {
                heap.push(distance, place);
            }
            return heap.sorted();
        };
        measured.nearest(row, &mut heap);
        measured.grown(heap.sorted())
    }

    /// All rows within a distance.
    pub(crate) fn within(&self, row: &[f64], radius: f64) -> Vec<Neighbour> {
        let Some(measured) = &self.measured else {
            let all = row.iter().copied().take(self.count).enumerate();
            let near = all.filter(|(_, distance)| *distance <= radius);
            return near.map(|(place, distance)| (distance, place)).collect();
        };
        let limit = measured.metric.shrunk(radius);
        measured.grown(measured.within(row, limit))
    }

    /// How many columns a row has.
    pub(crate) fn width(&self) -> usize {
        let points = self.measured.as_ref().map(|all| all.points.columns);
        points.unwrap_or(self.count)
    }

    /// Which values a row may have.
    pub(crate) fn accepts(&self) -> Accepts {
        let metric = self.measured.as_ref().map(|all| &all.metric);
        match metric {
            Some(Metric::NanEuclidean) => Accepts::Missing,
            _ => Accepts::Finite,
        }
    }

    /// Bytes that it keeps in memory, roughly.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.measured.as_ref().map_or(0, |all| {
            let tree = all.tree.as_ref().map_or(0, |_| self.count);
            (all.points.values.len() + tree) * size_of::<f64>()
        })
    }
}

/// How many rows a matrix has, dense or sparse.
fn height(cursor: &Cursor<'_>) -> Result<usize> {
    if let Ok(array) = cursor.any_array() {
        let rows = array.shape().first().copied().unwrap_or(0);
        return Ok(if array.is_empty() { 0 } else { rows });
    }
    Ok(cursor.sparse()?.starts.len().saturating_sub(1))
}

impl Measured {
    fn walk<'a>(&'a self, tree: &'a Tree, row: &'a [f64]) -> Walk<'a> {
        Walk {
            tree,
            points: &self.points,
            metric: &self.metric,
            row,
        }
    }

    fn each(&self, row: &[f64]) -> impl Iterator<Item = Neighbour> {
        let points = self.points.iter_rows().enumerate();
        points.map(|(place, point)| (self.metric.reduced(row, point), place))
    }

    fn nearest(&self, row: &[f64], heap: &mut Heap) {
        if let Some(tree) = &self.tree {
            return self.walk(tree, row).nearest(heap);
        }
        self.each(row)
            .for_each(|(reduced, place)| heap.push(reduced, place));
    }

    fn within(&self, row: &[f64], limit: f64) -> Vec<Neighbour> {
        if let Some(tree) = &self.tree {
            return self.walk(tree, row).within(limit);
        }
        let near = |(reduced, _): &Neighbour| *reduced <= limit;
        self.each(row).filter(near).collect()
    }

    /// Distances of reduced ones.
    fn grown(&self, mut found: Vec<Neighbour>) -> Vec<Neighbour> {
        for (distance, _) in &mut found {
            *distance = self.metric.grown(*distance);
        }
        found
    }
}
