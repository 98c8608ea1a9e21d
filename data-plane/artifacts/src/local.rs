//! Models of this machine: used in place, archives unpacked into the cache.

#[cfg(test)]
mod tests;

use std::fs;
use std::path::Path;

use hari_error::{Error, Result};

use crate::archive::{Form, recognise};
use crate::cache::{Shelf, Validators, remove};
use crate::digest::{Sha256, of_tree};
use crate::fetch::{Artifact, blocking};
use crate::hub::enter;
use crate::options::FetchOptions;
use crate::place::{expand, unwritable};
use crate::progress::Step;
use crate::tree::{listing, modified, size, walk};
use crate::uri::ModelUri;

/// The model at `path`, of this machine.
pub(crate) async fn fetch(uri: &ModelUri, path: &Path, options: &FetchOptions) -> Result<Artifact> {
    let (uri, path, options) = (uri.clone(), path.to_owned(), options.clone());
    blocking(move || open(&uri, &path, &options)).await
}

fn open(uri: &ModelUri, path: &Path, options: &FetchOptions) -> Result<Artifact> {
    let found = look(uri, path)?;
    match found {
        Local::Folder(digest) => in_place(&enter(path), digest),
        Local::File(digest) => in_place(path, digest),
        Local::Archive(form, digest) => unpacked(uri, path, (form, digest), options),
    }
}

/// What a path of this machine holds; the digest is there if the URI asked for a check.
pub(crate) enum Local {
    Folder(Option<Sha256>),
    File(Option<Sha256>),
    Archive(Form, Option<Sha256>),
}

/// Looks at `path`, and checks its digest if the URI has one.
pub(crate) fn look(uri: &ModelUri, path: &Path) -> Result<Local> {
    let metadata = fs::metadata(path).map_err(|_| absent(path))?;
    if metadata.is_dir() {
        let digest = uri
            .sha256
            .map(|expected| check_folder(&enter(path), expected));
        return Ok(Local::Folder(digest.transpose()?));
    }
    if !metadata.is_file() {
        return Err(Error::invalid(
            "expected a file or folder, found a device or pipe",
        ));
    }
    let digest = uri
        .sha256
        .map(|expected| check(path, expected))
        .transpose()?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(match recognise(path, &name)? {
        None => Local::File(digest),
        Some(form) => Local::Archive(form, digest),
    })
}

/// Hashes every file: only where the URI asks for it.
fn check_folder(path: &Path, expected: Sha256) -> Result<Sha256> {
    let mut digests = Vec::new();
    for found in walk(path)?.iter().filter(|found| !found.folder) {
        let digest = Sha256::of_file(&path.join(&found.path)).map_err(|error| {
            let name = found.path.display();
            Error::invalid(format!("`{name}` cannot be read")).with_source(error)
        })?;
        digests.push((found.path.to_string_lossy().into_owned(), digest));
    }
    let found = of_tree(digests.iter().map(|(name, digest)| (name.clone(), digest)));
    same_digest(expected, found)?;
    Ok(found)
}

fn check(path: &Path, expected: Sha256) -> Result<Sha256> {
    let found = Sha256::of_file(path)
        .map_err(|error| Error::invalid("the file cannot be read").with_source(error))?;
    same_digest(expected, found)?;
    Ok(found)
}

/// Refuses a file that is not the one that the URI's digest names.
pub(crate) fn same_digest(expected: Sha256, found: Sha256) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "sha256: expected {expected}, found {found}; is it another version?"
    )))
}

fn in_place(path: &Path, digest: Option<Sha256>) -> Result<Artifact> {
    Ok(Artifact {
        root: path.to_owned(),
        digest: digest.map(|digest| digest.to_string()),
        bytes: size(path)?,
        reused: false,
    })
}

fn unpacked(
    uri: &ModelUri,
    path: &Path,
    (form, digest): (Form, Option<Sha256>),
    options: &FetchOptions,
) -> Result<Artifact> {
    let place = path.canonicalize().map_err(|_| absent(path))?;
    let shelf = Shelf::open(&options.cache, &format!("file:{}", place.display()))?;
    let validators = stamp(path)?;
    let known = shelf.current().filter(|record| {
        let same = digest.is_none_or(|digest| digest.to_string() == record.digest);
        same && record.validators == validators
    });
    if let Some(record) = known {
        return shelf.artifact(&record, true);
    }
    let digest = digest
        .map_or_else(|| Sha256::of_file(path), Ok)
        .map_err(|_| absent(path))?;
    let staging = shelf.staging()?;
    let what = uri.to_string();
    let watch = |entries, bytes| options.report(&what, Step::Unpacking { entries, bytes });
    let placed = expand(path, form, &staging, &options.limits, &watch);
    let published = placed.and_then(|placed| shelf.publish(&placed, &digest, validators));
    if published.is_err() {
        remove(&staging).map_err(unwritable)?;
    }
    shelf.artifact(&published?, false)
}

/// Size and time of a local file, in the place of an ETag.
fn stamp(path: &Path) -> Result<Validators> {
    let metadata = fs::metadata(path).map_err(|_| absent(path))?;
    let etag = format!("{}-{}", metadata.len(), modified(&metadata));
    Ok(Validators {
        etag: Some(etag),
        last_modified: None,
    })
}

/// Nothing is there: says how far the path does exist, and what is there.
fn absent(path: &Path) -> Error {
    let nearest = path.ancestors().skip(1).find(|folder| folder.is_dir());
    let tilde = path.components().any(|part| part.as_os_str() == "~");
    let hint = if tilde {
        "; `~` is not expanded here, write the whole path"
    } else {
        ""
    };
    let found = nearest.map_or_else(String::new, |folder| {
        format!("; `{}` holds {}", folder.display(), listing(folder))
    });
    Error::not_found(format!(
        "there is no file or folder `{}`{found}{hint}",
        path.display()
    ))
}
