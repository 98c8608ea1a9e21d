//! Calls on their way to a worker.

use bytes::{BufMut as _, Bytes, BytesMut};
use hari_core::{
    Context, DataType, Feedback, Input, Message, Method, NamedTensor, Payload, wire_texts,
};
use hari_error::{Error, Result};
use hari_telemetry::trace;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use serde_json::Value;

use super::{WireMeta, ndarray, word};
use crate::frame::{Body, Kind, Outgoing, Span};

#[derive(Serialize)]
struct WireCall<'a> {
    method: &'a str,
    puid: &'a str,
    transport: &'a str,
    headers: serde_json::Map<String, Value>,
    messages: Vec<WireMessage<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    feedback: Option<WireFeedback<'a>>,
}

#[derive(Serialize)]
struct WireFeedback<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<WireMessage<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<WireMessage<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    truth: Option<WireMessage<'a>>,
    reward: f32,
}

#[derive(Default, Serialize)]
struct WireMessage<'a> {
    kind: &'static str,
    representation: &'static str,
    names: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tensors: Vec<WireTensor<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ndarray: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    binary: Option<Span>,
    #[serde(skip_serializing_if = "Option::is_none")]
    json: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    type_url: Option<&'a str>,
    meta: WireMeta,
}

#[derive(Serialize)]
struct WireTensor<'a> {
    name: &'a str,
    datatype: &'static str,
    shape: &'a [usize],
    #[serde(flatten)]
    span: Span,
}

/// The frame that asks a worker to do what `method` says.
/// Elements of tensors are shared with `input`; byte strings are copied once.
///
/// # Errors
/// `Internal` if the JSON cannot be written.
pub fn encode_call(method: Method, input: &Input, context: &Context) -> Result<Outgoing> {
    let mut body = Body::default();
    let mut call = WireCall {
        method: method.path(),
        puid: &context.puid,
        transport: if context.grpc { "grpc" } else { "rest" },
        headers: headers(context),
        messages: Vec::new(),
        feedback: None,
    };
    let puid = Some(&*context.puid);
    match input {
        Input::One(one) => call.messages.push(message(one, puid, &mut body)),
        Input::Many(all) => {
            let each = all.iter().map(|one| message(one, puid, &mut body));
            call.messages = each.collect();
        }
        Input::Feedback(one) => call.feedback = Some(feedback(one, &mut body)),
    }
    let json = serde_json::to_vec(&call)
        .map_err(|error| Error::internal("a call cannot be written").with_source(error))?;
    Ok(Outgoing {
        kind: Kind::Call,
        id: 0,
        json,
        body,
    })
}

/// The caller's headers, with the current span in place of the caller's where traces are kept.
fn headers(context: &Context) -> serde_json::Map<String, Value> {
    let pair = |(name, value): &(String, String)| (name.clone(), Value::from(value.clone()));
    let mut headers: serde_json::Map<_, _> = context.headers.iter().map(pair).collect();
    if trace::on() {
        let mut own = HeaderMap::new();
        trace::outgoing(&mut own);
        let text = |(name, value): (&HeaderName, &HeaderValue)| {
            Some((name.as_str().to_owned(), Value::from(value.to_str().ok()?)))
        };
        headers.extend(own.iter().filter_map(text));
    }
    headers
}

fn feedback<'a>(feedback: &'a Feedback, body: &mut Body) -> WireFeedback<'a> {
    let mut part = |one: &'a Option<Message>| one.as_ref().map(|one| message(one, None, body));
    WireFeedback {
        request: part(&feedback.request),
        response: part(&feedback.response),
        truth: part(&feedback.truth),
        reward: feedback.reward,
    }
}

fn message<'a>(message: &'a Message, puid: Option<&str>, body: &mut Body) -> WireMessage<'a> {
    let base = WireMessage {
        representation: word(message.representation),
        meta: meta(message, puid),
        ..WireMessage::default()
    };
    match &message.payload {
        Payload::Empty => WireMessage {
            kind: "empty",
            ..base
        },
        Payload::Text(text) => WireMessage {
            kind: "text",
            text: Some(text),
            ..base
        },
        Payload::Binary(bytes) => WireMessage {
            kind: "binary",
            binary: Some(body.push(bytes.clone())),
            ..base
        },
        Payload::Json(value) => WireMessage {
            kind: "json",
            json: Some(value),
            ..base
        },
        Payload::Tensors(tensors) => data(tensors, base, body),
        Payload::Any(any) => WireMessage {
            kind: "any",
            binary: Some(body.push(any.value.clone())),
            type_url: Some(&any.type_url),
            ..base
        },
    }
}

fn data<'a>(tensors: &'a [NamedTensor], base: WireMessage<'a>, body: &mut Body) -> WireMessage<'a> {
    let base = WireMessage {
        kind: "tensors",
        names: tensors.first().map_or(&[], |first| &first.columns),
        ..base
    };
    if let [only] = tensors
        && let Some(cells) = &only.cells
    {
        return WireMessage {
            ndarray: Some(ndarray::write(&only.tensor, cells)),
            ..base
        };
    }
    let tensor = |named: &'a NamedTensor| WireTensor {
        name: &named.name,
        datatype: named.tensor.dtype().name(),
        shape: named.tensor.shape(),
        span: body.push(elements(named)),
    };
    WireMessage {
        tensors: tensors.iter().map(tensor).collect(),
        ..base
    }
}

/// The elements as they lie in memory; byte strings each after their length.
fn elements(named: &NamedTensor) -> Bytes {
    if let Some(bytes) = named.tensor.bytes() {
        return bytes.clone();
    }
    debug_assert_eq!(named.tensor.dtype(), DataType::Bytes);
    let texts = wire_texts(&named.tensor);
    let size = texts.iter().map(|text| 4 + text.len()).sum();
    let mut bytes = BytesMut::with_capacity(size);
    for text in &texts {
        bytes.put_u32_le(u32::try_from(text.len()).unwrap_or(u32::MAX));
        bytes.put_slice(text);
    }
    bytes.freeze()
}

fn meta(message: &Message, puid: Option<&str>) -> WireMeta {
    let meta = &message.meta;
    WireMeta {
        puid: meta.puid.as_deref().or(puid).map(str::to_owned),
        tags: meta.tags.clone(),
        routing: meta.routing.clone(),
        request_path: meta.request_path.clone(),
        metrics: meta.metrics.iter().map(Into::into).collect(),
    }
}
