//! Builds an ensemble: one tree after the other, each checked as it is laid out.

use std::collections::VecDeque;

use hari_error::{Error, Result};

use super::{
    Ensemble, FEATURE, LEAF, Linear, MISSING_LEFT, More, Node, Real, Rule, SPECIAL, Tree,
    ZERO_MISSING,
};

/// No tree is deeper.
pub(super) const MAX_DEPTH: usize = 10_000;
/// No ensemble has more nodes.
const MAX_NODES: usize = 1 << 30;
/// No category is higher: what XGBoost allows, as float32 holds no more.
const MAX_CATEGORY: u32 = 1 << 24;

/// A node as a file has it; children are places in the list that it stands in.
#[derive(Clone, Debug)]
pub enum Draft<T> {
    /// The end of a walk.
    Leaf(Leaf<T>),
    /// A question with two children.
    Split(Branch<T>),
}

/// What a leaf says.
#[derive(Clone, Debug)]
pub enum Leaf<T> {
    /// A number, added to the tree's target.
    Value(T),
    /// One value for each target.
    Vector(Vec<T>),
    /// A linear function, and the value where one of its terms is missing.
    Linear(Linear<T>, T),
}

/// A node with two children.
#[derive(Clone, Debug)]
pub struct Branch<T> {
    /// Which value of a row it tests.
    pub feature: usize,
    /// What it asks of that value.
    pub test: Test<T>,
    /// Whether a missing value goes left.
    pub missing_left: bool,
    /// Whether zero is missing too, up to 1e-35 on either side (LightGBM).
    pub zero_missing: bool,
    /// The place of the child for which the test holds.
    pub left: usize,
    /// The place of the other child.
    pub right: usize,
}

/// What a split asks; left if so.
#[derive(Clone, Debug)]
pub enum Test<T> {
    /// Below the threshold.
    Below(T),
    /// In this set of categories, a bit each, 32 to a word.
    In(Box<[u32]>),
}

/// A set of categories from their numbers.
///
/// # Errors
/// If a number is beyond what float32 holds. `budget` is how many words may be taken yet; what is
/// taken is taken off.
pub fn category_set(
    numbers: impl Iterator<Item = u32> + Clone,
    budget: &mut usize,
) -> Result<Box<[u32]>> {
    let top = numbers.clone().max().unwrap_or(0);
    let words = top as usize / 32 + 1;
    if top >= MAX_CATEGORY || words > *budget {
        return Err(Error::model(format!(
            "category {top} is too high: expected at most {}",
            MAX_CATEGORY - 1
        )));
    }
    *budget -= words;
    let mut set = vec![0_u32; words];
    for number in numbers {
        if let Some(word) = set.get_mut(number as usize / 32) {
            *word |= 1 << (number % 32);
        }
    }
    Ok(set.into_boxed_slice())
}

/// An ensemble in the making.
#[derive(Clone, Debug)]
pub struct Builder<T> {
    pub(super) ensemble: Ensemble<T>,
}

/// A node that is to be laid out.
struct Open {
    draft: usize,
    slot: usize,
    depth: usize,
}

impl<T: Real> Builder<T> {
    /// For rows of `features` values, each of which gets `targets` sums.
    #[must_use]
    pub fn new(rule: Rule, features: usize, targets: usize) -> Self {
        Self {
            ensemble: Ensemble {
                rule,
                nodes: Vec::new(),
                trees: Vec::new(),
                sets: Vec::new(),
                more: More::None,
                targets,
                features,
                plain: true,
            },
        }
    }

    /// How many trees there are so far.
    #[must_use]
    pub fn trees(&self) -> usize {
        self.ensemble.trees.len()
    }

    /// The ensemble of all trees so far.
    #[must_use]
    pub fn finish(self) -> Ensemble<T> {
        let mut ensemble = self.ensemble;
        ensemble.nodes.shrink_to_fit();
        ensemble.trees.shrink_to_fit();
        if let More::Vectors(values) = &mut ensemble.more {
            values.shrink_to_fit();
        }
        ensemble
    }

    /// Adds a tree whose root is the first draft, breadth first. Drafts that no path reaches are
    /// left out. `target` is the sum that its leaves add to; leaves that are vectors add to all.
    ///
    /// # Errors
    /// `Model` if a child or a feature does not exist, a node has two parents, or the tree is too
    /// deep or too large.
    pub fn tree(&mut self, drafts: Vec<Draft<T>>, target: usize) -> Result<()> {
        self.check_target(target)?;
        if drafts.len() > MAX_NODES {
            return Err(too_many());
        }
        let mut drafts: Vec<_> = drafts.into_iter().map(Some).collect();
        let root = self.reserve(1)?;
        let mut open = VecDeque::from([Open {
            draft: 0,
            slot: root,
            depth: 0,
        }]);
        let mut depth = 0;
        while let Some(next) = open.pop_front() {
            // Breadth first: the last one lies deepest.
            depth = next.depth;
            let draft = take(&mut drafts, &next)?;
            let node = match draft {
                Draft::Leaf(leaf) => self.leaf(leaf, next.draft as u32)?,
                Draft::Split(branch) => self.split(branch, &next, &mut open)?,
            };
            if let Some(slot) = self.ensemble.nodes.get_mut(next.slot) {
                *slot = node;
            }
        }
        self.ensemble.trees.push(Tree {
            root: root as u32,
            depth: depth as u32,
            target: target as u32,
        });
        Ok(())
    }

