//! Walking a folder: its files and folders in order, with a bound on both number and depth.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use hari_error::{Error, Result};

const MAX_ENTRIES: usize = 100_000;
/// Links are followed, so that depth also ends a circle of them.
const MAX_DEPTH: usize = 32;
/// Most names in a message.
const SHOWN: usize = 12;

/// A file or folder below the one that was walked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Relative to the folder that was walked.
    pub(crate) path: PathBuf,
    pub(crate) folder: bool,
    /// Bytes; 0 for a folder.
    pub(crate) bytes: u64,
    /// Nanoseconds since 1970; 0 if not known.
    pub(crate) modified: u128,
}

/// Everything below `root`, in order of path; a file is its own only entry, with an empty path.
pub(crate) fn walk(root: &Path) -> Result<Vec<Found>> {
    let metadata = fs::metadata(root).map_err(|error| unreadable(Path::new(""), error))?;
    let mut found = Vec::new();
    if metadata.is_dir() {
        below(root, Path::new(""), 0, &mut found)?;
    } else {
        found.push(entry(PathBuf::new(), &metadata));
    }
    found.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(found)
}

/// Bytes of all files below `root`.
pub(crate) fn size(root: &Path) -> Result<u64> {
    Ok(walk(root)?.iter().map(|found| found.bytes).sum())
}

fn below(root: &Path, relative: &Path, depth: usize, found: &mut Vec<Found>) -> Result<()> {
    let listing = fs::read_dir(root.join(relative)).map_err(|error| unreadable(relative, error))?;
    for item in listing {
        let item = item.map_err(|error| unreadable(relative, error))?;
        let path = relative.join(item.file_name());
        let metadata = match fs::metadata(item.path()) {
            Ok(metadata) => metadata,
            // Gone since the listing, or a link to nothing: as if it were not there.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(unreadable(&path, error)),
        };
        found.push(entry(path.clone(), &metadata));
        if found.len() > MAX_ENTRIES || depth >= MAX_DEPTH {
            return Err(Error::too_large(format!(
                "the folder holds more than {MAX_ENTRIES} entries or {MAX_DEPTH} levels"
            )));
        }
        if metadata.is_dir() {
            below(root, &path, depth + 1, found)?;
        }
    }
    Ok(())
}

fn entry(path: PathBuf, metadata: &Metadata) -> Found {
    let folder = metadata.is_dir();
    let bytes = if folder { 0 } else { metadata.len() };
    Found {
        path,
        folder,
        bytes,
        modified: modified(metadata),
    }
}

/// When it was last written, in nanoseconds since 1970; 0 if not known.
pub(crate) fn modified(metadata: &Metadata) -> u128 {
    let since = |time: SystemTime| time.duration_since(UNIX_EPOCH).ok();
    metadata
        .modified()
        .ok()
        .and_then(since)
        .map_or(0, |since| since.as_nanos())
}

fn unreadable(relative: &Path, error: io::Error) -> Error {
    let name = relative.display();
    let kind = if error.kind() == io::ErrorKind::NotFound {
        Error::not_found(format!("the model folder: `{name}` is not there"))
    } else {
        Error::internal(format!(
            "the model folder: `{name}` cannot be read: {error}"
        ))
    };
    kind.with_source(error)
}

/// The names in a folder for a message, folders with a slash: `1/, 2/, model.onnx`.
pub(crate) fn listing(folder: &Path) -> String {
    let Ok(items) = fs::read_dir(folder) else {
        return "nothing that can be read".to_owned();
    };
    let mut names: Vec<String> = items
        .flatten()
        .map(|item| {
            let slash = if item.path().is_dir() { "/" } else { "" };
            format!("{}{slash}", item.file_name().to_string_lossy())
        })
        .take(MAX_ENTRIES)
        .collect();
    names.sort();
    match names.len() {
        0 => "nothing".to_owned(),
        count if count > SHOWN => {
            names.truncate(SHOWN);
            format!("{} and {} more", names.join(", "), count - SHOWN)
        }
        _ => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::folder;

    #[test]
    fn everything_is_found_in_order() {
        let root = folder(&[("b/x", "12"), ("a", "1"), ("b/c/y", "")]);
        let found = walk(root.path()).unwrap();
        let names: Vec<_> = found.iter().map(|one| one.path.to_str().unwrap()).collect();
        assert_eq!(names, ["a", "b", "b/c", "b/c/y", "b/x"]);
        assert_eq!(
            found.iter().map(|one| one.bytes).collect::<Vec<_>>(),
            [1, 0, 0, 0, 2]
        );
        assert_eq!(size(root.path()).unwrap(), 3);
        assert_eq!(size(&root.path().join("a")).unwrap(), 1);
    }

    #[test]
    #[cfg(unix)]
    fn a_circle_of_links_ends() {
        let root = folder(&[("a/x", "1")]);
        std::os::unix::fs::symlink(root.path(), root.path().join("a/up")).unwrap();
        assert!(walk(root.path()).unwrap_err().message().contains("levels"));
    }

    #[test]
    #[cfg(unix)]
    fn a_link_to_nothing_is_left_out() {
        let root = folder(&[("x", "1")]);
        std::os::unix::fs::symlink("/no/such/file", root.path().join("y")).unwrap();
        assert_eq!(walk(root.path()).unwrap().len(), 1);
    }

    #[test]
    fn a_listing_is_short() {
        let names: Vec<String> = (10..40).map(|n| format!("f{n}")).collect();
        let files: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();
        let text = listing(folder(&files).path());
        assert!(
            text.starts_with("f10, f11") && text.ends_with("and 18 more"),
            "{text}"
        );
        assert_eq!(listing(folder(&[("1/x", ""), ("b", "")]).path()), "1/, b");
        assert_eq!(listing(folder(&[]).path()), "nothing");
    }
}
