//! `modelUri` as a parsed type: where a model is, before anything is read.

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};

use hari_error::{Error, Result};
use url::Url;

use crate::digest::Sha256;

/// Most bytes of a URI.
const MAX_LENGTH: usize = 8 << 10;

/// Schemes of stores that are known and cannot be read.
const NOT_YET: [&str; 18] = [
    "gs", "gcs", "s3", "s3a", "azure", "az", "abfs", "abfss", "wasb", "wasbs", "hf", "pvc", "oci",
    "hdfs", "webhdfs", "dbfs", "mlflow", "ftp",
];

const WORKS: &str = "what works: a path, `file://`, `http://` and `https://`, each to a folder \
                     (paths only), a file, or a .tar, .tar.gz, .tgz, .tar.zst or .zip";

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
}

impl ModelUri {
    /// Reads a URI or a path; a relative path starts at `base`, the folder of the deployment's
    /// file.
    ///
    /// # Errors
    /// `InvalidInput` if it is empty, too long or malformed; `Unimplemented` if its scheme is one
    /// that is not served, with those that are.
    pub fn parse(text: &str, base: &Path) -> Result<Self> {
        let text = text.trim();
        let (address, sha256) = split_digest(text)?;
        check(address)?;
        let place = match scheme(address).as_deref() {
            None => local(base.join(address), address),
            Some("file") => local(file_path(address)?, address),
            Some("http" | "https") => Place::Http(http(address)?),
            Some(other) => return Err(refused(other)),
        };
        Ok(Self { place, sha256 })
    }

    /// The file or folder of this machine that it names, if it names one.
    #[must_use]
    pub fn local_path(&self) -> Option<&Path> {
        match &self.place {
            Place::Local { path, .. } => Some(path),
            Place::Http(_) => None,
        }
    }
}

impl fmt::Display for ModelUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Local { text, .. } => f.write_str(text),
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

/// The scheme in lower case; none for a path. `s3:bucket/x`, as rclone writes it, has one too.
fn scheme(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once(':')?;
    let known = |name: &str| ["file", "http", "https"].contains(&name) || NOT_YET.contains(&name);
    let lower = scheme.to_ascii_lowercase();
    let formed = lower.starts_with(|c: char| c.is_ascii_lowercase())
        && lower
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+.-".contains(c));
    (formed && (rest.starts_with("//") || known(&lower))).then_some(lower)
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
    let why = if NOT_YET.contains(&scheme) {
        "is not in this build yet"
    } else {
        "is not known"
    };
    Error::unimplemented(format!("modelUri: the scheme `{scheme}` {why}; {WORKS}"))
}
