//! One file over HTTP: conditional, resumed when it breaks, checked for length, hashed.

mod client;
mod exchange;
mod fault;
mod name;
mod transfer;

use std::path::Path;
use std::time::Duration;

use hari_error::{Error, Result};
use url::Url;

use crate::cache::Validators;
use crate::digest::Sha256;
use crate::options::{FetchOptions, Retry};
use crate::progress::Step;

use self::client::Client;
use self::fault::Fault;
use self::transfer::Transfer;

/// Bytes that make an attempt count as progress, so that a long transfer may break often.
const PROGRESS: u64 = 8 << 20;

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
    let mut tries = Tries {
        retry: request.options.retry,
        failed: 0,
        done: 0,
    };
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

/// Counts the attempts that brought little.
struct Tries {
    retry: Retry,
    failed: u32,
    done: u64,
}

impl Tries {
    /// The pause before the next attempt.
    fn next(&mut self, fault: Fault, done: u64) -> Result<Duration> {
        let (error, wish) = match fault {
            Fault::Final(error) => return Err(error),
            Fault::Passing { error, after } => (error, after),
        };
        if done.saturating_sub(self.done) >= PROGRESS {
            self.failed = 0;
        }
        self.done = done;
        self.failed += 1;
        if self.failed >= self.retry.attempts {
            return Err(given_up(error, self.failed));
        }
        let doubled = self
            .retry
            .pause
            .saturating_mul(1 << (self.failed - 1).min(16));
        Ok(wish.unwrap_or_default().max(doubled).min(Retry::MAX_PAUSE))
    }
}

fn given_up(error: Error, attempts: u32) -> Error {
    let message = format!("{}; gave up after {attempts} attempts", error.message());
    Error::new(error.kind(), message).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passing(after: Option<u64>) -> Fault {
        let error = Error::unavailable("it broke");
        Fault::Passing {
            error,
            after: after.map(Duration::from_secs),
        }
    }

    #[test]
    fn pauses_double_and_end() {
        let retry = Retry {
            attempts: 4,
            pause: Duration::from_millis(100),
        };
        let mut tries = Tries {
            retry,
            failed: 0,
            done: 0,
        };
        let pauses: Vec<_> = (0..3)
            .map(|_| tries.next(passing(None), 0).unwrap().as_millis())
            .collect();
        assert_eq!(pauses, [100, 200, 400]);
        let error = tries.next(passing(None), 0).unwrap_err();
        assert_eq!(error.message(), "it broke; gave up after 4 attempts");
    }

    #[test]
    fn progress_starts_the_count_again() {
        let mut tries = Tries {
            retry: Retry {
                attempts: 2,
                ..Retry::default()
            },
            failed: 0,
            done: 0,
        };
        for round in 1..50 {
            tries.next(passing(None), round * PROGRESS).unwrap();
        }
        assert!(tries.next(passing(None), 49 * PROGRESS + 1).is_err());
    }

    #[test]
    fn the_servers_wish_is_heard_within_bounds() {
        let mut tries = Tries {
            retry: Retry::default(),
            failed: 0,
            done: 0,
        };
        assert_eq!(
            tries.next(passing(Some(3)), 0).unwrap(),
            Duration::from_secs(3)
        );
        assert_eq!(
            tries.next(passing(Some(9999)), 0).unwrap(),
            Retry::MAX_PAUSE
        );
    }

    #[test]
    fn what_will_not_pass_ends_at_once() {
        let mut tries = Tries {
            retry: Retry::default(),
            failed: 0,
            done: 0,
        };
        assert!(tries.next(Fault::Final(Error::not_found("no")), 0).is_err());
    }
}
