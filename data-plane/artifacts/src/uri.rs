//! `modelUri` as a parsed type: where a model is, before anything is read.

mod bucket;
mod reference;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};

use hari_error::{Error, Result};
use hari_settings::{PVC_ROOT, Storage};
use url::Url;

use crate::digest::Sha256;

pub(crate) use bucket::{BucketUri, Kind};
pub(crate) use reference::Reference;

/// Most bytes of a URI.
const MAX_LENGTH: usize = 8 << 10;

/// Schemes that are known and cannot be read, and what to do instead.
const ELSEWHERE: [(&str, &str); 8] = [
    (
        "hf",
        "copy the model's files to a folder or bucket, and name that",
    ),
    ("hdfs", "copy the model to a folder or bucket"),
    ("webhdfs", "copy the model to a folder or bucket"),
    ("dbfs", "copy the model to a folder or bucket"),
    (
        "mlflow",
        "name the folder or bucket that the model's files lie in",
    ),
    (
        "models",
        "name the folder or bucket that the model's files lie in",
    ),
    (
        "runs",
        "name the folder or bucket that the model's files lie in",
    ),
    ("ftp", "serve it over https"),
];

const WORKS: &str = "what works: a path, `file://`, `http://`, `https://`, `s3://`, `gs://`, \
                     `azure://`, `abfss://`, `oci://`, `pvc://`, and `remote:bucket/path` where \
                     RCLONE_CONFIG_<REMOTE>_TYPE is set; each to a folder, a file, or a .tar, \
                     .tar.gz, .tgz, .tar.zst or .zip";

const DIGEST: &str = "#sha256=";

/// Where a model is.
///
/// Its `Display` is what the user wrote, less user name, password and query of a URL: those may
/// hold a key.
#[derive(Clone, PartialEq, Eq)]
pub struct ModelUri {
    pub(crate) place: Place,
    /// From the fragment `#sha256=<64 hex digits>`: what the file at `place` must hash to.
    pub(crate) sha256: Option<Sha256>,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A file or folder of this machine, and its name as the user wrote it.
    Local { path: PathBuf, text: String },
    /// `http` or `https`, without a fragment.
    Http(Url),
    /// A folder or object in a bucket.
    Bucket(BucketUri),
    /// An artifact or image of a registry, and its name as the user wrote it.
    Oci { reference: Reference, text: String },
}

impl ModelUri {
    /// Reads a URI or a path; a relative path starts at `base`, the folder of the deployment's
    /// file.
    ///
    /// # Errors
    /// `InvalidInput` if it is empty, too long or malformed; `Unimplemented` if its scheme is one
    /// that is not served, with those that are.
    pub fn parse(text: &str, base: &Path) -> Result<Self> {
        Self::parse_with(text, base, &Storage::from_env())
    }

    /// As [`Self::parse`], with the remotes of this environment rather than the process's.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_with(text: &str, base: &Path, storage: &Storage) -> Result<Self> {
        let text = text.trim();
        let (address, sha256) = split_digest(text)?;
        check(address)?;
        let place = match scheme(address, storage).as_deref() {
            None => local(base.join(address), address),
            Some("file") => local(file_path(address)?, address),
            Some("pvc") => local(claim_path(address, storage)?, address),
            Some("http" | "https") => of_url(http(address)?, storage)?,
            Some("oci") => registry(address)?,
            Some(other) => Place::Bucket(
                BucketUri::parse(other, address, storage).ok_or_else(|| refused(other))??,
            ),
        };
        Ok(Self { place, sha256 })
    }

    /// The file or folder of this machine that it names, if it names one.
    #[must_use]
    pub fn local_path(&self) -> Option<&Path> {
        match &self.place {
            Place::Local { path, .. } => Some(path),
            Place::Http(_) | Place::Bucket(_) | Place::Oci { .. } => None,
        }
    }
}

impl fmt::Display for ModelUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Local { text, .. } | Place::Oci { text, .. } => f.write_str(text),
            Place::Bucket(bucket) => f.write_str(&bucket.text),
            Place::Http(url) => f.write_str(&public(url)),
        }
    }
}

impl fmt::Debug for ModelUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ModelUri({self})")
    }
}

/// The URL without what may hold a key.
pub(crate) fn public(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    let query = if url.query().is_some() { "?..." } else { "" };
    format!("{}://{host}{port}{}{query}", url.scheme(), url.path())
}

