//! Trees from records: nodes in the order of a file, laid out in one pass without a draft each.

use hari_error::{Error, Result};

use super::build::{MAX_DEPTH, mixed};
use super::{Builder, LEAF, MISSING_LEFT, More, Node, Real, SPECIAL, Tree};

/// A node of a tree in which children come behind their parents, as scikit-learn writes them.
#[derive(Clone, Copy, Debug)]
pub enum Record<T> {
    /// The end of a walk: a number, added to the tree's target.
    Leaf(T),
    /// The end of a walk: its values, one for each target, were put at the end of the vector.
    Vector,
    /// Left if the value of `feature` is below `threshold`.
    Split {
        /// Which value of a row it tests.
        feature: usize,
        /// What it is compared with.
        threshold: T,
        /// Whether a missing value goes left.
        missing_left: bool,
        /// The place of the child for which the test holds.
        left: usize,
        /// The place of the other child.
        right: usize,
    },
}

/// Where a record goes.
#[derive(Clone, Copy)]
struct Place {
    slot: u32,
    depth: u32,
}

/// The slot of a record that no path has reached.
const UNREACHED: u32 = u32::MAX;

impl<T: Real> Builder<T> {
    /// Adds a tree of `count` records, the root first. `record` gives the one at a place, and puts
    /// the values of a [`Record::Vector`] at the end of the vector that it is given. `target` is
    /// the sum that leaves with a number add to.
    ///
    /// # Errors
    /// What `record` says; `Model` if a child does not come behind its parent or has two, a
    /// feature does not exist, a vector is of another length, or the tree is too deep or too large.
    pub fn records(
        &mut self,
        count: usize,
        target: usize,
        mut record: impl FnMut(usize, &mut Vec<T>) -> Result<Record<T>>,
    ) -> Result<()> {
        self.check_target(target)?;
        let mut vectors = self.take_vectors()?;
        let root = self.reserve(1)?;
        let unreached = Place {
            slot: UNREACHED,
            depth: 0,
        };
        let mut places = vec![unreached; count];
        match places.first_mut() {
            Some(first) => first.slot = root as u32,
            None => return Err(Error::model("it has no nodes")),
        }
        let mut depth = 0;
        for at in 0..count {
            let place = places.get(at).copied().unwrap_or(unreached);
            if place.slot == UNREACHED {
                continue;
            }
            depth = depth.max(place.depth);
            let values = vectors.len();
            let node = match record(at, &mut vectors)? {
                Record::Leaf(value) => Node {
                    value,
                    bits: LEAF,
                    next: at as u32,
                },
                Record::Vector => self.ended(at, values, vectors.len())?,
                Record::Split {
                    feature,
                    threshold,
                    missing_left,
                    left,
                    right,
                } => {
                    let pair = self.pair(&mut places, at, [left, right])?;
                    let missing = if missing_left { MISSING_LEFT } else { 0 };
                    Node {
                        value: threshold,
                        bits: self.feature(feature)? | missing,
                        next: pair,
                    }
                }
            };
            if let Some(slot) = self.ensemble.nodes.get_mut(place.slot as usize) {
                *slot = node;
            }
        }
        if !vectors.is_empty() {
            self.ensemble.more = More::Vectors(vectors);
        }
        self.ensemble.trees.push(Tree {
            root: root as u32,
            depth,
            target: target as u32,
        });
        Ok(())
    }

    fn take_vectors(&mut self) -> Result<Vec<T>> {
        match &mut self.ensemble.more {
            More::None => Ok(Vec::new()),
            More::Vectors(values) => Ok(std::mem::take(values)),
            More::Linear(_) => Err(mixed()),
        }
    }

    /// A leaf whose values lie from `start` to `end`.
    fn ended(&self, at: usize, start: usize, end: usize) -> Result<Node<T>> {
        let targets = self.ensemble.targets;
        let found = end - start;
        let number = u32::try_from(start / targets.max(1)).ok();
        match number.filter(|_| found == targets) {
            Some(next) => Ok(Node {
                value: T::pack(at as u32),
                bits: LEAF | SPECIAL,
                next,
            }),
            None => Err(Error::model(format!(
                "leaf {at} has {found} values, expected {targets}"
            ))),
        }
    }

