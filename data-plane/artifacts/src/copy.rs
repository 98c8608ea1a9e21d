//! The storage initialiser: a model in a folder of the caller's choice, whole or not at all.

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use hari_error::{Error, Result};

use crate::cache::remove;
use crate::digest::Sha256;
use crate::fetch::{Artifact, blocking};
use crate::local::{Local, look};
use crate::options::FetchOptions;
use crate::place::{CONTENT, Placed, copy, expand, sync_folder, unwritable};
use crate::progress::Step;
use crate::remote::fetch_into;
use crate::tree::{listing, walk};
use crate::uri::{ModelUri, Place};

/// In a folder that was empty when we came: all that lies beside it is ours and incomplete.
const FILLING: &str = ".hari-fetch";
/// In a folder that was not empty: what it is compared with.
const COMPARING: &str = ".hari-compare";

/// Puts the model into the folder `dir`: the content of a folder or archive, or one file.
///
/// A folder that is not there appears at once, by a rename. One that is there and empty (a volume
/// that is mounted, say) is filled by renames inside it; if that is cut short, the next call starts
/// again. One that holds exactly this model is left as it is.
///
/// # Errors
/// As [`crate::fetch`]; `InvalidInput` if `dir` holds something else.
pub async fn copy_to(uri: &ModelUri, dir: &Path, options: &FetchOptions) -> Result<Artifact> {
    let owned = dir.to_owned();
    let target = blocking(move || Target::open(owned)).await?;
    let staging = target.staging().to_owned();
    let staged = stage(uri, &staging, options).await;
    let staged = staged.map_err(|error| error.context(format!("modelUri `{uri}`")));
    let artifact = blocking(move || target.finish(staged)).await?;
    let step = Step::Done {
        bytes: artifact.bytes,
        reused: artifact.reused,
    };
    options.report(&uri.to_string(), step);
    Ok(artifact)
}

struct Staged {
    placed: Placed,
    digest: Option<Sha256>,
}

async fn stage(uri: &ModelUri, staging: &Path, options: &FetchOptions) -> Result<Staged> {
    match &uri.place {
        Place::Http(url) => {
            let (placed, fetched) = fetch_into(uri, url, staging, options).await?;
            Ok(Staged {
                placed,
                digest: Some(fetched.digest),
            })
        }
        Place::Local { path, .. } => {
            let (uri, path) = (uri.clone(), path.clone());
            let (staging, options) = (staging.to_owned(), options.clone());
            blocking(move || stage_local(&uri, &path, &staging, &options)).await
        }
    }
}

fn stage_local(
    uri: &ModelUri,
    path: &Path,
    staging: &Path,
    options: &FetchOptions,
) -> Result<Staged> {
    let what = uri.to_string();
    let watch = |entries, bytes| options.report(&what, Step::Unpacking { entries, bytes });
    match look(uri, path)? {
        Local::Archive(form, digest) => {
            let placed = expand(path, form, staging, &options.limits, &watch)?;
            Ok(Staged { placed, digest })
        }
        Local::Folder => {
            let bytes = copy(path, &staging.join(CONTENT))?;
            Ok(Staged {
                placed: Placed {
                    root: CONTENT.into(),
                    bytes,
                },
                digest: None,
            })
        }
        Local::File(digest) => {
            let root = Path::new(CONTENT).join(path.file_name().unwrap_or_default());
            fs::create_dir(staging.join(CONTENT)).map_err(unwritable)?;
            let bytes = copy(path, &staging.join(&root))?;
            Ok(Staged {
                placed: Placed { root, bytes },
                digest,
            })
        }
    }
}

/// The folder that is filled, and the one beside or in it where the model is made.
enum Target {
    Absent {
        dir: PathBuf,
        staging: tempfile::TempDir,
    },
    Empty {
        dir: PathBuf,
        staging: PathBuf,
    },
    Full {
        dir: PathBuf,
        staging: PathBuf,
    },
}

impl Target {
    fn open(dir: PathBuf) -> Result<Self> {
        match fs::metadata(&dir) {
            Err(_) => Self::absent(dir),
            Ok(metadata) if !metadata.is_dir() => Err(Error::invalid(
                "the target: expected a folder or nothing, found a file; name another",
            )),
            Ok(_) => Self::present(dir),
        }
    }

    fn absent(dir: PathBuf) -> Result<Self> {
        let above = dir.parent().filter(|above| !above.as_os_str().is_empty());
        let above = above.unwrap_or(Path::new("."));
        fs::create_dir_all(above).map_err(unwritable)?;
        let mut prefix = OsString::from(".");
        prefix.push(dir.file_name().unwrap_or_default());
        let staging = tempfile::Builder::new().prefix(&prefix).tempdir_in(above);
        Ok(Self::Absent {
            staging: staging.map_err(unwritable)?,
            dir,
        })
    }

