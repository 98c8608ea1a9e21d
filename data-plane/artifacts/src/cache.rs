//! The cache: for each source what is newest of it, and all models once, by digest.
//!
//! ```text
//! <cache>/models/<source>/lock           held while the source is fetched
//!                        /current.json   what is newest: validators, digest, place
//!                        /staging/       the fetch that is under way, or was cut short
//!        /content/...                    the models, see [`content`]
//! ```

mod content;
#[cfg(test)]
mod tests;

use std::fs::{self, DirBuilder, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use hari_error::{Error, Result};
use serde::{Deserialize, Serialize};

use self::content::{Content, Entry};
use crate::digest::Sha256;
use crate::fetch::{Artifact, blocking};
use crate::place::{Placed, sync_folder, unwritable};

const CURRENT: &str = "current.json";
const STAGING: &str = "staging";
const LOCK: &str = "lock";
/// What a fetch that was cut short left is kept so long.
const STALE: Duration = Duration::from_secs(7 * 24 * 3600);

/// How to ask whether a source changed: HTTP's validators, size and time of a local file, or a
/// digest of a store's listing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Validators {
    pub(crate) etag: Option<String>,
    pub(crate) last_modified: Option<String>,
}

/// The newest model of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) validators: Validators,
    /// SHA-256 of the file or folder that was fetched.
    pub(crate) digest: String,
    /// The model among all.
    id: String,
}

/// What the cache has of a source.
pub(crate) enum Found {
    /// The model with the digest that is asked for: there is nothing to fetch.
    Wanted(Artifact),
    /// The source's folder and its newest model, which the source may have left behind.
    Known(Shelf, Option<Record>),
}

/// Finds the source named `key` in `cache`; `wanted` is the digest that its model has to have.
/// Waits as [`Shelf::open`] does.
///
/// # Errors
/// `Internal` if the cache is not known or cannot be written.
pub(crate) async fn find(cache: &Path, key: String, wanted: Option<Sha256>) -> Result<Found> {
    let cache = cache.to_owned();
    blocking(move || {
        let shelf = Shelf::open(&cache, &key)?;
        let Some(digest) = wanted else {
            let known = shelf.current();
            return Ok(Found::Known(shelf, known));
        };
        match shelf.adopt(&digest)? {
            Some(record) => shelf.artifact(&record, true).map(Found::Wanted),
            None => Ok(Found::Known(shelf, None)),
        }
    })
    .await
}

/// The folder of one source, locked against every other fetch of it.
pub(crate) struct Shelf {
    folder: PathBuf,
    content: Content,
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
        let folder = shelves(cache).join(Sha256::of(key.as_bytes()).short());
        let lock = private_folder(&folder)
            .and_then(|()| File::create(folder.join(LOCK)))
            .and_then(|file| file.lock().map(|()| file))
            .map_err(unwritable)?;
        Ok(Self {
            content: Content::open(cache)?,
            folder,
            _lock: lock,
        })
    }

    /// The newest model, if it is still as it was put here.
    pub(crate) fn current(&self) -> Option<Record> {
        let text = fs::read(self.folder.join(CURRENT)).ok()?;
        let record: Record = serde_json::from_slice(&text).ok()?;
        let entry = self.content.get(&record.id, &self.folder)?;
        (entry.digest == record.digest).then_some(record)
    }

    /// A model of this digest, of whatever source; it is the newest of this one from now on.
    pub(crate) fn adopt(&self, digest: &Sha256) -> Result<Option<Record>> {
        let Some(entry) = self.content.find(digest, &self.folder)? else {
            return Ok(None);
        };
        self.keep(&entry, Validators::default()).map(Some)
    }

    /// A record's model, for the caller. It is not removed while this process serves it.
    ///
    /// # Errors
    /// `Internal` if it was taken away meanwhile.
    pub(crate) fn artifact(&self, record: &Record, reused: bool) -> Result<Artifact> {
        let entry = self.content.get(&record.id, &self.folder).ok_or_else(|| {
            Error::internal("the model was taken out of the cache while it was fetched")
        })?;
        Ok(Artifact {
            root: self.content.root(&entry),
            digest: Some(record.digest.clone()),
            bytes: entry.bytes,
            reused,
        })
    }

    /// An empty folder to fetch into. What a fetch that died left is removed.
    pub(crate) fn staging(&self) -> Result<PathBuf> {
        remove(&self.folder.join(STAGING)).map_err(unwritable)?;
        self.staging_again()
    }

    /// The folder to fetch into, as an earlier fetch left it.
    pub(crate) fn staging_again(&self) -> Result<PathBuf> {
        let staging = self.folder.join(STAGING);
        match fs::create_dir(&staging) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(unwritable(error)),
            _ => Ok(staging),
        }
    }

    /// Moves the model in the staging folder to its place and makes it the newest.
    pub(crate) fn publish(
        &self,
        placed: &Placed,
        digest: &Sha256,
        validators: Validators,
    ) -> Result<Record> {
        let staging = self.folder.join(STAGING);
        let entry = self.content.put(&staging, placed, digest, &self.folder)?;
        self.keep(&entry, validators)
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

    fn keep(&self, entry: &Entry, validators: Validators) -> Result<Record> {
        let record = Record {
            validators,
            digest: entry.digest.clone(),
            id: entry.id.clone(),
        };
        self.write_current(&record)?;
        Ok(record)
    }

    fn write_current(&self, record: &Record) -> Result<()> {
        write_json(&self.folder.join(CURRENT), record)
    }
}

/// Removes the models that were not used for the longest time until `most` bytes are left, and
/// what fetches left that were cut short long ago. What a living process uses stays.
pub(crate) fn evict(cache: &Path, most: u64) -> Result<()> {
    Content::open(cache)?.evict(most)?;
    let Ok(items) = fs::read_dir(shelves(cache)) else {
        return Ok(());
    };
    for item in items.flatten() {
        let staging = item.path().join(STAGING);
        let age = fs::metadata(&staging).and_then(|metadata| metadata.modified());
        let old = age.is_ok_and(|time| {
            SystemTime::now()
                .duration_since(time)
                .is_ok_and(|age| age > STALE)
        });
        let lock = File::open(item.path().join(LOCK));
        if old && lock.is_ok_and(|lock| lock.try_lock().is_ok() && remove(&staging).is_ok()) {
            tracing::info!("what a fetch left in the cache long ago was removed");
        }
    }
    Ok(())
}

fn shelves(cache: &Path) -> PathBuf {
    cache.join("models")
}

/// Writes a record, whole or not at all.
fn write_json(path: &Path, record: &impl Serialize) -> Result<()> {
    let text = serde_json::to_vec(record)
        .map_err(|error| Error::internal("a cache record").with_source(error))?;
    let draft = path.with_extension("new");
    let write = || -> io::Result<()> {
        fs::write(&draft, &text)?;
        File::open(&draft)?.sync_all()?;
        fs::rename(&draft, path)
    };
    write().map_err(unwritable)?;
    sync_folder(path.parent().unwrap_or(path))
}

/// Makes a folder, and those above it, that only this user may enter.
fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Removes a folder, if it is there.
pub(crate) fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
