//! From a file that is here to a model in its place: unpacked if it is an archive, else as it is.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use hari_error::{Error, Result};

use crate::archive::{ArchiveLimits, Form, Watch, recognise, unpack};
use crate::tree::walk;
use crate::version::number;

/// The folder in a staging folder that becomes the model.
pub(crate) const CONTENT: &str = "content";

/// A model below a staging folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    /// Relative to the staging folder: the model's folder or file.
    pub(crate) root: PathBuf,
    /// Bytes of its files.
    pub(crate) bytes: u64,
}

/// Makes the model from `file`, which is ours to move, in `staging/content`.
pub(crate) fn settle(
    file: &Path,
    name: &str,
    staging: &Path,
    limits: &ArchiveLimits,
    watch: Watch<'_>,
) -> Result<Placed> {
    if let Some(form) = recognise(file, name)? {
        let placed = expand(file, form, staging, limits, watch)?;
        fs::remove_file(file).map_err(unwritable)?;
        return Ok(placed);
    }
    let root = Path::new(CONTENT).join(name);
    fs::create_dir(staging.join(CONTENT)).map_err(unwritable)?;
    fs::rename(file, staging.join(&root)).map_err(unwritable)?;
    let bytes = fs::metadata(staging.join(&root)).map_err(unwritable)?.len();
    Ok(Placed { root, bytes })
}

/// Unpacks the archive `file` into `staging/content`.
pub(crate) fn expand(
    file: &Path,
    form: Form,
    staging: &Path,
    limits: &ArchiveLimits,
    watch: Watch<'_>,
) -> Result<Placed> {
    let content = staging.join(CONTENT);
    fs::create_dir(&content).map_err(unwritable)?;
    let bytes = unpack(file, form, &content, limits, watch)?;
    let root = match only_folder(&content) {
        Some(name) => Path::new(CONTENT).join(name),
        None => PathBuf::from(CONTENT),
    };
    Ok(Placed { root, bytes })
}

/// The one folder that everything lies in; none if there is more, or if it is a version folder.
pub(crate) fn only_folder(content: &Path) -> Option<PathBuf> {
    let names = fs::read_dir(content)
        .ok()?
        .flatten()
        .map(|item| item.file_name());
    let mut names = names.filter(|name| !is_litter(&name.to_string_lossy()));
    let (name, None) = (names.next()?, names.next()) else {
        return None;
    };
    let folder = content.join(&name).is_dir() && number(&name.to_string_lossy()).is_none();
    folder.then(|| PathBuf::from(name))
}

/// What macOS leaves in archives.
fn is_litter(name: &str) -> bool {
    name == "__MACOSX" || name == ".DS_Store" || name.starts_with("._")
}

/// Copies a file or folder, following links, and syncs it. Devices and pipes are refused.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<u64> {
    let mut bytes = 0;
    if from.is_dir() {
        fs::create_dir(to).map_err(unwritable)?;
    }
    for found in walk(from)? {
        // Joined with an empty path, a file's name would end in a slash.
        let [source, target] = [from, to].map(|root| match found.path.as_os_str().is_empty() {
            true => root.to_owned(),
            false => root.join(&found.path),
        });
        if found.folder {
            fs::create_dir(&target).map_err(unwritable)?;
        } else {
            bytes += copy_file(&source, &target)?;
        }
    }
    Ok(bytes)
}

fn copy_file(from: &Path, to: &Path) -> Result<u64> {
    let name = from.file_name().unwrap_or_default().to_string_lossy();
    if !fs::metadata(from).is_ok_and(|metadata| metadata.is_file()) {
        return Err(Error::invalid(format!(
            "`{name}`: expected a regular file or folder, found a device or pipe"
        )));
    }
    let copied = || -> io::Result<u64> {
        let mut source = fs::File::open(from)?;
        let mut target = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(to)?;
        let bytes = io::copy(&mut source, &mut target)?;
        target.sync_all()?;
        Ok(bytes)
    };
    copied().map_err(|error| unwritable(error).context(format!("`{name}`")))
}

/// Makes what was renamed or written in `folder` last beyond a power cut.
pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    fs::File::open(folder)
        .and_then(|open| open.sync_all())
        .map_err(unwritable)
}

/// A failure of this machine's disk.
pub(crate) fn unwritable(error: io::Error) -> Error {
    Error::internal(format!("the model cannot be stored: {error}")).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::folder;

    #[test]
    fn one_folder_is_entered_unless_it_is_a_version() {
        for (files, expected) in [
            (vec!["mnist/1/saved_model.pb"], Some("mnist")),
            (
                vec!["mnist/x", "__MACOSX/mnist/._x", ".DS_Store"],
                Some("mnist"),
            ),
            (vec!["1/saved_model.pb"], None),
            (vec!["a/x", "b/x"], None),
            (vec!["a/x", "readme"], None),
            (vec!["model.onnx"], None),
        ] {
            let files: Vec<_> = files.into_iter().map(|name| (name, "")).collect();
            let found = only_folder(folder(&files).path());
            assert_eq!(found.as_deref(), expected.map(Path::new), "{files:?}");
        }
    }

    #[test]
    fn a_copy_holds_the_same() {
        let root = folder(&[("m/1/a", "xy"), ("m/b", "z")]);
        let to = root.path().join("copy");
        assert_eq!(copy(&root.path().join("m"), &to).unwrap(), 3);
        assert_eq!(fs::read(to.join("1/a")).unwrap(), b"xy");
        assert_eq!(
            copy(&root.path().join("m/b"), &root.path().join("c")).unwrap(),
            1
        );
        assert_eq!(fs::read(root.path().join("c")).unwrap(), b"z");
        assert!(
            copy(&root.path().join("m/b"), &root.path().join("c")).is_err(),
            "no overwriting"
        );
    }
}
