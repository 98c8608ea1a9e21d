//! What may go wrong in a reconcile, and when to try again.

use std::time::Duration;

use hari_telemetry::metric::operator as metric;
use kube::runtime::controller::Action;

const FIRST: Duration = Duration::from_secs(1);
const MOST: Duration = Duration::from_secs(300);
const SOON: Duration = Duration::from_millis(200);
const GOING: Duration = Duration::from_secs(2);

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The API server refused, or did not answer.
    #[error("{what}: {}", words(error))]
    Api {
        /// What was asked of it.
        what: String,
        /// What it said.
        #[source]
        error: Box<kube::Error>,
    },
    /// An object of this name belongs to somebody else.
    #[error("{0}")]
    Foreign(String),
    /// An object is on its way out, and its name is needed.
    #[error("{0}")]
    Going(String),
}

impl Fault {
    /// What the API server said to something.
    pub(crate) fn api(what: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let what = what.into();
        move |error| Self::Api {
            what,
            error: Box::new(error),
        }
    }

    /// Another wrote at the same time, or something has to go first: nothing is wrong.
    pub(crate) fn passes(&self) -> bool {
        matches!(self, Self::Going(_)) || self.code() == Some(409)
    }

    /// When to try again, after so many failures in a row.
    pub(crate) fn again(&self, failures: u32) -> Action {
        Action::requeue(match self {
            Self::Going(_) => GOING,
            _ if self.passes() => SOON,
            Self::Api { .. } if self.refused() => MOST,
            Self::Api { .. } | Self::Foreign(_) => backoff(failures),
        })
    }

    /// Counts it.
    pub(crate) fn count(&self) {
        metric::failed(match (self, self.code()) {
            (Self::Going(_), _) => return,
            (Self::Foreign(_), _) => "foreign",
            (_, Some(409)) => "conflict",
            (_, Some(401 | 403)) => "forbidden",
            (_, Some(400 | 422)) => "refused",
            (_, Some(_)) => "api",
            (_, None) => "unreachable",
        });
    }

    /// The object itself is at fault.
    fn refused(&self) -> bool {
        matches!(self.code(), Some(400 | 422))
    }

    fn code(&self) -> Option<u16> {
        match self {
            Self::Api { error, .. } => match &**error {
                kube::Error::Api(status) => Some(status.code),
                _ => None,
            },
            Self::Foreign(_) | Self::Going(_) => None,
        }
    }
}

/// What is said to people: no address, no stack.
pub(crate) fn words(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        _ => "the API server cannot be reached".to_owned(),
    }
}

/// Twice as long after each failure, between half and all of it, up to five minutes.
fn backoff(failures: u32) -> Duration {
    let full = FIRST.saturating_mul(2_u32.saturating_pow(failures.min(16)));
    full.min(MOST).mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(code: u16) -> Fault {
        let status = kube::core::Status::failure("because", "Reason").with_code(code);
        Fault::api("cannot write Service x")(kube::Error::Api(status.boxed()))
    }

    #[test]
    fn a_conflict_is_tried_again_at_once() {
        assert!(said(409).passes());
        assert_eq!(said(409).again(9), Action::requeue(SOON));
        assert_eq!(said(422).again(0), Action::requeue(MOST));
        assert!(!said(403).passes());
    }

    #[test]
    fn waits_grow_and_end_at_five_minutes() {
        for failures in 0..40 {
            let wait = backoff(failures);
            assert!(wait <= MOST && wait >= FIRST / 2);
        }
        assert!(backoff(3) > backoff(0) && backoff(40) >= MOST / 2);
    }

    #[test]
    fn people_read_what_the_server_said() {
        assert_eq!(said(403).to_string(), "cannot write Service x: because");
    }
}
