//! Settings of payload logging.

use std::time::Duration;

use hari_error::{Error, Result};

use crate::{
    LOGGER_KAFKA_BROKER, LOGGER_KAFKA_TOPIC, PAYLOAD_LOG_ATTEMPTS, PAYLOAD_LOG_BATCH,
    PAYLOAD_LOG_QUEUE, PAYLOAD_LOG_QUEUE_BYTES, PAYLOAD_LOG_TIMEOUT, PAYLOAD_LOG_WORKERS,
    REQUEST_LOGGER_DEFAULT_ENDPOINT, Setting, Size,
};

/// How payloads are logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadLog {
    /// Where payloads go whose logger names no URL.
    pub endpoint: Option<String>,
    /// Brokers to log to, in place of HTTP.
    pub kafka_broker: Option<String>,
    /// The topic there.
    pub kafka_topic: Option<String>,
    /// Events sent at the same time, for each target.
    pub workers: usize,
    /// Payloads that may wait, for each target.
    pub queue: usize,
    /// Bytes of payloads that may wait, for each target.
    pub queue_bytes: usize,
    /// Most time of one try to send.
    pub timeout: Duration,
    /// Tries to send before an event is given up.
    pub attempts: u32,
    /// Most events in one request; 1 sends each alone.
    pub batch: usize,
}

impl Default for PayloadLog {
    fn default() -> Self {
        Self {
            endpoint: None,
            kafka_broker: None,
            kafka_topic: None,
            workers: 10,
            queue: 10_000,
            queue_bytes: 256 << 20,
            timeout: Duration::from_secs(10),
            attempts: 5,
            batch: 1,
        }
    }
}

impl PayloadLog {
    /// What the environment says, with the defaults.
    ///
    /// # Errors
    /// Names the first setting that cannot be read.
    pub fn from_env() -> Result<Self> {
        let default = Self::default();
        let size = PAYLOAD_LOG_QUEUE_BYTES.parse::<Size>()?;
        let bytes = size.map_or(Ok(default.queue_bytes), |size| usize::try_from(size.0));
        Ok(Self {
            endpoint: REQUEST_LOGGER_DEFAULT_ENDPOINT.get(),
            kafka_broker: LOGGER_KAFKA_BROKER.get(),
            kafka_topic: LOGGER_KAFKA_TOPIC.get(),
            workers: positive(&PAYLOAD_LOG_WORKERS, default.workers)?,
            queue: positive(&PAYLOAD_LOG_QUEUE, default.queue)?,
            queue_bytes: bytes.unwrap_or(usize::MAX),
            timeout: PAYLOAD_LOG_TIMEOUT
                .parse()?
                .map_or(default.timeout, Duration::from_millis),
            attempts: u32::try_from(positive(&PAYLOAD_LOG_ATTEMPTS, 5)?).unwrap_or(u32::MAX),
            batch: positive(&PAYLOAD_LOG_BATCH, default.batch)?,
        })
    }
}

/// A number from 1 to 100000.
fn positive(setting: &Setting, default: usize) -> Result<usize> {
    match setting.parse()?.unwrap_or(default) {
        found @ 1..=100_000 => Ok(found),
        found => Err(Error::invalid(format!(
            "environment variable {}: expected 1 to 100000, found {found}",
            setting.name
        ))),
    }
}
