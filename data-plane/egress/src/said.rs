//! The metadata of other servers, in the words of our own. What is not understood is left out.

use std::collections::BTreeMap;

use hari_core::{DataType, Dim, ModelMetadata, Signature, SignatureMethod, TensorSpec};
use hari_proto::inference::ModelMetadataResponse;
use hari_proto::seldon::SeldonModelMetadata;
use hari_proto::tensorflow::serving::{GetModelMetadataResponse, SignatureDefMap};
use hari_proto::tensorflow::{DataType as Wire, SignatureDef, TensorInfo};
use hari_protocol::tensorflow::tensor::from_wire;
use prost::Message as _;
use serde_json::Value;

/// The field of TensorFlow Serving's metadata that there is.
pub(crate) const SIGNATURES: &str = "signature_def";

/// What a node's platform is called until it says one.
const PLATFORM: &str = "remote";

/// Most signatures, tensors of a signature, and texts that are kept of a node.
const MOST: usize = 1000;

/// What a server says of a model.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Said {
    versions: Vec<String>,
    platform: String,
    signatures: Vec<Signature>,
    custom: BTreeMap<String, String>,
}

/// A node that has said nothing.
pub(crate) fn nothing(name: &str) -> ModelMetadata {
    Said::default().of(name)
}

impl Said {
    /// The same as the metadata of the node `name`. Requests go to the version that the node
    /// chooses, so a version is known only where there is no other.
    pub(crate) fn of(mut self, name: &str) -> ModelMetadata {
        if self.versions.len() > 1 {
            self.versions.clear();
        }
        if self.platform.is_empty() {
            self.platform = PLATFORM.to_owned();
        }
        self.signatures.truncate(MOST);
        ModelMetadata {
            name: name.to_owned(),
            versions: self.versions,
            platform: self.platform,
            signatures: self.signatures,
            custom: self.custom.into_iter().take(MOST).collect(),
            ..ModelMetadata::default()
        }
    }
}

/// Metadata in JSON, of Seldon's protocol or of the open inference protocol.
pub(crate) fn of_json(body: &[u8]) -> Option<Said> {
    let json: Value = serde_json::from_slice(body).ok()?;
    let list = |name: &str| json[name].as_array().map_or(&[][..], Vec::as_slice);
    let versions = list("versions").iter().filter_map(Value::as_str);
    let custom = json["custom"].as_object().into_iter().flatten();
    let text = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
    json.as_object()?;
    Some(Said {
        versions: versions.map(str::to_owned).collect(),
        platform: json["platform"].as_str().unwrap_or_default().to_owned(),
        signatures: only(
            list("inputs").iter().map(spec_of_json).collect(),
            list("outputs").iter().map(spec_of_json).collect(),
        ),
        custom: custom.filter_map(text).collect(),
    })
}

fn spec_of_json(tensor: &Value) -> Option<TensorSpec> {
    let shape = tensor["shape"].as_array()?.iter().map(Value::as_i64);
    let shape: Vec<i64> = shape.collect::<Option<_>>()?;
    spec(
        tensor["name"].as_str().unwrap_or_default(),
        tensor["datatype"].as_str()?,
        &shape,
    )
}

/// Metadata of Seldon's protocol over gRPC.
pub(crate) fn of_seldon(reply: SeldonModelMetadata) -> Said {
    let specs = |tensors: &[hari_proto::seldon::SeldonMessageMetadata]| {
        let one = |tensor: &hari_proto::seldon::SeldonMessageMetadata| {
            spec(&tensor.name, &tensor.datatype, &tensor.shape)
        };
        tensors.iter().map(one).collect()
    };
    Said {
        signatures: only(specs(&reply.inputs), specs(&reply.outputs)),
        versions: reply.versions,
        platform: reply.platform,
        custom: reply.custom,
    }
}

/// Metadata of the open inference protocol over gRPC.
pub(crate) fn of_open_inference(reply: ModelMetadataResponse) -> Said {
    let specs = |tensors: &[hari_proto::inference::model_metadata_response::TensorMetadata]| {
        let tensors = tensors.iter();
        tensors
            .map(|tensor| spec(&tensor.name, &tensor.datatype, &tensor.shape))
            .collect()
    };
    Said {
        signatures: only(specs(&reply.inputs), specs(&reply.outputs)),
        versions: reply.versions,
        platform: reply.platform,
        custom: BTreeMap::new(),
    }
}

