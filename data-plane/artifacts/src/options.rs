//! What a caller sets for a fetch.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::archive::ArchiveLimits;
use crate::policy::Policy;
use crate::progress::{Progress, Step};

/// How to fetch.
#[derive(Clone)]
pub struct FetchOptions {
    /// Where fetched and unpacked models are kept. Made if it is not there.
    pub cache: PathBuf,
    /// Which hosts may be fetched from.
    pub policy: Policy,
    /// What an archive may unpack to, and how long a download may be.
    pub limits: ArchiveLimits,
    /// Listens while the fetch runs.
    pub progress: Option<Arc<dyn Progress>>,
    /// How long to wait for a server.
    pub timeouts: Timeouts,
    /// How often to try again.
    pub retry: Retry,
}

impl Default for FetchOptions {
    /// The user's cache folder (an empty path if it is not known), any host, default limits.
    fn default() -> Self {
        Self {
            cache: hari_settings::cache_dir().unwrap_or_default(),
            policy: Policy::default(),
            limits: ArchiveLimits::default(),
            progress: None,
            timeouts: Timeouts::default(),
            retry: Retry::default(),
        }
    }
}

impl FetchOptions {
    pub(crate) fn report(&self, what: &str, step: Step) {
        if let Some(progress) = &self.progress {
            progress.step(what, step);
        }
    }
}

/// How long to wait for a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// For the next bytes.
    pub idle: Duration,
}

impl Default for Timeouts {
    /// 10 s to connect, 30 s without a byte.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(30),
        }
    }
}

/// How often a transfer that breaks is tried again. Only what may pass by itself is: connections,
/// timeouts, transfers cut short, and the statuses 408, 425, 429 and 5xx.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Most attempts in a row that bring less than 8 MiB each.
    pub attempts: u32,
    /// The first pause; each further one is twice as long, up to [`Retry::MAX_PAUSE`].
    pub pause: Duration,
}

impl Retry {
    /// The longest pause between two attempts.
    pub const MAX_PAUSE: Duration = Duration::from_secs(10);
}

impl Default for Retry {
    /// 5 attempts, the first pause 200 ms.
    fn default() -> Self {
        Self {
            attempts: 5,
            pause: Duration::from_millis(200),
        }
    }
}
