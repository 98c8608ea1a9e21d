//! Models behind a URL: fetched into the cache, and again only if they changed.

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls;

use std::path::Path;

use hari_error::{Error, Result};
use url::Url;

use crate::cache::{Found, Record, Shelf, Validators, find, remove};
use crate::fetch::{Artifact, blocking};
use crate::http::{Download, Outcome, Request, download};
use crate::local::same_digest;
use crate::options::FetchOptions;
use crate::place::{Placed, settle};
use crate::progress::Step;
use crate::uri::ModelUri;

/// The name of the file in a staging folder that is being fetched.
const PART: &str = "download";

/// The model behind `url`.
pub(crate) async fn fetch(uri: &ModelUri, url: &Url, options: &FetchOptions) -> Result<Artifact> {
    options.policy.admit(url)?;
    let (shelf, known) = match find(&options.cache, url.to_string(), uri.sha256).await? {
        Found::Wanted(artifact) => return Ok(artifact),
        Found::Known(shelf, known) => (shelf, known),
    };
    update(uri, url, (shelf, known), options).await
}

async fn update(
    uri: &ModelUri,
    url: &Url,
    (shelf, known): (Shelf, Option<Record>),
    options: &FetchOptions,
) -> Result<Artifact> {
    let staging = shelf.staging()?;
    let none = Validators::default();
    let request = Request {
        url,
        known: known.as_ref().map_or(&none, |record| &record.validators),
        what: uri.to_string(),
        options,
    };
    let outcome = download(&request, &staging.join(PART)).await;
    let (uri, options) = (uri.clone(), options.clone());
    blocking(move || {
        let published =
            outcome.and_then(|outcome| publish(&uri, (&shelf, known), outcome, &staging, &options));
        // While the shelf is locked: a moment later the folder may be another fetch's.
        if let Err(error) = remove(&staging) {
            tracing::warn!(%error, "a staging folder in the cache cannot be removed");
        }
        published
    })
    .await
}

fn publish(
    uri: &ModelUri,
    (shelf, known): (&Shelf, Option<Record>),
    outcome: Outcome,
    staging: &Path,
    options: &FetchOptions,
) -> Result<Artifact> {
    let fetched = match (outcome, known) {
        (Outcome::Unchanged, Some(record)) => return shelf.artifact(&record, true),
        (Outcome::Fetched(fetched), Some(record))
            if fetched.digest.to_string() == record.digest =>
        {
            let record = shelf.renew(&record, fetched.validators)?;
            return shelf.artifact(&record, true);
        }
        (Outcome::Fetched(fetched), _) => fetched,
        (Outcome::Unchanged, None) => {
            return Err(Error::invalid(
                "the server says `not modified` to a request without a condition",
            ));
        }
    };
    let placed = place(uri, &fetched, staging, options)?;
    let record = shelf.publish(&placed, &fetched.digest, fetched.validators)?;
    shelf.artifact(&record, false)
}

/// Checks what was fetched into `staging`, and makes the model of it there.
pub(crate) fn place(
    uri: &ModelUri,
    fetched: &Download,
    staging: &Path,
    options: &FetchOptions,
) -> Result<Placed> {
    if let Some(expected) = uri.sha256 {
        same_digest(expected, fetched.digest)?;
    }
    let what = uri.to_string();
    let watch = |entries, bytes| options.report(&what, Step::Unpacking { entries, bytes });
    settle(
        &staging.join(PART),
        &fetched.name,
        staging,
        &options.limits,
        &watch,
    )
}

/// Fetches `url` into `staging` without a cache.
pub(crate) async fn fetch_into(
    uri: &ModelUri,
    url: &Url,
    staging: &Path,
    options: &FetchOptions,
) -> Result<(Placed, Download)> {
    let known = Validators::default();
    let request = Request {
        url,
        known: &known,
        what: uri.to_string(),
        options,
    };
    let Outcome::Fetched(fetched) = download(&request, &staging.join(PART)).await? else {
        return Err(Error::invalid("the server sent no content"));
    };
    let (uri, staging, options) = (uri.clone(), staging.to_owned(), options.clone());
    blocking(move || Ok((place(&uri, &fetched, &staging, &options)?, fetched))).await
}
