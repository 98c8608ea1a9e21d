//! The libraries that programs need, and those that these need: nothing more goes into an image.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result};

use super::elf;
use crate::oci::{Entry, Tree};

/// Folders that Debian's loader looks into by itself, for this architecture.
fn folders() -> [String; 2] {
    let triple = format!("{}-linux-gnu", std::env::consts::ARCH);
    [format!("lib/{triple}"), format!("usr/lib/{triple}")]
}

/// Adds to `tree` every library that `programs` need from the packages below `root`, and the loader.
pub(super) fn add(tree: &mut Tree, root: &Path, programs: &[(&str, &[u8])]) -> Result<()> {
    let mut wanted: BTreeMap<String, String> = BTreeMap::new();
    let mut loaders = BTreeSet::new();
    for (name, file) in programs {
        ask(name, file, &mut wanted, &mut loaders)?;
    }
    let mut here = BTreeSet::new();
    while let Some((library, by)) = wanted.pop_first() {
        if !here.insert(library.clone()) || is_loader(&library) {
            continue;
        }
        let (path, content) = find(root, &library)
            .with_context(|| format!("{by} needs {library}, and no package of the image has it"))?;
        ask(&library, &content, &mut wanted, &mut loaders)?;
        tree.insert(path, Entry::file(0o755, content));
    }
    for loader in loaders {
        let path = loader.trim_start_matches('/').to_owned();
        let content = read(root, &path).with_context(|| format!("no package has {loader}"))?;
        tree.insert(path, Entry::file(0o755, content));
    }
    Ok(())
}

fn ask(
    name: &str,
    file: &[u8],
    wanted: &mut BTreeMap<String, String>,
    loaders: &mut BTreeSet<String>,
) -> Result<()> {
    let (needed, loader) = elf::links(file).with_context(|| format!("reading {name}"))?;
    wanted.extend(needed.into_iter().map(|library| (library, name.to_owned())));
    loaders.extend(loader);
    Ok(())
}

/// The loader is named where programs start, and lies there.
fn is_loader(library: &str) -> bool {
    library.starts_with("ld-linux")
}

fn find(root: &Path, library: &str) -> Option<(String, Vec<u8>)> {
    folders().into_iter().find_map(|folder| {
        let path = format!("{folder}/{library}");
        Some((path.clone(), read(root, &path)?))
    })
}

/// A file of the packages. Links of Debian's between folders are as if they had been followed.
fn read(root: &Path, path: &str) -> Option<Vec<u8>> {
    let usr = root.join("usr").join(path);
    std::fs::read(root.join(path))
        .or_else(|_| std::fs::read(usr))
        .ok()
}
