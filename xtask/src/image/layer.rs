//! A layer: a tar whose bytes follow from the files alone.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

/// What lies at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Permissions.
    pub(super) mode: u32,
    /// The bytes of a file; a folder if `None`.
    pub(super) content: Option<Vec<u8>>,
}

/// Entries by path, without a leading `/`.
pub(super) type Tree = BTreeMap<String, Entry>;

/// A packed layer.
pub(super) struct Layer {
    /// The compressed bytes.
    pub(super) bytes: Vec<u8>,
    /// `sha256:...` of them.
    pub(super) digest: String,
    /// `sha256:...` of what they unpack to.
    pub(super) diff: String,
}

impl Entry {
    pub(super) fn file(mode: u32, content: impl Into<Vec<u8>>) -> Self {
        let content = Some(content.into());
        Self { mode, content }
    }

    pub(super) const fn folder(mode: u32) -> Self {
        let content = None;
        Self { mode, content }
    }
}

impl Layer {
    /// Packs a tree: sorted, owned by root, all of one time; folders that are not named are made.
    pub(super) fn pack(tree: &Tree, time: u64, level: u32) -> Result<Self> {
        let tar = tar(&with_folders(tree), time)?;
        let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
        encoder.write_all(&tar)?;
        let bytes = encoder.finish().context("compressing a layer")?;
        Ok(Self {
            digest: digest(&bytes),
            diff: digest(&tar),
            bytes,
        })
    }
}

/// Writes a tree into a folder, with its permissions.
pub(super) fn unpack(tree: &Tree, root: &Path) -> Result<()> {
    for (path, entry) in with_folders(tree) {
        let place = root.join(&path);
        match &entry.content {
            Some(content) => std::fs::write(&place, content),
            None => std::fs::create_dir_all(&place),
        }
        .and_then(|()| std::fs::set_permissions(&place, Permissions::from_mode(entry.mode)))
        .with_context(|| format!("writing {}", place.display()))?;
    }
    Ok(())
}

/// `sha256:` and the digest.
pub(super) fn digest(bytes: &[u8]) -> String {
    let mut text = "sha256:".to_owned();
    for byte in Sha256::digest(bytes) {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// The tree with a folder for each path on the way.
fn with_folders(tree: &Tree) -> Tree {
    let mut whole = tree.clone();
    for path in tree.keys() {
        for (end, _) in path.match_indices('/') {
            let folder = path.get(..end).unwrap_or_default();
            let made = whole.entry(folder.to_owned());
            made.or_insert_with(|| Entry::folder(0o755));
        }
    }
    whole
}

/// The tar of a tree as it is.
pub(super) fn tar(tree: &Tree, time: u64) -> Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, entry) in tree {
        let content = entry.content.as_deref().unwrap_or_default();
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(match entry.content {
            Some(_) => tar::EntryType::Regular,
            None => tar::EntryType::Directory,
        });
        header.set_mode(entry.mode);
        header.set_mtime(time);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(content.len() as u64);
        let name = match entry.content {
            Some(_) => path.clone(),
            None => format!("{path}/"),
        };
        builder
            .append_data(&mut header, name, content)
            .with_context(|| format!("packing {path}"))?;
    }
    builder.into_inner().context("packing a layer")
}
