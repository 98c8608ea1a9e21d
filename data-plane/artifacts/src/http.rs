//! One file over HTTP: conditional, resumed when it breaks, checked for length, hashed.

mod exchange;
mod name;
mod transfer;

use std::path::Path;

use hari_error::Result;
use url::Url;

use crate::cache::Validators;
use crate::client::Client;
use crate::digest::Sha256;
use crate::options::FetchOptions;
use crate::progress::Step;
use crate::retry::Tries;

use self::transfer::Transfer;

/// What to fetch, and how.
pub(crate) struct Request<'a> {
    pub(crate) url: &'a Url,
    /// Of the copy that is here, if one is.
    pub(crate) known: &'a Validators,
    /// The source's name in messages.
    pub(crate) what: String,
    pub(crate) options: &'a FetchOptions,
}

/// What a server had.
pub(crate) enum Outcome {
    /// The copy that is here is still right.
    Unchanged,
    Fetched(Download),
}

/// A file that was fetched as a whole.
pub(crate) struct Download {
    pub(crate) digest: Sha256,
    pub(crate) validators: Validators,
    /// A plain file name, from the URL or the server.
    pub(crate) name: String,
}

/// Fetches the URL into the file `into`, which must not exist.
///
/// # Errors
/// As [`crate::fetch`].
pub(crate) async fn download(request: &Request<'_>, into: &Path) -> Result<Outcome> {
    let client = Client::new(request.options)?;
    let mut transfer = Transfer::create(request, into).await?;
    let mut tries = Tries::new(request.options.retry);
    loop {
        let fault = match transfer.attempt(&client).await {
            Ok(false) => return Ok(Outcome::Unchanged),
            Ok(true) => return Ok(Outcome::Fetched(transfer.finish().await?)),
            Err(fault) => fault,
        };
        let after = tries.next(fault, transfer.done())?;
        request
            .options
            .report(&request.what, Step::Retrying { after });
        tokio::time::sleep(after).await;
    }
}
