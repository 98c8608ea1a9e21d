//! The storage initialiser: a model in a folder of the caller's choice, whole or not at all.

mod manifest;
mod swap;
mod target;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::Path;

use hari_error::{Error, Result};

pub use self::manifest::NAME as MANIFEST;
use self::target::{Target, clear};
use crate::digest::Sha256;
use crate::fetch::{Artifact, blocking};
use crate::hub::enter;
use crate::local::{Local, look};
use crate::options::FetchOptions;
use crate::place::{CONTENT, Placed, copy, expand, unwritable};
use crate::progress::Step;
use crate::remote::fetch_into;
use crate::stored;
use crate::uri::{ModelUri, Place};

/// Puts the model into the folder `dir`: the content of a folder or archive, or one file.
///
/// A folder that is not there appears at once, by a rename. One that is there (a volume that is
/// mounted, say) is filled by renames inside it; if that is cut short, the next call ends it. One
/// that holds exactly this model is left as it is, and an older copy that a call of ours put there
/// is replaced. What came of a bucket or registry when a call was cut short is used by the next.
///
/// # Errors
/// As [`crate::fetch`]; `InvalidInput` if `dir` holds something that no call of ours put there;
/// `Unavailable` if another call is filling it.
pub async fn copy_to(uri: &ModelUri, dir: &Path, options: &FetchOptions) -> Result<Artifact> {
    let owned = dir.to_owned();
    let target = blocking(move || Target::open(&owned)).await?;
    let staging = target.staging().to_owned();
    let staged = stage(uri, &staging, options).await;
    let staged = staged.map_err(|error| error.context(format!("modelUri `{uri}`")));
    let what = uri.to_string();
    let artifact = blocking(move || target.finish(staged, &what)).await?;
    let step = Step::Done {
        bytes: artifact.bytes,
        reused: artifact.reused,
    };
    options.report(&uri.to_string(), step);
    Ok(artifact)
}

/// A model in the staging folder.
struct Staged {
    placed: Placed,
    digest: Option<Sha256>,
}

async fn stage(uri: &ModelUri, staging: &Path, options: &FetchOptions) -> Result<Staged> {
    if let Place::Bucket(_) | Place::Oci { .. } = &uri.place {
        let (placed, digest) = stored::fetch_into(uri, staging, options).await?;
        return Ok(Staged {
            placed,
            digest: Some(digest),
        });
    }
    let owned = staging.to_owned();
    blocking(move || clear(&owned)).await?;
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
        Place::Bucket(_) | Place::Oci { .. } => Err(Error::internal("a store is no file")),
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
        Local::Folder(digest) => {
            let bytes = copy(&enter(path), &staging.join(CONTENT))?;
            let placed = Placed {
                root: CONTENT.into(),
                bytes,
            };
            Ok(Staged { placed, digest })
        }
        Local::File(digest) => {
            let root = Path::new(CONTENT).join(path.file_name().unwrap_or_default());
            fs::create_dir(staging.join(CONTENT)).map_err(unwritable)?;
            let bytes = copy(path, &staging.join(&root))?;
            let placed = Placed { root, bytes };
            Ok(Staged { placed, digest })
        }
    }
}
