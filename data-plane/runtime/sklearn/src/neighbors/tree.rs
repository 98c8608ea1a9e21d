//! The tree that a file keeps over its rows: a k-d tree or a ball tree.
//!
//! A node's children are 2i + 1 and 2i + 2. It is walked as scikit-learn walks it, the nearer child
//! first, so that rows at equal distance are met in the same order.

use hari_error::Result;
use hari_pickle::Cursor;

use super::heap::{Heap, Neighbour};
use crate::attributes::{numbers_at, places_of};
use crate::metrics::distance::Metric;
use crate::table::Matrix;

#[derive(Debug)]
pub(super) struct Tree {
    shape: Shape,
    /// Places of rows, in the order of the leaves.
    order: Vec<usize>,
    nodes: Vec<Node>,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    start: usize,
    end: usize,
    is_leaf: bool,
    radius: f64,
}

#[derive(Debug)]
enum Shape {
    /// The least and the largest of each column, by node, and the power of the metric.
    Box { low: Matrix, high: Matrix, p: f64 },
    /// The centre of each node.
    Ball(Matrix),
}

/// A tree with what it is walked over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk<'a> {
    pub(super) tree: &'a Tree,
    pub(super) points: &'a Matrix,
    pub(super) metric: &'a Metric,
    pub(super) row: &'a [f64],
}

impl Tree {
    /// The tree of an object of `KDTree` or `BallTree`, over so many rows and columns.
    pub(super) fn read(
        cursor: &Cursor<'_>,
        (rows, width): (usize, usize),
        metric: &Metric,
    ) -> Result<Self> {
        let class = cursor.class()?;
        let state = cursor.state()?;
        let order = places_of(&state.item(1)?, Some(rows), rows)?;
        let nodes = nodes(&state.item(2)?, rows)?;
        let bounds = state.item(3)?;
        let size = nodes.len() * width;
        let matrix = |values: &[f64]| Matrix::new(nodes.len(), width, values.to_vec());
        let shape = if class.contains("ball_tree") {
            Shape::Ball(matrix(&numbers_at(&bounds, size)?))
        } else {
            let values = numbers_at(&bounds, size.saturating_mul(2))?;
            let (low, high) = values.split_at(size);
            let (low, high) = (matrix(low), matrix(high));
            Shape::Box {
                low,
                high,
                p: power(metric).ok_or_else(|| cursor.refuse("a k-d tree has another metric"))?,
            }
        };
        Ok(Self {
            shape,
            order,
            nodes,
        })
    }
}

fn power(metric: &Metric) -> Option<f64> {
    match metric {
        Metric::Euclidean => Some(2.0),
        Metric::Manhattan => Some(1.0),
        Metric::Chebyshev => Some(f64::INFINITY),
        Metric::Minkowski { p, weights: None } => Some(*p),
        _ => None,
    }
}

/// The nodes, whose children divide their rows.
fn nodes(cursor: &Cursor<'_>, rows: usize) -> Result<Vec<Node>> {
    let place = |name: &str| cursor.column::<i64>(name);
    let (starts, ends) = (place("idx_start")?.values, place("idx_end")?.values);
    let leaves = place("is_leaf")?.values;
    let radii = cursor.column::<f64>("radius")?.values;
    let each = starts.iter().zip(&ends).zip(leaves.iter().zip(radii));
    let nodes: Vec<_> = each
        .map(|((&start, &end), (&leaf, radius))| Node {
            start: usize::try_from(start).unwrap_or(usize::MAX),
            end: usize::try_from(end).unwrap_or(usize::MAX),
            is_leaf: leaf != 0,
            radius,
        })
        .collect();
    let root = nodes.first().map(|root| (root.start, root.end));
    let divided = (0..nodes.len()).all(|at| is_divided(&nodes, at));
    if root != Some((0, rows)) || !divided {
        return Err(cursor.refuse("the nodes of the tree do not divide its rows"));
    }
    Ok(nodes)
}

fn is_divided(nodes: &[Node], at: usize) -> bool {
    let Some(node) = nodes.get(at) else {
        return false;
    };
    if node.is_leaf {
        return node.start <= node.end;
    }
    let (left, right) = (nodes.get(2 * at + 1), nodes.get(2 * at + 2));
    let (Some(left), Some(right)) = (left, right) else {
        return false;
    };
    let meet = left.end == right.start && left.start <= left.end && right.start <= right.end;
    meet && (left.start, right.end) == (node.start, node.end)
}

