//! `BisectingKMeans`: clusters that were cut in two, again and again.

use hari_error::Result;
use hari_pickle::Cursor;

use super::centers::Centers;
use crate::attributes::numbers_at;
use crate::estimator::{Estimator, Form, Method};
use crate::metrics::distance::squared;
use crate::reader::Reader;
use crate::table::Table;
use crate::values::Values;

#[derive(Debug)]
pub(super) struct BisectingKMeans {
    centers: Centers,
    /// The root first.
    nodes: Vec<Node>,
}

#[derive(Debug)]
enum Node {
    /// The number of the cluster.
    Leaf(i64),
    /// Two centres, and where the nodes of each are.
    Cut {
        centers: [Vec<f64>; 2],
        children: [usize; 2],
    },
}

impl BisectingKMeans {
    pub(super) fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let centers = Centers::read(cursor, "cluster_centers_", true)?;
        let width = centers.centers.columns;
        let mean = cursor.find_attribute("_X_mean")?.and_then(Cursor::optional);
        let mean = mean.map(|at| numbers_at(&at, width)).transpose()?;
        let root = cursor.attribute("_bisecting_tree")?;
        let nodes = nodes(
            root,
            &mean.unwrap_or_else(|| vec![0.0; width]),
            centers.centers.rows,
        )?;
        Ok(Box::new(Self { centers, nodes }))
    }

    /// Every child lies behind its parent: the way down ends.
    fn label(&self, row: &[f64]) -> i64 {
        let mut at = 0;
        loop {
            match self.nodes.get(at) {
                Some(Node::Leaf(label)) => return *label,
                Some(Node::Cut { centers, children }) => {
                    let [left, right] = centers;
                    let second = squared(row, right) < squared(row, left);
                    let [first, other] = *children;
                    at = if second { other } else { first };
                }
                None => return -1,
            }
        }
    }
}

/// The tree, laid out level by level; with no more leaves than clusters.
fn nodes(root: Cursor<'_>, mean: &[f64], clusters: usize) -> Result<Vec<Node>> {
    let most = clusters.saturating_mul(2);
    let mut waiting = vec![root];
    let mut nodes = Vec::new();
    while let Some(cursor) = waiting.get(nodes.len()).cloned() {
        if waiting.len() > most {
            return Err(cursor.refuse(format_args!("the tree has more than {clusters} clusters")));
        }
        let child = |name: &str| -> Result<Option<Cursor<'_>>> {
            Ok(cursor.find_attribute(name)?.and_then(Cursor::optional))
        };
        let (Some(left), Some(right)) = (child("left")?, child("right")?) else {
            nodes.push(Node::Leaf(cursor.attribute("label")?.integer()?));
            continue;
        };
        let first = waiting.len();
        nodes.push(Node::Cut {
            centers: [center(&left, mean)?, center(&right, mean)?],
            children: [first, first + 1],
        });
        waiting.extend([left, right]);
    }
    Ok(nodes)
}

fn center(cursor: &Cursor<'_>, mean: &[f64]) -> Result<Vec<f64>> {
    let found = numbers_at(&cursor.attribute("center")?, mean.len())?;
    Ok(found.iter().zip(mean).map(|(x, mean)| x + mean).collect())
}

impl Estimator for BisectingKMeans {
    fn form(&self, method: Method) -> Option<Form> {
        self.centers.form(method)
    }

    fn width(&self) -> Option<usize> {
        self.centers.width()
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let rows = rows.dense()?;
        let labels = rows.iter_rows().map(|row| self.label(row));
        Ok(Values::Integers(labels.collect()))
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        self.centers.transform(rows)
    }

    fn memory_bytes(&self) -> usize {
        4 * self.centers.memory_bytes()
    }
}
