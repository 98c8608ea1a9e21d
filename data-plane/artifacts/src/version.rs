//! Version folders: `1/`, `2/`, ... in a model's folder; the highest wins unless another is wanted.

use std::cmp::Reverse;
use std::fs;
use std::path::{Path, PathBuf};

use hari_error::{Error, Result};

use crate::tree::listing;

/// A folder whose name is only digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The name as a number.
    pub number: u64,
    /// The folder.
    pub path: PathBuf,
}

/// The model that was found in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picked {
    /// The folder that holds the marker; the file itself, if a file was given.
    pub path: PathBuf,
    /// The marker: `saved_model.pb`, or the `.onnx` file.
    pub file: PathBuf,
    /// The version folder that it is in, if it is in one.
    pub version: Option<u64>,
    /// Every version that holds a model, newest first.
    pub all: Vec<u64>,
}

/// The version folders in `root`, newest first. Of `1` and `01` the shorter name counts.
///
/// # Errors
/// If `root` cannot be read.
pub fn versions(root: &Path) -> Result<Vec<Version>> {
    let items = fs::read_dir(root).map_err(|error| {
        Error::not_found("the model folder cannot be listed").with_source(error)
    })?;
    let mut versions: Vec<_> = items
        .flatten()
        .filter_map(|item| version(item.path()))
        .collect();
    versions.sort_by_key(|one| (Reverse(one.number), one.path.as_os_str().len()));
    versions.dedup_by_key(|one| one.number);
    Ok(versions)
}

fn version(path: PathBuf) -> Option<Version> {
    let number = number(path.file_name()?.to_str()?)?;
    path.is_dir().then_some(Version { number, path })
}

/// The number that a version folder's name is; none for another name.
pub(crate) fn number(name: &str) -> Option<u64> {
    name.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| name.parse().ok())?
}

/// Finds the model in `root`: `root` itself if it holds a marker, else the highest version folder
/// that holds one, or the `wanted` one.
///
/// A marker is a file's name, `saved_model.pb`, or `*.` with an extension, `*.onnx`, which has to
/// fit exactly one file; markers are tried in turn. If `root` is a file, it has to fit a marker.
///
/// # Errors
/// `NotFound` if there is no such model or version, with what is there; `InvalidInput` if more than
/// one file fits.
pub fn pick(root: &Path, markers: &[&str], wanted: Option<u64>) -> Result<Picked> {
    if root.is_file() {
        return single(root, markers, wanted);
    }
    let direct = marked(root, markers)?;
    let mut models = Vec::new();
    for version in versions(root)? {
        if let Some(file) = marked(&version.path, markers)? {
            models.push((version, file));
        }
    }
    let all: Vec<u64> = models.iter().map(|(version, _)| version.number).collect();
    if let (Some(file), None) = (direct, wanted) {
        return Ok(Picked {
            path: root.to_owned(),
            file,
            version: None,
            all,
        });
    }
    let fits = |number: u64| wanted.is_none_or(|wanted| wanted == number);
    match models.into_iter().find(|(version, _)| fits(version.number)) {
        Some((Version { number, path }, file)) => Ok(Picked {
            path,
            file,
            version: Some(number),
            all,
        }),
        None => Err(missing(root, markers, wanted, &all)),
    }
}

fn single(root: &Path, markers: &[&str], wanted: Option<u64>) -> Result<Picked> {
    let name = root.file_name().unwrap_or_default().to_string_lossy();
    if wanted.is_some() || !markers.iter().any(|marker| fits(marker, &name)) {
        return Err(Error::not_found(format!(
            "the model is the file `{name}`: expected {}{}",
            markers.join(" or "),
            wanted
                .map(|wanted| format!(" in a folder `{wanted}`"))
                .unwrap_or_default()
        )));
    }
    let file = root.to_owned();
    Ok(Picked {
        path: file.clone(),
        file,
        version: None,
        all: Vec::new(),
    })
}

/// Whether a file of this name fits the marker.
pub(crate) fn fits(marker: &str, name: &str) -> bool {
    match marker.strip_prefix('*') {
        Some(ending) => name.len() > ending.len() && name.ends_with(ending),
        None => name == marker,
    }
}

/// The file in `folder` that fits the first marker that any file fits.
pub(crate) fn marked(folder: &Path, markers: &[&str]) -> Result<Option<PathBuf>> {
    for marker in markers {
        match fitting(folder, marker).as_slice() {
            [] => {}
            [file] => return Ok(Some(file.clone())),
            _ => {
                return Err(Error::invalid(format!(
                    "the model folder: expected one file `{marker}`, found {}",
                    listing(folder)
                )));
            }
        }
    }
    Ok(None)
}

