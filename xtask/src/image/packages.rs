//! The crates that are linked into the program.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::workspace;

/// A crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    /// SPDX expression.
    pub(super) licence: String,
    /// Whether it comes from the registry, rather than from this repository.
    pub(super) foreign: bool,
    /// Where its sources lie.
    pub(super) folder: PathBuf,
}

/// Every crate of the program, by name and version.
pub(super) fn linked() -> Result<Vec<Package>> {
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let metadata = workspace::metadata(&["--locked", "--filter-platform", &target])?;
    of(&metadata, "hari")
}

/// The crates that the one of this name links, itself included.
pub(super) fn of(metadata: &Value, root: &str) -> Result<Vec<Package>> {
    let listed = metadata["packages"].as_array().context("no packages")?;
    let packages: BTreeMap<&str, &Value> = by_id(listed);
    let nodes = metadata["resolve"]["nodes"]
        .as_array()
        .context("no graph")?;
    let nodes = by_id(nodes);
    let mut named = packages
        .iter()
        .filter(|(_, package)| package["name"] == root);
    let (root, _) = named.next().context("no such package")?;
    let (mut seen, mut next) = (BTreeSet::new(), vec![*root]);
    while let Some(id) = next.pop() {
        let macros = packages.get(id).is_some_and(|package| is_macro(package));
        if !macros && seen.insert(id) {
            next.extend(nodes.get(id).into_iter().flat_map(|node| needs(node)));
        }
    }
    let mut found: Vec<Package> = seen
        .iter()
        .filter_map(|id| Package::read(packages.get(id)?))
        .collect();
    found.sort_by(|one, other| (&one.name, &one.version).cmp(&(&other.name, &other.version)));
    Ok(found)
}

fn by_id(values: &[Value]) -> BTreeMap<&str, &Value> {
    let ids = values.iter();
    ids.filter_map(|value| Some((value["id"].as_str()?, value)))
        .collect()
}

/// Macros run in the compiler and are not linked.
fn is_macro(package: &Value) -> bool {
    let targets = package["targets"].as_array().into_iter().flatten();
    let mut kinds = targets.flat_map(|target| target["kind"].as_array().into_iter().flatten());
    kinds.any(|kind| kind == "proc-macro")
}

/// What a crate links, leaving out what only builds or tests it.
fn needs(node: &Value) -> impl Iterator<Item = &str> {
    let dependencies = node["deps"].as_array().into_iter().flatten();
    dependencies
        .filter(|one| {
            let mut kinds = one["dep_kinds"].as_array().into_iter().flatten();
            kinds.any(|kind| kind["kind"].is_null())
        })
        .filter_map(|one| one["pkg"].as_str())
}

impl Package {
    fn read(value: &Value) -> Option<Self> {
        let text = |field: &str| Some(value[field].as_str()?.to_owned());
        let manifest = PathBuf::from(text("manifest_path")?);
        Some(Self {
            name: text("name")?,
            version: text("version")?,
            licence: text("license")?.replace('/', " OR "),
            foreign: !value["source"].is_null(),
            folder: manifest.parent()?.to_owned(),
        })
    }
}
