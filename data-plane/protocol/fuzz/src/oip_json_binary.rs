//! The open inference protocol over REST: JSON, and binary data behind it.

use bytes::Bytes;
use hari_core::{Limits, Message};
use hari_protocol::open_inference::{
    Encoded, InferReply, InferRequest, Wishes, decode_request, encode_response,
};

use super::{limits, same, wide};

/// The length that says that there is no header.
const NO_LENGTH: u32 = u32::MAX;

/// The first four bytes are `Inference-Header-Content-Length`, little-endian, the rest is the body.
pub fn check(data: &[u8]) {
    let Some((length, body)) = data.split_first_chunk::<4>() else {
        return;
    };
    let length = u32::from_le_bytes(*length);
    let json_len = (length != NO_LENGTH).then_some(length as usize);
    let limits = limits();
    let body = Bytes::copy_from_slice(body);
    if let Ok(request) = decode_request(&body, json_len, &limits) {
        answered(&request, &limits);
    }
}

/// Answers with the inputs, in both forms, and reads the answer as a request.
pub(crate) fn answered(request: &InferRequest, limits: &Limits) {
    let reply = InferReply {
        model_name: "m".to_owned(),
        ..InferReply::default()
    };
    _ = encode_response(&reply, &request.message, request.wishes());
    for binary_default in [false, true] {
        let wishes = Wishes {
            outputs: &[],
            binary_default,
        };
        let encode = |message: &Message| encode_response(&reply, message, wishes);
        // Half precision has no JSON form.
        let Ok(encoded) = encode(&request.message) else {
            continue;
        };
        let once = reread(&encoded, limits);
        same::elements(request.message.as_tensors(), once.as_tensors());
        let encoded = encode(&once).expect("what was read can be written");
        same::all(&once, &reread(&encoded, limits));
    }
}

/// Reads outputs as if they were inputs.
fn reread(encoded: &Encoded, limits: &Limits) -> Message {
    let length = encoded.json_len.unwrap_or(encoded.body.len());
    let (json, binary) = encoded
        .body
        .split_at_checked(length)
        .expect("the length fits the body");
    let json = std::str::from_utf8(json).expect("the reply is text");
    let inputs = json.replacen("\"outputs\"", "\"inputs\"", 1);
    let body = Bytes::from([inputs.as_bytes(), binary].concat());
    let json_len = encoded.json_len.map(|_| inputs.len());
    let request = decode_request(&body, json_len, &wide(limits));
    request.expect("what was written can be read").message
}