impl Walk<'_> {
    /// The least that a row of a node can be away, reduced.
    fn least(&self, at: usize) -> f64 {
        match &self.tree.shape {
            Shape::Box { low, high, p } => {
                let outside = low.row(at).iter().zip(high.row(at)).zip(self.row);
                let outside = outside.map(|((low, high), x)| {
                    let (below, above) = (low - x, x - high);
                    0.5 * ((below + below.abs()) + (above + above.abs()))
                });
                match *p {
                    f64::INFINITY => outside.fold(0.0, f64::max),
                    1.0 => outside.sum(),
                    2.0 => outside.map(|away| away * away).sum(),
                    p => outside.map(|away| away.powf(p)).sum(),
                }
            }
            Shape::Ball(centres) => {
                let radius = self.tree.nodes.get(at).map_or(0.0, |node| node.radius);
                let away = self.metric.distance(self.row, centres.row(at)) - radius;
                self.metric.shrunk(away.max(0.0))
            }
        }
    }

    fn rows(&self, node: Node) -> impl Iterator<Item = Neighbour> {
        let places = self.tree.order.get(node.start..node.end);
        let places = places.unwrap_or_default().iter();
        places.map(|&place| {
            let reduced = self.metric.reduced(self.row, self.points.row(place));
            (reduced, place)
        })
    }

    /// Puts the nearest rows into a heap, by their reduced distances.
    pub(super) fn nearest(&self, heap: &mut Heap) {
        self.descend(0, self.least(0), heap);
    }

    fn descend(&self, at: usize, least: f64, heap: &mut Heap) {
        let Some(&node) = self.tree.nodes.get(at) else {
            return;
        };
        if least > heap.farthest() {
            return;
        }
        if node.is_leaf {
            for (reduced, place) in self.rows(node) {
                heap.push(reduced, place);
            }
            return;
        }
        let (left, right) = (2 * at + 1, 2 * at + 2);
        let (near, far) = (self.least(left), self.least(right));
        if near <= far {
            self.descend(left, near, heap);
            self.descend(right, far, heap);
        } else {
            self.descend(right, far, heap);
            self.descend(left, near, heap);
        }
    }

    /// The rows within a reduced distance.
    pub(super) fn within(&self, limit: f64) -> Vec<Neighbour> {
        let mut found = Vec::new();
        let mut waiting = vec![0];
        while let Some(at) = waiting.pop() {
            // A hair more, so that rounding leaves nobody out: rows are measured themselves.
            if self.least(at) > limit * (1.0 + 1e-9) {
                continue;
            }
            match self.tree.nodes.get(at) {
                Some(&node) if node.is_leaf => {
                    found.extend(self.rows(node).filter(|(reduced, _)| *reduced <= limit));
                }
                Some(_) => waiting.extend([2 * at + 2, 2 * at + 1]),
                None => {}
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(start: usize, end: usize, is_leaf: bool) -> Node {
        Node {
            start,
            end,
            is_leaf,
            radius: 0.0,
        }
    }

    #[test]
    fn children_divide_the_rows_of_their_parent() {
        let good = [node(0, 4, false), node(0, 2, true), node(2, 4, true)];
        assert!((0..3).all(|at| is_divided(&good, at)));
        for (at, bad) in [
            (1, node(0, 3, true)),
            (2, node(2, 5, true)),
            (2, node(2, 4, false)),
            (1, node(2, 0, true)),
        ] {
            let mut nodes = good;
            nodes[at] = bad;
            assert!(!(0..3).all(|at| is_divided(&nodes, at)), "{bad:?}");
        }
    }

    #[test]
    fn a_walk_finds_what_a_search_through_all_rows_finds() {
        let points = Matrix::new(4, 1, vec![0.0, 1.0, 5.0, 6.0]);
        let nodes = vec![node(0, 4, false), node(0, 2, true), node(2, 4, true)];
        let low = Matrix::new(3, 1, vec![0.0, 0.0, 5.0]);
        let high = Matrix::new(3, 1, vec![6.0, 1.0, 6.0]);
        let shape = Shape::Box { low, high, p: 2.0 };
        let tree = Tree {
            shape,
            order: vec![0, 1, 2, 3],
            nodes,
        };
        let walk = Walk {
            tree: &tree,
            points: &points,
            metric: &Metric::Euclidean,
            row: &[4.0],
        };
        let mut heap = Heap::new(2);
        walk.nearest(&mut heap);
        assert_eq!(heap.sorted(), [(1.0, 2), (4.0, 3)]);
        assert_eq!(walk.within(9.0), [(9.0, 1), (1.0, 2), (4.0, 3)]);
    }
}