fn fitting(folder: &Path, marker: &str) -> Vec<PathBuf> {
    let Ok(items) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = items.flatten().map(|item| item.path());
    let fits = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| fits(marker, name)) && path.is_file()
    };
    paths.filter(fits).collect()
}

fn missing(root: &Path, markers: &[&str], wanted: Option<u64>, all: &[u64]) -> Error {
    let markers = markers.join(" or ");
    match wanted {
        Some(wanted) if !all.is_empty() => {
            let all: Vec<_> = all.iter().map(ToString::to_string).collect();
            Error::not_found(format!(
                "the model has no version {wanted} with {markers}; it has {}",
                all.join(", ")
            ))
        }
        _ => Error::not_found(format!(
            "expected {markers} in the model folder, or in a folder below it whose name is a \
             version number; found {}",
            listing(root)
        )),
    }
}

#[cfg(test)]
mod tests {
    use hari_error::Kind;

    use super::*;
    use crate::testing::folder;

    const SAVED: &[&str] = &["saved_model.pb"];
    const ONNX: &[&str] = &["model.onnx", "*.onnx"];

    #[test]
    fn only_folders_named_by_digits_are_versions() {
        let root = folder(&[
            ("1/x", ""),
            ("10/x", ""),
            ("9/x", ""),
            ("09/x", ""),
            ("v2/x", ""),
            ("-3/x", ""),
            ("+4/x", ""),
            ("99999999999999999999999/x", ""),
            ("7", "a file"),
        ]);
        let found = versions(root.path()).unwrap();
        assert_eq!(
            found.iter().map(|one| one.number).collect::<Vec<_>>(),
            [10, 9, 1]
        );
        assert_eq!(found[1].path, root.path().join("9"));
        assert!(versions(&root.path().join("none")).is_err());
    }

    #[test]
    fn the_highest_version_with_a_model_wins() {
        let root = folder(&[
            ("1/saved_model.pb", ""),
            ("2/saved_model.pb", ""),
            ("3/other", ""),
        ]);
        let picked = pick(root.path(), SAVED, None).unwrap();
        assert_eq!(picked.version, Some(2));
        assert_eq!(picked.path, root.path().join("2"));
        assert_eq!(picked.file, root.path().join("2/saved_model.pb"));
        assert_eq!(picked.all, [2, 1]);
        assert_eq!(pick(root.path(), SAVED, Some(1)).unwrap().version, Some(1));
        let error = pick(root.path(), SAVED, Some(3)).unwrap_err();
        assert_eq!(error.kind(), Kind::NotFound);
        assert!(error.message().contains("no version 3") && error.message().contains("2, 1"));
    }

    #[test]
    fn a_marker_in_the_root_wins() {
        let root = folder(&[("saved_model.pb", ""), ("1/saved_model.pb", "")]);
        let picked = pick(root.path(), SAVED, None).unwrap();
        assert_eq!((picked.version, picked.path.as_path()), (None, root.path()));
        assert_eq!(picked.all, [1]);
        assert_eq!(pick(root.path(), SAVED, Some(1)).unwrap().version, Some(1));
    }

    #[test]
    fn markers_are_tried_in_turn() {
        let root = folder(&[("a.onnx", ""), ("model.onnx", ""), (".onnx", "")]);
        assert_eq!(
            pick(root.path(), ONNX, None).unwrap().file,
            root.path().join("model.onnx")
        );
        let root = folder(&[("1/net.onnx", "")]);
        assert_eq!(
            pick(root.path(), ONNX, None).unwrap().file,
            root.path().join("1/net.onnx")
        );
        let root = folder(&[("a.onnx", ""), ("b.onnx", "")]);
        let error = pick(root.path(), ONNX, None).unwrap_err();
        assert!(error.message().contains("a.onnx, b.onnx"), "{error}");
    }

    #[test]
    fn a_file_is_picked_as_it_is() {
        let root = folder(&[("net.onnx", ""), ("x.txt", "")]);
        let file = root.path().join("net.onnx");
        let picked = pick(&file, ONNX, None).unwrap();
        assert_eq!(
            (&picked.path, &picked.file, picked.version),
            (&file, &file, None)
        );
        assert!(pick(&file, ONNX, Some(1)).is_err());
        let error = pick(&root.path().join("x.txt"), ONNX, None).unwrap_err();
        assert!(error.message().contains("x.txt") && error.message().contains("model.onnx"));
    }

    #[test]
    fn what_is_there_is_listed() {
        let root = folder(&[("model.joblib", ""), ("sub/x", "")]);
        let error = pick(root.path(), SAVED, None).unwrap_err();
        assert!(
            error.message().contains("found model.joblib, sub/"),
            "{error}"
        );
        assert!(pick(&root.path().join("none"), SAVED, None).is_err());
    }
}
