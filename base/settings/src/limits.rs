//! Settings of the servers.

use std::time::Duration;

use hari_error::Result;

use crate::{
    CORS_HEADERS, CORS_ORIGINS, DEADLINE, DRAIN, MAX_BODY, MAX_CONNECTIONS, MAX_IN_FLIGHT,
    REPLY_METRICS, threads,
};

/// What the listeners are set to; limits in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Most bytes of a body, of a decompressed body and of a tensor.
    pub max_body: usize,
    /// Most time from request to reply.
    pub deadline: Duration,
    /// Most open connections of a listener.
    pub max_connections: usize,
    /// Most requests answered at the same time.
    pub max_in_flight: usize,
    /// How long a stopping process waits for requests in flight.
    pub drain: Duration,
    /// `Access-Control-Allow-Origin`
    pub cors_origins: String,
    /// `Access-Control-Allow-Headers`
    pub cors_headers: String,
    /// Where the ports of requests answer with the metrics too, if they do.
    pub metrics_path: Option<String>,
    /// Whether custom metrics of units are in replies; they are counted either way.
    pub reply_metrics: bool,
}

impl Server {
    /// What the environment says, with the defaults.
    ///
    /// # Errors
    /// Names the first setting that cannot be read.
    pub fn from_env() -> Result<Self> {
        let millis = |setting: &crate::Setting, default| -> Result<Duration> {
            Ok(Duration::from_millis(setting.parse()?.unwrap_or(default)))
        };
        let or =
            |setting: &crate::Setting| setting.get().unwrap_or_else(|| setting.default.to_owned());
        Ok(Self {
            max_body: MAX_BODY.parse()?.unwrap_or(64 << 20),
            deadline: millis(&DEADLINE, 30_000)?,
            max_connections: MAX_CONNECTIONS.parse()?.unwrap_or(10_000),
            max_in_flight: MAX_IN_FLIGHT.parse()?.unwrap_or(256 * threads()?),
            drain: millis(&DRAIN, 15_000)?,
            cors_origins: or(&CORS_ORIGINS),
            cors_headers: or(&CORS_HEADERS),
            metrics_path: None,
            reply_metrics: REPLY_METRICS.get().is_none_or(|text| text == "true"),
        })
    }
}
