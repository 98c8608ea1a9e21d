//! Bodies as protocol buffers, as they travel over gRPC.

use hari_core::Message;
use hari_error::Result;
use hari_proto::inference::ModelInferRequest;
use hari_proto::inference::model_infer_request::InferInputTensor;
use hari_proto::inference::model_infer_response::InferOutputTensor;
use hari_proto::tensorflow::serving::PredictRequest;
use hari_protocol::{open_inference, seldon, tensorflow};
use prost::Message as _;

use crate::record::{Kind, Record};

pub(super) fn in_seldon(kind: Kind, message: &Message) -> Result<Vec<u8>> {
    let proto = match kind == Kind::Request {
        true => seldon::proto::from_request(message)?,
        false => seldon::proto::from_message(message)?,
    };
    Ok(proto.encode_to_vec())
}

pub(super) fn in_open_inference(record: &Record, message: &Message) -> Result<Vec<u8>> {
    let reply = super::reply(record);
    let wishes = open_inference::Wishes::default();
    let response = open_inference::proto::from_reply(&reply, message, wishes, false)?;
    if record.kind != Kind::Request {
        return Ok(response.encode_to_vec());
    }
    let request = ModelInferRequest {
        model_name: response.model_name,
        id: response.id,
        inputs: response.outputs.into_iter().map(input).collect(),
        raw_input_contents: response.raw_output_contents,
        ..ModelInferRequest::default()
    };
    Ok(request.encode_to_vec())
}

fn input(output: InferOutputTensor) -> InferInputTensor {
    InferInputTensor {
        name: output.name,
        datatype: output.datatype,
        shape: output.shape,
        parameters: output.parameters,
        contents: output.contents,
    }
}

pub(super) fn in_tensorflow(record: &Record, message: &Message) -> Result<Vec<u8>> {
    let spec = tensorflow::proto::model_spec(&record.slot.place.log.node, None, None);
    let response = tensorflow::proto::from_predict(message, &[], spec)?;
    if record.kind != Kind::Request {
        return Ok(response.encode_to_vec());
    }
    let request = PredictRequest {
        model_spec: response.model_spec,
        inputs: response.outputs,
        ..PredictRequest::default()
    };
    Ok(request.encode_to_vec())
}
