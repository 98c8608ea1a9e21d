//! Files of recordings: named by time and id, for their owner alone, the oldest removed.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use hari_error::{Error, Result};

use crate::Options;
use crate::recording::Recording;
use crate::time::compact;

/// How the names of recordings end.
const ENDING: &str = ".recording.json";
/// Characters of an id in a name.
const ID: usize = 100;

/// The files of a folder, oldest first.
pub(crate) struct Files {
    folder: PathBuf,
    most: u64,
    files: VecDeque<(PathBuf, u64)>,
    total: u64,
}

impl Files {
    pub(crate) fn open(options: &Options) -> Result<Self> {
        let folder = options.folder.clone();
        let mut builder = DirBuilder::new();
        let made = builder.recursive(true).mode(0o700).create(&folder);
        let found = made.and_then(|()| found(&folder)).map_err(|error| {
            let words = "the folder for recordings cannot be made or read: choose another";
            Error::invalid(words).with_source(error)
        })?;
        let files: VecDeque<_> = found.into();
        let total = files.iter().map(|(_, bytes)| bytes).sum();
        let mut files = Self {
            folder,
            most: options.max_bytes,
            files,
            total,
        };
        files.make_room();
        Ok(files)
    }

    pub(crate) fn write(&mut self, recording: &Recording) -> io::Result<()> {
        let bytes = serde_json::to_vec(recording)?;
        let path = self.folder.join(name(recording));
        let partial = path.with_extension("partial");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&partial)?;
        file.write_all(&bytes)?;
        drop(file);
        fs::rename(&partial, &path)?;
        self.total += bytes.len() as u64;
        self.files.push_back((path, bytes.len() as u64));
        self.make_room();
        Ok(())
    }

    fn make_room(&mut self) {
        while self.total > self.most
            && let Some((oldest, bytes)) = self.files.pop_front()
        {
            self.total -= bytes;
            if let Err(error) = fs::remove_file(&oldest) {
                tracing::debug!(%error, "an old recording could not be removed");
            }
        }
    }
}

/// All recordings in a folder with their sizes, oldest first.
pub(crate) fn found(folder: &Path) -> io::Result<Vec<(PathBuf, u64)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_str().is_some_and(|name| name.ends_with(ENDING)) {
            found.push((entry.path(), entry.metadata()?.len()));
        }
    }
    found.sort();
    Ok(found)
}

/// `20261122T230102.123456Z-ID.recording.json`
fn name(recording: &Recording) -> String {
    let time = compact(&recording.time);
    format!("{time}-{}{ENDING}", in_name(&recording.id))
}

/// The id as far as a name holds it: another character is a `_`.
pub(crate) fn in_name(id: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    id.chars()
        .take(ID)
        .map(|c| if safe(c) { c } else { '_' })
        .collect()
}

/// Time and id in the name of a file.
pub(crate) fn parts(path: &Path) -> Option<(&str, &str)> {
    let name = path.file_name()?.to_str()?.strip_suffix(ENDING)?;
    name.split_once('-')
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn recording(id: &str, second: u32) -> Recording {
        Recording {
            id: id.to_owned(),
            time: format!("2026-11-22T23:01:{second:02}.000000Z"),
            ..Recording::default()
        }
    }

    #[test]
    fn files_and_folder_are_their_owners_alone() {
        let root = tempfile::tempdir().unwrap();
        let options = Options::new(root.path().join("a/b"));
        let mut files = Files::open(&options).unwrap();
        files.write(&recording("../../etc/id ü", 1)).unwrap();
        let found = found(&options.folder).unwrap();
        let (path, _) = &found[0];
        let name = path.file_name().unwrap().to_str().unwrap();
        assert_eq!(
            name,
            "20261122T230101.000000Z-.._.._etc_id__.recording.json"
        );
        assert_eq!(parts(path).unwrap().1, ".._.._etc_id__");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(path), mode(&options.folder)), (0o600, 0o700));
    }

    #[test]
    fn the_oldest_go_beyond_the_cap_those_of_earlier_too() {
        let root = tempfile::tempdir().unwrap();
        let one = serde_json::to_vec(&recording("a", 1)).unwrap().len() as u64;
        let options = Options {
            max_bytes: 3 * one,
            ..Options::new(root.path())
        };
        fs::write(root.path().join("mine.json"), "not a recording").unwrap();
        let names = || -> Vec<String> {
            let found = found(root.path()).unwrap();
            found
                .iter()
                .map(|(path, _)| parts(path).unwrap().1.to_owned())
                .collect()
        };
        let mut files = Files::open(&options).unwrap();
        for (at, id) in ["a", "b", "c", "d"].iter().enumerate() {
            files.write(&recording(id, at as u32)).unwrap();
        }
        assert_eq!(names(), ["b", "c", "d"]);
        let mut files = Files::open(&options).unwrap();
        files.write(&recording("e", 9)).unwrap();
        assert_eq!(names(), ["c", "d", "e"]);
        assert!(root.path().join("mine.json").exists());
        let fewer = Options {
            max_bytes: one,
            ..options
        };
        drop(Files::open(&fewer).unwrap());
        assert_eq!(names(), ["e"]);
    }

    #[test]
    fn a_folder_that_is_a_file_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Files::open(&Options::new(file.path())).err().unwrap();
        assert!(
            error.message().contains("the folder for recordings"),
            "{error}"
        );
    }
}
