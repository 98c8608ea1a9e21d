//! A layer: a tar whose bytes follow from the files alone.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use anyhow::{Context as _, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

/// What lies at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Permissions.
    pub(crate) mode: u32,
    pub(crate) content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    File(Vec<u8>),
    Folder,
    /// What it leads to.
    Link(String),
}

/// Entries by path, without a leading `/`.
pub(crate) type Tree = BTreeMap<String, Entry>;

/// A packed layer.
pub(crate) struct Layer {
    /// The compressed bytes.
    pub(crate) bytes: Vec<u8>,
    /// `sha256:...` of them.
    pub(crate) digest: String,
    /// `sha256:...` of what they unpack to.
    pub(crate) diff: String,
}

impl Entry {
    pub(crate) fn file(mode: u32, content: impl Into<Vec<u8>>) -> Self {
        let content = Content::File(content.into());
        Self { mode, content }
    }

    pub(crate) const fn folder(mode: u32) -> Self {
        let content = Content::Folder;
        Self { mode, content }
    }

    pub(crate) fn link(to: impl Into<String>) -> Self {
        let content = Content::Link(to.into());
        let mode = 0o777;
        Self { mode, content }
    }
}

impl Layer {
    /// Packs a tree: sorted, owned by root, all of one time; folders that are not named are made.
    pub(crate) fn pack(tree: &Tree, time: u64, level: u32) -> Result<Self> {
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
pub(crate) fn unpack(tree: &Tree, root: &Path) -> Result<()> {
    for (path, entry) in with_folders(tree) {
        let place = root.join(&path);
        let permissions = || fs::set_permissions(&place, Permissions::from_mode(entry.mode));
        match &entry.content {
            Content::File(content) => fs::write(&place, content).and_then(|()| permissions()),
            Content::Folder => fs::create_dir_all(&place).and_then(|()| permissions()),
            Content::Link(to) => symlink(to, &place),
        }
        .with_context(|| format!("writing {}", place.display()))?;
    }
    Ok(())
}

/// `sha256:` and the digest.
pub(crate) fn digest(bytes: &[u8]) -> String {
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
        append(&mut builder, path, entry, time).with_context(|| format!("packing {path}"))?;
    }
    builder.into_inner().context("packing a layer")
}

fn append(
    builder: &mut tar::Builder<Vec<u8>>,
    path: &str,
    entry: &Entry,
    time: u64,
) -> std::io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_mode(entry.mode);
    header.set_mtime(time);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    match &entry.content {
        Content::File(content) => {
            header.set_size(content.len() as u64);
            builder.append_data(&mut header, path, &**content)
        }
        Content::Folder => {
            header.set_entry_type(tar::EntryType::Directory);
            builder.append_data(&mut header, format!("{path}/"), &[][..])
        }
        Content::Link(to) => {
            header.set_entry_type(tar::EntryType::Symlink);
            builder.append_link(&mut header, path, to)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn links_lead_where_they_are_told() {
        let tree = Tree::from([
            ("bin/one".to_owned(), Entry::file(0o755, "program")),
            ("bin/two".to_owned(), Entry::link("/bin/one")),
        ]);
        let layer = Layer::pack(&tree, 0, 1).unwrap();
        let mut archive = tar::Archive::new(GzDecoder::new(&*layer.bytes));
        let mut found = Vec::new();
        for entry in archive.entries().unwrap() {
            let entry = entry.unwrap();
            let to = entry.link_name().unwrap().map(Cow::into_owned);
            found.push((entry.path().unwrap().into_owned(), to));
        }
        let expected = [
            ("bin/", None),
            ("bin/one", None),
            ("bin/two", Some("/bin/one")),
        ];
        let expected = expected.map(|(path, to)| (path.into(), to.map(Into::into)));
        assert_eq!(found, expected);
        let root = tempfile::tempdir().unwrap();
        unpack(&tree, root.path()).unwrap();
        let to = fs::read_link(root.path().join("bin/two")).unwrap();
        assert_eq!(to, Path::new("/bin/one"));
    }
}
