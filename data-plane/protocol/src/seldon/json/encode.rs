//! Messages, feedback and errors to JSON bodies.
//!
//! Bodies may end up within a page, so `<`, `>`, `&`, U+2028 and U+2029 are escaped throughout.

use bytes::Bytes;
use hari_core::{Feedback, Message, NamedTensor, Payload, Representation};
use hari_error::{Error, Result};
use serde_json::json;

use super::meta;
use crate::json::write::{self, ByteStrings, Escape, Style};
use crate::seldon::data::{self, Direction, Names, member_name, names};
use crate::tensorflow::tensor_json;

const STYLE: Style = Style {
    escape: Escape::Html,
    bytes: ByteStrings::Text,
};

/// Writes a reply. Its form and names follow the rules of [`crate::seldon`]; `meta` is always
/// there.
///
/// # Errors
/// `Model` if the payload holds bytes that JSON cannot, `InvalidInput` for `customData`.
pub fn encode_message(message: &Message) -> Result<Bytes> {
    encode(message, Direction::Reply)
}

/// Writes a message that goes on to a unit, with the names that it has.
///
/// # Errors
/// As [`encode_message`].
pub fn encode_request(message: &Message) -> Result<Bytes> {
    encode(message, Direction::Request)
}

/// Writes feedback that goes on to a unit.
///
/// # Errors
/// As [`encode_message`].
pub fn encode_feedback(feedback: &Feedback) -> Result<Bytes> {
    let mut out = Vec::from(*b"{");
    let messages = [
        ("request", &feedback.request),
        ("response", &feedback.response),
        ("truth", &feedback.truth),
    ];
    for (key, message) in messages {
        if let Some(message) = message {
            write::string(&mut out, key, Escape::Plain);
            out.push(b':');
            write_message(&mut out, message, Direction::Request)?;
            out.push(b',');
        }
    }
    out.extend_from_slice(b"\"reward\":");
    write::float(&mut out, feedback.reward);
    out.push(b'}');
    Ok(out.into())
}

/// Writes the body of an error reply: `{"status":{"code":400,"info":"...",...}}`.
#[must_use]
pub fn encode_error(error: &Error) -> Bytes {
    let status = json!({"status": {
        "code": error.kind().http_status(),
        "info": error.to_string(),
        "reason": error.reason(),
        "status": "FAILURE",
    }});
    let mut out = Vec::new();
    // Neither a tree nor a vector can fail.
    _ = write::serialize(&mut out, &status, Escape::Html);
    out.into()
}

fn encode(message: &Message, direction: Direction) -> Result<Bytes> {
    let mut out = Vec::with_capacity(256);
    write_message(&mut out, message, direction)?;
    Ok(out.into())
}

fn write_message(out: &mut Vec<u8>, message: &Message, direction: Direction) -> Result<()> {
    out.push(b'{');
    let start = out.len();
    write_payload(out, message, direction)?;
    out.extend_from_slice(if out.len() > start {
        b",\"meta\":"
    } else {
        b"\"meta\":"
    });
    meta::encode(out, &message.meta)?;
    out.push(b'}');
    Ok(())
}

fn write_payload(out: &mut Vec<u8>, message: &Message, direction: Direction) -> Result<()> {
    match &message.payload {
        Payload::Empty => Ok(()),
        Payload::Tensors(tensors) => match &**tensors {
            [tensor] => write_data(out, tensor, message.representation, direction),
            tensors => write_members(out, tensors),
        },
        Payload::Text(text) => {
            out.extend_from_slice(b"\"strData\":");
            write::string(out, text, Escape::Html);
            Ok(())
        }
        Payload::Binary(bytes) => {
            out.extend_from_slice(b"\"binData\":");
            write::base64(out, bytes);
            Ok(())
        }
        Payload::Json(value) => {
            out.extend_from_slice(b"\"jsonData\":");
            write::serialize(out, value, Escape::Html)
        }
        Payload::Any(_) => Err(Error::invalid("customData travels over gRPC only")),
    }
}

fn write_data(
    out: &mut Vec<u8>,
    named: &NamedTensor,
    asked: Representation,
    direction: Direction,
) -> Result<()> {
    out.extend_from_slice(b"\"data\":{\"names\":");
    write_names(out, names(named, direction))?;
    match data::representation(asked, &named.tensor) {
        Representation::Tensor => {
            out.extend_from_slice(b",\"tensor\":{\"shape\":");
            write::serialize(out, named.tensor.shape(), Escape::Plain)?;
            out.extend_from_slice(b",\"values\":");
            write::flat(out, &named.tensor, STYLE)?;
            out.push(b'}');
        }
        Representation::Tftensor => {
            out.extend_from_slice(b",\"tftensor\":");
            write::serialize(out, &tensor_json::to_value(&named.tensor), Escape::Plain)?;
        }
        Representation::Ndarray | Representation::Unspecified => {
            out.extend_from_slice(b",\"ndarray\":");
            write_ndarray(out, named)?;
        }
    }
    out.push(b'}');
    Ok(())
}

fn write_names(out: &mut Vec<u8>, names: Names<'_>) -> Result<()> {
    let columns = match names {
        Names::Given(names) => return write::serialize(out, names, Escape::Html),
        Names::Counted(columns) => columns,
    };
    out.push(b'[');
    for column in 0..columns {
        out.extend_from_slice(if column == 0 { b"\"t:" } else { b",\"t:" });
        write::integer(out, column);
        out.push(b'"');
    }
    out.push(b']');
    Ok(())
}

/// Writes nested lists; a single value becomes a list of one, as the protocol has no other.
fn write_ndarray(out: &mut Vec<u8>, named: &NamedTensor) -> Result<()> {
    if let Some(cells) = &named.cells {
        return write::mixed(out, &named.tensor, cells, STYLE);
    }
    if named.tensor.shape().is_empty() {
        return write::flat(out, &named.tensor, STYLE);
    }
    write::nested(out, &named.tensor, STYLE)
}

/// Writes several tensors, or none, as `jsonData`.
fn write_members(out: &mut Vec<u8>, tensors: &[NamedTensor]) -> Result<()> {
    out.extend_from_slice(b"\"jsonData\":{");
    for (index, named) in tensors.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write::string(out, &member_name(named, index), Escape::Html);
        out.push(b':');
        write::nested(out, &named.tensor, STYLE)?;
    }
    out.push(b'}');
    Ok(())
}
