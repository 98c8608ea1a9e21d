//! The cache: for each source a folder with its newest model, and the one before it.
//!
//! ```text
//! <cache>/models/<source>/lock           held while the source is fetched
//!                        /current.json   what is newest: validators, digest, place
//!                        /staging/       the fetch that is under way, or died
//!                        /<digest>/      a model; never changed once it is here
//! ```

#[cfg(test)]
mod tests;

use std::fs::{self, DirBuilder, File};
use std::io;
use std::path::{Component, Path, PathBuf};

use hari_error::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::digest::Sha256;
use crate::fetch::Artifact;
use crate::fingerprint::fingerprint;
use crate::place::{Placed, sync_folder, unwritable};
use crate::tree::{modified, walk};

const CURRENT: &str = "current.json";
const STAGING: &str = "staging";
const LOCK: &str = "lock";
/// Models kept of one source: the newest, and the one that a process may still be reading.
const KEPT: usize = 2;

/// How to ask whether a source changed: HTTP's validators, or size and time of a local file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Validators {
    pub(crate) etag: Option<String>,
    pub(crate) last_modified: Option<String>,
}

/// A model in the cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) validators: Validators,
    /// SHA-256 of the file that was fetched.
    pub(crate) digest: String,
    /// Relative to the source's folder: the model's folder or file.
    root: PathBuf,
    /// Bytes of the model's files.
    bytes: u64,
    /// Of the entry, when it was put here: a model that was tampered with is fetched again.
    fingerprint: String,
}

/// The folder of one source, locked against every other fetch of it.
pub(crate) struct Shelf {
    folder: PathBuf,
    _lock: File,
}

impl Shelf {
    /// Opens the folder of the source named `key`. Waits while another fetch of it runs, in this
    /// process or another.
    ///
    /// # Errors
    /// `Internal` if the cache is not known or cannot be written.
    pub(crate) fn open(cache: &Path, key: &str) -> Result<Self> {
        if cache.as_os_str().is_empty() {
            return Err(Error::internal(
                "no folder is known to keep models in: set HARI_CACHE_DIR or HOME",
            ));
        }
        let models = cache.join("models");
        let folder = models.join(Sha256::of(key.as_bytes()).short());
        let lock = private_folder(&folder)
            .and_then(|()| File::create(folder.join(LOCK)))
            .and_then(|file| file.lock().map(|()| file))
            .map_err(unwritable)?;
        Ok(Self {
            folder,
            _lock: lock,
        })
    }

    /// The newest model, if it is still as it was put here.
    pub(crate) fn current(&self) -> Option<Record> {
        let text = fs::read(self.folder.join(CURRENT)).ok()?;
        let record: Record = serde_json::from_slice(&text).ok()?;
        let plain = record
            .root
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        let entry = self.folder.join(record.entry()?);
        let intact = fingerprint(&entry).is_ok_and(|now| now == record.fingerprint);
        (plain && intact).then_some(record)
    }

    /// A record's model, for the caller.
    pub(crate) fn artifact(&self, record: &Record, reused: bool) -> Artifact {
        let digest = Some(record.digest.clone());
        Artifact {
            root: self.root(record),
            digest,
            bytes: record.bytes,
            reused,
        }
    }

    /// Where a record's model lies.
    fn root(&self, record: &Record) -> PathBuf {
        self.folder.join(&record.root)
    }

    /// An empty folder to fetch into. What a fetch that died left is removed.
    pub(crate) fn staging(&self) -> Result<PathBuf> {
        let staging = self.folder.join(STAGING);
        remove(&staging)
            .and_then(|()| fs::create_dir(&staging))
            .map_err(unwritable)?;
        Ok(staging)
    }

    /// Moves the model in the staging folder to its place and makes it the newest.
    pub(crate) fn publish(
        &self,
        placed: &Placed,
        digest: &Sha256,
        validators: Validators,
    ) -> Result<Record> {
        let staging = self.folder.join(STAGING);
        protect(&staging)?;
        let name = digest.short();
        let entry = self.folder.join(&name);
        // Only a model that was tampered with, or is no longer the newest, can be there.
        remove(&entry)
            .and_then(|()| fs::rename(&staging, &entry))
            .map_err(unwritable)?;
        let record = Record {
            validators,
            digest: digest.to_string(),
            root: Path::new(&name).join(&placed.root),
            bytes: placed.bytes,
            fingerprint: fingerprint(&entry)?,
        };
        self.write_current(&record)?;
        self.prune(&name);
        Ok(record)
    }

    /// Gives the newest model new validators: the source says that it is the same.
    pub(crate) fn renew(&self, record: &Record, validators: Validators) -> Result<Record> {
        let record = Record {
            validators,
            ..record.clone()
        };
        self.write_current(&record)?;
        Ok(record)
    }

    fn write_current(&self, record: &Record) -> Result<()> {
        let text = serde_json::to_vec(record)
            .map_err(|error| Error::internal("a cache record").with_source(error))?;
        let draft = self.folder.join("current.json.new");
        let write = || -> io::Result<()> {
            fs::write(&draft, &text)?;
            File::open(&draft)?.sync_all()?;
            fs::rename(&draft, self.folder.join(CURRENT))
        };
        write().map_err(unwritable)?;
        sync_folder(&self.folder)
    }

    /// Removes the oldest models. That one cannot be removed does not harm the fetch.
    fn prune(&self, newest: &str) {
        let Ok(items) = fs::read_dir(&self.folder) else {
            return;
        };
        let models = items.flatten().filter_map(|item| {
            let metadata = item.metadata().ok().filter(fs::Metadata::is_dir)?;
            let other = item.file_name() != newest && item.file_name() != STAGING;
            other.then(|| (modified(&metadata), item.path()))
        });
        let mut others: Vec<_> = models.collect();
        others.sort_by(|left, right| right.cmp(left));
        for (_, path) in others.into_iter().skip(KEPT - 1) {
            if let Err(error) = remove(&path) {
                tracing::warn!(%error, "an old model in the cache cannot be removed");
            }
        }
    }
}

impl Record {
    /// The name of the folder that holds the model.
    fn entry(&self) -> Option<&Path> {
        self.root
            .components()
            .next()
            .map(|part| Path::new(part.as_os_str()))
    }
}

/// Makes a folder, and those above it, that only this user may enter.
fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
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

/// Removes a folder, if it is there.
pub(crate) fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
