//! What was loaded, for the table that is printed at the start.

use std::time::Duration;

/// One node that answers.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeReport {
    /// Predictor that the node belongs to.
    pub predictor: String,
    /// Percent of the requests of the deployment.
    pub traffic: u32,
    /// Whether the predictor is a shadow.
    pub shadow: bool,
    /// The node.
    pub node: String,
    /// Runtime or built-in that answers.
    pub runtime: String,
    /// Version that is served, if the model has any.
    pub version: Option<String>,
    /// From the first byte read to ready; zero for a built-in.
    pub load_time: Duration,
    /// Bytes that the model keeps in memory.
    pub memory_bytes: u64,
}
