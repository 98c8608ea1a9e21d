//! The messages of `tensorflow.serving.PredictionService` and `ModelService`.

use hari_core::{
    Limits, Message, ModelMetadata, NamedTensor, Payload, Representation, SignatureMethod, Spoken,
    Target, Tensor,
};
use hari_error::{Error, Result};
use hari_proto::tensorflow::serving::inference_result::Result as Inferred;
use hari_proto::tensorflow::serving::input::Kind;
use hari_proto::tensorflow::serving::model_spec::VersionChoice;
use hari_proto::tensorflow::serving::{
    Class, ClassificationResponse, ClassificationResult, Classifications, GetModelMetadataRequest,
    GetModelMetadataResponse, GetModelStatusResponse, InferenceResult, InferenceTask, Input,
    ModelSpec, ModelVersionStatus, PredictRequest, PredictResponse, Regression, RegressionResponse,
    RegressionResult, StatusProto,
};
use prost::Message as _;
use prost_types::Any;

use super::example::Example;
use super::metadata::{method_name, signature_defs};
use super::status::{VersionState, none};
use super::tensor::{from_tensor_as_values, to_tensor};
use super::{classifications, examples, regressions};

/// Which model, version and signature the caller named.
#[must_use]
pub fn to_target(spec: Option<ModelSpec>) -> Target {
    let ModelSpec {
        name,
        signature_name,
        version_choice,
    } = spec.unwrap_or_default();
    let (version, label) = match version_choice {
        None => (None, None),
        Some(VersionChoice::Version(number)) => (Some(number.to_string()), None),
        Some(VersionChoice::VersionLabel(label)) => (None, Some(label)),
    };
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    Target {
        model: given(name),
        version,
        label,
        signature: given(signature_name),
        spoken: Spoken::Tensorflow,
        ..Target::default()
    }
}

/// Which model, version and signature answered. A version that is no number is left out.
#[must_use]
pub fn model_spec(name: &str, version: Option<&str>, signature: Option<&str>) -> ModelSpec {
    let number = version.and_then(|version| version.parse().ok());
    ModelSpec {
        name: name.to_owned(),
        signature_name: signature.unwrap_or_default().to_owned(),
        version_choice: number.map(VersionChoice::Version),
    }
}

/// Reads a request to predict. Inputs are in alphabetical order.
///
/// # Errors
/// `InvalidInput` that names the input; `TooLarge` beyond a limit.
pub fn to_predict(request: PredictRequest, limits: &Limits) -> Result<(Target, Message)> {
    if request.inputs.len() > limits.inputs {
        return Err(Error::too_large(format!(
            "more than {} inputs",
            limits.inputs
        )));
    }
    let tensors = request
        .inputs
        .into_iter()
        .map(|(name, proto)| match to_tensor(proto, limits) {
            Ok(tensor) => Ok(NamedTensor::new(name, tensor)),
            Err(error) => Err(error.context(format_args!("input `{name}`"))),
        })
        .collect::<Result<Vec<_>>>()?;
    let target = Target {
        outputs: request.output_filter,
        ..to_target(request.model_spec)
    };
    let representation = Representation::Tftensor;
    Ok((
        target,
        Message {
            representation,
            ..Message::tensors(tensors)
        },
    ))
}

/// The reply to predict: `outputs` by name, or all if none is named, each with its elements in the
/// field of their type.
///
/// # Errors
/// `InvalidInput` if an output is asked for that is not there.
pub fn from_predict(
    message: &Message,
    outputs: &[String],
    spec: ModelSpec,
) -> Result<PredictResponse> {
    let tensors = match &message.payload {
        Payload::Tensors(tensors) => tensors,
        Payload::Text(text) => &vec![bytes_tensor(text.clone().into())?],
        Payload::Binary(bytes) => &vec![bytes_tensor(bytes.clone())?],
        Payload::Json(value) => &vec![bytes_tensor(value.to_string().into())?],
        Payload::Empty => &Vec::new(),
        Payload::Any(_) => {
            return Err(Error::unimplemented(
                "customData has no form in TensorFlow Serving's protocol; use the Seldon protocol",
            ));
        }
    };
    let mut response = PredictResponse {
        model_spec: Some(spec),
        ..PredictResponse::default()
    };
    for (at, named) in tensors.iter().enumerate() {
        let fallback = || format!("output-{at}");
        let name = Some(&named.name).filter(|name| !name.is_empty()).cloned();
        let name = name.unwrap_or_else(fallback);
        if outputs.is_empty() || outputs.contains(&name) {
            response
                .outputs
                .insert(name, from_tensor_as_values(&named.tensor));
        }
    }
    match outputs
        .iter()
        .find(|name| !response.outputs.contains_key(*name))
    {
        None => Ok(response),
        Some(name) => Err(Error::invalid(format!(
            "output_filter: output `{name}` is unknown"
        ))),
    }
}

/// A request to another server: every tensor of the message is an input, each with its elements in
/// the field of their type.
///
/// # Errors
/// `Unimplemented` for `customData`.
pub fn from_request(message: &Message, spec: ModelSpec) -> Result<PredictRequest> {
    let as_reply = from_predict(message, &[], spec)?;
    Ok(PredictRequest {
        model_spec: as_reply.model_spec,
        inputs: as_reply.outputs,
        ..PredictRequest::default()
    })
}

/// Reads the reply of another server. Outputs are in alphabetical order.
///
/// # Errors
/// Those of [`to_predict`].
pub fn to_reply(response: PredictResponse, limits: &Limits) -> Result<Message> {
    let as_request = PredictRequest {
        inputs: response.outputs,
        ..PredictRequest::default()
    };
    to_predict(as_request, limits).map(|(_, message)| message)
}

