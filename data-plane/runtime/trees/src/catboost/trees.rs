//! Trees over a row's features: symmetric ones in a form of their own, others as a flat ensemble.
//!
//! A tree is symmetric if all nodes of a level ask the same, so the answers are the bits of the
//! leaf's number. Rows are walked eight at a time, feature by feature.

use hari_error::{Error, Result};

use super::parts::{Shape, Step};
use crate::flat::{Branch, Builder, Draft, Ensemble, Leaf, Rule, Test};

/// No symmetric tree has more levels; CatBoost trains up to 16.
const MAX_LEVELS: usize = 24;
/// Sums that a row may have.
const MAX_TARGETS: i64 = 1 << 16;
/// Sums that a row may have without a leaf for each.
const FREE_TARGETS: usize = 1024;
/// Rows at a time.
const LANES: usize = 8;

/// A question: whether a feature of the row is above a border.
#[derive(Clone, Copy, Debug)]
pub(super) struct Split {
    pub(super) feature: u32,
    pub(super) border: f32,
}

/// All trees of a model.
#[derive(Clone, Debug)]
pub(super) enum Trees {
    Symmetric(Symmetric),
    Free(Ensemble<f64>),
}

/// Symmetric trees.
#[derive(Clone, Debug, Default)]
pub(super) struct Symmetric {
    /// How many levels each tree has, and where its leaves start.
    trees: Vec<(u32, usize)>,
    /// One split for each level, of one tree after the other.
    splits: Vec<Split>,
    leaves: Vec<f64>,
    targets: usize,
}

/// The number of sums that a row has, if it is one.
pub(super) fn targets(number: i64) -> Result<usize> {
    match number {
        1..=MAX_TARGETS => Ok(number as usize),
        _ => Err(Error::model(format!(
            "it declares {number} outputs: expected from 1 to {MAX_TARGETS}"
        ))),
    }
}

/// Checks that trees say something for each sum, beyond a few.
///
/// # Errors
/// `Model` if sums are declared that no leaf has.
pub(super) fn check_targets(shape: &Shape, targets: usize) -> Result<()> {
    let values = match shape {
        Shape::Symmetric(_, leaves) => leaves.len(),
        Shape::Free(trees) => trees.iter().map(|tree| tree.len() * targets).sum(),
    };
    if targets <= FREE_TARGETS.max(values) {
        return Ok(());
    }
    Err(Error::model(format!(
        "it declares {targets} outputs, but its leaves have {values} values"
    )))
}

impl Trees {
    /// Trees of a file. `features` is the length of a row.
    ///
    /// # Errors
    /// `Model` with the number of the tree that is wrong.
    pub(super) fn new(
        shape: Shape,
        splits: &[Split],
        (features, targets): (usize, usize),
    ) -> Result<Self> {
        match shape {
            Shape::Symmetric(levels, leaves) => {
                Symmetric::new(&levels, leaves, splits, targets).map(Self::Symmetric)
            }
            Shape::Free(trees) => {
                let mut builder = Builder::new(Rule::AT_MOST, features, targets);
                for (at, tree) in trees.into_iter().enumerate() {
                    drafts(tree, splits, targets)
                        .and_then(|drafts| builder.tree(drafts, 0))
                        .map_err(|error| error.context(format!("tree {at}")))?;
                }
                Ok(Self::Free(builder.finish()))
            }
        }
    }

    /// Adds to `sums`, `[rows, targets]`, what the trees say of `rows`, `[rows, features]`.
    pub(super) fn add(&self, rows: &[f32], features: usize, sums: &mut [f64]) {
        match self {
            Self::Symmetric(trees) => trees.add(rows, features, sums),
            Self::Free(trees) => {
                let wide: Vec<_> = rows.iter().copied().map(f64::from).collect();
                trees.add(&wide, sums);
            }
        }
    }

    pub(super) fn count(&self) -> usize {
        match self {
            Self::Symmetric(trees) => trees.trees.len(),
            Self::Free(trees) => trees.trees(),
        }
    }

