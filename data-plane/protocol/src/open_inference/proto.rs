//! The messages of `inference.GRPCInferenceService`.

mod contents;
mod parameters;

use bytes::Bytes;
use hari_core::{DataType, Limits, Message, ModelMetadata, NamedTensor, TensorSpec};
use hari_error::{Error, Result};
use hari_proto::inference::model_infer_request::InferInputTensor;
use hari_proto::inference::model_infer_response::InferOutputTensor;
use hari_proto::inference::model_metadata_response::TensorMetadata;
use hari_proto::inference::{
    InferTensorContents, ModelInferRequest, ModelInferResponse, ModelMetadataResponse,
    ServerMetadataResponse,
};

use serde_json::{Map, Value};

use super::outputs::{Output, select};
use super::request::{check_count, refuse_shared_memory, requested, take_bool};
use super::{EXTENSIONS, InferReply, InferRequest, RequestedOutput, Wishes, metadata, raw};
use crate::shape;

/// Reads a request. Raw numbers are shared with the message, not copied. `model_name` and
/// `model_version` are for the caller to take out first.
///
/// # Errors
/// `InvalidInput` that names the input; `TooLarge` beyond a limit; `Unimplemented` for shared
/// memory.
pub fn to_request(request: ModelInferRequest, limits: &Limits) -> Result<InferRequest> {
    let mut parameters = parameters::read(request.parameters)?;
    let binary_default = take_bool(&mut parameters, "binary_data_output")?;
    let raw = !request.raw_input_contents.is_empty();
    let inputs = inputs(request.inputs, request.raw_input_contents, limits)?;
    let outputs = request
        .outputs
        .into_iter()
        .enumerate()
        .map(|(at, output)| {
            check_count("outputs", at, limits)?;
            let at = |error: Error| error.context(format_args!("outputs[{at}]"));
            requested(output.name, parameters::read(output.parameters)?).map_err(at)
        })
        .collect::<Result<Vec<RequestedOutput>>>()?;
    let id = Some(request.id).filter(|id| !id.is_empty());
    let message = Message::tensors(inputs);
    Ok(InferRequest {
        id,
        message,
        outputs,
        binary_default,
        parameters,
        raw,
    })
}

fn inputs(
    inputs: Vec<InferInputTensor>,
    raw: Vec<Bytes>,
    limits: &Limits,
) -> Result<Vec<NamedTensor>> {
    if !raw.is_empty() && raw.len() != inputs.len() {
        return Err(Error::invalid(format!(
            "raw_input_contents: expected one for each of the {} inputs, found {}",
            inputs.len(),
            raw.len()
        )));
    }
    let mut raw = raw.into_iter();
    inputs
        .into_iter()
        .enumerate()
        .map(|(at, tensor)| {
            check_count("inputs", at, limits)?;
            let name = tensor.name.clone();
            input(tensor, raw.next(), limits)
                .map_err(|error| error.context(format_args!("input `{name}`")))
        })
        .collect()
}

fn input(input: InferInputTensor, raw: Option<Bytes>, limits: &Limits) -> Result<NamedTensor> {
    let parameters = parameters::read(input.parameters)?;
    refuse_shared_memory(&parameters)?;
    let dtype: DataType = input.datatype.parse()?;
    let shape = shape::checked(&input.shape, dtype, limits)?;
    // MLServer writes contents that are empty beside raw ones.
    let empty = InferTensorContents::default();
    let contents = input.contents.filter(|contents| *contents != empty);
    let tensor = match (raw, contents) {
        (Some(_), Some(_)) => {
            return Err(Error::invalid(
                "expected contents or raw_input_contents, found both",
            ));
        }
        (Some(bytes), None) => raw::read(dtype, shape, bytes)?,
        (None, contents) => contents::read(contents.unwrap_or_default(), dtype, shape)?,
    };
    Ok(NamedTensor {
        parameters,
        ..NamedTensor::new(input.name, tensor)
    })
}

