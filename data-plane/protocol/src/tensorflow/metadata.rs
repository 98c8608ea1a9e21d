//! What a model says of its signatures.

use std::collections::BTreeMap;

use bytes::Bytes;
use hari_core::{ModelMetadata, Signature, SignatureMethod, TensorSpec};
use hari_proto::tensorflow::serving::SignatureDefMap;
use hari_proto::tensorflow::tensor_info::Encoding;
use hari_proto::tensorflow::{DataType as Wire, SignatureDef, TensorInfo, TensorShapeProto};
use serde_json::{Map, Value, json};

use super::tensor::{shape_proto, to_wire};

/// The body of a reply to the metadata of a model, in the JSON mapping of protocol buffers with
/// the names of the fields as they are, every field written.
#[must_use]
pub fn encode_metadata(metadata: &ModelMetadata) -> Bytes {
    let version = metadata.versions.first().map_or("", String::as_str);
    let by_name: Map<String, Value> = signature_defs(metadata)
        .signature_def
        .iter()
        .map(|(name, signature)| (name.clone(), signature_json(signature)))
        .collect();
    let body = json!({
        "model_spec": {"name": metadata.name, "signature_name": "", "version": version},
        "metadata": {"signature_def": {"signature_def": by_name}},
    });
    body.to_string().into()
}

/// The signatures of a model, by name.
pub(super) fn signature_defs(metadata: &ModelMetadata) -> SignatureDefMap {
    let each = |signature: &Signature| (signature.name.clone(), signature_def(signature));
    SignatureDefMap {
        signature_def: metadata.signatures.iter().map(each).collect(),
    }
}

fn signature_def(signature: &Signature) -> SignatureDef {
    SignatureDef {
        inputs: tensor_infos(&signature.inputs),
        outputs: tensor_infos(&signature.outputs),
        method_name: method_name(signature.method).to_owned(),
        ..SignatureDef::default()
    }
}

fn tensor_infos(specs: &[TensorSpec]) -> BTreeMap<String, TensorInfo> {
    specs
        .iter()
        .map(|spec| (spec.name.clone(), tensor_info(spec)))
        .collect()
}

fn tensor_info(spec: &TensorSpec) -> TensorInfo {
    let unknown = || TensorShapeProto {
        unknown_rank: true,
        ..TensorShapeProto::default()
    };
    let known = spec.shape.as_ref().map(|_| shape_proto(&spec.wire_shape()));
    TensorInfo {
        dtype: to_wire(spec.dtype) as i32,
        tensor_shape: Some(known.unwrap_or_else(unknown)),
        encoding: Some(Encoding::Name(spec.name.clone())),
    }
}

/// TensorFlow's name of a method.
pub(super) fn method_name(method: SignatureMethod) -> &'static str {
    match method {
        SignatureMethod::Predict => "tensorflow/serving/predict",
        SignatureMethod::Classify => "tensorflow/serving/classify",
        SignatureMethod::Regress => "tensorflow/serving/regress",
    }
}

fn signature_json(signature: &SignatureDef) -> Value {
    json!({
        "inputs": infos_json(&signature.inputs),
        "outputs": infos_json(&signature.outputs),
        "method_name": signature.method_name,
        "defaults": {},
    })
}

fn infos_json(infos: &BTreeMap<String, TensorInfo>) -> Map<String, Value> {
    infos
        .iter()
        .map(|(name, info)| (name.clone(), info_json(name, info)))
        .collect()
}

fn info_json(name: &str, info: &TensorInfo) -> Value {
    let shape = info.tensor_shape.clone().unwrap_or_default();
    let dim = |size: i64| json!({"size": size.to_string(), "name": ""});
    let dims: Vec<_> = shape.dim.iter().map(|d| dim(d.size)).collect();
    json!({
        "dtype": Wire::try_from(info.dtype).unwrap_or_default().as_str_name(),
        "tensor_shape": {"dim": dims, "unknown_rank": shape.unknown_rank},
        "name": name,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use hari_core::{DataType, Dim};

    /// A model of one input and one output.
    pub(in crate::tensorflow) fn metadata() -> ModelMetadata {
        let spec = |name: &str, shape| TensorSpec {
            name: name.into(),
            dtype: DataType::Fp32,
            shape,
        };
        ModelMetadata {
            name: "half_plus_two".into(),
            versions: vec!["123".into()],
            signatures: vec![Signature {
                name: Signature::DEFAULT.into(),
                method: SignatureMethod::Predict,
                inputs: vec![spec("x", Some(vec![Dim::Dynamic(None), Dim::Fixed(1)]))],
                outputs: vec![spec("y", None)],
            }],
            ..ModelMetadata::default()
        }
    }

    #[test]
    fn every_field_is_written() {
        let expected: Value = serde_json::from_str(
            r#"{
                "model_spec": {"name": "half_plus_two", "signature_name": "", "version": "123"},
                "metadata": {"signature_def": {"signature_def": {"serving_default": {
                    "inputs": {"x": {
                        "dtype": "DT_FLOAT",
                        "tensor_shape": {
                            "dim": [{"size": "-1", "name": ""}, {"size": "1", "name": ""}],
                            "unknown_rank": false
                        },
                        "name": "x"
                    }},
                    "outputs": {"y": {
                        "dtype": "DT_FLOAT",
                        "tensor_shape": {"dim": [], "unknown_rank": true},
                        "name": "y"
                    }},
                    "method_name": "tensorflow/serving/predict",
                    "defaults": {}
                }}}}
            }"#,
        )
        .unwrap();
        let found: Value = serde_json::from_slice(&encode_metadata(&metadata())).unwrap();
        assert_eq!(found, expected);
    }
}
