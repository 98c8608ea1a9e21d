//! One request as its file has it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One request with what each node was asked and answered. Times are in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// The request id (`Seldon-Puid`).
    pub id: String,
    /// When it began, UTC, RFC 3339.
    pub time: String,
    /// `namespace/name` of the deployment.
    pub deployment: String,
    /// The predictor that answered.
    pub predictor: String,
    /// How long the graph took.
    pub took: u64,
    /// The nodes, parents before children.
    pub graph: Vec<GraphNode>,
    /// What happened, in the order in which it began.
    pub events: Vec<Event>,
}

/// A node in its place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphNode {
    /// Its name.
    pub name: String,
    /// How many nodes are above it.
    pub depth: usize,
}

/// One stage of one node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Name of the node.
    pub node: String,
    /// `node`: with all below it; `call`: the node's own unit.
    pub stage: String,
    /// What it was called for: `predict`, `route`.
    pub method: String,
    /// From the beginning of the request to that of the stage.
    pub start: u64,
    /// How long it took; none if it never answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took: Option<u64>,
    /// What it was asked: several messages to aggregate; request, response and truth of feedback.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<Content>,
    /// The reward of feedback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reward: Option<f32>,
    /// What it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Content>,
    /// The branch that a router chose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<i64>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Fault>,
}

/// Why a node failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// `INVALID_INPUT`, `MODEL_ERROR`.
    pub reason: String,
    /// In words.
    pub message: String,
    /// The node that is at fault, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
}

/// A message.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// What part of feedback it is: `request`, `response` or `truth`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub part: String,
    /// Tensors, if it has any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tensors: Vec<Tensor>,
    /// Its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Its JSON; as a text with its beginning if that is long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<Value>,
    /// Bytes of a binary payload, which is not kept itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary: Option<usize>,
    /// Tags beside it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub tags: Map<String, Value>,
    /// Custom metrics beside it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Metric>,
}

/// A tensor, whole or its beginning.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tensor {
    /// Its name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// `FP32`, in the words of the open inference protocol.
    pub datatype: String,
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Its elements, row by row. What is no number in JSON is a text: `"NaN"`.
    pub values: Vec<Value>,
    /// How many more there are.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more: usize,
    /// Names of its columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
}

/// A custom metric.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// The name it is exposed under.
    pub key: String,
    /// `COUNTER`, `GAUGE` or `TIMER`.
    pub kind: String,
    /// The value.
    pub value: f32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}
