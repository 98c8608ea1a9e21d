//! What the workers of a node are started with.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use hari_telemetry::metric::WorkerMetrics;
use serde_json::{Map, Value};

use crate::frame::Limits;

/// What the workers of one node are started with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name of the node, for messages and logs.
    pub node: String,
    /// The interpreter.
    pub python: PathBuf,
    /// The class's folder: the workers' working directory, on their path.
    pub folder: PathBuf,
    /// Module, or module and class.
    pub class: String,
    /// Constructor arguments by name.
    pub parameters: Map<String, Value>,
    /// Worker processes; at least one.
    pub workers: usize,
    /// Environment beside that of this process.
    pub env: BTreeMap<String, String>,
    /// Bytes of address space that a worker may take, if that is limited. Linux alone enforces it.
    pub memory: Option<u64>,
    /// Most bytes of an answer.
    pub limits: Limits,
    /// How long things may take.
    pub timing: Timing,
    /// Told how many workers are up and of each restart.
    pub metrics: Option<WorkerMetrics>,
    /// Where the package lies that the workers run, in place of the one in this library.
    pub package: Option<PathBuf>,
}

impl Settings {
    /// One worker with the class `Model` of `folder`.
    pub fn new(
        node: impl Into<String>,
        python: impl Into<PathBuf>,
        folder: impl Into<PathBuf>,
    ) -> Self {
        Self {
            node: node.into(),
            python: python.into(),
            folder: folder.into(),
            class: "Model".to_owned(),
            parameters: Map::new(),
            workers: 1,
            env: BTreeMap::new(),
            memory: None,
            limits: Limits::default(),
            timing: Timing::default(),
            metrics: None,
            package: None,
        }
    }
}

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// From the start of a process to its class being made.
    pub load: Duration,
    /// A worker that computes this long after its call's deadline is stuck.
    pub stuck: Duration,
    /// A worker without a call is asked this often whether it is well.
    pub ping: Duration,
    /// And has this long to answer.
    pub pong: Duration,
    /// The wait before the first restart in a row; each next one is twice as long.
    pub backoff: Duration,
    /// The longest wait before a restart.
    pub longest_backoff: Duration,
    /// A worker that lived this long has nothing to do with failures before it.
    pub healthy: Duration,
    /// What a worker has to end by itself.
    pub stop: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            load: Duration::from_secs(300),
            stuck: Duration::from_secs(30),
            ping: Duration::from_secs(5),
            pong: Duration::from_secs(2),
            backoff: Duration::from_millis(100),
            longest_backoff: Duration::from_secs(30),
            healthy: Duration::from_secs(60),
            stop: Duration::from_secs(5),
        }
    }
}
