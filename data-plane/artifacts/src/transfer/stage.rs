//! Where objects come together: their files, and a journal of what is here, so that a fetch that
//! was cut short goes on.
//!
//! A line is written once the bytes that it speaks of are on the disk. What does not fit the
//! store's listing any more is left out of account.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use hari_error::Result;
use serde::{Deserialize, Serialize};

use crate::bucket::Object;
use crate::digest::Sha256;
use crate::place::{CONTENT, unwritable};

const JOURNAL: &str = "journal";
/// An object that was named itself, until it is known whether it is an archive.
pub(crate) const PART: &str = "download";

/// A line of the journal.
#[derive(Serialize, Deserialize)]
struct Line {
    /// The object's name in the store.
    key: String,
    /// Its version, as the listing told.
    tag: String,
    event: Event,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Event {
    /// These bytes are here: from, to.
    Piece(u64, u64),
    /// The whole is here and hashes to this.
    Checked(String),
    /// What was here is worth nothing.
    Forgotten,
}

#[derive(Default)]
struct Known {
    pieces: HashSet<(u64, u64)>,
    checked: Option<Sha256>,
}

/// A staging folder that a fetch may find again.
pub(crate) struct Stage {
    folder: PathBuf,
    single: bool,
    state: Mutex<State>,
}

struct State {
    journal: File,
    /// By key and tag.
    known: HashMap<(String, String), Known>,
}

impl Stage {
    /// Opens the folder, which is there. `single`: the one object is a file of its own, not one in
    /// the model's folder.
    pub(crate) fn open(folder: &Path, single: bool) -> Result<Self> {
        let path = folder.join(JOURNAL);
        let known = read(&path);
        let journal = OpenOptions::new().append(true).create(true).open(path);
        Ok(Self {
            folder: folder.to_owned(),
            single,
            state: Mutex::new(State {
                journal: journal.map_err(unwritable)?,
                known,
            }),
        })
    }

    /// The file of an object.
    fn path(&self, object: &Object) -> PathBuf {
        match self.single {
            true => self.folder.join(PART),
            false => object.name.below(&self.folder.join(CONTENT)),
        }
    }

    /// The file of an object, of its length, with the folders that it lies in.
    pub(super) fn make(&self, object: &Object) -> Result<PathBuf> {
        let path = self.path(object);
        let make = || -> io::Result<()> {
            if let Some(above) = path.parent() {
                fs::create_dir_all(above)?;
            }
            let file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)?;
            file.set_len(object.bytes)
        };
        make().map_err(unwritable)?;
        Ok(path)
    }

    /// The digest of an object that an earlier fetch brought whole.
    pub(super) fn whole(&self, object: &Object) -> Option<Sha256> {
        let length = fs::metadata(self.path(object)).ok()?.len();
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let known = state.known.get(&key(object))?;
        known.checked.filter(|_| length == object.bytes)
    }

    /// Whether a piece is here.
    pub(super) fn has(&self, object: &Object, range: &Range<u64>) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let known = state.known.get(&key(object));
        known.is_some_and(|known| known.pieces.contains(&(range.start, range.end)))
    }

    /// A piece is here, and synced.
    pub(super) fn add(
        &self,
        object: &Object,
        range: &Range<u64>,
    ) -> Result<(), crate::fault::Fault> {
        Ok(self.write(object, Event::Piece(range.start, range.end))?)
    }

    /// The object is whole.
    pub(super) fn checked(&self, object: &Object, sha256: &Sha256) -> Result<()> {
        self.write(object, Event::Checked(sha256.to_string()))
    }

    /// What is here of the object is worth nothing.
    pub(super) fn forget(&self, object: &Object) -> Result<()> {
        self.write(object, Event::Forgotten)
    }

    fn write(&self, object: &Object, event: Event) -> Result<()> {
        let (key, tag) = key(object);
        let line = Line { key, tag, event };
        let mut text = serde_json::to_vec(&line)
            .map_err(io::Error::other)
            .map_err(unwritable)?;
        text.push(b'\n');
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.journal.write_all(&text).map_err(unwritable)?;
        apply(&mut state.known, line);
        Ok(())
    }

    /// Takes away all but the files of these objects: an earlier fetch may have brought others.
    pub(crate) fn tidy(&self, objects: &[Object]) -> Result<()> {
        let kept: HashSet<PathBuf> = objects.iter().map(|object| self.path(object)).collect();
        let content = self.folder.join(CONTENT);
        if content.is_dir() {
            for found in crate::tree::walk(&content)?.iter().rev() {
                let path = content.join(&found.path);
                match found.folder {
                    // One that is not empty stays.
                    true => drop(fs::remove_dir(&path)),
                    false if kept.contains(&path) => {}
                    false => fs::remove_file(&path).map_err(unwritable)?,
                }
            }
        }
        Ok(())
    }

    /// Ends the journal: what is here becomes a model.
    pub(crate) fn close(self) -> Result<()> {
        fs::remove_file(self.folder.join(JOURNAL)).map_err(unwritable)
    }
}

