//! Writes to the API server, counted: and where tests end the operator.

use std::sync::atomic::{AtomicU64, Ordering};

use hari_telemetry::metric::operator as metric;

/// Exit code of an operator that ends after so many writes.
const ENDED: i32 = 86;

/// Counts writes.
#[derive(Debug, Default)]
pub(crate) struct Writes {
    done: AtomicU64,
    /// Ends the process after so many.
    end_after: Option<u64>,
}

impl Writes {
    pub(crate) fn new(end_after: Option<u64>) -> Self {
        Self {
            done: AtomicU64::new(0),
            end_after,
        }
    }

    /// One more.
    pub(crate) fn count(&self, kind: &str, verb: &'static str) {
        metric::wrote(kind, verb);
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if self.end_after == Some(done) {
            tracing::warn!(done, "ending after so many writes, as asked");
            std::process::exit(ENDED);
        }
    }
}