    pub(super) fn check_target(&self, target: usize) -> Result<()> {
        let targets = self.ensemble.targets;
        if target < targets {
            return Ok(());
        }
        Err(Error::model(format!(
            "it adds to output {target}, but there are {targets}"
        )))
    }

    /// Room for `count` nodes; the first of them.
    pub(super) fn reserve(&mut self, count: usize) -> Result<usize> {
        let at = self.ensemble.nodes.len();
        if at + count > MAX_NODES {
            return Err(too_many());
        }
        self.ensemble.nodes.resize(at + count, Node::nothing());
        Ok(at)
    }

    fn leaf(&mut self, leaf: Leaf<T>, place: u32) -> Result<Node<T>> {
        let (value, next) = match leaf {
            Leaf::Value(value) => {
                return Ok(Node {
                    value,
                    bits: LEAF,
                    next: place,
                });
            }
            Leaf::Vector(values) => (T::pack(place), self.vector(values)?),
            Leaf::Linear(linear, value) => (value, self.linear(linear, place)?),
        };
        Ok(Node {
            value,
            bits: LEAF | SPECIAL,
            next: next as u32,
        })
    }

    fn vector(&mut self, values: Vec<T>) -> Result<usize> {
        let targets = self.ensemble.targets;
        if values.len() != targets {
            let found = values.len();
            return Err(Error::model(format!(
                "a leaf has {found} values, expected {targets}"
            )));
        }
        if matches!(self.ensemble.more, More::None) {
            self.ensemble.more = More::Vectors(Vec::new());
        }
        let More::Vectors(all) = &mut self.ensemble.more else {
            return Err(mixed());
        };
        let at = all.len() / targets.max(1);
        all.extend(values);
        Ok(at)
    }

    fn linear(&mut self, linear: Linear<T>, place: u32) -> Result<usize> {
        for &(feature, _) in &linear.terms {
            self.feature(feature as usize)?;
        }
        if matches!(self.ensemble.more, More::None) {
            self.ensemble.more = More::Linear(Vec::new());
        }
        let More::Linear(all) = &mut self.ensemble.more else {
            return Err(mixed());
        };
        all.push((linear, place));
        Ok(all.len() - 1)
    }

    fn split(
        &mut self,
        branch: Branch<T>,
        at: &Open,
        open: &mut VecDeque<Open>,
    ) -> Result<Node<T>> {
        if at.depth >= MAX_DEPTH {
            return Err(Error::model(format!("it is deeper than {MAX_DEPTH} nodes")));
        }
        let feature = self.feature(branch.feature)?;
        let pair = self.reserve(2)?;
        for (draft, slot) in [(branch.left, pair), (branch.right, pair + 1)] {
            let depth = at.depth + 1;
            open.push_back(Open { draft, slot, depth });
        }
        let mut bits = feature;
        bits |= if branch.missing_left { MISSING_LEFT } else { 0 };
        bits |= if branch.zero_missing { ZERO_MISSING } else { 0 };
        self.ensemble.plain &= !branch.zero_missing;
        let value = match branch.test {
            Test::Below(threshold) => threshold,
            Test::In(set) => {
                bits |= SPECIAL;
                self.ensemble.plain = false;
                self.ensemble.sets.push(set);
                T::pack(self.ensemble.sets.len() as u32 - 1)
            }
        };
        Ok(Node {
            value,
            bits,
            next: pair as u32,
        })
    }

    pub(super) fn feature(&self, feature: usize) -> Result<u32> {
        let features = self.ensemble.features;
        if feature >= features || feature > FEATURE as usize {
            return Err(Error::model(format!(
                "it tests feature {feature}, but there are {features}"
            )));
        }
        Ok(feature as u32)
    }
}

impl<T: Real> Node<T> {
    /// A leaf that adds nothing.
    pub(super) fn nothing() -> Self {
        Self {
            value: T::default(),
            bits: LEAF,
            next: 0,
        }
    }
}

/// Takes the draft out: whoever comes second has found a node with two parents.
fn take<T>(drafts: &mut [Option<Draft<T>>], open: &Open) -> Result<Draft<T>> {
    let count = drafts.len();
    let at = open.draft;
    let Some(draft) = drafts.get_mut(at) else {
        return Err(Error::model(format!(
            "node {at} does not exist: there are {count}"
        )));
    };
    let draft = draft.take();
    draft.ok_or_else(|| Error::model(format!("node {at} has two parents")))
}

fn too_many() -> Error {
    Error::model(format!("there are more than {MAX_NODES} nodes"))
}

pub(super) fn mixed() -> Error {
    Error::model("leaves are of several kinds")
}
