//! What a caller sets for a fetch.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hari_error::Result;
use hari_settings::{CACHE_SIZE, FETCH_PARALLEL, FETCH_TIMEOUT, Size, Storage};

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
    /// Which of the version folders of a bucket are fetched.
    pub versions: Versions,
    /// What the environment says of stores: addresses, credentials, proxies.
    pub storage: Storage,
    /// Most bytes that the cache keeps; none for what `HARI_CACHE_SIZE` says.
    pub cache_size: Option<u64>,
    /// Most requests to a store at the same time; none for what `HARI_FETCH_PARALLEL` says.
    pub parallel: Option<usize>,
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
            versions: Versions::default(),
            storage: Storage::from_env(),
            cache_size: None,
            parallel: None,
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

    /// Most bytes that the cache keeps.
    pub(crate) fn cache_size(&self) -> Result<u64> {
        match self.cache_size {
            Some(bytes) => Ok(bytes),
            None => Ok(CACHE_SIZE
                .parse::<Size>()?
                .map_or(DEFAULT_CACHE, |size| size.0)),
        }
    }

    /// Most requests to a store at the same time.
    pub(crate) fn parallel(&self) -> Result<usize> {
        let wish = match self.parallel {
            Some(number) => Some(number),
            None => FETCH_PARALLEL.parse()?,
        };
        Ok(wish.unwrap_or(DEFAULT_PARALLEL).clamp(1, MOST_PARALLEL))
    }
}

/// Bytes that the cache keeps unless told otherwise.
const DEFAULT_CACHE: u64 = 50 << 30;
const DEFAULT_PARALLEL: usize = 8;
const MOST_PARALLEL: usize = 64;

/// Which of the version folders `1/`, `2/`, ... of a bucket are fetched. What lies beside them is
/// always fetched, and all of a folder that has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Versions {
    /// Every one.
    All,
    /// Some of them.
    Chosen {
        /// So many of the highest that hold a model.
        latest: usize,
        /// These, which have to be there.
        listed: Vec<u64>,
    },
}

impl Versions {
    /// The highest that holds a model.
    #[must_use]
    pub fn newest() -> Self {
        Self::Chosen {
            latest: 1,
            listed: Vec::new(),
        }
    }

    /// This one.
    #[must_use]
    pub fn only(number: u64) -> Self {
        Self::Chosen {
            latest: 0,
            listed: vec![number],
        }
    }
}

impl Default for Versions {
    /// The newest.
    fn default() -> Self {
        Self::newest()
    }
}

impl From<Option<u64>> for Versions {
    /// The wanted one, else the newest: as [`crate::pick`] picks.
    fn from(wanted: Option<u64>) -> Self {
        wanted.map_or_else(Self::newest, Self::only)
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
    /// 10 s to connect; what `HARI_FETCH_TIMEOUT_MS` says without a byte, else 30 s.
    fn default() -> Self {
        let idle = FETCH_TIMEOUT.parse().ok().flatten().unwrap_or(30_000);
        Self {
            connect: Duration::from_secs(10),
            idle: Duration::from_millis(idle),
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
