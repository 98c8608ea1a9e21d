//! Walks: eight at a time, so that the loads of one hide behind those of the others.
//!
//! Many rows go through one tree after the other, eight rows at a time, their values side by side;
//! the last few rows each go through eight trees at a time. Either way each row's leaves are added
//! in the order of the trees, which is what makes sums equal to the original's.
//!
//! A walk takes as many steps as its tree is deep: one that has ended stays where it is. In a deep
//! tree most end long before, so that there it is asked whether all have.

use super::{Ensemble, FEATURE, LEAF, MISSING_LEFT, More, Node, Real, SPECIAL, Tree, ZERO_MISSING};

/// Walks at a time.
const LANES: usize = 8;
/// Rows that go through all trees before the next ones do: they stay in the cache.
const BLOCK: usize = 64;
/// Deeper trees have walks that end together rarely enough for a question at each step.
const SHALLOW: u32 = 10;

impl<T: Real> Ensemble<T> {
    /// Adds to `sums`, `[rows, targets]`, what the trees say of `rows`, `[rows, features]`. The
    /// number of rows is that of `sums`; values that are not there are missing.
    pub fn add(&self, rows: &[T], sums: &mut [T]) {
        let mut lanes = Vec::new();
        for (block, sums) in sums.chunks_mut(BLOCK * self.targets.max(1)).enumerate() {
            let rows = rows.get(block * BLOCK * self.features..).unwrap_or(&[]);
            self.block(rows, sums, &mut lanes);
        }
    }

    /// [`Self::add`] for a block of rows, by the quickest way for the splits and values there are.
    fn block(&self, rows: &[T], sums: &mut [T], lanes: &mut Vec<[T; LANES]>) {
        let count = sums.len() / self.targets.max(1);
        self.side_by_side(rows, count / LANES, lanes);
        let known = rows.get(..count * self.features);
        let whole = known.is_some_and(|rows| !rows.iter().any(|value| value.is_missing()));
        match (self.plain, whole, self.rule.or_equal) {
            (true, true, false) => self.walk(rows, lanes, sums, |node, value| value < node.value),
            (true, true, true) => self.walk(rows, lanes, sums, |node, value| value <= node.value),
            (true, false, false) => self.walk(rows, lanes, sums, below::<T, false>),
            (true, false, true) => self.walk(rows, lanes, sums, below::<T, true>),
            (false, _, false) => self.walk(rows, lanes, sums, |a, b| self.left::<false>(a, b)),
            (false, _, true) => self.walk(rows, lanes, sums, |a, b| self.left::<true>(a, b)),
        }
    }

    /// The leaf that each row reaches in each tree, `[count, trees]`, as its place in the list of
    /// drafts that the tree was built from. `rows` is `[count, features]`.
    #[must_use]
    pub fn leaves(&self, rows: &[T], count: usize) -> Vec<u32> {
        let mut leaves = Vec::with_capacity(count.saturating_mul(self.trees.len()));
        for at in 0..count {
            let row = self.row(rows, at);
            for trees in self.trees.chunks(LANES) {
                let (roots, depth) = roots(trees);
                let value = |_, feature: usize| row.get(feature).copied();
                let ends = match self.rule.or_equal {
                    true => self.descend(roots, depth, value, |a, b| self.left::<true>(a, b)),
                    false => self.descend(roots, depth, value, |a, b| self.left::<false>(a, b)),
                };
                leaves.extend(trees.iter().zip(ends).map(|(_, end)| self.place(end)));
            }
        }
        leaves
    }

    /// The place in the drafts of the leaf at `end`.
    fn place(&self, end: u32) -> u32 {
        let node = self.node(end);
        match &self.more {
            _ if node.bits & SPECIAL == 0 => node.next,
            More::Linear(leaves) => leaves.get(node.next as usize).map_or(0, |leaf| leaf.1),
            More::None | More::Vectors(_) => node.value.unpack(),
        }
    }

    /// Values of so many groups of rows: for each group each feature of eight rows.
    fn side_by_side(&self, rows: &[T], groups: usize, lanes: &mut Vec<[T; LANES]>) {
        lanes.clear();
        for group in 0..groups {
            let rows: [_; LANES] = std::array::from_fn(|lane| self.row(rows, group * LANES + lane));
            let value = |row: &[T], at| row.get(at).copied().unwrap_or_else(T::missing);
            lanes.extend((0..self.features).map(|at| rows.map(|row| value(row, at))));
        }
    }

    #[inline(always)]
    fn walk(
        &self,
        rows: &[T],
        lanes: &[[T; LANES]],
        sums: &mut [T],
        left: impl Fn(Node<T>, T) -> bool + Copy,
    ) {
        let count = sums.len() / self.targets.max(1);
        let whole = count / LANES * LANES;
        for &tree in &self.trees {
            for group in 0..whole / LANES {
                let columns = lanes.get(group * self.features..).unwrap_or(&[]);
                let value = |lane, feature: usize| columns.get(feature)?.get(lane).copied();
                let ends = self.descend([tree.root; LANES], tree.depth, value, left);
                for (at, end) in (group * LANES..).zip(ends) {
                    self.say(end, (tree, at), rows, sums);
                }
            }
        }
        for at in whole..count {
            let row = self.row(rows, at);
            for trees in self.trees.chunks(LANES) {
                let (roots, depth) = roots(trees);
                let value = |_, feature: usize| row.get(feature).copied();
                let ends = self.descend(roots, depth, value, left);
                for (&tree, end) in trees.iter().zip(ends) {
                    self.say(end, (tree, at), rows, sums);
                }
            }
        }
    }