    /// Slots for the two children of the node at `at`; the first of them.
    fn pair(&mut self, places: &mut [Place], at: usize, children: [usize; 2]) -> Result<u32> {
        let depth = places.get(at).map_or(0, |place| place.depth) + 1;
        if depth as usize > MAX_DEPTH {
            return Err(Error::model(format!("it is deeper than {MAX_DEPTH} nodes")));
        }
        let pair = self.reserve(2)? as u32;
        let count = places.len();
        for (child, slot) in children.into_iter().zip(pair..) {
            let place = places.get_mut(child).filter(|_| child > at);
            let place = place.ok_or_else(|| {
                Error::model(format!(
                    "node {at} has the child {child}: expected one behind it, of {count}"
                ))
            })?;
            if place.slot != UNREACHED {
                return Err(Error::model(format!("node {child} has two parents")));
            }
            *place = Place { slot, depth };
        }
        Ok(pair)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Rule;
    use super::*;

    fn split(left: usize, right: usize) -> Record<f64> {
        Record::Split {
            feature: 0,
            threshold: 0.5,
            missing_left: true,
            left,
            right,
        }
    }

    fn built(records: &[Record<f64>]) -> Result<super::super::Ensemble<f64>> {
        let mut builder = Builder::new(Rule::AT_MOST, 1, 1);
        builder.records(records.len(), 0, |at, _| Ok(records[at]))?;
        Ok(builder.finish())
    }

    #[test]
    fn records_are_walked_as_drafts_are() {
        let leaves = [1.0, 2.0, 4.0].map(Record::Leaf);
        let tree = built(&[split(1, 4), split(2, 3), leaves[0], leaves[1], leaves[2]]).unwrap();
        let rows = [0.5, 0.6, f64::NAN];
        let mut sums = [0.0; 3];
        tree.add(&rows, &mut sums);
        assert_eq!(sums, [1.0, 4.0, 1.0]);
        assert_eq!(tree.leaves(&rows, 3), [2, 4, 2]);
        assert_eq!(tree.nodes(), 5);
    }

    #[test]
    fn vectors_lie_one_behind_the_other() {
        let mut builder = Builder::new(Rule::AT_MOST, 1, 2);
        for tree in 0..2 {
            builder
                .records(3, 0, |at, values| match at {
                    0 => Ok(split(1, 2)),
                    _ => {
                        values.extend([f64::from(tree), at as f64]);
                        Ok(Record::Vector)
                    }
                })
                .unwrap();
        }
        let forest = builder.finish();
        let mut sums = [0.0; 4];
        forest.add(&[0.0, 1.0], &mut sums);
        assert_eq!(sums, [1.0, 2.0, 1.0, 4.0]);
        assert_eq!(forest.leaves(&[0.0, 1.0], 2), [1, 1, 2, 2]);
        let mut first = forest;
        first.keep_trees(1);
        let mut sums = [0.0; 2];
        first.add(&[1.0], &mut sums);
        assert_eq!(sums, [0.0, 2.0]);
    }

    #[test]
    fn what_is_no_tree_is_refused() {
        let leaf = Record::Leaf(1.0);
        let wrong: [(&[Record<f64>], &str); 5] = [
            (&[], "no nodes"),
            (&[split(1, 2), leaf], "of 2"),
            (&[split(1, 1), leaf], "two parents"),
            (&[split(1, 2), split(0, 2), leaf], "behind it"),
            (&[Record::Vector], "0 values"),
        ];
        for (records, expected) in wrong {
            let error = built(records).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn depth_has_an_end() {
        let mut records: Vec<_> = (0..=MAX_DEPTH)
            .map(|level| split(2 * level + 1, 2 * level + 2))
            .flat_map(|split| [split, Record::Leaf(0.0)])
            .collect();
        // The chain goes right: the leaf of a level lies before the next split.
        for (level, record) in records.iter_mut().enumerate().filter(|(at, _)| at % 2 == 0) {
            *record = split(level + 1, level + 2);
        }
        records.push(Record::Leaf(0.0));
        let error = built(&records).unwrap_err().to_string();
        assert!(error.contains("deeper"), "{error}");
    }
}
