//! An ensemble as one flat list of nodes, checked when it is built, so that a walk needs no checks.
//!
//! A node takes 12 bytes with float32 and 16 with float64, and the two children of a split are
//! neighbours, so that a step is one load and one addition. Every family of trees is brought to
//! one form when it is read: [`Draft`]s of nodes go into a [`Builder`], tree by tree, and come out
//! as an [`Ensemble`].
//!
//! * A numeric split goes left if `x < value` (or `x <= value`, one [`Rule`] for the ensemble).
//! * A split by category goes left if the category is in its set ([`Test::In`]).
//! * A value that is missing goes where the split says ([`Branch::missing_left`]); NaN is missing
//!   everywhere, zero where the split says so.
//! * A leaf adds one number to the target of its tree, a vector to all targets, or a linear
//!   function of the row ([`Leaf`]). Trees add in the order in which they were built.
//!
//! # How each family maps on it
//!
//! | family | numbers | rule | leaves | before the walk |
//! |---|---|---|---|---|
//! | XGBoost | f32 | `<` | value, or a vector for each target; of dart times its weight | base score in the sums |
//! | LightGBM | f64 | `<=`, `fraction_is_zero` | value, or linear | nothing |
//! | CatBoost, not symmetric | f64 | `<=`, children as they are: CatBoost goes right if `x > border` | value or vector | NaN as the feature's mode says; afterwards times the scale, plus the bias; symmetric trees have a form of their own |
//! | scikit-learn: trees, forests | f64 | `<=` | [`Leaf::Vector`] of fractions (or of means), or a value | rows rounded to f32 and widened, as scikit-learn does; afterwards divided by the number of trees |
//! | scikit-learn: gradient boosting | f64 | `<=` | value times the learning rate, target = class | rows rounded to f32; start in the sums |
//! | scikit-learn: histogram gradient boosting | f64 | `<=`; [`Test::In`] with the bits of `raw_left_cat_bitsets` | value, target = class | categories that are negative or not among the known become NaN: both follow the missing |
//! | scikit-learn: isolation forest | f64 | `<=` | value = depth of the leaf plus the mean path of what is left in it | rows rounded to f32, features numbered as in the whole table |
//!
//! What `missing_go_to_left` says is [`Branch::missing_left`]; a tree from before that field existed
//! refuses NaN before the walk. What `apply` answers is [`Ensemble::leaves`]: the place of the leaf
//! in the list of drafts, which is scikit-learn's and XGBoost's number of the node.
//!
//! ```
//! use hari_trees::flat::{Branch, Builder, Draft, Leaf, Rule, Test};
//!
//! let split = Branch { feature: 1, test: Test::Below(0.5), missing_left: true, zero_missing: false, left: 1, right: 2 };
//! let drafts = vec![
//!     Draft::Split(split),
//!     Draft::Leaf(Leaf::Vector(vec![0.75, 0.25])),
//!     Draft::Leaf(Leaf::Vector(vec![0.0, 1.0])),
//! ];
//! let mut builder = Builder::<f64>::new(Rule::AT_MOST, 2, 2);
//! builder.tree(drafts, 0)?;
//! let forest = builder.finish();
//! let rows = [9.0, 0.5, 9.0, 0.6, 9.0, f64::NAN];
//! let mut sums = [0.0; 6];
//! forest.add(&rows, &mut sums);
//! assert_eq!(sums, [0.75, 0.25, 0.0, 1.0, 0.75, 0.25]);
//! assert_eq!(forest.leaves(&rows, 3), [1, 2, 1]);
//! # Ok::<(), hari_error::Error>(())
//! ```

mod build;
mod number;
mod records;
#[cfg(test)]
mod tests;
mod walk;

pub use build::{Branch, Builder, Draft, Leaf, Test, category_set};
pub use number::Real;
pub use records::Record;

/// The bits of a node that hold the number of its feature.
const FEATURE: u32 = (1 << 27) - 1;
/// Features from this number on are refused.
pub const MAX_FEATURES: usize = FEATURE as usize;
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
    /// The left child, with the right one behind it. For a leaf, its place in the list of drafts;
    /// for one with more than its value, which of those it is.
    next: u32,
}

/// Where a walk starts, how many steps it takes at most, and to which target its leaf adds.
#[derive(Clone, Copy, Debug)]
struct Tree {
    root: u32,
    depth: u32,
    target: u32,
}

/// How values are compared: one rule for the whole ensemble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Left if `x <= value` rather than `x < value`.
    pub or_equal: bool,
    /// A category between -1 and 0 is category 0, as C casts it, rather than none.
    pub fraction_is_zero: bool,
}

impl Rule {
    /// Left if `x < value`: XGBoost.
    pub const BELOW: Self = Self {
        or_equal: false,
        fraction_is_zero: false,
    };
    /// Left if `x <= value`: scikit-learn, CatBoost.
    pub const AT_MOST: Self = Self {
        or_equal: true,
        fraction_is_zero: false,
    };
}

/// What leaves have beyond a value.
#[derive(Clone, Debug)]
enum More<T> {
    None,
    /// One value for each target, `targets` for each leaf; the node's own value is its place.
    Vectors(Vec<T>),
    /// Functions, each with its place.
    Linear(Vec<(Linear<T>, u32)>),
}

/// A linear function in a leaf; the leaf's own value stands where a term is missing.
#[derive(Clone, Debug)]
pub struct Linear<T> {
    /// What the sum starts with.
    pub constant: T,
    /// Features with their coefficients, in the order of summation.
    pub terms: Vec<(u32, T)>,
}

/// Checked trees, ready for walks.
#[derive(Clone, Debug)]
pub struct Ensemble<T> {
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
    #[must_use]
    pub fn features(&self) -> usize {
        self.features
    }

    /// Sums of a row.
    #[must_use]
    pub fn targets(&self) -> usize {
        self.targets
    }

    /// How many trees there are.
    #[must_use]
    pub fn trees(&self) -> usize {
        self.trees.len()
    }

    /// Forgets the trees after the first `count`.
    pub fn keep_trees(&mut self, count: usize) {
        self.trees.truncate(count);
    }

    /// Splits and leaves of all trees.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Bytes that it keeps in memory.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let sets: usize = self.sets.iter().map(|set| size_of_val(&**set) + 16).sum();
        let more = match &self.more {
            More::None => 0,
            More::Vectors(values) => size_of_val(&**values),
            More::Linear(leaves) => leaves
                .iter()
                .map(|(leaf, _)| size_of::<(Linear<T>, u32)>() + size_of_val(&*leaf.terms))
                .sum(),
        };
        size_of_val(&*self.nodes) + size_of_val(&*self.trees) + sets + more
    }
}
