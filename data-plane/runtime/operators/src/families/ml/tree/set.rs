//! The attributes of `TreeEnsemble`, where leaves have a table of their own and a node may test
//! membership of a set.

use hari_core::Tensor;
use hari_error::{Error, Result};

use super::flat::{Child, Draft, Mode, Parsed, Weight};
use crate::attributes::Attributes;

fn tensor(attributes: Attributes<'_>, name: &str) -> Result<Tensor> {
    let found = attributes.tensor(name)?;
    found.ok_or_else(|| Error::model(format!("attribute `{name}` is missing")))
}

/// A column of the table of nodes.
fn column<'a>(attributes: Attributes<'a>, name: &str, length: usize) -> Result<&'a [i64]> {
    let found = attributes.ints(name)?.unwrap_or(&[]);
    if found.len() == length {
        return Ok(found);
    }
    Err(Error::model(format!(
        "attribute `{name}`: expected {length} values, found {}",
        found.len()
    )))
}

/// Reads and checks the trees.
pub(super) fn parse(attributes: Attributes<'_>) -> Result<Parsed> {
    let thresholds = tensor(attributes, "nodes_splits")?;
    let targets = u32::try_from(attributes.int_or("n_targets", 1)?).unwrap_or(0);
    let leaves = leaves(attributes, targets)?;
    let sets = sets(attributes)?;
    let splits = splits(attributes, &thresholds.to_f64()?, sets.len())?;
    let roots = attributes.ints("tree_roots")?.unwrap_or(&[]);
    let roots = roots.iter().map(|&root| Ok(Child::Split(place(root)?)));
    Parsed {
        splits,
        roots: roots.collect::<Result<_>>()?,
        leaves,
        sets,
        targets: targets as usize,
        double: thresholds.dtype() == hari_core::DataType::Fp64,
    }
    .checked()
}

fn place(value: i64) -> Result<usize> {
    usize::try_from(value).map_err(|_| Error::model(format!("{value} is no place of a node")))
}

fn leaves(attributes: Attributes<'_>, targets: u32) -> Result<Vec<Vec<Weight>>> {
    let values = tensor(attributes, "leaf_weights")?.to_f64()?;
    let ids = column(attributes, "leaf_targetids", values.len())?;
    let weights = ids.iter().zip(values).map(|(&id, value)| {
        let target = u32::try_from(id).ok().filter(|&target| target < targets);
        let target = target.ok_or_else(|| {
            Error::model(format!("a leaf is for target {id}, there are {targets}"))
        })?;
        Ok(vec![Weight { target, value }])
    });
    weights.collect()
}

/// The sets are written one after the other, each ended by not-a-number.
fn sets(attributes: Attributes<'_>) -> Result<Vec<Vec<f64>>> {
    let Some(members) = attributes.tensor("membership_values")? else {
        return Ok(Vec::new());
    };
    let members = members.to_f64()?;
    let mut sets: Vec<Vec<f64>> = members.split(|m| m.is_nan()).map(<[f64]>::to_vec).collect();
    if sets.last().is_some_and(Vec::is_empty) {
        sets.pop();
    }
    Ok(sets)
}

fn splits(attributes: Attributes<'_>, thresholds: &[f64], sets: usize) -> Result<Vec<Draft>> {
    let count = thresholds.len();
    let modes = tensor(attributes, "nodes_modes")?.to_vec::<u8>()?;
    let features = column(attributes, "nodes_featureids", count)?;
    let [yes, no] =
        ["nodes_truenodeids", "nodes_falsenodeids"].map(|name| column(attributes, name, count));
    let [yes_leaf, no_leaf] =
        ["nodes_trueleafs", "nodes_falseleafs"].map(|name| column(attributes, name, count));
    let children = (yes?, no?, yes_leaf?, no_leaf?);
    let missing = attributes.ints("nodes_missing_value_tracks_true")?;
    let child = |places: &[i64], leaf: &[i64], at: usize| {
        let found = place(places.get(at).copied().unwrap_or(-1))?;
        Ok(match leaf.get(at) {
            Some(0) => Child::Split(found),
            _ => Child::Leaf(found),
        })
    };
    let mut tested = 0;
    let mut made = Vec::with_capacity(count);
    for (at, (&threshold, &feature)) in thresholds.iter().zip(features).enumerate() {
        let mode = Mode::numbered(modes.get(at).copied().unwrap_or(u8::MAX))?;
        let member = mode == Mode::Member;
        made.push(Draft {
            threshold: if member { f64::from(tested) } else { threshold },
            feature,
            mode,
            missing_is_true: missing.and_then(|tracks| tracks.get(at)) == Some(&1),
            yes: child(children.0, children.2, at)?,
            no: child(children.1, children.3, at)?,
        });
        tested += u32::from(member);
    }
    if tested as usize > sets {
        return Err(Error::model(format!(
            "attribute `membership_values`: expected {tested} sets, found {sets}"
        )));
    }
    Ok(made)
}