/// The one signature of a model; none if neither inputs nor outputs are understood, all of them.
fn only(inputs: Option<Vec<TensorSpec>>, outputs: Option<Vec<TensorSpec>>) -> Vec<Signature> {
    let (inputs, outputs) = (inputs.unwrap_or_default(), outputs.unwrap_or_default());
    if inputs.is_empty() && outputs.is_empty() || inputs.len().max(outputs.len()) > MOST {
        return Vec::new();
    }
    vec![Signature {
        name: Signature::DEFAULT.to_owned(),
        method: SignatureMethod::Predict,
        inputs,
        outputs,
    }]
}

fn spec(name: &str, dtype: &str, shape: &[i64]) -> Option<TensorSpec> {
    Some(TensorSpec {
        name: name.to_owned(),
        dtype: dtype.parse::<DataType>().ok()?,
        shape: Some(shape.iter().copied().map(dim).collect()),
    })
}

fn dim(size: i64) -> Dim {
    usize::try_from(size).map_or(Dim::Dynamic(None), Dim::Fixed)
}

/// Metadata of TensorFlow Serving over gRPC.
pub(crate) fn of_tensorflow(reply: &GetModelMetadataResponse) -> Option<Said> {
    let found = reply.metadata.get(SIGNATURES)?;
    let map = SignatureDefMap::decode(&*found.value).ok()?;
    let one = |(name, def): (&String, &SignatureDef)| {
        let specs = |infos: &BTreeMap<String, TensorInfo>| infos.iter().map(info).collect();
        signature(
            name,
            &def.method_name,
            specs(&def.inputs),
            specs(&def.outputs),
        )
    };
    Some(defaults_first(map.signature_def.iter().filter_map(one)))
}

fn info((name, info): (&String, &TensorInfo)) -> Option<TensorSpec> {
    let shape = info
        .tensor_shape
        .as_ref()
        .filter(|shape| !shape.unknown_rank);
    Some(TensorSpec {
        name: name.clone(),
        dtype: from_wire(info.dtype).ok()?,
        shape: shape.map(|shape| shape.dim.iter().map(|one| dim(one.size)).collect()),
    })
}

/// Metadata of TensorFlow Serving in JSON.
pub(crate) fn of_tensorflow_json(body: &[u8]) -> Option<Said> {
    let json: Value = serde_json::from_slice(body).ok()?;
    let map = json["metadata"][SIGNATURES][SIGNATURES].as_object()?;
    let one = |(name, def): (&String, &Value)| {
        let specs = |infos: &Value| infos.as_object()?.iter().map(info_of_json).collect();
        let method = def["method_name"].as_str().unwrap_or_default();
        signature(name, method, specs(&def["inputs"]), specs(&def["outputs"]))
    };
    Some(defaults_first(map.iter().filter_map(one)))
}

fn info_of_json((name, info): (&String, &Value)) -> Option<TensorSpec> {
    let dtype = Wire::from_str_name(info["dtype"].as_str()?)?;
    let shape = &info["tensor_shape"];
    let size = |one: &Value| match &one["size"] {
        Value::String(text) => text.parse().ok(),
        number => number.as_i64(),
    };
    let known = shape["unknown_rank"] != Value::Bool(true);
    let sizes = shape["dim"].as_array().map_or(&[][..], Vec::as_slice);
    let sizes = sizes.iter().map(|one| size(one).map(dim));
    let sizes: Vec<Dim> = sizes.collect::<Option<_>>()?;
    Some(TensorSpec {
        name: name.clone(),
        dtype: from_wire(dtype as i32).ok()?,
        shape: known.then_some(sizes),
    })
}

/// None for a function that is no signature for callers, or one that is not understood.
fn signature(
    name: &str,
    method: &str,
    inputs: Option<Vec<TensorSpec>>,
    outputs: Option<Vec<TensorSpec>>,
) -> Option<Signature> {
    let (inputs, outputs) = (inputs?, outputs?);
    let bounded = inputs.len().max(outputs.len()) <= MOST;
    (!name.starts_with("__") && bounded).then(|| Signature {
        name: name.to_owned(),
        method: match method {
            "tensorflow/serving/classify" => SignatureMethod::Classify,
            "tensorflow/serving/regress" => SignatureMethod::Regress,
            _ => SignatureMethod::Predict,
        },
        inputs,
        outputs,
    })
}

/// The signature that callers get who name none comes first.
fn defaults_first(signatures: impl Iterator<Item = Signature>) -> Said {
    let mut signatures: Vec<_> = signatures.collect();
    signatures.sort_by_key(|one| one.name != Signature::DEFAULT);
    Said {
        signatures,
        ..Said::default()
    }
}

#[cfg(test)]
mod tests;
