//! What a worker answers: messages, errors, what it says of itself.

use std::collections::BTreeMap;
use std::str::FromStr as _;

use bytes::{Buf as _, Bytes};
use hari_core::{Any, DataType, Limits, Message, Meta, NamedTensor, Payload, Tensor};
use hari_error::{Answer, Error, Kind as Fault, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{WireMeta, ndarray, representation};
use crate::frame::Frame;

#[derive(Deserialize)]
struct WireReply {
    message: WireMessage,
}

#[derive(Deserialize)]
#[serde(default)]
struct WireMessage {
    kind: String,
    representation: String,
    names: Vec<String>,
    tensors: Vec<WireTensor>,
    ndarray: Option<Value>,
    text: String,
    offset: u64,
    length: u64,
    json: Value,
    type_url: String,
    meta: WireMeta,
}

impl Default for WireMessage {
    fn default() -> Self {
        Self {
            kind: "empty".to_owned(),
            representation: String::new(),
            names: Vec::new(),
            tensors: Vec::new(),
            ndarray: None,
            text: String::new(),
            offset: 0,
            length: 0,
            json: Value::Null,
            type_url: String::new(),
            meta: WireMeta::default(),
        }
    }
}

#[derive(Deserialize)]
struct WireTensor {
    #[serde(default)]
    name: String,
    datatype: String,
    shape: Vec<usize>,
    #[serde(default)]
    offset: u64,
    length: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireError {
    status: u16,
    reason: String,
    info: String,
    kind: String,
    body: Option<String>,
    content_type: Option<String>,
}

/// What a worker says of the class that it made.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Description {
    /// Methods of the protocol that the class has.
    pub methods: Vec<String>,
    /// The class's metadata: `name`, `versions`, `platform`, `inputs`, `outputs`, `custom`.
    pub metadata: Value,
    /// Version of numpy; none if it is not installed.
    pub numpy: Option<String>,
}

fn read<T: DeserializeOwned>(frame: &Frame) -> Result<T> {
    serde_json::from_slice(&frame.json).map_err(|error| {
        Error::model(format!(
            "the Python worker's answer cannot be read: {error}"
        ))
    })
}

/// The message of a `reply` frame. Tensors share the frame's body.
///
/// # Errors
/// `Model` if a tensor lies outside the body, or is not what its shape and type say.
pub fn decode_reply(frame: &Frame) -> Result<Message> {
    let WireReply { message } = read(frame)?;
    let payload = payload(&message, &frame.body).map_err(|error| blame(&error))?;
    Ok(Message {
        payload,
        representation: representation(&message.representation)?,
        meta: meta(message.meta)?,
    })
}

/// Whatever is wrong with an answer is not the caller's fault.
fn blame(error: &Error) -> Error {
    Error::model(format!(
        "the answer of the Python class: {}",
        error.message()
    ))
}

fn payload(message: &WireMessage, body: &Bytes) -> Result<Payload> {
    Ok(match message.kind.as_str() {
        "tensors" => Payload::Tensors(tensors(message, body)?),
        "text" => Payload::Text(message.text.clone()),
        "binary" => Payload::Binary(slice(body, message.offset, message.length)?),
        "json" => Payload::Json(message.json.clone()),
        "any" => Payload::Any(Any {
            type_url: message.type_url.clone(),
            value: slice(body, message.offset, message.length)?,
        }),
        "empty" => Payload::Empty,
        other => return Err(Error::model(format!("a message of unknown kind `{other}`"))),
    })
}

fn tensors(message: &WireMessage, body: &Bytes) -> Result<Vec<NamedTensor>> {
    let limits = Limits::default();
    if message.tensors.len() > limits.inputs {
        let words = format!("more than {} tensors", limits.inputs);
        return Err(Error::model(words));
    }
    let mut tensors = match &message.ndarray {
        Some(rows) => vec![ndarray::read(rows)?],
        None => {
            let each = message.tensors.iter().map(|one| tensor(one, body));
            each.collect::<Result<Vec<_>>>()?
        }
    };
    if let Some(first) = tensors.first_mut() {
        first.columns.clone_from(&message.names);
    }
    Ok(tensors)
}

fn tensor(wire: &WireTensor, body: &Bytes) -> Result<NamedTensor> {
    let made = || {
        let dtype = DataType::from_str(&wire.datatype)?;
        let bytes = slice(body, wire.offset, wire.length)?;
        let tensor = match dtype {
            DataType::Bytes => strings(&wire.shape, bytes)?,
            fixed => Tensor::from_bytes(fixed, wire.shape.clone(), bytes)?,
        };
        // What Python makes of a number where no one says more: it fits narrower types, too.
        Ok(match dtype {
            DataType::Fp64 | DataType::Int64 => NamedTensor::inferred(&*wire.name, tensor),
            _ => NamedTensor::new(&*wire.name, tensor),
        })
    };
    made().map_err(|error: Error| error.context(format!("tensor `{}`", wire.name)))
}

fn slice(body: &Bytes, offset: u64, length: u64) -> Result<Bytes> {
    let outside = || {
        let has = body.len();
        let words = format!("{length} bytes at {offset} lie outside the body, which has {has}");
        Error::model(words)
    };
    let start = usize::try_from(offset).map_err(|_| outside())?;
    let length = usize::try_from(length).map_err(|_| outside())?;
    let end = start.checked_add(length).filter(|end| *end <= body.len());
    Ok(body.slice(start..end.ok_or_else(outside)?))
}

/// Byte strings, each after its length.
fn strings(shape: &[usize], mut bytes: Bytes) -> Result<Tensor> {
    let mut texts = Vec::new();
    while !bytes.is_empty() {
        let short = || Error::model("a byte string ends before its length");
        let length = bytes.try_get_u32_le().map_err(|_| short())? as usize;
        if length > bytes.len() {
            return Err(short());
        }
        texts.push(bytes.split_to(length));
    }
    Tensor::from_strings(shape, texts)
}

fn meta(wire: WireMeta) -> Result<Meta> {
    let metrics = wire.metrics.into_iter().map(TryInto::try_into);
    Ok(Meta {
        puid: wire.puid,
        tags: wire.tags,
        routing: wire.routing,
        request_path: wire.request_path,
        metrics: metrics.collect::<Result<_>>()?,
    })
}

/// The error of an `error` frame; what the user's own handler answered is kept for the caller.
#[must_use]
pub fn decode_error(frame: &Frame) -> Error {
    let wire: WireError = match read(frame) {
        Ok(wire) => wire,
        Err(error) => return error,
    };
    let kind = fault(wire.status, wire.kind == "caller");
    let info = match wire.info.is_empty() {
        true => "the Python class failed".to_owned(),
        false => wire.info,
    };
    let mut error = Error::new(kind, info);
    if !wire.reason.is_empty() {
        error = error.with_reason(wire.reason);
    }
    let possible = (200..600).contains(&wire.status);
    let own = wire.body.map(|body| (body, wire.content_type));
    // A status that no kind has is the class's own, too.
    let unlike = wire.status >= 400 && wire.status != kind.http_status();
    let told = || unlike.then(|| (in_words(&error, wire.status), None));
    match own.or_else(told).filter(|_| possible) {
        Some((body, content_type)) => error.with_answer(Answer {
            status: wire.status,
            content_type: content_type.unwrap_or_else(|| "application/json".to_owned()),
            body,
        }),
        None => error,
    }
}

/// An error of the Seldon protocol with a status of its own.
fn in_words(error: &Error, status: u16) -> String {
    let (info, reason) = (error.message(), error.reason());
    let status = json!({"code": status, "info": info, "reason": reason, "status": "FAILURE"});
    json!({ "status": status }).to_string()
}

/// The kind whose reply has this HTTP status; else who is to blame decides.
fn fault(status: u16, caller: bool) -> Fault {
    match (status, caller) {
        (401, _) => Fault::Unauthenticated,
        (403, _) => Fault::Forbidden,
        (404, _) => Fault::NotFound,
        (413, _) => Fault::TooLarge,
        (429, _) => Fault::Overloaded,
        (501, _) => Fault::Unimplemented,
        (503, _) => Fault::Unavailable,
        (400..=499, _) | (_, true) => Fault::InvalidInput,
        _ => Fault::Model,
    }
}

/// What a `loaded` frame says.
///
/// # Errors
/// `Model` if it cannot be read.
pub fn decode_loaded(frame: &Frame) -> Result<Description> {
    read(frame)
}

impl Description {
    /// A text of the metadata.
    pub(crate) fn text(&self, field: &str) -> Option<String> {
        let text = self.metadata.get(field)?.as_str()?;
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// A list of texts of the metadata.
    pub(crate) fn list(&self, field: &str) -> Vec<String> {
        let values = self.metadata.get(field).and_then(Value::as_array);
        let texts = values.into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    }

    /// The free texts of the metadata.
    pub(crate) fn custom(&self) -> BTreeMap<String, String> {
        let custom = self.metadata.get("custom").and_then(Value::as_object);
        let pair = |(name, value): (&String, &Value)| {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            (name.clone(), text)
        };
        custom.into_iter().flatten().map(pair).collect()
    }
}
