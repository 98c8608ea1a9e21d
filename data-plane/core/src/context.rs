//! What a unit knows of the request beside its message.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hari_error::{Error, Kind, Result};
use serde_json::{Map, Value};

/// One request on its way through the graph. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Context {
    /// The request id (`Seldon-Puid`): the caller's, or a new UUID.
    pub puid: Arc<str>,
    /// When the answer is worth nothing any more.
    pub deadline: Instant,
    /// Which model, version and signature the caller named.
    pub target: Arc<Target>,
    /// Whether the caller asked not to log the payload (`Seldon-Skip-Logging`).
    pub skip_logging: bool,
    /// Whether the caller came over gRPC; else over HTTP.
    pub grpc: bool,
    /// Headers to hand on to remote nodes, lower-case names.
    pub headers: Arc<[(String, String)]>,
}

/// Which model, version and signature the caller named, if any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// The model in the URL or the message.
    pub model: Option<String>,
    /// The version in the URL or the message.
    pub version: Option<String>,
    /// The version label (`stable`, `canary`), as TensorFlow Serving has them.
    pub label: Option<String>,
    /// The signature; the model's default if none.
    pub signature: Option<String>,
    /// The protocol that the caller speaks.
    pub spoken: Spoken,
    /// The outputs wanted, by name; empty for all.
    pub outputs: Vec<String>,
    /// Parameters of the request as a whole (open inference protocol): each unit takes those it knows.
    pub parameters: Map<String, Value>,
}

/// The protocol that a caller speaks: some servers answer each in its own way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spoken {
    /// Seldon's.
    #[default]
    Seldon,
    /// The open inference protocol, V2.
    OpenInference,
    /// TensorFlow Serving's.
    Tensorflow,
    /// MLflow's scoring server.
    Mlflow,
}

impl Context {
    /// A request with this id that has `timeout` to be answered.
    pub fn new(puid: impl Into<Arc<str>>, timeout: Duration) -> Self {
        Self {
            puid: puid.into(),
            deadline: Instant::now() + timeout,
            target: Arc::default(),
            skip_logging: false,
            grpc: false,
            headers: Arc::from([]),
        }
    }

    /// The same request, aimed at `target`.
    #[must_use]
    pub fn aimed(mut self, target: Target) -> Self {
        self.target = Arc::new(target);
        self
    }

    /// How long there is still.
    ///
    /// # Errors
    /// `DeadlineExceeded` if there is no time left.
    pub fn remaining(&self) -> Result<Duration> {
        self.deadline
            .checked_duration_since(Instant::now())
            .ok_or_else(|| Error::new(Kind::DeadlineExceeded, "the deadline of the request passed"))
    }
}
