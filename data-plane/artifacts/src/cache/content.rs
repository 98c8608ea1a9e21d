//! The models, each once: by what they hold, whichever source they came from.
//!
//! ```text
//! <cache>/content/lock        held for moments: to put, to take, to remove
//!                /<id>/       a model; never changed once it is here
//!                /<id>.json   its digest, size and fingerprint
//!                /<id>.use    locked by each process that uses it; its time is the last use
//! ```

use std::collections::{HashMap, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use hari_error::Result;
use serde::{Deserialize, Serialize};

use super::{private_folder, remove, write_json};
use crate::digest::Sha256;
use crate::fingerprint::fingerprint;
use crate::place::{Placed, sync_folder, unwritable};
use crate::tree::walk;

/// Models of one source that a process holds: the one that it serves, and the one before, which may
/// still be answering.
const HELD: usize = 2;

/// Models by source: id, and the lock that says that it is used.
type InUse = HashMap<PathBuf, VecDeque<(String, File)>>;

/// What this process uses.
static IN_USE: Mutex<Option<InUse>> = Mutex::new(None);

/// A model in the cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) digest: String,
    /// Relative to the entry's folder: the model's folder or file.
    root: PathBuf,
    /// Bytes of the model's files.
    pub(super) bytes: u64,
    /// Of the folder, when it was put here: a model that was tampered with is fetched again.
    fingerprint: String,
}

/// All models.
pub(super) struct Content {
    folder: PathBuf,
}

impl Content {
    pub(super) fn open(cache: &Path) -> Result<Self> {
        let folder = cache.join("content");
        private_folder(&folder).map_err(unwritable)?;
        Ok(Self { folder })
    }

    fn lock(&self) -> Result<File> {
        File::create(self.folder.join("lock"))
            .and_then(|file| file.lock().map(|()| file))
            .map_err(unwritable)
    }

    /// The model, if it is still as it was put here; held for `source` from now on.
    pub(super) fn get(&self, id: &str, source: &Path) -> Option<Entry> {
        let _lock = self.lock().ok()?;
        let entry = self.intact(id)?;
        self.hold(id, source).ok()?;
        Some(entry)
    }

    /// A model of this digest.
    pub(super) fn find(&self, digest: &Sha256, source: &Path) -> Result<Option<Entry>> {
        let digest = digest.to_string();
        let found = self
            .entries()
            .into_iter()
            .find(|entry| entry.digest == digest);
        Ok(found.and_then(|entry| self.get(&entry.id, source)))
    }

    /// Where the model lies.
    pub(super) fn root(&self, entry: &Entry) -> PathBuf {
        self.folder.join(&entry.id).join(&entry.root)
    }

    /// Moves the model in `staging` here, unless it is here already.
    pub(super) fn put(
        &self,
        staging: &Path,
        placed: &Placed,
        digest: &Sha256,
        source: &Path,
    ) -> Result<Entry> {
        let name = format!("{digest}/{}", placed.root.display());
        let id = Sha256::of(name.as_bytes()).short();
        protect(staging)?;
        let _lock = self.lock()?;
        if let Some(entry) = self.intact(&id) {
            remove(staging).map_err(unwritable)?;
            self.hold(&id, source).map_err(unwritable)?;
            return Ok(entry);
        }
        let folder = self.folder.join(&id);
        // Only a model that was tampered with can be there.
        remove(&folder)
            .and_then(|()| fs::rename(staging, &folder))
            .map_err(unwritable)?;
        let entry = Entry {
            digest: digest.to_string(),
            root: placed.root.clone(),
            bytes: placed.bytes,
            fingerprint: fingerprint(&folder)?,
            id,
        };
        write_json(&self.record(&entry.id), &entry)?;
        self.hold(&entry.id, source).map_err(unwritable)?;
        Ok(entry)
    }

    /// Removes what was not used for the longest time, until `most` bytes are left.
    pub(super) fn evict(&self, most: u64) -> Result<()> {
        let _lock = self.lock()?;
        let mut entries = self.entries();
        let mut total: u64 = entries.iter().map(|entry| entry.bytes).sum();
        entries.sort_by_key(|entry| self.last_use(&entry.id));
        for entry in entries {
            if total <= most {
                break;
            }
            if self.is_free(&entry.id) && self.remove(&entry.id).is_ok() {
                total -= entry.bytes;
                tracing::info!(bytes = entry.bytes, "a model was removed from the cache");
            }
        }
        Ok(())
    }

    /// Of the disk, whatever state they are in.
    fn entries(&self) -> Vec<Entry> {
        let Ok(items) = fs::read_dir(&self.folder) else {
            return Vec::new();
        };
        let paths = items.flatten().map(|item| item.path());
        let records = paths.filter(|path| path.extension().is_some_and(|ending| ending == "json"));
        records
            .filter_map(|path| serde_json::from_slice(&fs::read(path).ok()?).ok())
            .filter(|entry: &Entry| is_id(&entry.id))
            .collect()
    }

    fn intact(&self, id: &str) -> Option<Entry> {
        if !is_id(id) {
            return None;
        }
        let entry: Entry = serde_json::from_slice(&fs::read(self.record(id)).ok()?).ok()?;
        let mut parts = entry.root.components();
        let plain = entry.id == id && parts.all(|part| matches!(part, Component::Normal(_)));
        let folder = self.folder.join(id);
        let same = || fingerprint(&folder).is_ok_and(|now| now == entry.fingerprint);
        (plain && same()).then_some(entry)
    }

    /// Marks the model as used by this process, for this source.
    fn hold(&self, id: &str, source: &Path) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.mark(id))?;
        file.set_modified(SystemTime::now())?;
        file.lock_shared()?;
        let mut all = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
        let held = all
            .get_or_insert_default()
            .entry(source.to_owned())
            .or_default();
        held.retain(|(other, _)| other != id);
        held.push_front((id.to_owned(), file));
        held.truncate(HELD);
        Ok(())
    }

    /// Whether no living process uses it.
    fn is_free(&self, id: &str) -> bool {
        match File::open(self.mark(id)) {
            Ok(file) => file.try_lock().is_ok(),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }

    fn last_use(&self, id: &str) -> SystemTime {
        let time = fs::metadata(self.mark(id)).and_then(|metadata| metadata.modified());
        time.unwrap_or(SystemTime::UNIX_EPOCH)
    }

    fn remove(&self, id: &str) -> io::Result<()> {
        remove(&self.folder.join(id))?;
        fs::remove_file(self.record(id))?;
        match fs::remove_file(self.mark(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn record(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.json"))
    }

    fn mark(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.use"))
    }
}

/// A name that we gave.
fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Takes the right to write from every file, and syncs every folder.
fn protect(folder: &Path) -> Result<()> {
    for found in walk(folder)? {
        let path = folder.join(&found.path);
        if found.folder {
            sync_folder(&path)?;
        } else {
            let mut permissions = fs::metadata(&path).map_err(unwritable)?.permissions();
            permissions.set_readonly(true);
            fs::set_permissions(&path, permissions).map_err(unwritable)?;
        }
    }
    sync_folder(folder)
}

#[cfg(test)]
pub(super) fn let_go(source: &Path) {
    let mut all = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
    all.get_or_insert_default().remove(source);
}