    fn row<'a>(&self, rows: &'a [T], at: usize) -> &'a [T] {
        let start = at * self.features;
        rows.get(start..start + self.features).unwrap_or(&[])
    }

    fn sums<'a>(&self, sums: &'a mut [T], at: usize) -> &'a mut [T] {
        let start = at * self.targets;
        sums.get_mut(start..start + self.targets)
            .unwrap_or_default()
    }

    /// The leaves that are reached from these roots, none of them deeper than `depth`; `value` is
    /// that of a lane's feature.
    #[inline(always)]
    fn descend(
        &self,
        mut at: [u32; LANES],
        depth: u32,
        value: impl Fn(usize, usize) -> Option<T>,
        left: impl Fn(Node<T>, T) -> bool,
    ) -> [u32; LANES] {
        for _ in 0..depth {
            let mut ended = LEAF;
            for (lane, at) in at.iter_mut().enumerate() {
                let node = self.node(*at);
                ended &= node.bits;
                let feature = (node.bits & FEATURE) as usize;
                let value = value(lane, feature).unwrap_or_else(T::missing);
                let next = node.next + u32::from(!left(node, value));
                *at = if node.bits & LEAF == 0 { next } else { *at };
            }
            if depth > SHALLOW && ended != 0 {
                break;
            }
        }
        at
    }

    #[inline(always)]
    fn node(&self, at: u32) -> Node<T> {
        let node = self.nodes.get(at as usize).copied();
        node.unwrap_or_else(Node::nothing)
    }

    /// Whether a split sends a value to the left; every kind of split.
    fn left<const OR_EQUAL: bool>(&self, node: Node<T>, value: T) -> bool {
        if value.is_missing() || node.bits & ZERO_MISSING != 0 && value.is_zero() {
            return node.bits & MISSING_LEFT != 0;
        }
        if node.bits & SPECIAL == 0 {
            return below::<T, OR_EQUAL>(node, value);
        }
        let set = self.sets.get(node.value.unpack() as usize);
        let category = value.category(self.rule.fraction_is_zero);
        let word = set
            .zip(category)
            .and_then(|(set, category)| set.get(category / 32));
        word.zip(category)
            .is_some_and(|(word, category)| (word >> (category % 32)) & 1 == 1)
    }

    /// Adds what the leaf at `end` of a tree says of the row at `at`.
    #[inline(always)]
    fn say(&self, end: u32, (tree, at): (Tree, usize), rows: &[T], sums: &mut [T]) {
        let node = self.node(end);
        if node.bits & SPECIAL == 0 {
            if let Some(sum) = sums.get_mut(at * self.targets + tree.target as usize) {
                *sum += node.value;
            }
        } else {
            self.say_more(node, self.row(rows, at), tree, self.sums(sums, at));
        }
    }

    fn say_more(&self, node: Node<T>, row: &[T], tree: Tree, sums: &mut [T]) {
        let at = node.next as usize;
        match &self.more {
            More::None => (),
            More::Vectors(values) => {
                let values = values.get(at * self.targets..).unwrap_or(&[]);
                for (sum, &value) in sums.iter_mut().zip(values) {
                    *sum += value;
                }
            }
            More::Linear(leaves) => {
                let leaf = leaves.get(at);
                let value = leaf.and_then(|(leaf, _)| leaf.value(row));
                let value = value.unwrap_or(node.value);
                if let Some(sum) = sums.get_mut(tree.target as usize) {
                    *sum += value;
                }
            }
        }
    }
}

impl<T: Real> super::Linear<T> {
    /// Its value for a row; none if a term is missing.
    fn value(&self, row: &[T]) -> Option<T> {
        self.terms
            .iter()
            .try_fold(self.constant, |sum, &(feature, coefficient)| {
                let value = row.get(feature as usize).copied()?;
                (!value.is_missing()).then(|| sum + coefficient * value)
            })
    }
}

/// The roots of up to eight trees, and how deep the deepest is; lanes without a tree repeat the first.
#[inline(always)]
fn roots(trees: &[Tree]) -> ([u32; LANES], u32) {
    let first = trees.first().map_or(0, |tree| tree.root);
    let roots = std::array::from_fn(|lane| trees.get(lane).map_or(first, |tree| tree.root));
    let depth = trees.iter().map(|tree| tree.depth).max();
    (roots, depth.unwrap_or(0))
}

/// Whether a numeric split sends a value to the left.
#[inline(always)]
fn below<T: Real, const OR_EQUAL: bool>(node: Node<T>, value: T) -> bool {
    let missing_left = value.is_missing() & (node.bits & MISSING_LEFT != 0);
    let below = if OR_EQUAL {
        value <= node.value
    } else {
        value < node.value
    };
    below | missing_left
}
