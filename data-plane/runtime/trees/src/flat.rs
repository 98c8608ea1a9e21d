//! An ensemble as one flat list of nodes, checked when it is built, so that a walk needs no checks.
//!
//! A node takes 12 bytes with float32 and 16 with float64, and the two children of a split are
//! neighbours, so that a step is one load and one addition. Every family of trees is brought to
//! one form when it is read:
//!
//! * a numeric split goes left if `x < value` (or `x <= value`, one rule for the ensemble);
//! * a split by category goes left if the category is in its set;
//! * a value that is missing goes where the split says; NaN is missing everywhere, zero where the
//!   split says so.

mod build;
mod number;
#[cfg(test)]
mod tests;
mod walk;

pub(crate) use build::{Branch, Builder, Draft, Leaf, Test, category_set};
pub(crate) use number::Real;

/// The bits of a node that hold the number of its feature.
const FEATURE: u32 = (1 << 27) - 1;
/// Features beyond these are refused.
pub(crate) const MAX_FEATURES: usize = FEATURE as usize;
/// The walk ends here.
const LEAF: u32 = 1 << 31;
/// A split: `value` is the number of a set, in bits. A leaf: it has more than its value.
const SPECIAL: u32 = 1 << 30;
/// A value that is missing goes left.
const MISSING_LEFT: u32 = 1 << 29;
/// Zero is missing too.
const ZERO_MISSING: u32 = 1 << 28;

/// A split or a leaf.
#[derive(Clone, Copy, Debug)]
struct Node<T> {
    /// The threshold; the number of the set; what a leaf adds.
    value: T,
    bits: u32,
    /// The left child, with the right one behind it; for a leaf with more than its value, which.
    next: u32,
}

/// Where a walk starts, and to which target its leaf adds.
#[derive(Clone, Copy, Debug)]
struct Tree {
    root: u32,
    target: u32,
}

/// How values are compared: one rule for the whole ensemble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    /// Left if `x <= value` rather than `x < value`.
    pub(crate) or_equal: bool,
    /// A category between -1 and 0 is category 0, as C casts it, rather than none.
    pub(crate) fraction_is_zero: bool,
}

/// What leaves have beyond a value.
#[derive(Clone, Debug)]
enum More<T> {
    None,
    /// One value for each target, `targets` for each leaf.
    Vectors(Vec<T>),
    Linear(Vec<Linear<T>>),
}

/// A linear function in a leaf; the leaf's own value stands where a term is missing.
#[derive(Clone, Debug)]
pub(crate) struct Linear<T> {
    pub(crate) constant: T,
    /// Features with their coefficients, in the order of summation.
    pub(crate) terms: Vec<(u32, T)>,
}

/// Checked trees, ready for walks.
#[derive(Clone, Debug)]
pub(crate) struct Ensemble<T> {
    rule: Rule,
    nodes: Vec<Node<T>>,
    trees: Vec<Tree>,
    sets: Vec<Box<[u32]>>,
    more: More<T>,
    targets: usize,
    features: usize,
    /// No sets, and no zeros that are missing: the quick way.
    plain: bool,
}

impl<T> Ensemble<T> {
    /// Values in a row.
    pub(crate) fn features(&self) -> usize {
        self.features
    }

    /// Sums of a row.
    pub(crate) fn targets(&self) -> usize {
        self.targets
    }

    pub(crate) fn trees(&self) -> usize {
        self.trees.len()
    }

    pub(crate) fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Bytes that it keeps in memory.
    pub(crate) fn memory_bytes(&self) -> usize {
        let sets: usize = self.sets.iter().map(|set| size_of_val(&**set) + 16).sum();
        let more = match &self.more {
            More::None => 0,
            More::Vectors(values) => size_of_val(&**values),
            More::Linear(leaves) => leaves
                .iter()
                .map(|leaf| size_of::<Linear<T>>() + size_of_val(&*leaf.terms))
                .sum(),
        };
        size_of_val(&*self.nodes) + size_of_val(&*self.trees) + sets + more
    }
}
