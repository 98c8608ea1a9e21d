//! The body of an event: the payload in the protocol and the form that it had.

mod buffers;

use bytes::Bytes;
use hari_core::{DataType, Feedback, Message, Payload, Representation, Spoken};
use hari_error::Result;
use hari_protocol::tensorflow::Layout;
use hari_protocol::{open_inference, seldon, tensorflow};
use prost::Message as _;
use serde_json::Map;

use crate::record::{Kind, Record};

const JSON: &str = "application/json";
const PROTOBUF: &str = "application/protobuf";

pub(crate) struct Body {
    pub(crate) bytes: Bytes,
    pub(crate) content_type: &'static str,
    /// `seldon`, `v2`, `kfserving` or `tensorflow`.
    pub(crate) protocol: String,
}

/// Writes a message in the protocol that its caller spoke. A node behind the first is not told
/// which one that was: there it is the deployment's, but for what only Seldon's has a form for.
/// What came over gRPC is a protocol buffer, unless `as_json` asks for text.
///
/// # Errors
/// If the message has no form in it.
pub(crate) fn message(record: &Record, message: &Message, as_json: bool) -> Result<Body> {
    let own = &*record.slot.place.log.protocol;
    let proto = record.grpc && !as_json;
    let speech = speech(record.spoken, message, own);
    let protocol = match speech {
        Speech::Seldon => "seldon",
        Speech::OpenInference if own == "kfserving" => own,
        Speech::OpenInference => "v2",
        Speech::Tensorflow => "tensorflow",
    };
    let body = match (speech, proto) {
        (Speech::Seldon, false) => return in_seldon(record.kind, message),
        (Speech::Seldon, true) => protobuf(buffers::in_seldon(record.kind, message)?),
        (Speech::OpenInference, false) => json(in_open_inference(record, message)?),
        (Speech::OpenInference, true) => protobuf(buffers::in_open_inference(record, message)?),
        (Speech::Tensorflow, false) => json(in_tensorflow(record.kind, message)?),
        (Speech::Tensorflow, true) => protobuf(buffers::in_tensorflow(record, message)?),
    };
    let protocol = protocol.to_owned();
    Ok(Body { protocol, ..body })
}

/// Writes feedback, which only Seldon's protocol has.
///
/// # Errors
/// If a part of it has no form.
pub(crate) fn feedback(record: &Record, feedback: &Feedback, as_json: bool) -> Result<Body> {
    if (as_json || !record.grpc)
        && let Ok(bytes) = seldon::encode_feedback(feedback)
    {
        return Ok(json(bytes));
    }
    let proto = seldon::proto::from_feedback(feedback)?;
    Ok(protobuf(proto.encode_to_vec()))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Speech {
    Seldon,
    OpenInference,
    Tensorflow,
}

fn speech(spoken: Spoken, message: &Message, own: &str) -> Speech {
    match (spoken, own) {
        // Its tables are tensors by name, as the open inference protocol has them.
        (Spoken::OpenInference | Spoken::Mlflow, _) => Speech::OpenInference,
        (Spoken::Tensorflow, _) => Speech::Tensorflow,
        (Spoken::Seldon, "tensorflow") if !others(message) => Speech::Tensorflow,
        (Spoken::Seldon, _) if seldons(message) => Speech::Seldon,
        (Spoken::Seldon, "v2" | "kfserving") => Speech::OpenInference,
        (Spoken::Seldon, _) => Speech::Seldon,
    }
}

/// Whether the message has a form that TensorFlow Serving does not know.
fn others(message: &Message) -> bool {
    message.representation != Representation::Tftensor && seldons(message)
}

/// Whether the message came in Seldon's protocol for sure.
fn seldons(message: &Message) -> bool {
    message.representation != Representation::Unspecified
        || !matches!(message.payload, Payload::Tensors(_))
}

fn json(bytes: Bytes) -> Body {
    Body {
        bytes,
        content_type: JSON,
        protocol: "seldon".to_owned(),
    }
}

fn protobuf(bytes: Vec<u8>) -> Body {
    Body {
        bytes: bytes.into(),
        content_type: PROTOBUF,
        protocol: "seldon".to_owned(),
    }
}

/// As JSON; as a protocol buffer what JSON has no room for.
fn in_seldon(kind: Kind, message: &Message) -> Result<Body> {
    let written = match kind == Kind::Request {
        true => seldon::encode_request(message),
        false => seldon::encode_message(message),
    };
    match written {
        Ok(bytes) => Ok(json(bytes)),
        Err(_) => Ok(protobuf(buffers::in_seldon(kind, message)?)),
    }
}

fn in_open_inference(record: &Record, message: &Message) -> Result<Bytes> {
    let message = with_json_types(message)?;
    let written = match record.kind == Kind::Request {
        true => open_inference::encode_request(Some(&record.request_id), &Map::new(), &message)?,
        false => {
            let wishes = open_inference::Wishes::default();
            open_inference::encode_response(&reply(record), &message, wishes)?
        }
    };
    Ok(written.body)
}

/// What a reply says beside its tensors: the node, and the request.
fn reply(record: &Record) -> open_inference::InferReply {
    open_inference::InferReply {
        model_name: record.slot.place.log.node.clone(),
        id: Some(record.request_id.to_string()),
        ..open_inference::InferReply::default()
    }
}

/// Types that have no JSON form there become `FP32`, which holds all their values.
fn with_json_types(message: &Message) -> Result<Message> {
    let mut message = message.clone();
    if let Payload::Tensors(tensors) = &mut message.payload {
        for named in tensors {
            if matches!(named.tensor.dtype(), DataType::Fp16 | DataType::Bf16) {
                named.tensor = named.tensor.cast(DataType::Fp32)?;
            }
        }
    }
    Ok(message)
}

/// One item for each row where all tensors have as many, else one for each tensor.
fn in_tensorflow(kind: Kind, message: &Message) -> Result<Bytes> {
    if kind == Kind::Request {
        return tensorflow::encode_request(None, message);
    }
    let rows = tensorflow::encode_predict(message, Layout::Row);
    rows.or_else(|_| tensorflow::encode_predict(message, Layout::Column))
}

#[cfg(test)]
mod tests;
