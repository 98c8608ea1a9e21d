//! The folder that is filled, and the one in or beside it where the model is made.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use hari_error::{Error, Result};

use super::Staged;
use super::manifest::{self, Manifest};
use super::swap::{recover, swap};
use crate::cache::remove;
use crate::digest::Sha256;
use crate::fetch::Artifact;
use crate::place::{CONTENT, sync_folder, unwritable};
use crate::stored::goes_on;
use crate::tree::{Found, listing, walk};

/// The folder where the model is made: in the target, or beside it with the target's name.
const STAGING: &str = ".hari-fetch";
const LOCK: &str = "lock";
/// Stands in a fresh volume.
const LOST: &str = "lost+found";

/// The target of one call, which no other call fills meanwhile.
pub(super) struct Target {
    dir: PathBuf,
    staging: PathBuf,
    absent: bool,
    _lock: File,
}

impl Target {
    pub(super) fn open(dir: &Path) -> Result<Self> {
        let absent = match fs::metadata(dir) {
            Err(_) => true,
            Ok(metadata) if metadata.is_dir() => false,
            Ok(_) => {
                return Err(Error::invalid(
                    "the target: expected a folder or nothing, found a file; name another",
                ));
            }
        };
        let staging = match absent {
            true => beside(dir)?,
            false => dir.join(STAGING),
        };
        fs::create_dir_all(&staging).map_err(unwritable)?;
        let lock = lock(&staging)?;
        if !absent && recover(dir, &staging)? {
            clear(&staging)?;
        }
        Ok(Self {
            dir: dir.to_owned(),
            staging,
            absent,
            _lock: lock,
        })
    }

    pub(super) fn staging(&self) -> &Path {
        &self.staging
    }

    /// Puts the model in its place, or cleans up if there is none; what the next call can go on
    /// with is kept.
    pub(super) fn finish(self, staged: Result<Staged>, uri: &str) -> Result<Artifact> {
        let resumable = staged.as_ref().err().is_some_and(goes_on);
        let artifact = staged.and_then(|staged| self.place(&staged, uri));
        let journal = self.staging.join("journal").exists();
        if resumable && journal {
            return artifact;
        }
        match remove(&self.staging) {
            Err(error) if artifact.is_ok() => Err(unwritable(error)),
            _ => artifact,
        }
    }

    fn place(&self, staged: &Staged, uri: &str) -> Result<Artifact> {
        let root = &staged.placed.root;
        let file = self.staging.join(root).is_file();
        let made = if file { Path::new(CONTENT) } else { root };
        let digest = staged.digest.map(|digest| digest.to_string());
        let manifest = Manifest::of(&self.staging.join(made), uri, digest.clone())?;
        let reused = match self.absent {
            true => self.appear(made, &manifest)?,
            false => self.fill(made, &manifest)?,
        };
        let name = root.file_name().filter(|_| file);
        Ok(Artifact {
            root: name.map_or_else(|| self.dir.clone(), |name| self.dir.join(name)),
            digest,
            bytes: staged.placed.bytes,
            reused,
        })
    }

    fn appear(&self, made: &Path, manifest: &Manifest) -> Result<bool> {
        let made = self.staging.join(made);
        manifest.write(&made)?;
        fs::rename(made, &self.dir).map_err(unwritable)?;
        if let Some(above) = above(&self.dir) {
            sync_folder(above)?;
        }
        Ok(false)
    }

    /// True if the folder holds this model already.
    fn fill(&self, made: &Path, manifest: &Manifest) -> Result<bool> {
        let source = self.staging.join(made);
        let there = self.there()?;
        if !there.is_empty() && same(&source, &walk(&source)?, &self.dir, &there) {
            return Ok(true);
        }
        self.check_ours(&there, &source)?;
        manifest.write(&source)?;
        let old = names(&self.dir)?
            .into_iter()
            .filter(|name| !passed_over(name));
        swap(&self.dir, &self.staging, made, old.collect())?;
        Ok(false)
    }

    /// Refuses to replace what no call of ours put there.
    fn check_ours(&self, there: &[Found], made: &Path) -> Result<()> {
        let ours = Manifest::read(&self.dir);
        let other = there
            .iter()
            .find(|found| !ours.as_ref().is_some_and(|ours| ours.holds(&found.path)));
        let Some(other) = other else {
            return Ok(());
        };
        Err(Error::invalid(match ours {
            Some(_) => format!(
                "the target folder holds an older copy, and `{}`, which `hari fetch` did not put \
                 there; take it away, or name another folder",
                other.path.display()
            ),
            None => format!(
                "the target folder holds something else: expected {}, found {}; empty it or name \
                 another",
                listing(made),
                listing(&self.dir).replace(&format!("{STAGING}/, "), "")
            ),
        }))
    }

    /// What lies in the folder, less what is not the model's.
    fn there(&self) -> Result<Vec<Found>> {
        let mut found = walk(&self.dir)?;
        found.retain(|found| {
            let first = found.path.components().next();
            let first = first.map(|part| part.as_os_str().to_owned());
            first.is_none_or(|first| !passed_over(&first) && first != manifest::NAME)
        });
        Ok(found)
    }
}

fn passed_over(name: &OsStr) -> bool {
    name == STAGING || name == LOST
}

/// The staging folder beside a target that is not there.
fn beside(dir: &Path) -> Result<PathBuf> {
    let above = above(dir).unwrap_or(Path::new("."));
    fs::create_dir_all(above).map_err(unwritable)?;
    let mut name = OsString::from(".");
    name.push(
        dir.file_name()
            .ok_or_else(|| Error::invalid("the target: expected the name of a folder"))?,
    );
    name.push(STAGING);
    Ok(above.join(name))
}

fn above(dir: &Path) -> Option<&Path> {
    dir.parent().filter(|above| !above.as_os_str().is_empty())
}

fn lock(staging: &Path) -> Result<File> {
    let lock = File::create(staging.join(LOCK)).map_err(unwritable)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(Error::unavailable(
            "another `hari fetch` is filling the target folder; wait for it, or name another",
        )),
        Err(TryLockError::Error(error)) => Err(unwritable(error)),
    }
}

/// Empties a staging folder, but for its lock.
pub(super) fn clear(staging: &Path) -> Result<()> {
    for name in names(staging)?.iter().filter(|name| *name != LOCK) {
        let path = staging.join(name);
        let removed = match path.is_dir() {
            true => remove(&path),
            false => fs::remove_file(&path),
        };
        removed.map_err(unwritable)?;
    }
    Ok(())
}

pub(super) fn names(folder: &Path) -> Result<Vec<OsString>> {
    let items = fs::read_dir(folder).map_err(unwritable)?;
    let names = items.map(|item| item.map(|item| item.file_name()));
    names.collect::<Result<_, _>>().map_err(unwritable)
}

/// Whether two folders hold the same.
fn same(left: &Path, of_left: &[Found], right: &Path, of_right: &[Found]) -> bool {
    let alike = |(one, other): (&Found, &Found)| {
        (&one.path, one.folder, one.bytes) == (&other.path, other.folder, other.bytes)
            && (one.folder || same_content(&left.join(&one.path), &right.join(&other.path)))
    };
    of_left.len() == of_right.len() && of_left.iter().zip(of_right).all(alike)
}

fn same_content(left: &Path, right: &Path) -> bool {
    match (Sha256::of_file(left), Sha256::of_file(right)) {
        (Ok(left), Ok(right)) => left == right,
        _ => false,
    }
}
