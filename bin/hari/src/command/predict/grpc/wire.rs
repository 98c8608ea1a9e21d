//! Requests and replies as protocol buffers, from the client's side.

use bytes::{BufMut as _, Bytes, BytesMut};
use hari_core::{DataType, Message, NamedTensor, Tensor};
use hari_error::{Error, Result};
use hari_proto::inference::model_infer_request::{InferInputTensor, InferRequestedOutputTensor};
use hari_proto::inference::{ModelInferRequest, ModelInferResponse};
use hari_proto::tensorflow::SignatureDef;
use hari_proto::tensorflow::serving::{
    GetModelMetadataRequest, GetModelMetadataResponse, PredictRequest, PredictResponse,
    SignatureDefMap,
};
use hari_protocol::open_inference::proto::to_request;
use hari_protocol::tensorflow::proto::model_spec;
use hari_protocol::tensorflow::tensor::{from_tensor, to_tensor};
use prost::Message as _;

use super::super::answer::Asked;
use super::super::codec::limits;

/// What TensorFlow Serving calls the only kind of metadata there is.
const SIGNATURES: &str = "signature_def";

/// A request of the open inference protocol, elements raw.
pub(super) fn infer_request(model: &str, asked: &Asked) -> Result<ModelInferRequest> {
    let tensors = asked.message.as_tensors().unwrap_or_default();
    let named = |name: &String| InferRequestedOutputTensor {
        name: name.clone(),
        ..Default::default()
    };
    Ok(ModelInferRequest {
        model_name: model.to_owned(),
        inputs: tensors.iter().map(input).collect(),
        raw_input_contents: tensors
            .iter()
            .map(|named| raw(&named.tensor))
            .collect::<Result<_>>()?,
        outputs: asked.outputs.iter().map(named).collect(),
        ..ModelInferRequest::default()
    })
}

fn input(named: &NamedTensor) -> InferInputTensor {
    InferInputTensor {
        name: named.name.clone(),
        datatype: named.tensor.dtype().name().to_owned(),
        shape: named
            .tensor
            .shape()
            .iter()
            .map(|&size| size as i64)
            .collect(),
        ..InferInputTensor::default()
    }
}

/// Elements little-endian; byte strings with their length in front as four bytes.
fn raw(tensor: &Tensor) -> Result<Bytes> {
    if tensor.dtype() != DataType::Bytes {
        return Ok(tensor.bytes().cloned().unwrap_or_default());
    }
    let mut out = BytesMut::new();
    for text in tensor.strings()? {
        let length = u32::try_from(text.len())
            .map_err(|_| Error::too_large("a byte string is longer than 4 GiB"))?;
        out.put_u32_le(length);
        out.extend_from_slice(text);
    }
    Ok(out.freeze())
}

/// The outputs of a reply. They have the form of the inputs of a request, and are read as such.
pub(super) fn infer_message(response: ModelInferResponse) -> Result<Message> {
    let inputs = response.outputs.into_iter().map(|output| InferInputTensor {
        name: output.name,
        datatype: output.datatype,
        shape: output.shape,
        parameters: output.parameters,
        contents: output.contents,
    });
    let request = ModelInferRequest {
        inputs: inputs.collect(),
        raw_input_contents: response.raw_output_contents,
        ..ModelInferRequest::default()
    };
    let read = to_request(request, &limits());
    read.map(|request| request.message)
        .map_err(|error| error.context("the answer of the server"))
}

/// A request of TensorFlow Serving.
pub(super) fn predict_request(model: &str, asked: &Asked) -> PredictRequest {
    let tensors = asked.message.as_tensors().unwrap_or_default();
    PredictRequest {
        model_spec: Some(model_spec(model, None, asked.signature.as_deref())),
        inputs: tensors
            .iter()
            .map(|named| (named.name.clone(), from_tensor(&named.tensor)))
            .collect(),
        output_filter: asked.outputs.clone(),
    }
}

/// The outputs of a reply.
///
/// # Errors
/// If one of them cannot be read.
pub(super) fn predict_message(response: PredictResponse) -> Result<Message> {
    let outputs = response.outputs.into_iter().map(|(name, proto)| {
        let tensor = to_tensor(proto, &limits())
            .map_err(|error| error.context(format!("the answer of the server: output `{name}`")))?;
        Ok(NamedTensor::new(name, tensor))
    });
    outputs.collect::<Result<_>>().map(Message::tensors)
}

