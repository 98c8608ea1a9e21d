//! Trees as a list of nodes, checked when they are made, so that a walk needs no checks.

use hari_error::{Error, Result};

/// No tree is deeper.
const MAX_DEPTH: usize = 10_000;

/// A child with this bit is a leaf.
const LEAF: u32 = 1 << 31;
/// The bits of a feature's number; the mode and the way of missing values stand above them.
const FEATURE: u32 = (1 << 28) - 1;
const MISSING: u32 = 1 << 31;

/// How a node compares a feature with its threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    LessOrEqual,
    Less,
    GreaterOrEqual,
    Greater,
    Equal,
    NotEqual,
    /// Whether it is in a set, whose number is the threshold.
    Member,
}

impl Mode {
    const ALL: [Self; 7] = [
        Self::LessOrEqual,
        Self::Less,
        Self::GreaterOrEqual,
        Self::Greater,
        Self::Equal,
        Self::NotEqual,
        Self::Member,
    ];

    /// By ONNX's number.
    pub(super) fn numbered(number: u8) -> Result<Self> {
        let found = Self::ALL.get(usize::from(number)).copied();
        found.ok_or_else(|| {
            Error::model(format!(
                "attribute `nodes_modes`: expected 0 to 6, found {number}"
            ))
        })
    }
}

/// A node with two children: 16 bytes for FP32.
#[derive(Clone, Copy, Debug)]
pub(super) struct Split<T> {
    threshold: T,
    bits: u32,
    yes: u32,
    no: u32,
}

/// Where a walk goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Child {
    Split(usize),
    Leaf(usize),
}

/// A node before it is checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draft {
    pub(super) threshold: f64,
    pub(super) feature: i64,
    pub(super) mode: Mode,
    pub(super) missing_is_true: bool,
    pub(super) yes: Child,
    pub(super) no: Child,
}

/// What a leaf adds, and to which target.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weight {
    pub(super) target: u32,
    pub(super) value: f64,
}

/// An ensemble as it is read, in double precision.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) splits: Vec<Draft>,
    pub(super) roots: Vec<Child>,
    /// The weights of each leaf.
    pub(super) leaves: Vec<Vec<Weight>>,
    pub(super) sets: Vec<Vec<f64>>,
    pub(super) targets: usize,
    /// Whether thresholds and weights are FP64 in the file.
    pub(super) double: bool,
}

impl Parsed {
    /// How many trees there are.
    pub(super) fn roots(&self) -> usize {
        self.roots.len()
    }

    /// Every child exists, no node has two parents, no tree is too deep: so every walk ends.
    ///
    /// # Errors
    /// `Model` if it is not so.
    pub(super) fn checked(self) -> Result<Self> {
        let mut seen = vec![false; self.splits.len()];
        for &root in &self.roots {
            let mut open = vec![(root, 0)];
            while let Some((child, depth)) = open.pop() {
                let Some(draft) = self.visit(child, depth, &mut seen)? else {
                    continue;
                };
                open.extend([(draft.yes, depth + 1), (draft.no, depth + 1)]);
            }
        }
        Ok(self)
    }

    fn visit(&self, child: Child, depth: usize, seen: &mut [bool]) -> Result<Option<&Draft>> {
        let at = match child {
            Child::Leaf(leaf) if leaf < self.leaves.len() => return Ok(None),
            Child::Leaf(leaf) => return Err(missing("leaf", leaf)),
            Child::Split(at) => at,
        };
        let (Some(draft), Some(seen)) = (self.splits.get(at), seen.get_mut(at)) else {
            return Err(missing("node", at));
        };
        if std::mem::replace(seen, true) {
            return Err(Error::model(format!("node {at} of a tree has two parents")));
        }
        if depth > MAX_DEPTH {
            return Err(Error::model(format!(
                "a tree is deeper than {MAX_DEPTH} nodes"
            )));
        }
        if !(0..=i64::from(FEATURE)).contains(&draft.feature) {
            return Err(Error::model(format!(
                "node {at} of a tree tests feature {}, which is none",
                draft.feature
            )));
        }
        Ok(Some(draft))
    }

    /// The largest number of a feature, plus one.
    pub(super) fn features(&self) -> usize {
        let features = self.splits.iter().map(|draft| draft.feature);
        usize::try_from(features.max().map_or(0, |last| last + 1)).unwrap_or(usize::MAX)
    }
}

fn missing(what: &str, at: usize) -> Error {
    Error::model(format!("{what} {at} of a tree does not exist"))
}

/// A number to compare and to sum with.
pub(super) trait Real: num_traits::Float + hari_core::Element {
    fn of(value: f64) -> Self;
    fn wide(self) -> f64;
}

impl Real for f32 {
    fn of(value: f64) -> Self {
        value as Self
    }
    fn wide(self) -> f64 {
        self.into()
    }
}

impl Real for f64 {
    fn of(value: f64) -> Self {
        value
    }
    fn wide(self) -> f64 {
        self
    }
}

/// Checked trees, ready for walks.
#[derive(Debug)]
pub(super) struct Trees<T> {
    splits: Vec<Split<T>>,
    roots: Vec<u32>,
    /// Where the weights of each leaf start, and where those of the last end.
    starts: Vec<u32>,
    weights: Vec<(u32, T)>,
    sets: Vec<Vec<T>>,
    /// Every node asks whether a feature is at most the threshold, and none tracks missing values.
    plain: bool,
}

