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
pub(super) struct Index {
    /// How many rows there are.
    pub(super) count: usize,
    search: Search,
}

#[derive(Debug)]
enum Search {
    /// All rows are measured, or those that a tree leads to.
    Measured {
        points: Matrix,
        metric: Metric,
        tree: Option<Tree>,
    },
    /// What is asked are the distances themselves.
    Precomputed,
}

impl Index {
    /// The index of a fitted estimator of `sklearn.neighbors`.
    pub(super) fn read(cursor: &Cursor<'_>) -> Result<Self> {
        let name = cursor.attribute("effective_metric_")?;
        if name.text().is_ok_and(|text| text == "precomputed") {
            let count = attributes::count(cursor, "n_samples_fit_")?;
            let search = Search::Precomputed;
            return Ok(Self { count, search });
        }
        let points = rows_dense_or_sparse(&cursor.attribute("_fit_X")?)?;
        let given = cursor.find_attribute("effective_metric_params_")?;
        let given = given.and_then(Cursor::optional);
        let metric = Metric::read(&name, given.as_ref(), points.columns)?;
        let tree = cursor.find_attribute("_tree")?.and_then(Cursor::optional);
        let shape = (points.rows, points.columns);
        let tree = tree.map(|tree| Tree::read(&tree, shape, &metric));
        let tree = tree.transpose()?;
        Ok(Self {
            count: points.rows,
            search: Search::Measured {
                points,
                metric,
                tree,
            },
        })
    }

    /// `n_neighbors`, of which there must be as many rows.
    pub(super) fn neighbours(&self, cursor: &Cursor<'_>, name: &str) -> Result<usize> {
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
    pub(super) fn nearest(&self, row: &[f64], size: usize) -> Vec<Neighbour> {
        let mut heap = Heap::new(size);
        match &self.search {
            Search::Precomputed => {
                for (place, &distance) in row.iter().enumerate().take(self.count) {
                    heap.push(distance, place);
                }
                heap.sorted()
            }
            Search::Measured {
                points,
                metric,
                tree,
            } => {
                match tree {
                    Some(tree) => walk(tree, points, metric, row).nearest(&mut heap),
                    None => {
                        for (place, point) in points.iter_rows().enumerate() {
                            heap.push(metric.reduced(row, point), place);
                        }
                    }
                }
                grown(heap.sorted(), metric)
            }
        }
    }

    /// All rows within a distance.
    pub(super) fn within(&self, row: &[f64], radius: f64) -> Vec<Neighbour> {
        match &self.search {
            Search::Precomputed => {
                let all = row.iter().copied().take(self.count).enumerate();
                let near = all.filter(|(_, distance)| *distance <= radius);
                near.map(|(place, distance)| (distance, place)).collect()
            }
            Search::Measured {
                points,
                metric,
                tree,
            } => {
                let limit = metric.shrunk(radius);
                let found = match tree {
                    Some(tree) => walk(tree, points, metric, row).within(limit),
                    None => {
                        let all = points.iter_rows().enumerate();
                        let all = all.map(|(place, point)| (metric.reduced(row, point), place));
                        all.filter(|(reduced, _)| *reduced <= limit).collect()
                    }
                };
                grown(found, metric)
            }
        }
    }

    /// How many columns a row has.
    pub(super) fn width(&self) -> usize {
        match &self.search {
            Search::Measured { points, .. } => points.columns,
            Search::Precomputed => self.count,
        }
    }

    /// Which values a row may have.
    pub(super) fn accepts(&self) -> Accepts {
        match &self.search {
            Search::Measured {
                metric: Metric::NanEuclidean,
                ..
            } => Accepts::Missing,
            _ => Accepts::Finite,
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        match &self.search {
            Search::Measured { points, tree, .. } => {
                let tree = tree.as_ref().map_or(0, |_| self.count * size_of::<usize>());
                tree + points.values.len() * size_of::<f64>()
            }
            Search::Precomputed => 0,
        }
    }
}

fn walk<'a>(tree: &'a Tree, points: &'a Matrix, metric: &'a Metric, row: &'a [f64]) -> Walk<'a> {
    Walk {
        tree,
        points,
        metric,
        row,
    }
}

fn grown(mut found: Vec<Neighbour>, metric: &Metric) -> Vec<Neighbour> {
    for (distance, _) in &mut found {
        *distance = metric.grown(*distance);
    }
    found
}
