//! How requests of one model wait and are put together.

use std::time::Duration;

/// How requests of one model wait and are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchOptions {
    /// Rows of one run at most; 1 runs every request alone. A request with more rows of its own
    /// is run alone.
    pub max_rows: usize,
    /// How long a request waits for others while a run of the model is under way.
    pub window: Duration,
    /// Requests that may wait; more are refused with `Overloaded`.
    pub queue: usize,
    /// Runs of the model at the same time, at most the threads of the pool.
    pub concurrency: usize,
}

impl Default for BatchOptions {
    /// No batching, 256 waiting, all threads.
    fn default() -> Self {
        Self {
            max_rows: 1,
            window: Duration::ZERO,
            queue: 256,
            concurrency: usize::MAX,
        }
    }
}

impl BatchOptions {
    /// Whether requests are put together at all.
    #[must_use]
    pub fn batches(&self) -> bool {
        self.max_rows > 1
    }
}