impl<T: Real> Trees<T> {
    /// From checked trees.
    pub(super) fn new(parsed: &Parsed) -> Self {
        let mut starts = vec![0];
        let mut weights = Vec::new();
        for leaf in &parsed.leaves {
            weights.extend(leaf.iter().map(|w| (w.target, T::of(w.value))));
            starts.push(weights.len() as u32);
        }
        let plain = |draft: &Draft| draft.mode == Mode::LessOrEqual && !draft.missing_is_true;
        let narrow = |set: &Vec<f64>| set.iter().map(|&member| T::of(member)).collect();
        Self {
            splits: parsed.splits.iter().map(Split::new).collect(),
            roots: parsed.roots.iter().map(|&root| coded(root)).collect(),
            starts,
            weights,
            sets: parsed.sets.iter().map(narrow).collect(),
            plain: parsed.splits.iter().all(plain),
        }
    }

    /// What every tree says about every row of a block, tree by tree: `each` is given the row and
    /// the weights of the leaf. Rows are `width` long, and no feature lies beyond.
    pub(super) fn walk(&self, rows: &[T], width: usize, mut each: impl FnMut(usize, &[(u32, T)])) {
        for &root in &self.roots {
            for (at, row) in rows.chunks(width.max(1)).enumerate() {
                let leaf = if self.plain {
                    self.leaf(root, |split| split.below(row))
                } else {
                    self.leaf(root, |split| self.says(split, row))
                };
                each(at, self.weights(leaf));
            }
        }
    }

    fn leaf(&self, root: u32, says: impl Fn(&Split<T>) -> bool) -> usize {
        let mut child = root;
        while child & LEAF == 0 {
            let Some(split) = self.splits.get(child as usize) else {
                break;
            };
            child = if says(split) { split.yes } else { split.no };
        }
        (child & !LEAF) as usize
    }

    fn weights(&self, leaf: usize) -> &[(u32, T)] {
        let start = self.starts.get(leaf).copied().unwrap_or_default() as usize;
        let end = self.starts.get(leaf + 1).copied().unwrap_or_default() as usize;
        self.weights.get(start..end).unwrap_or(&[])
    }

    fn says(&self, split: &Split<T>, row: &[T]) -> bool {
        let value = split.value(row);
        if value.is_nan() && split.bits & MISSING != 0 {
            return true;
        }
        let threshold = split.threshold;
        match (split.bits >> 28) & 7 {
            0 => value <= threshold,
            1 => value < threshold,
            2 => value >= threshold,
            3 => value > threshold,
            4 => value == threshold,
            5 => value != threshold,
            _ => {
                let set = threshold.to_usize().and_then(|set| self.sets.get(set));
                set.is_some_and(|set| set.contains(&value))
            }
        }
    }
}

impl<T: Real> Split<T> {
    fn new(draft: &Draft) -> Self {
        let mode = Mode::ALL.iter().position(|&mode| mode == draft.mode);
        let missing = if draft.missing_is_true { MISSING } else { 0 };
        Self {
            threshold: T::of(draft.threshold),
            bits: (draft.feature as u32 & FEATURE) | (mode.unwrap_or(0) as u32) << 28 | missing,
            yes: coded(draft.yes),
            no: coded(draft.no),
        }
    }

    fn value(&self, row: &[T]) -> T {
        let feature = (self.bits & FEATURE) as usize;
        row.get(feature).copied().unwrap_or_else(T::nan)
    }

    fn below(&self, row: &[T]) -> bool {
        self.value(row) <= self.threshold
    }
}

fn coded(child: Child) -> u32 {
    match child {
        Child::Split(at) => at as u32 & !LEAF,
        Child::Leaf(at) => at as u32 | LEAF,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(yes: Child, no: Child) -> Draft {
        Draft {
            threshold: 0.5,
            feature: 0,
            mode: Mode::LessOrEqual,
            missing_is_true: false,
            yes,
            no,
        }
    }

    fn parsed(splits: Vec<Draft>, leaves: usize) -> Parsed {
        Parsed {
            splits,
            roots: vec![Child::Split(0)],
            leaves: vec![Vec::new(); leaves],
            sets: Vec::new(),
            targets: 1,
            double: false,
        }
    }

    #[test]
    fn a_node_takes_sixteen_bytes() {
        assert_eq!(size_of::<Split<f32>>(), 16);
    }

    #[test]
    fn a_circle_is_refused() {
        let circle = vec![
            draft(Child::Split(1), Child::Leaf(0)),
            draft(Child::Split(0), Child::Leaf(0)),
        ];
        let error = parsed(circle, 1).checked().unwrap_err();
        assert_eq!(error.message(), "node 0 of a tree has two parents");
    }

    #[test]
    fn what_does_not_exist_is_refused() {
        let lost = vec![draft(Child::Split(7), Child::Leaf(0))];
        assert!(parsed(lost, 1).checked().is_err());
        let lost = vec![draft(Child::Leaf(1), Child::Leaf(0))];
        assert!(parsed(lost, 1).checked().is_err());
        let mut negative = draft(Child::Leaf(0), Child::Leaf(0));
        negative.feature = -1;
        assert!(parsed(vec![negative], 1).checked().is_err());
    }

    #[test]
    fn a_chain_has_its_limit() {
        let chain = |length: usize| {
            let links = (1..=length).map(|next| draft(Child::Leaf(0), Child::Split(next)));
            let end = [draft(Child::Leaf(0), Child::Leaf(0))];
            parsed(links.chain(end).collect(), 1)
        };
        assert!(chain(MAX_DEPTH).checked().is_ok());
        assert!(chain(MAX_DEPTH + 1).checked().is_err());
    }
}
