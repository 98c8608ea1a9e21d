//! Where the library may lie.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use hari_error::{Error, Result};
use hari_settings::{ONNXRUNTIME, ORT_DYLIB};

/// Folders in which libraries are installed.
const FOLDERS: &[&str] = &[
    "/opt/onnxruntime/lib",
    "/usr/local/lib",
    "/usr/lib",
    "/usr/lib64",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/opt/homebrew/lib",
];

/// What the settings say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Configured {
    /// Nothing.
    Unset,
    /// Not to use any.
    No,
    /// To use this one: which setting says so, and the file.
    File(&'static str, PathBuf),
}

/// Hari's own setting wins over the one that other programs read too.
pub(super) fn configured() -> Result<Configured> {
    [ONNXRUNTIME, ORT_DYLIB]
        .into_iter()
        .find_map(|setting| setting.get().map(|value| read(setting.name, &value)))
        .unwrap_or(Ok(Configured::Unset))
}

pub(super) fn read(setting: &'static str, value: &str) -> Result<Configured> {
    if value == "none" {
        return Ok(Configured::No);
    }
    let file = file(Path::new(value)).map_err(|error| error.context(setting))?;
    Ok(Configured::File(setting, file))
}

/// The file itself, or the newest library in the folder.
pub(super) fn file(path: &Path) -> Result<PathBuf> {
    let found = if path.is_dir() {
        newest_in(path).ok_or("the folder holds no ONNX Runtime library")
    } else if path.is_file() {
        Ok(path.to_owned())
    } else {
        Err("there is no such file or folder")
    };
    let shown = || path.display().to_string();
    let found = found.map_err(|why| Error::unavailable(why).with_source(shown()))?;
    found.canonicalize().map_err(|error| {
        Error::unavailable("the ONNX Runtime library cannot be read").with_source(error)
    })
}

/// The library beside this program, or installed.
pub(super) fn installed() -> Option<PathBuf> {
    let program = std::env::current_exe().ok();
    let beside = program.as_deref().and_then(Path::parent);
    let beside = beside.into_iter().flat_map(|folder| {
        let lib = folder.parent().map(|up| up.join("lib"));
        std::iter::once(folder.to_owned()).chain(lib)
    });
    beside
        .chain(FOLDERS.iter().map(PathBuf::from))
        .find_map(|folder| newest_in(&folder))
}

/// The library without a version in its name, which is the one meant, else the newest.
fn newest_in(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?.filter_map(Result::ok);
    let mut found: Vec<_> = entries
        .map(|entry| entry.path())
        .filter_map(|path| Some((version(path.file_name()?)?, path)))
        .filter(|(_, path)| path.is_file())
        .collect();
    found.sort();
    found.pop().map(|(_, path)| path)
}

/// How new a library is by its name; none for another file. No version at all is the newest.
fn version(name: &OsStr) -> Option<Vec<u32>> {
    let name = name.to_str()?;
    let rest = name.strip_prefix("libonnxruntime")?;
    let rest = match rest.strip_suffix(".dylib") {
        Some(version) => version,
        None => rest.strip_prefix(".so")?,
    };
    if rest.is_empty() {
        return Some(vec![u32::MAX]);
    }
    let numbers = rest.strip_prefix('.')?.split('.');
    numbers.map(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(folder.path().join(name), "").unwrap();
        }
        folder
    }

    fn newest(names: &[&str]) -> Option<String> {
        let folder = folder(names);
        let path = newest_in(folder.path())?;
        Some(path.file_name()?.to_str()?.to_owned())
    }

    #[test]
    fn the_newest_version_is_taken_by_number() {
        let names = [
            "libonnxruntime.so.1.9.0",
            "libonnxruntime.so.1.31.0",
            "readme",
        ];
        assert_eq!(newest(&names).unwrap(), "libonnxruntime.so.1.31.0");
    }

    #[test]
    fn a_name_without_version_is_the_one_meant() {
        let names = ["libonnxruntime.so.1.31.0", "libonnxruntime.so"];
        assert_eq!(newest(&names).unwrap(), "libonnxruntime.so");
        let names = ["libonnxruntime.1.31.0.dylib", "libonnxruntime.dylib"];
        assert_eq!(newest(&names).unwrap(), "libonnxruntime.dylib");
    }

    #[test]
    fn its_neighbours_are_not_the_library() {
        let names = [
            "libonnxruntime_providers_shared.so",
            "libonnxruntime.so.old",
            "x.so",
        ];
        assert_eq!(newest(&names), None);
    }

    #[test]
    fn what_is_not_there_is_said_without_its_path() {
        let missing = read("HARI_ONNXRUNTIME", "/nowhere/lib.so").unwrap_err();
        assert_eq!(
            missing.message(),
            "HARI_ONNXRUNTIME: there is no such file or folder"
        );
        let empty = folder(&[]);
        let error = read("HARI_ONNXRUNTIME", empty.path().to_str().unwrap()).unwrap_err();
        assert_eq!(
            error.message(),
            "HARI_ONNXRUNTIME: the folder holds no ONNX Runtime library"
        );
    }

    #[test]
    fn none_switches_it_off() {
        assert_eq!(read("ORT_DYLIB_PATH", "none").unwrap(), Configured::No);
    }
}