    /// Splits and leaves, a level's split counted once.
    pub(super) fn nodes(&self) -> usize {
        match self {
            Self::Symmetric(trees) => trees.splits.len() + trees.leaves.len() / trees.targets,
            Self::Free(trees) => trees.nodes(),
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        match self {
            Self::Symmetric(trees) => {
                size_of_val(&*trees.trees)
                    + size_of_val(&*trees.splits)
                    + size_of_val(&*trees.leaves)
            }
            Self::Free(trees) => trees.memory_bytes(),
        }
    }
}

impl Symmetric {
    fn new(
        levels: &[Vec<usize>],
        leaves: Vec<f64>,
        splits: &[Split],
        targets: usize,
    ) -> Result<Self> {
        let mut trees = Self {
            targets,
            ..Self::default()
        };
        let mut start = 0_usize;
        for (at, tree) in levels.iter().enumerate() {
            if tree.len() > MAX_LEVELS {
                return Err(Error::model(format!(
                    "tree {at} has {} levels: expected at most {MAX_LEVELS}",
                    tree.len()
                )));
            }
            trees.trees.push((tree.len() as u32, start));
            for &split in tree {
                let split = found(splits, split);
                trees
                    .splits
                    .push(split.map_err(|error| error.context(format!("tree {at}")))?);
            }
            start = start.saturating_add(targets << tree.len());
        }
        if start != leaves.len() {
            return Err(Error::model(format!(
                "there are {} values of leaves: expected {start}",
                leaves.len()
            )));
        }
        trees.leaves = leaves;
        Ok(trees)
    }

    fn add(&self, rows: &[f32], features: usize, sums: &mut [f64]) {
        let mut columns = Vec::new();
        let many = rows.chunks(LANES * features.max(1));
        let mut many = many.chain(std::iter::repeat(&[][..]));
        for sums in sums.chunks_mut(LANES * self.targets) {
            let rows = many.next().unwrap_or_default();
            match sums.len() / self.targets {
                1 => self.few::<1>((rows, features), &mut Vec::new(), sums),
                2..LANES => {
                    for (at, sums) in sums.chunks_mut(self.targets).enumerate() {
                        let row = rows.get(at * features..).unwrap_or_default();
                        self.few::<1>((row, features), &mut Vec::new(), sums);
                    }
                }
                _ => self.few::<LANES>((rows, features), &mut columns, sums),
            }
        }
    }

    /// `N` rows through all trees. `columns` is room for them, turned.
    #[inline(always)]
    fn few<const N: usize>(
        &self,
        (rows, features): (&[f32], usize),
        columns: &mut Vec<[f32; N]>,
        sums: &mut [f64],
    ) {
        let cell = |row: usize, at: usize| rows.get(row * features + at).copied();
        columns.clear();
        columns.extend(
            (0..features).map(|at| std::array::from_fn(|row| cell(row, at).unwrap_or_default())),
        );
        let mut splits = &*self.splits;
        for &(levels, start) in &self.trees {
            let (tree, rest) = splits
                .split_at_checked(levels as usize)
                .unwrap_or((splits, &[]));
            splits = rest;
            let mut leaves = [0_u32; N];
            for (level, split) in tree.iter().enumerate() {
                let column = columns.get(split.feature as usize).unwrap_or(&[0.0; N]);
                for (leaf, value) in leaves.iter_mut().zip(column) {
                    *leaf |= u32::from(*value > split.border) << level;
                }
            }
            self.say(leaves, start, sums);
        }
    }

    /// Adds the values of these leaves of the tree whose leaves start at `start`.
    #[inline(always)]
    fn say<const N: usize>(&self, leaves: [u32; N], start: usize, sums: &mut [f64]) {
        for (sums, leaf) in sums.chunks_mut(self.targets).zip(leaves) {
            let values = self.leaves.get(start + leaf as usize * self.targets..);
            for (sum, value) in sums.iter_mut().zip(values.unwrap_or_default()) {
                *sum += value;
            }
        }
    }
}

fn found(splits: &[Split], number: usize) -> Result<Split> {
    splits.get(number).copied().ok_or_else(|| {
        let count = splits.len();
        Error::model(format!("split {number} does not exist: there are {count}"))
    })
}

/// Nodes for the flat form: what is above a border is the right child.
fn drafts(tree: Vec<Step>, splits: &[Split], targets: usize) -> Result<Vec<Draft<f64>>> {
    let draft = |step| match step {
        Step::Leaf(values) => match (targets, &*values) {
            (1, &[value]) => Ok(Draft::Leaf(Leaf::Value(value))),
            _ => Ok(Draft::Leaf(Leaf::Vector(values))),
        },
        Step::Split(number, left, right) => {
            let split = found(splits, number)?;
            Ok(Draft::Split(Branch {
                feature: split.feature as usize,
                test: Test::Below(f64::from(split.border)),
                missing_left: true,
                zero_missing: false,
                left,
                right,
            }))
        }
    };
    tree.into_iter().map(draft).collect()
}
