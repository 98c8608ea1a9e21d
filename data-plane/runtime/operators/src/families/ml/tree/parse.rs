//! The attributes of `TreeEnsembleClassifier` and `TreeEnsembleRegressor`.

use std::collections::HashMap;

use bytes::Bytes;
use hari_core::DataType;
use hari_error::{Error, Result};

use super::flat::{Child, Draft, Mode, Parsed, Weight};
use crate::attributes::Attributes;

/// The columns of the table of nodes.
struct Table<'a> {
    trees: &'a [i64],
    ids: &'a [i64],
    features: &'a [i64],
    modes: &'a [Bytes],
    thresholds: Vec<f64>,
    yes: &'a [i64],
    no: &'a [i64],
    missing: &'a [i64],
}

/// A number for each node, and whether they are FP64.
pub(super) fn numbers(attributes: Attributes<'_>, name: &str) -> Result<(Vec<f64>, bool)> {
    match attributes.tensor(&format!("{name}_as_tensor"))? {
        Some(tensor) => Ok((tensor.to_f64()?, tensor.dtype() == DataType::Fp64)),
        None => {
            let given = attributes.floats(name)?.unwrap_or(&[]);
            Ok((given.iter().map(|&value| value.into()).collect(), false))
        }
    }
}

/// What is added to the scores.
pub(super) fn base_values(attributes: Attributes<'_>) -> Result<Vec<f64>> {
    Ok(numbers(attributes, "base_values")?.0)
}

/// Reads and checks the trees; weights are in the attributes that start with `kind`.
pub(super) fn parse(attributes: Attributes<'_>, kind: &str, targets: i64) -> Result<Parsed> {
    let ints = |name: &str| Ok(attributes.ints(name)?.unwrap_or(&[]));
    let (thresholds, double) = numbers(attributes, "nodes_values")?;
    let table = Table {
        trees: ints("nodes_treeids")?,
        ids: ints("nodes_nodeids")?,
        features: ints("nodes_featureids")?,
        modes: attributes.strings("nodes_modes")?.unwrap_or(&[]),
        thresholds,
        yes: ints("nodes_truenodeids")?,
        no: ints("nodes_falsenodeids")?,
        missing: ints("nodes_missing_value_tracks_true")?,
    };
    let targets = u32::try_from(targets).ok().filter(|&count| count > 0);
    let targets = targets.ok_or_else(|| Error::model("an ensemble of trees has no targets"))?;
    table.check()?;
    let places = table.places()?;
    let (weights, wide) = numbers(attributes, &format!("{kind}_weights"))?;
    let mut leaves = vec![Vec::new(); places.leaves];
    let column = |name: &str| ints(&format!("{kind}_{name}"));
    let (trees, nodes, ids) = (column("treeids")?, column("nodeids")?, column("ids")?);
    if [trees.len(), nodes.len(), ids.len()] != [weights.len(); 3] {
        return Err(Error::model(format!(
            "the attributes `{kind}_*` differ in length"
        )));
    }
    for (((&tree, &node), &target), value) in trees.iter().zip(nodes).zip(ids).zip(weights) {
        let target = u32::try_from(target)
            .ok()
            .filter(|&target| target < targets);
        let target = target.ok_or_else(|| {
            Error::model(format!("a leaf has a weight for none of {targets} targets"))
        })?;
        // Weights of nodes that are no leaves have no meaning.
        if let Child::Leaf(leaf) = places.find(tree, node)?
            && let Some(leaf) = leaves.get_mut(leaf)
        {
            leaf.push(Weight { target, value });
        }
    }
    Parsed {
        splits: table.splits(&places)?,
        roots: places.roots.clone(),
        leaves,
        sets: Vec::new(),
        targets: targets as usize,
        double: double || wide,
    }
    .checked()
}

/// Where each node of the file stands among splits or leaves.
struct Places {
    of: HashMap<(i64, i64), Child>,
    roots: Vec<Child>,
    leaves: usize,
}

impl Places {
    fn find(&self, tree: i64, node: i64) -> Result<Child> {
        let found = self.of.get(&(tree, node)).copied();
        found.ok_or_else(|| Error::model(format!("node {node} of tree {tree} does not exist")))
    }
}

impl Table<'_> {
    fn check(&self) -> Result<()> {
        let lengths = [
            self.ids.len(),
            self.features.len(),
            self.modes.len(),
            self.thresholds.len(),
            self.yes.len(),
            self.no.len(),
        ];
        let missing = self.missing.is_empty() || self.missing.len() == self.trees.len();
        if lengths == [self.trees.len(); 6] && missing {
            return Ok(());
        }
        Err(Error::model("the attributes `nodes_*` differ in length"))
    }

    fn leaf(&self, at: usize) -> bool {
        self.modes.get(at).is_some_and(|mode| &**mode == b"LEAF")
    }

    /// The first node of a tree is its root.
    fn places(&self) -> Result<Places> {
        let (mut of, mut roots) = (HashMap::with_capacity(self.ids.len()), Vec::new());
        let (mut splits, mut leaves) = (0, 0);
        let mut previous = None;
        for (at, (&tree, &id)) in self.trees.iter().zip(self.ids).enumerate() {
            let count = if self.leaf(at) {
                &mut leaves
            } else {
                &mut splits
            };
            let place = if self.leaf(at) {
                Child::Leaf(*count)
            } else {
                Child::Split(*count)
            };
            *count += 1;
            if of.insert((tree, id), place).is_some() {
                return Err(Error::model(format!(
                    "node {id} of tree {tree} occurs twice"
                )));
            }
            if previous != Some(tree) {
                roots.push(place);
                previous = Some(tree);
            }
        }
        Ok(Places { of, roots, leaves })
    }

    fn splits(&self, places: &Places) -> Result<Vec<Draft>> {
        let splits = (0..self.trees.len()).filter(|&at| !self.leaf(at));
        splits.map(|at| self.split(at, places)).collect()
    }

    fn split(&self, at: usize, places: &Places) -> Result<Draft> {
        let number = |column: &[i64]| column.get(at).copied().unwrap_or_default();
        let tree = number(self.trees);
        Ok(Draft {
            threshold: self.thresholds.get(at).copied().unwrap_or_default(),
            feature: number(self.features),
            mode: mode(self.modes.get(at).map_or(b"", |mode| &**mode))?,
            missing_is_true: number(self.missing) == 1,
            yes: places.find(tree, number(self.yes))?,
            no: places.find(tree, number(self.no))?,
        })
    }
}

fn mode(name: &[u8]) -> Result<Mode> {
    Ok(match name {
        b"BRANCH_LEQ" => Mode::LessOrEqual,
        b"BRANCH_LT" => Mode::Less,
        b"BRANCH_GTE" => Mode::GreaterOrEqual,
        b"BRANCH_GT" => Mode::Greater,
        b"BRANCH_EQ" => Mode::Equal,
        b"BRANCH_NEQ" => Mode::NotEqual,
        other => {
            return Err(Error::model(format!(
                "attribute `nodes_modes`: {} is no mode",
                other.escape_ascii()
            )));
        }
    })
}
