//! Recordings in a folder: listed, and found by the beginning of an id.

use std::fs;
use std::path::{Path, PathBuf};

use hari_error::{Error, Kind, Result};

use crate::file::{found, in_name, parts};
use crate::recording::Recording;

/// Ids that are named where a beginning fits several.
const NAMED: usize = 5;

/// A folder of recordings.
pub struct Folder(PathBuf);

/// A file of a recording, not read yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The id as the name of the file has it.
    pub id: String,
    path: PathBuf,
}

impl Folder {
    /// The folder that a recorder wrote to.
    pub fn at(folder: impl AsRef<Path>) -> Self {
        Self(folder.as_ref().to_owned())
    }

    /// All recordings, the latest first.
    ///
    /// # Errors
    /// `NotFound` if there is no such folder.
    pub fn entries(&self) -> Result<Vec<Entry>> {
        let files = found(&self.0).map_err(|error| {
            let words = "there is no folder of recordings here: start `hari run` with `--record DIR`, \
                         and name it with `--dir DIR`";
            Error::not_found(words).with_source(error)
        })?;
        let entry = |(path, _): (PathBuf, u64)| {
            let id = parts(&path)?.1.to_owned();
            Some(Entry { id, path })
        };
        Ok(files.into_iter().rev().filter_map(entry).collect())
    }

    /// The recording whose id begins with `start`; the latest of those that share an id.
    ///
    /// # Errors
    /// `NotFound` if there is none, `InvalidInput` if several ids begin so.
    pub fn find(&self, start: &str) -> Result<Recording> {
        let wanted = in_name(start);
        let mut fitting = self.entries()?;
        if fitting.iter().any(|entry| entry.id == wanted) {
            fitting.retain(|entry| entry.id == wanted);
        } else {
            fitting.retain(|entry| entry.id.starts_with(&wanted));
        }
        let first = fitting.first().ok_or_else(|| {
            Error::not_found(format!(
                "no recording of `{start}`: `hari trace` lists the last ones; the request may have \
                 been left out by `--record-sample`, or removed since"
            ))
        })?;
        let mut ids: Vec<&str> = fitting.iter().map(|entry| &*entry.id).collect();
        ids.dedup();
        ids.truncate(NAMED);
        if ids.iter().any(|id| *id != first.id) {
            let ids = ids.join(", ");
            let words = format!("several ids begin with `{start}`: {ids}; give more of it");
            return Err(Error::invalid(words));
        }
        first.read()
    }
}

impl Entry {
    /// Reads the file.
    ///
    /// # Errors
    /// `NotFound` if it is gone, `InvalidInput` if it is no recording.
    pub fn read(&self) -> Result<Recording> {
        let bytes = fs::read(&self.path).map_err(|error| {
            let words = format!("the recording of `{}` cannot be read", self.id);
            Error::new(Kind::NotFound, words).with_source(error)
        })?;
        serde_json::from_slice(&bytes).map_err(|error| {
            let words = format!("the file of `{}` is no recording: {error}", self.id);
            Error::invalid(words)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;
    use crate::file::Files;

    fn folder(ids: &[&str]) -> (tempfile::TempDir, Folder) {
        let root = tempfile::tempdir().unwrap();
        let mut files = Files::open(&Options::new(root.path())).unwrap();
        for (second, id) in ids.iter().enumerate() {
            let recording = Recording {
                id: (*id).to_owned(),
                time: format!("2026-11-22T23:01:{second:02}.000000Z"),
                took: second as u64,
                ..Recording::default()
            };
            files.write(&recording).unwrap();
        }
        let folder = Folder::at(root.path());
        (root, folder)
    }

    #[test]
    fn a_beginning_is_enough_if_it_is_ones_alone() {
        let (_root, folder) = folder(&["abc", "abd", "x", "ab", "x"]);
        let ids: Vec<_> = folder
            .entries()
            .unwrap()
            .into_iter()
            .map(|one| one.id)
            .collect();
        assert_eq!(ids, ["x", "ab", "x", "abd", "abc"]);
        assert_eq!(folder.find("abc").unwrap().id, "abc");
        assert_eq!(folder.find("ab").unwrap().id, "ab");
        assert_eq!(folder.find("x").unwrap().took, 4);
        let error = folder.find("a").unwrap_err();
        assert!(error.message().contains("ab, abd, abc"), "{error}");
        let error = folder.find("z").unwrap_err();
        assert_eq!(error.kind(), Kind::NotFound);
        assert!(error.message().contains("no recording of `z`"), "{error}");
    }

    #[test]
    fn what_is_not_there_and_what_is_no_recording_is_said() {
        let error = Folder::at("/nowhere/at/all").entries().unwrap_err();
        assert!(error.message().contains("--record DIR"), "{error}");
        let (root, folder) = folder(&[]);
        fs::write(root.path().join("1-a.recording.json"), "{}").unwrap();
        let error = folder.find("a").unwrap_err();
        assert!(error.message().contains("is no recording"), "{error}");
    }
}