fn bytes_tensor(bytes: bytes::Bytes) -> Result<NamedTensor> {
    Ok(NamedTensor::new(
        "",
        Tensor::from_strings([1], vec![bytes])?,
    ))
}

/// Reads the rows of a request to classify or to regress, each with the features of the context.
///
/// # Errors
/// `InvalidInput` if there is no row; `TooLarge` if copies of the context would be over the limit.
pub fn to_examples(input: Option<Input>, limits: &Limits) -> Result<Vec<Example>> {
    let (rows, context) = match input.and_then(|input| input.kind) {
        None => (Vec::new(), None),
        Some(Kind::ExampleList(list)) => (list.examples, None),
        Some(Kind::ExampleListWithContext(list)) => (list.examples, list.context),
    };
    if rows.is_empty() {
        return Err(Error::invalid(
            "input: expected at least one example, found none",
        ));
    }
    let rows = rows.into_iter().map(Example::from).collect();
    let context = context.map(Example::from).unwrap_or_default();
    examples::with_context(rows, &context, limits).map_err(|error| error.context("input"))
}

/// The reply to classify.
///
/// # Errors
/// Those of [`classifications`].
pub fn from_classify(message: &Message, spec: ModelSpec) -> Result<ClassificationResponse> {
    let result = Some(classification_result(message)?);
    Ok(ClassificationResponse {
        result,
        model_spec: Some(spec),
    })
}

fn classification_result(message: &Message) -> Result<ClassificationResult> {
    let class = |class: super::Class| Class {
        label: class.label,
        score: class.score,
    };
    let row = |row: Vec<super::Class>| Classifications {
        classes: row.into_iter().map(class).collect(),
    };
    let rows = classifications(message)?;
    Ok(ClassificationResult {
        classifications: rows.into_iter().map(row).collect(),
    })
}

/// The reply to regress.
///
/// # Errors
/// Those of [`regressions`].
pub fn from_regress(message: &Message, spec: ModelSpec) -> Result<RegressionResponse> {
    let result = Some(regression_result(message)?);
    Ok(RegressionResponse {
        result,
        model_spec: Some(spec),
    })
}

fn regression_result(message: &Message) -> Result<RegressionResult> {
    let values = regressions(message)?.into_iter();
    Ok(RegressionResult {
        regressions: values.map(|value| Regression { value }).collect(),
    })
}

/// Which model and signature a task of a multi-inference asks, and in which way.
///
/// # Errors
/// `InvalidInput` for a method other than classify and regress.
pub fn to_task(task: InferenceTask) -> Result<(Target, SignatureMethod)> {
    let known = [SignatureMethod::Classify, SignatureMethod::Regress];
    let method = known
        .into_iter()
        .find(|method| method_name(*method) == task.method_name);
    let method = method.ok_or_else(|| {
        let names = known.map(method_name).join(" or ");
        Error::invalid(format!(
            "method_name: expected {names}, found `{}`",
            task.method_name
        ))
    })?;
    Ok((to_target(task.model_spec), method))
}

/// The answer to one task of a multi-inference.
///
/// # Errors
/// Those of [`classifications`] and [`regressions`].
pub fn from_task(
    method: SignatureMethod,
    message: &Message,
    spec: ModelSpec,
) -> Result<InferenceResult> {
    let result = match method {
        SignatureMethod::Regress => Inferred::RegressionResult(regression_result(message)?),
        _ => Inferred::ClassificationResult(classification_result(message)?),
    };
    Ok(InferenceResult {
        model_spec: Some(spec),
        result: Some(result),
    })
}

/// The one field of metadata that there is.
const SIGNATURE_DEF: &str = "signature_def";

/// Which model a request for metadata names.
///
/// # Errors
/// `InvalidInput` for a field other than `signature_def`.
pub fn to_metadata_request(request: GetModelMetadataRequest) -> Result<Target> {
    match request
        .metadata_field
        .iter()
        .find(|field| *field != SIGNATURE_DEF)
    {
        None => Ok(to_target(request.model_spec)),
        Some(field) => Err(Error::invalid(format!(
            "metadata_field: expected `{SIGNATURE_DEF}`, found `{field}`"
        ))),
    }
}

/// The reply to a request for metadata.
#[must_use]
pub fn from_metadata(metadata: &ModelMetadata) -> GetModelMetadataResponse {
    let version = metadata.versions.first().map(String::as_str);
    let signatures = Any {
        type_url: "type.googleapis.com/tensorflow.serving.SignatureDefMap".to_owned(),
        value: signature_defs(metadata).encode_to_vec(),
    };
    GetModelMetadataResponse {
        model_spec: Some(model_spec(&metadata.name, version, None)),
        metadata: [(SIGNATURE_DEF.to_owned(), signatures)].into(),
    }
}

/// The reply to the status of a model. A version that is no number is given as 0.
///
/// # Errors
/// `NotFound` if the model `name` has no version.
pub fn from_status(
    name: &str,
    versions: &[(String, VersionState)],
) -> Result<GetModelStatusResponse> {
    if versions.is_empty() {
        return Err(none(name));
    }
    let each = |(version, state): &(String, VersionState)| ModelVersionStatus {
        version: version.parse().unwrap_or_default(),
        state: *state as i32,
        status: Some(StatusProto::default()),
    };
    Ok(GetModelStatusResponse {
        model_version_status: versions.iter().map(each).collect(),
    })
}

#[cfg(test)]
mod tests;