fn check(text: &str) -> Result<()> {
    if text.is_empty() {
        return Err(Error::invalid(format!(
            "modelUri: expected a URI, found nothing; {WORKS}"
        )));
    }
    if text.len() > MAX_LENGTH {
        return Err(Error::invalid(format!(
            "modelUri: expected at most {MAX_LENGTH} bytes, found {}",
            text.len()
        )));
    }
    if text.chars().any(char::is_control) {
        return Err(Error::invalid(
            "modelUri: expected printable text, found a control character",
        ));
    }
    Ok(())
}

fn split_digest(text: &str) -> Result<(&str, Option<Sha256>)> {
    match text.rsplit_once(DIGEST) {
        Some((address, hex)) => Ok((address, Some(hex.parse()?))),
        None => Ok((text, None)),
    }
}

/// The scheme in lower case; none for a path. `s3:bucket/x`, as rclone writes it, has one too, and
/// so has `minio:bucket/x` if there is a remote of that name.
fn scheme(text: &str, storage: &Storage) -> Option<String> {
    let (scheme, rest) = text.split_once(':')?;
    let lower = scheme.to_ascii_lowercase();
    let formed = lower.starts_with(|c: char| c.is_ascii_lowercase())
        && lower
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+.-_".contains(c));
    let known = || {
        ["file", "http", "https", "oci", "pvc"].contains(&&*lower)
            || Kind::of_scheme(&lower).is_some()
            || ELSEWHERE.iter().any(|(name, _)| *name == lower)
            || storage.rclone(&lower, "type").is_some()
    };
    (formed && (rest.starts_with("//") || known())).then_some(lower)
}

fn local(path: PathBuf, text: &str) -> Place {
    Place::Local {
        path,
        text: text.to_owned(),
    }
}

fn file_path(text: &str) -> Result<PathBuf> {
    let hint = || {
        Error::invalid(format!(
            "modelUri `{text}`: expected `file:///an/absolute/path` on this machine; \
             write a relative path without `file:`"
        ))
    };
    let url = Url::parse(text).map_err(|error| hint().with_source(error))?;
    let absolute = text.get(5..).is_some_and(|rest| rest.starts_with('/'));
    if !absolute || url.query().is_some() || url.fragment().is_some() {
        return Err(hint());
    }
    url.to_file_path().map_err(|()| hint())
}

/// Where a claim's folder is mounted. `pvc://claim/path` names one claim, which is mounted alone.
fn claim_path(text: &str, storage: &Storage) -> Result<PathBuf> {
    let rest = text.split_once(':').map_or("", |(_, rest)| rest);
    let (claim, path) = rest
        .trim_start_matches('/')
        .split_once('/')
        .unwrap_or((rest, ""));
    let parts = path.split('/').filter(|part| !part.is_empty());
    if claim.is_empty() || parts.clone().any(|part| part == "..") {
        return Err(Error::invalid(format!(
            "modelUri `{text}`: expected `pvc://claim/path`, without `..`"
        )));
    }
    let root = storage.get(&PVC_ROOT).unwrap_or(PVC_ROOT.default);
    Ok(Path::new(root).join(parts.collect::<PathBuf>()))
}

/// A URL is a file, but for those of Azure's blob service, which may be a folder's as well.
fn of_url(url: Url, storage: &Storage) -> Result<Place> {
    match BucketUri::of_azure_url(&url, storage) {
        Some(bucket) => Ok(Place::Bucket(bucket?)),
        None => Ok(Place::Http(url)),
    }
}

fn registry(text: &str) -> Result<Place> {
    let rest = text.split_once(':').map_or("", |(_, rest)| rest);
    Ok(Place::Oci {
        reference: Reference::parse(rest.trim_start_matches('/'))?,
        text: text.to_owned(),
    })
}

fn http(text: &str) -> Result<Url> {
    let url = Url::parse(text).map_err(|error| {
        Error::invalid(format!(
            "modelUri: expected an http or https URL, found: {error}"
        ))
    })?;
    match url.fragment() {
        None => Ok(url),
        Some(_) => Err(Error::invalid(format!(
            "modelUri `{}`: the part after `#` is not known; `{DIGEST}<64 hex digits>` is",
            public(&url)
        ))),
    }
}

fn refused(scheme: &str) -> Error {
    let instead = ELSEWHERE.iter().find(|(name, _)| *name == scheme);
    let why = match instead {
        Some((_, instead)) => format!("is not fetched from; {instead}"),
        None => format!(
            "is not known; for a remote of that name set RCLONE_CONFIG_{}_TYPE",
            scheme.to_ascii_uppercase()
        ),
    };
    Error::unimplemented(format!("modelUri: the scheme `{scheme}` {why}; {WORKS}"))
}
