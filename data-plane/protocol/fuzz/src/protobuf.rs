//! Protocol buffers of the three protocols, to the core's types and back.

use hari_core::{Limits, Message};
use hari_proto::inference::ModelInferRequest;
use hari_proto::inference::model_infer_request::InferInputTensor;
use hari_proto::seldon::{Feedback, SeldonMessage, SeldonMessageList};
use hari_proto::tensorflow::serving::{Input, ModelSpec, PredictRequest};
use hari_protocol::open_inference::{InferReply, InferRequest, Wishes};
use hari_protocol::tensorflow::{self, Layout};
use hari_protocol::{open_inference::proto as oip, seldon::proto as seldon};
use prost::Message as _;

use super::{limits, oip_json_binary, same, seldon_json, tf_json, wide};

/// The first byte chooses the message, the rest is the message.
pub fn check(data: &[u8]) {
    let Some((&kind, wire)) = data.split_first() else {
        return;
    };
    let limits = limits();
    match kind % 6 {
        0 => seldon_message(wire, &limits),
        1 => seldon_list(wire, &limits),
        2 => seldon_feedback(wire, &limits),
        3 => infer_request(wire, &limits),
        4 => predict_request(wire, &limits),
        _ => classify_input(wire, &limits),
    }
}

fn seldon_message(wire: &[u8], limits: &Limits) {
    let Ok(proto) = SeldonMessage::decode(bytes::Bytes::copy_from_slice(wire)) else {
        return;
    };
    let Ok(message) = seldon::to_reply(proto.clone(), limits) else {
        return;
    };
    assert_eq!(
        seldon::to_message(proto.clone(), limits).is_ok(),
        proto.data_oneof.is_some()
    );
    _ = seldon::from_message(&message);
    seldon_json::written(&message, limits);
    // Several tensors are written as `jsonData`, which stays a tree where it is read.
    if message
        .as_tensors()
        .is_some_and(|tensors| tensors.len() != 1)
    {
        return;
    }
    // Bytes that are no text have no form in `ndarray`.
    let Ok(written) = seldon::from_request(&message) else {
        return;
    };
    let once = seldon_reread(&written, limits);
    same::elements(message.as_tensors(), once.as_tensors());
    let written = seldon::from_request(&once).expect("what was read can be written");
    same::all(&once, &seldon_reread(&written, limits));
}

fn seldon_reread(proto: &SeldonMessage, limits: &Limits) -> Message {
    let wire = bytes::Bytes::from(proto.encode_to_vec());
    let proto = SeldonMessage::decode(wire).expect("what was encoded can be decoded");
    seldon::to_reply(proto, &wide(limits)).expect("what was written can be read")
}

fn seldon_list(wire: &[u8], limits: &Limits) {
    if let Ok(list) = SeldonMessageList::decode(wire) {
        _ = seldon::to_messages(list, limits);
    }
}

fn seldon_feedback(wire: &[u8], limits: &Limits) {
    let Ok(proto) = Feedback::decode(wire) else {
        return;
    };
    let Ok(feedback) = seldon::to_feedback(proto, limits) else {
        return;
    };
    let Ok(written) = seldon::from_feedback(&feedback) else {
        return;
    };
    let once = seldon::to_feedback(written, &wide(limits)).expect("what was written can be read");
    let written = seldon::from_feedback(&once).expect("what was read can be written");
    let twice = seldon::to_feedback(written, &wide(limits)).expect("what was written can be read");
    same::all(&once, &twice);
}

fn infer_request(wire: &[u8], limits: &Limits) {
    let Ok(proto) = ModelInferRequest::decode(bytes::Bytes::copy_from_slice(wire)) else {
        return;
    };
    let Ok(request) = oip::to_request(proto, limits) else {
        return;
    };
    oip_json_binary::answered(&request, limits);
    _ = oip::from_reply(
        &InferReply::default(),
        &request.message,
        request.wishes(),
        request.raw,
    );
    for raw in [false, true] {
        let once = infer_reread(&request.message, raw, limits);
        same::elements(request.message.as_tensors(), once.message.as_tensors());
        same::all(&once, &infer_reread(&once.message, raw, limits));
    }
}

/// Reads the outputs of an echo as if they were inputs.
fn infer_reread(message: &Message, raw: bool, limits: &Limits) -> InferRequest {
    let reply = oip::from_reply(&InferReply::default(), message, Wishes::default(), raw)
        .expect("what was read can be written");
    let outputs = reply.outputs.into_iter();
    let inputs = outputs.map(|output| InferInputTensor {
        name: output.name,
        datatype: output.datatype,
        shape: output.shape,
        parameters: output.parameters,
        contents: output.contents,
    });
    let request = ModelInferRequest {
        inputs: inputs.collect(),
        raw_input_contents: reply.raw_output_contents,
        ..ModelInferRequest::default()
    };
    oip::to_request(request, &wide(limits)).expect("what was written can be read")
}

fn predict_request(wire: &[u8], limits: &Limits) {
    let Ok(proto) = PredictRequest::decode(bytes::Bytes::copy_from_slice(wire)) else {
        return;
    };
    let Ok((target, message)) = tensorflow::proto::to_predict(proto, limits) else {
        return;
    };
    _ = tensorflow::proto::from_predict(&message, &target.outputs, ModelSpec::default());
    for layout in [Layout::Row, Layout::Column] {
        _ = tensorflow::encode_predict(&message, layout);
    }
    _ = tensorflow::encode_classify(&message);
    _ = tensorflow::encode_regress(&message);
    _ = tensorflow::proto::from_classify(&message, ModelSpec::default());
    if message
        .as_tensors()
        .unwrap_or_default()
        .iter()
        .any(|named| named.name.is_empty())
    {
        // The answer gives a name to what has none.
        return;
    }
    let once = predict_reread(&message, limits);
    same::elements(message.as_tensors(), once.as_tensors());
    same::all(&once, &predict_reread(&once, limits));
}

fn predict_reread(message: &Message, limits: &Limits) -> Message {
    let reply = tensorflow::proto::from_predict(message, &[], ModelSpec::default())
        .expect("what was read can be written");
    let request = PredictRequest {
        inputs: reply.outputs,
        ..PredictRequest::default()
    };
    let read = tensorflow::proto::to_predict(request, &wide(limits));
    read.expect("what was written can be read").1
}

fn classify_input(wire: &[u8], limits: &Limits) {
    let Ok(input) = Input::decode(wire) else {
        return;
    };
    if let Ok(examples) = tensorflow::proto::to_examples(Some(input), limits) {
        tf_json::examined(&examples);
    }
}
