//! Trying again: how often, after which pause, and when it is enough.

use std::future::Future;
use std::time::Duration;

use hari_error::{Error, Result};

use crate::fault::Fault;
use crate::options::{FetchOptions, Retry};
use crate::progress::Step;

/// Bytes that make an attempt count as progress, so that a long transfer may break often.
const PROGRESS: u64 = 8 << 20;

/// Runs `work` until it ends well, or badly for good. It has to be safe to repeat.
pub(crate) async fn retrying<T, F>(
    what: &str,
    options: &FetchOptions,
    mut work: impl FnMut() -> F,
) -> Result<T>
where
    F: Future<Output = Result<T, Fault>>,
{
    let mut tries = Tries::new(options.retry);
    loop {
        let fault = match work().await {
            Ok(value) => return Ok(value),
            Err(fault) => fault,
        };
        let after = tries.next(fault, 0)?;
        options.report(what, Step::Retrying { after });
        tokio::time::sleep(after).await;
    }
}

/// Counts the attempts that brought little.
pub(crate) struct Tries {
    retry: Retry,
    failed: u32,
    done: u64,
    /// Bytes that make an attempt count as progress.
    progress: u64,
}

impl Tries {
    pub(crate) fn new(retry: Retry) -> Self {
        Self {
            retry,
            failed: 0,
            done: 0,
            progress: PROGRESS,
        }
    }

    /// Of one piece out of many: an attempt that brings so many bytes counts as progress.
    pub(crate) fn of_piece(retry: Retry, progress: u64) -> Self {
        Self {
            progress,
            ..Self::new(retry)
        }
    }

    /// The pause before the next attempt; `done` are the bytes that are here by now.
    ///
    /// # Errors
    /// The fault itself, if another attempt would end the same way or there were enough.
    pub(crate) fn next(&mut self, fault: Fault, done: u64) -> Result<Duration> {
        let (error, wish) = match fault {
            Fault::Final(error) => return Err(error),
            Fault::Passing { error, after } => (error, after),
        };
        if done.saturating_sub(self.done) >= self.progress {
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
        let mut tries = Tries::new(retry);
        let pauses: Vec<_> = (0..3)
            .map(|_| tries.next(passing(None), 0).unwrap().as_millis())
            .collect();
        assert_eq!(pauses, [100, 200, 400]);
        let error = tries.next(passing(None), 0).unwrap_err();
        assert_eq!(error.message(), "it broke; gave up after 4 attempts");
    }

    #[test]
    fn progress_starts_the_count_again() {
        let mut tries = Tries::new(Retry {
            attempts: 2,
            ..Retry::default()
        });
        for round in 1..50 {
            tries.next(passing(None), round * PROGRESS).unwrap();
        }
        assert!(tries.next(passing(None), 49 * PROGRESS + 1).is_err());
    }

    #[test]
    fn the_servers_wish_is_heard_within_bounds() {
        let mut tries = Tries::new(Retry::default());
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
        let mut tries = Tries::new(Retry::default());
        assert!(tries.next(Fault::Final(Error::not_found("no")), 0).is_err());
    }
}