    fn present(dir: PathBuf) -> Result<Self> {
        remove(&dir.join(COMPARING)).map_err(unwritable)?;
        if dir.join(FILLING).is_dir() {
            clear(&dir)?;
        }
        let names = names(&dir)?;
        // `lost+found` stands in a fresh volume.
        let empty = names.iter().all(|name| name == "lost+found");
        let staging = dir.join(if empty { FILLING } else { COMPARING });
        fs::create_dir(&staging).map_err(unwritable)?;
        Ok(if empty {
            Self::Empty { dir, staging }
        } else {
            Self::Full { dir, staging }
        })
    }

    fn staging(&self) -> &Path {
        match self {
            Self::Absent { staging, .. } => staging.path(),
            Self::Empty { staging, .. } | Self::Full { staging, .. } => staging,
        }
    }

    /// Puts the model in its place, or cleans up if there is none.
    fn finish(self, staged: Result<Staged>) -> Result<Artifact> {
        let staging = self.staging().to_owned();
        let artifact = staged.and_then(|staged| self.place(&staged));
        match remove(&staging) {
            Err(error) if artifact.is_ok() => Err(unwritable(error)),
            _ => artifact,
        }
    }

    fn place(&self, staged: &Staged) -> Result<Artifact> {
        let root = self.staging().join(&staged.placed.root);
        let (made, file) = if root.is_file() {
            (
                self.staging().join(CONTENT),
                root.file_name().map(PathBuf::from),
            )
        } else {
            (root, None)
        };
        let dir = match self {
            Self::Absent { dir, .. } => appear(&made, dir)?,
            Self::Empty { dir, .. } => fill(&made, dir)?,
            Self::Full { dir, .. } => same(&made, dir)?,
        };
        Ok(Artifact {
            root: file.map_or_else(|| dir.to_owned(), |file| dir.join(file)),
            digest: staged.digest.map(|digest| digest.to_string()),
            bytes: staged.placed.bytes,
            reused: matches!(self, Self::Full { .. }),
        })
    }
}

fn appear<'a>(made: &Path, dir: &'a Path) -> Result<&'a Path> {
    fs::rename(made, dir).map_err(unwritable)?;
    if let Some(above) = dir.parent().filter(|above| !above.as_os_str().is_empty()) {
        sync_folder(above)?;
    }
    Ok(dir)
}

fn fill<'a>(made: &Path, dir: &'a Path) -> Result<&'a Path> {
    for name in names(made)? {
        fs::rename(made.join(&name), dir.join(&name)).map_err(unwritable)?;
    }
    sync_folder(dir)?;
    Ok(dir)
}

/// Refuses a folder that does not hold what was made.
fn same<'a>(made: &Path, dir: &'a Path) -> Result<&'a Path> {
    let there = walk(dir)?.into_iter().filter(|found| {
        let first = found
            .path
            .components()
            .next()
            .map(|part| part.as_os_str().to_owned());
        first.is_none_or(|first| first != COMPARING && first != "lost+found")
    });
    let expected = walk(made)?;
    let alike = |(left, right): (&crate::tree::Found, &crate::tree::Found)| {
        (&left.path, left.folder, left.bytes) == (&right.path, right.folder, right.bytes)
            && (left.folder || same_content(&made.join(&left.path), &dir.join(&right.path)))
    };
    let there: Vec<_> = there.collect();
    if expected.len() == there.len() && expected.iter().zip(&there).all(alike) {
        return Ok(dir);
    }
    Err(Error::invalid(format!(
        "the target folder holds something else: expected {}, found {}; empty it or name another",
        listing(made),
        listing(dir).replace(&format!("{COMPARING}/, "), "")
    )))
}

fn same_content(left: &Path, right: &Path) -> bool {
    match (Sha256::of_file(left), Sha256::of_file(right)) {
        (Ok(left), Ok(right)) => left == right,
        _ => false,
    }
}

fn names(folder: &Path) -> Result<Vec<OsString>> {
    let items = fs::read_dir(folder).map_err(unwritable)?;
    let names = items.map(|item| item.map(|item| item.file_name()));
    names.collect::<Result<_, _>>().map_err(unwritable)
}

/// Empties a folder that a call of ours filled in part; the mark goes last.
fn clear(dir: &Path) -> Result<()> {
    for name in names(dir)? {
        let path = dir.join(&name);
        if name == FILLING || name == "lost+found" {
            continue;
        }
        let removed = if path.is_dir() {
            remove(&path)
        } else {
            fs::remove_file(&path)
        };
        removed.map_err(unwritable)?;
    }
    remove(&dir.join(FILLING)).map_err(unwritable)
}