fn key(object: &Object) -> (String, String) {
    (object.key.clone(), object.tag.clone())
}

/// What an earlier fetch wrote, up to the first line that is damaged.
fn read(path: &Path) -> HashMap<(String, String), Known> {
    let mut known = HashMap::new();
    let Ok(file) = File::open(path) else {
        return known;
    };
    for line in BufReader::new(file).lines() {
        let Some(line) = line.ok().and_then(|text| serde_json::from_str(&text).ok()) else {
            break;
        };
        apply(&mut known, line);
    }
    known
}

fn apply(all: &mut HashMap<(String, String), Known>, line: Line) {
    let known = all.entry((line.key, line.tag)).or_default();
    match line.event {
        Event::Piece(from, to) => drop(known.pieces.insert((from, to))),
        Event::Checked(digest) => known.checked = digest.parse().ok(),
        Event::Forgotten => *known = Known::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::EntryName;
    use crate::testing::folder;

    fn object(name: &str, tag: &str, bytes: u64) -> Object {
        Object {
            name: EntryName::of_object(name).unwrap(),
            key: format!("m/{name}"),
            bytes,
            tag: tag.to_owned(),
        }
    }

    #[test]
    fn what_was_brought_is_known_again_unless_it_changed() {
        let root = folder(&[]);
        let (whole, half) = (object("a/x", "1", 3), object("b", "1", 20));
        let digest = Sha256::of(b"abc");
        let stage = Stage::open(root.path(), false).unwrap();
        fs::write(stage.make(&whole).unwrap(), "abc").unwrap();
        stage.checked(&whole, &digest).unwrap();
        stage.make(&half).unwrap();
        stage.add(&half, &(0..8)).unwrap();
        let again = Stage::open(root.path(), false).unwrap();
        assert_eq!(again.whole(&whole), Some(digest));
        assert_eq!(again.whole(&object("a/x", "2", 3)), None);
        assert!(again.has(&half, &(0..8)) && !again.has(&half, &(8..16)));
        assert!(!again.has(&object("b", "2", 20), &(0..8)));
        again.forget(&half).unwrap();
        assert!(!Stage::open(root.path(), false).unwrap().has(&half, &(0..8)));
        fs::remove_file(root.path().join("content/a/x")).unwrap();
        assert_eq!(again.whole(&whole), None);
    }

    #[test]
    fn a_damaged_line_ends_the_journal() {
        let root = folder(&[]);
        let one = object("x", "1", 8);
        let stage = Stage::open(root.path(), true).unwrap();
        stage.add(&one, &(0..4)).unwrap();
        let journal = root.path().join(JOURNAL);
        let text = fs::read_to_string(&journal).unwrap();
        fs::write(&journal, format!("{text}{{\"key\": \"m/x\", \"ta\n{text}")).unwrap();
        assert!(Stage::open(root.path(), true).unwrap().has(&one, &(0..4)));
        fs::write(&journal, format!("nonsense\n{text}")).unwrap();
        assert!(!Stage::open(root.path(), true).unwrap().has(&one, &(0..4)));
    }

    #[test]
    fn files_that_are_no_longer_wanted_go() {
        let root = folder(&[
            ("content/a/x", "1"),
            ("content/old/y", "2"),
            ("content/z", "3"),
        ]);
        let stage = Stage::open(root.path(), false).unwrap();
        stage.tidy(&[object("a/x", "1", 1)]).unwrap();
        let left = crate::tree::walk(&root.path().join("content")).unwrap();
        let left: Vec<_> = left
            .iter()
            .map(|found| found.path.to_str().unwrap())
            .collect();
        assert_eq!(left, ["a", "a/x"]);
    }
}