/// The reply. Elements are raw if `raw` says so, or if a type has no other form (FP16, BF16); raw
/// numbers are shared with the message.
///
/// # Errors
/// `InvalidInput` if an output is asked for that is not there.
pub fn from_reply(
    reply: &InferReply,
    message: &Message,
    wishes: Wishes<'_>,
    raw: bool,
) -> Result<ModelInferResponse> {
    let outputs = select(message, wishes)?;
    let raw = raw
        || outputs
            .iter()
            .any(|output| contents::is_raw_only(output.tensor.dtype()));
    let mut response = ModelInferResponse {
        model_name: reply.model_name.clone(),
        model_version: reply.model_version.clone().unwrap_or_default(),
        id: reply.id.clone().unwrap_or_default(),
        parameters: parameters::write(&reply.parameters),
        ..ModelInferResponse::default()
    };
    for output in &outputs {
        if raw {
            response
                .raw_output_contents
                .push(raw::write(&output.tensor)?);
        }
        response.outputs.push(output_tensor(output, raw));
    }
    Ok(response)
}

/// A request to another server: every tensor of the message is an input, its elements raw.
///
/// # Errors
/// `Unimplemented` for `customData`.
pub fn from_request(
    id: &str,
    wanted: &Map<String, Value>,
    message: &Message,
) -> Result<ModelInferRequest> {
    let inputs = select(message, Wishes::default())?;
    let contents = inputs.iter().map(|input| raw::write(&input.tensor));
    Ok(ModelInferRequest {
        id: id.to_owned(),
        parameters: parameters::write(wanted),
        raw_input_contents: contents.collect::<Result<_>>()?,
        inputs: inputs.iter().map(input_tensor).collect(),
        ..ModelInferRequest::default()
    })
}

fn input_tensor(input: &Output<'_>) -> InferInputTensor {
    let output = output_tensor(input, true);
    InferInputTensor {
        name: output.name,
        datatype: output.datatype,
        shape: output.shape,
        parameters: output.parameters,
        contents: None,
    }
}

/// Reads the reply of another server. Raw numbers are shared with the message, not copied.
///
/// # Errors
/// Those of [`to_request`].
pub fn to_reply(response: ModelInferResponse, limits: &Limits) -> Result<Message> {
    let as_input = |output: InferOutputTensor| InferInputTensor {
        name: output.name,
        datatype: output.datatype,
        shape: output.shape,
        parameters: output.parameters,
        contents: output.contents,
    };
    let outputs = response.outputs.into_iter().map(as_input).collect();
    inputs(outputs, response.raw_output_contents, limits).map(Message::tensors)
}

fn output_tensor(output: &Output<'_>, raw: bool) -> InferOutputTensor {
    InferOutputTensor {
        name: output.name.clone().into_owned(),
        datatype: output.tensor.dtype().name().to_owned(),
        shape: shape::to_wire(output.tensor.shape()),
        parameters: parameters::write(&output.parameters),
        contents: (!raw).then(|| contents::write(&output.tensor)),
    }
}

/// What a model says of itself; the tensors are those of its default signature.
#[must_use]
pub fn from_metadata(metadata: &ModelMetadata) -> ModelMetadataResponse {
    let (inputs, outputs) = metadata::tensors(metadata);
    let list = |specs: &[TensorSpec]| specs.iter().map(tensor_metadata).collect();
    ModelMetadataResponse {
        name: metadata.name.clone(),
        versions: metadata.versions.clone(),
        platform: metadata.platform.clone(),
        inputs: list(inputs),
        outputs: list(outputs),
    }
}

fn tensor_metadata(spec: &TensorSpec) -> TensorMetadata {
    TensorMetadata {
        name: spec.name.clone(),
        datatype: spec.dtype.name().to_owned(),
        shape: spec.wire_shape(),
    }
}

/// Name, version and extensions of the server.
#[must_use]
pub fn from_server_metadata(name: &str, version: &str) -> ServerMetadataResponse {
    ServerMetadataResponse {
        name: name.to_owned(),
        version: version.to_owned(),
        extensions: EXTENSIONS.map(str::to_owned).to_vec(),
    }
}

#[cfg(test)]
mod tests;
