//! What waits in a queue: a payload at one moment of one node.

use std::sync::Arc;
use std::time::SystemTime;

use hari_core::{Feedback, Message, NamedTensor, Payload, Spoken};
use hari_telemetry::metric::PayloadLogMetrics;
use uuid::Uuid;

use crate::onlooker::Mode;
use crate::queue::Slot;

/// What is recorded of one node, and as what.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeLog {
    /// Namespace of the deployment.
    pub namespace: String,
    /// The deployment.
    pub deployment: String,
    /// The predictor.
    pub predictor: String,
    /// The node.
    pub node: String,
    /// The deployment's protocol, as documents write it: `seldon`, `v2`, `kfserving`, `tensorflow`.
    pub protocol: String,
    /// What is recorded.
    pub mode: Mode,
    /// Whether the node's unit predicts or transforms: then its calls are recorded, else what goes
    /// into the node and what comes out.
    pub own_call: bool,
    /// Share of the requests, from 0 to 1.
    pub sample: f64,
    /// Names whose values are replaced.
    pub redact: Vec<String>,
}

/// The node that a record is of.
pub(crate) struct Place {
    pub(crate) log: NodeLog,
    /// Names whose values were replaced, with commas.
    pub(crate) redacted: Option<String>,
    pub(crate) metrics: PayloadLogMetrics,
}

/// Which event a record becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Request,
    Response,
    Feedback,
}

impl Kind {
    /// The type of the event.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Request => "io.seldon.serving.inference.request",
            Self::Response => "io.seldon.serving.inference.response",
            Self::Feedback => "io.seldon.serving.feedback",
        }
    }
}

pub(crate) enum Content {
    Message(Box<Message>),
    Feedback(Box<Feedback>),
}

pub(crate) struct Record {
    pub(crate) id: Uuid,
    pub(crate) time: SystemTime,
    pub(crate) kind: Kind,
    pub(crate) request_id: Arc<str>,
    pub(crate) spoken: Spoken,
    /// Whether the caller came over gRPC.
    pub(crate) grpc: bool,
    pub(crate) content: Content,
    /// About how many it holds.
    pub(crate) bytes: usize,
    pub(crate) slot: Slot,
}

/// About how many bytes a message holds.
pub(crate) fn size(message: &Message) -> usize {
    let tensor = |named: &NamedTensor| {
        let names: usize = named.columns.iter().map(|name| name.len() + 24).sum();
        named.tensor.byte_len() + names + named.name.len() + 128
    };
    let payload = match &message.payload {
        Payload::Empty => 0,
        Payload::Tensors(tensors) => tensors.iter().map(tensor).sum(),
        Payload::Text(text) => text.len(),
        Payload::Binary(bytes) => bytes.len(),
        Payload::Json(value) => json(value),
        Payload::Any(any) => any.type_url.len() + any.value.len(),
    };
    let tags: usize = message
        .meta
        .tags
        .iter()
        .map(|(k, v)| k.len() + json(v))
        .sum();
    payload + tags + 256 * message.meta.metrics.len() + 512
}

/// About how many bytes a tree takes.
fn json(value: &serde_json::Value) -> usize {
    use serde_json::Value;
    64 + match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(json).sum(),
        Value::Object(members) => members.iter().map(|(k, v)| k.len() + json(v)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// About how many bytes feedback holds.
pub(crate) fn size_of_feedback(feedback: &Feedback) -> usize {
    let parts = [&feedback.request, &feedback.response, &feedback.truth];
    parts.into_iter().flatten().map(size).sum()
}
