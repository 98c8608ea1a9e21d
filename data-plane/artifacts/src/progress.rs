//! What a fetch says of itself while it runs.

use std::time::Duration;

/// Listens to fetches. Called often and from several threads: be quick.
pub trait Progress: Send + Sync {
    /// `what` is the model's URI without credentials.
    fn step(&self, what: &str, step: Step);
}

/// A step of a fetch; all sizes in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// So much of the file is here.
    Downloading {
        /// Bytes that are here.
        done: u64,
        /// Bytes of the whole file, if the server said.
        total: Option<u64>,
    },
    /// The transfer broke and goes on after a pause.
    Retrying {
        /// The pause.
        after: Duration,
    },
    /// So much of the archive is unpacked.
    Unpacking {
        /// Files and folders.
        entries: u64,
        /// Bytes of the files.
        bytes: u64,
    },
    /// The model is in its place.
    Done {
        /// Bytes of its files.
        bytes: u64,
        /// It was in the cache already.
        reused: bool,
    },
}
