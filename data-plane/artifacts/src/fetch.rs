//! From a URI to a model on this machine.

use std::path::PathBuf;

use hari_error::{Error, Result};

use crate::options::FetchOptions;
use crate::progress::Step;
use crate::uri::{ModelUri, Place};
use crate::{cache, local, remote, stored};

/// A model on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Its folder or file. Not to be written to.
    pub root: PathBuf,
    /// SHA-256 of the file that was fetched or unpacked, of a registry's manifest, or of a folder (of
    /// the lines that `sha256sum` prints for its files in order of name), as 64 hex digits; none
    /// for a model that is used in place, unless its URI asked for a check.
    pub digest: Option<String>,
    /// Bytes of its files.
    pub bytes: u64,
    /// It was in the cache already.
    pub reused: bool,
}

/// Brings the model to this machine, if it is not here yet.
///
/// A folder or file of this machine is used in place; an archive is unpacked into the cache; a URL,
/// a bucket's folder or object and a registry's artifact are fetched into the cache, and fetched
/// again only if they changed.
///
/// # Errors
/// - `NotFound` if nothing is there, with what is there instead;
/// - `InvalidInput` if it is not what its digest, its length or its name says, or an archive is
///   damaged or tries to leave its folder;
/// - `TooLarge` if it is over a limit;
/// - `Forbidden` if the policy or the server refuses;
/// - `Unavailable` if the server cannot be reached or fails, after [`crate::Retry`];
/// - `Internal` if the cache cannot be written.
pub async fn fetch(uri: &ModelUri, options: &FetchOptions) -> Result<Artifact> {
    let fetched = match &uri.place {
        Place::Local { path, .. } => local::fetch(uri, path, options).await,
        Place::Http(url) => remote::fetch(uri, url, options).await,
        Place::Bucket(_) | Place::Oci { .. } => stored::fetch(uri, options).await,
    };
    let artifact = fetched.map_err(|error| error.context(format!("modelUri `{uri}`")))?;
    if artifact.digest.is_some() && !artifact.reused {
        make_room(options).await?;
    }
    let step = Step::Done {
        bytes: artifact.bytes,
        reused: artifact.reused,
    };
    options.report(&uri.to_string(), step);
    Ok(artifact)
}

/// Keeps the cache within its size. That it cannot be done does not harm the fetch.
async fn make_room(options: &FetchOptions) -> Result<()> {
    let (cache, most) = (options.cache.clone(), options.cache_size()?);
    if cache.as_os_str().is_empty() {
        return Ok(());
    }
    let removed = blocking(move || cache::evict(&cache, most)).await;
    if let Err(error) = removed {
        tracing::warn!(%error, "the cache cannot be kept within its size");
    }
    Ok(())
}

/// Runs work on files away from the async threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Error::internal("the fetch crashed").with_source(error))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_send<T: Send>(_: T) {}

    #[test]
    fn a_fetch_may_move_between_threads() {
        let uri = ModelUri::parse("s3://bucket/model", std::path::Path::new("/")).unwrap();
        let options = FetchOptions::default();
        is_send(fetch(&uri, &options));
        is_send(crate::copy_to(&uri, std::path::Path::new("x"), &options));
    }
}
