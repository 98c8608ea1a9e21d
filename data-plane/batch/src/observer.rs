//! What the door tells of itself, for metrics.

use std::time::Duration;

/// Told of every step. All methods are called on the request path: they must not block.
pub trait Observer: Send + Sync {
    /// Requests that wait for the model, after one was added or some were taken.
    fn queued(&self, requests: usize) {
        let _ = requests;
    }

    /// How long a request waited before its run.
    fn waited(&self, time: Duration) {
        let _ = time;
    }

    /// The rows of a run; one for a request that has no rows.
    fn batch(&self, rows: usize) {
        let _ = rows;
    }

    /// How long a run took, failed or not.
    fn ran(&self, time: Duration) {
        let _ = time;
    }
}

/// Tells no one.
pub(crate) struct Silent;

impl Observer for Silent {}
