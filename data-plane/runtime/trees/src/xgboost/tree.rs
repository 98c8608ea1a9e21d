//! One tree, from the columns of a file to drafts of nodes.

use std::collections::HashMap;

use hari_error::{Error, Result};

use crate::document::Value;
use crate::flat::{Branch, Draft, Leaf, Test, category_set};

/// A tree as columns, one element for each node.
#[derive(Debug, Default)]
pub(super) struct Columns {
    pub(super) left: Vec<i64>,
    pub(super) right: Vec<i64>,
    pub(super) feature: Vec<i64>,
    /// Thresholds, and the values of leaves.
    pub(super) condition: Vec<f32>,
    pub(super) default_left: Vec<i64>,
    /// 1 for a split by category; empty if there is none.
    pub(super) split_type: Vec<i64>,
    /// The categories of a node, which go right.
    pub(super) categories: HashMap<usize, Vec<u32>>,
    pub(super) vectors: Option<Vectors>,
}

/// The leaves of a tree that predicts several targets at once.
#[derive(Debug)]
pub(super) struct Vectors {
    /// Values in a leaf.
    pub(super) width: usize,
    /// Leaves one after the other if `packed`, else nodes.
    pub(super) values: Vec<f32>,
    /// Whether `right` says which of the packed leaves a leaf is, as from 3.1 on.
    pub(super) packed: bool,
}

/// Reads a tree of a JSON or UBJSON document.
///
/// # Errors
/// If a column is missing or of another length.
pub(super) fn columns(tree: &Value<'_>) -> Result<Columns> {
    let width = match tree.find("tree_param") {
        Some(parameters) => parameters.count_or("size_leaf_vector", 0)?,
        None => 0,
    };
    let columns = Columns {
        left: tree.ints("left_children")?,
        right: tree.ints("right_children")?,
        feature: tree.ints("split_indices")?,
        condition: tree.floats("split_conditions")?,
        // Words in files of 1.0, numbers later.
        default_left: tree.ints("default_left")?,
        split_type: match tree.find("split_type") {
            Some(_) => tree.ints("split_type")?,
            None => Vec::new(),
        },
        categories: categories(tree)?,
        vectors: (width > 1).then(|| vectors(tree, width)).transpose()?,
    };
    columns.check()?;
    Ok(columns)
}

fn vectors(tree: &Value<'_>, width: usize) -> Result<Vectors> {
    let packed = tree.find("leaf_weights").is_some();
    let name = if packed {
        "leaf_weights"
    } else {
        "base_weights"
    };
    Ok(Vectors {
        width,
        values: tree.floats(name)?,
        packed,
    })
}

/// The categories of each node that splits by them.
fn categories(tree: &Value<'_>) -> Result<HashMap<usize, Vec<u32>>> {
    if tree.find("categories_nodes").is_none() {
        return Ok(HashMap::new());
    }
    let all = tree.ints("categories")?;
    let (starts, sizes) = (
        tree.ints("categories_segments")?,
        tree.ints("categories_sizes")?,
    );
    let nodes = tree.ints("categories_nodes")?;
    let segments = nodes.iter().zip(starts.iter().zip(&sizes));
    let mut left = all.len();
    let mut categories = HashMap::new();
    for (&node, (&start, &size)) in segments {
        let segment = segment(&all, start, size).filter(|segment| segment.len() <= left);
        let segment = segment.ok_or_else(|| {
            Error::model(format!(
                "node {node}: its {size} categories from {start} do not exist or are shared"
            ))
        })?;
        left -= segment.len();
        let numbers = segment.iter().map(|&category| {
            u32::try_from(category)
                .map_err(|_| Error::model(format!("node {node}: category {category} is none")))
        });
        let node = usize::try_from(node).map_err(|_| Error::model("a node below 0"))?;
        categories.insert(node, numbers.collect::<Result<_>>()?);
    }
    Ok(categories)
}

fn segment(all: &[i64], start: i64, size: i64) -> Option<&[i64]> {
    let (start, size) = (usize::try_from(start).ok()?, usize::try_from(size).ok()?);
    all.get(start..start.checked_add(size)?)
}

impl Columns {
    fn check(&self) -> Result<()> {
        let count = self.left.len();
        let columns = [
            ("right_children", self.right.len()),
            ("split_indices", self.feature.len()),
            ("split_conditions", self.condition.len()),
            ("default_left", self.default_left.len()),
        ];
        for (name, found) in columns {
            if found != count {
                return Err(Error::model(format!(
                    "`{name}` has {found} elements, `left_children` {count}"
                )));
            }
        }
        if count == 0 {
            return Err(Error::model("it has no nodes"));
        }
        Ok(())
    }

    /// The nodes; the values of leaves are multiplied by `weight`. `budget` is how many words sets
    /// of categories may take yet.
    ///
    /// # Errors
    /// If a node is wrong, with its number.
    pub(super) fn drafts(
        &self,
        weight: Option<f32>,
        budget: &mut usize,
    ) -> Result<Vec<Draft<f32>>> {
        let nodes = (0..self.left.len()).map(|at| {
            let draft = self.draft(at, weight, budget);
            draft.map_err(|error| error.context(format!("node {at}")))
        });
        nodes.collect()
    }

    fn draft(&self, at: usize, weight: Option<f32>, budget: &mut usize) -> Result<Draft<f32>> {
        let left = self.left.get(at).copied().unwrap_or(-1);
        if left == -1 {
            return Ok(Draft::Leaf(self.leaf(at, weight)?));
        }
        let right = self.right.get(at).copied().unwrap_or(-1);
        let child = |child: i64| {
            usize::try_from(child).map_err(|_| Error::model(format!("child {child} is none")))
        };
        let (left, right) = (child(left)?, child(right)?);
        let feature = self.feature.get(at).copied().unwrap_or(-1);
        let feature = usize::try_from(feature);
        let feature = feature.map_err(|_| Error::model("it tests a feature below 0"))?;
        let missing_left = self.default_left.get(at).is_some_and(|&left| left != 0);
        let branch = |test, left, right, missing_left| {
            Draft::Split(Branch {
                feature,
                test,
                missing_left,
                zero_missing: false,
                left,
                right,
            })
        };
        if self.split_type.get(at) == Some(&1) {
            // Categories of the set go right here, and left in our form.
            let categories = self.categories.get(&at).map_or(&[][..], Vec::as_slice);
            let set = category_set(categories.iter().copied(), budget)?;
            return Ok(branch(Test::In(set), right, left, !missing_left));
        }
        let threshold = self.condition.get(at).copied().unwrap_or(f32::NAN);
        Ok(branch(Test::Below(threshold), left, right, missing_left))
    }

    fn leaf(&self, at: usize, weight: Option<f32>) -> Result<Leaf<f32>> {
        let weighted = |value: f32| weight.map_or(value, |weight| value * weight);
        let Some(vectors) = &self.vectors else {
            let value = self.condition.get(at).copied().unwrap_or_default();
            return Ok(Leaf::Value(weighted(value)));
        };
        let which = if vectors.packed {
            self.right
                .get(at)
                .and_then(|&which| usize::try_from(which).ok())
        } else {
            Some(at)
        };
        let values = which.and_then(|which| {
            let start = which.checked_mul(vectors.width)?;
            vectors.values.get(start..start.checked_add(vectors.width)?)
        });
        let values = values.ok_or_else(|| Error::model("the values of the leaf do not exist"))?;
        Ok(Leaf::Vector(
            values.iter().map(|&value| weighted(value)).collect(),
        ))
    }
}