/// Asks for the signatures of a model.
pub(super) fn metadata_request(model: &str) -> GetModelMetadataRequest {
    GetModelMetadataRequest {
        model_spec: Some(model_spec(model, None, None)),
        metadata_field: vec![SIGNATURES.to_owned()],
    }
}

/// The default signature, or the first.
pub(super) fn signature(response: &GetModelMetadataResponse) -> Option<SignatureDef> {
    let any = response.metadata.get(SIGNATURES)?;
    let mut map = SignatureDefMap::decode(any.value.as_slice())
        .ok()?
        .signature_def;
    let default = map.remove("serving_default");
    default.or_else(|| map.into_values().next())
}

#[cfg(test)]
mod tests {
    use hari_proto::inference::model_infer_response::InferOutputTensor;

    use super::*;

    fn asked(tensor: Tensor) -> Asked {
        Asked {
            outputs: vec!["y".to_owned()],
            ..Asked::of(Message::tensor("x", tensor))
        }
    }

    #[test]
    fn what_is_written_raw_is_read_back() {
        let strings = vec![Bytes::from_static(b"a"), Bytes::from_static(b"bc")];
        for tensor in [
            Tensor::from_vec([2], vec![1.5_f32, 2.0]).unwrap(),
            Tensor::from_strings([2], strings).unwrap(),
        ] {
            let request = infer_request("m", &asked(tensor.clone())).unwrap();
            assert_eq!(
                (request.model_name.as_str(), &*request.outputs[0].name),
                ("m", "y")
            );
            let read = to_request(request, &limits()).unwrap();
            assert_eq!(read.message.as_tensors().unwrap()[0].tensor, tensor);
        }
    }

    #[test]
    fn an_answer_is_read_raw() {
        let output = InferOutputTensor {
            name: "y".into(),
            datatype: "FP32".into(),
            shape: vec![1],
            ..Default::default()
        };
        let response = ModelInferResponse {
            outputs: vec![output],
            raw_output_contents: vec![Bytes::from_static(&[0, 0, 128, 63])],
            ..Default::default()
        };
        let message = infer_message(response.clone()).unwrap();
        assert_eq!(
            message.as_tensors().unwrap()[0].tensor.to_f64().unwrap(),
            [1.0]
        );
        let short = ModelInferResponse {
            raw_output_contents: vec![Bytes::new()],
            ..response
        };
        let error = infer_message(short).unwrap_err();
        assert!(
            error.message().starts_with("the answer of the server: "),
            "{error}"
        );
    }

    #[test]
    fn tensorflow_takes_inputs_by_name() {
        let asked = asked(Tensor::from_vec([1], vec![1.0_f32]).unwrap());
        let request = predict_request("m", &asked);
        assert_eq!(request.inputs.keys().collect::<Vec<_>>(), ["x"]);
        assert_eq!(request.output_filter, ["y"]);
        let response = PredictResponse {
            outputs: request.inputs,
            model_spec: None,
        };
        let message = predict_message(response).unwrap();
        assert_eq!(
            message.as_tensors().unwrap()[0].tensor.to_f64().unwrap(),
            [1.0]
        );
    }

    #[test]
    fn the_default_signature_is_found() {
        let named = |name: &str| {
            (
                name.to_owned(),
                SignatureDef {
                    method_name: name.into(),
                    ..Default::default()
                },
            )
        };
        let map = SignatureDefMap {
            signature_def: [named("a"), named("serving_default")].into(),
        };
        let any = prost_types_any(&map);
        let response = GetModelMetadataResponse {
            metadata: [(SIGNATURES.to_owned(), any)].into(),
            ..Default::default()
        };
        assert_eq!(signature(&response).unwrap().method_name, "serving_default");
        assert_eq!(signature(&GetModelMetadataResponse::default()), None);
    }

    fn prost_types_any(map: &SignatureDefMap) -> prost_types::Any {
        prost_types::Any {
            type_url: String::new(),
            value: map.encode_to_vec(),
        }
    }
}
