//! Replies of other servers, and what goes on to the next one.

use bytes::Bytes;
use hari_core::{Limits, Message};
use hari_proto::inference::ModelInferResponse;
use hari_proto::tensorflow::serving::{ModelSpec, PredictResponse};
use hari_protocol::open_inference::{self as oip, decode_request, decode_response};
use hari_protocol::seldon::decode_route_reply;
use hari_protocol::tensorflow::{self, decode_predict};
use prost::Message as _;

use super::{limits, same, wide};

/// The length that says that there is no header.
const NO_LENGTH: u32 = u32::MAX;

/// The first byte chooses the decoder, the rest is the reply; one of the open inference protocol
/// over REST has the length of its JSON before it, as four bytes, little-endian.
pub fn check(data: &[u8]) {
    let Some((&kind, reply)) = data.split_first() else {
        return;
    };
    let limits = limits();
    match kind % 5 {
        0 => oip_json(reply, &limits),
        1 => tf_json(reply, &limits),
        2 => oip_proto(reply, &limits),
        3 => tf_proto(reply, &limits),
        _ => _ = decode_route_reply(reply, &limits),
    }
}

fn oip_json(data: &[u8], limits: &Limits) {
    let Some((length, body)) = data.split_first_chunk::<4>() else {
        return;
    };
    let length = u32::from_le_bytes(*length);
    let json_len = (length != NO_LENGTH).then_some(length as usize);
    let body = Bytes::copy_from_slice(body);
    if let Ok(message) = decode_response(&body, json_len, limits) {
        sent_on_by_oip(&message, limits);
    }
}

fn oip_proto(wire: &[u8], limits: &Limits) {
    let Ok(reply) = ModelInferResponse::decode(Bytes::copy_from_slice(wire)) else {
        return;
    };
    if let Ok(message) = oip::proto::to_reply(reply, limits) {
        sent_on_by_oip(&message, limits);
    }
}

/// A request to the next server, over REST and over gRPC, as that server reads it.
fn sent_on_by_oip(message: &Message, limits: &Limits) {
    let parameters = serde_json::Map::new();
    let encoded = oip::encode_request(Some("id"), &parameters, message);
    let encoded = encoded.expect("tensors can be written");
    let request = decode_request(&encoded.body, encoded.json_len, &wide(limits));
    let request = request.expect("what was written can be read");
    same::elements(message.as_tensors(), request.message.as_tensors());
    let proto = oip::proto::from_request("id", &parameters, message);
    let request = oip::proto::to_request(proto.expect("tensors can be written"), &wide(limits));
    let request = request.expect("what was written can be read");
    same::elements(message.as_tensors(), request.message.as_tensors());
}

fn tf_json(body: &[u8], limits: &Limits) {
    let Ok(message) = tensorflow::decode_reply(body, limits) else {
        return;
    };
    let tensors = message.as_tensors().unwrap_or_default();
    // Several get names where they have none, and no rows are no request.
    if tensors.is_empty() || tensors.iter().any(|one| one.name.is_empty()) && tensors.len() > 1 {
        return;
    }
    let Ok(body) = tensorflow::encode_request(None, &message) else {
        return;
    };
    if body.ends_with(b":[]}") {
        return;
    }
    let request = decode_predict(&body, &wide(limits)).expect("what was written can be read");
    same::elements(Some(tensors), request.message.as_tensors());
}

fn tf_proto(wire: &[u8], limits: &Limits) {
    let Ok(reply) = PredictResponse::decode(Bytes::copy_from_slice(wire)) else {
        return;
    };
    let Ok(message) = tensorflow::proto::to_reply(reply, limits) else {
        return;
    };
    let tensors = message.as_tensors().unwrap_or_default();
    if tensors.iter().any(|one| one.name.is_empty()) {
        return;
    }
    let request = tensorflow::proto::from_request(&message, ModelSpec::default());
    let request = request.expect("tensors can be written");
    let read = tensorflow::proto::to_predict(request, &wide(limits));
    let (_, once) = read.expect("what was written can be read");
    same::elements(message.as_tensors(), once.as_tensors());
}
