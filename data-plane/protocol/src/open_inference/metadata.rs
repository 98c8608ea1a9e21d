//! What the server and a model say of themselves, and errors.

use bytes::Bytes;
use hari_core::{ModelMetadata, TensorSpec};
use hari_error::Error;
use serde_json::{Value, json};

use super::EXTENSIONS;

/// Name, version and extensions of the server.
#[must_use]
pub fn encode_server_metadata(name: &str, version: &str) -> Bytes {
    bytes(&json!({"name": name, "version": version, "extensions": EXTENSIONS}))
}

/// Name, versions, platform, inputs and outputs of a model; the tensors are those of its default
/// signature.
#[must_use]
pub fn encode_metadata(metadata: &ModelMetadata) -> Bytes {
    let (inputs, outputs) = tensors(metadata);
    let list = |specs: &[TensorSpec]| specs.iter().map(tensor).collect::<Vec<_>>();
    let mut inputs = list(inputs);
    // The columns of one matrix; where each column is an input, the inputs say it.
    if let ([only], false) = (inputs.as_mut_slice(), metadata.columns.is_empty()) {
        only["parameters"] = json!({"columns": metadata.columns});
    }
    bytes(&json!({
        "name": metadata.name,
        "versions": metadata.versions,
        "platform": metadata.platform,
        "inputs": inputs,
        "outputs": list(outputs),
    }))
}

/// The body of an error reply.
#[must_use]
pub fn encode_error(error: &Error) -> Bytes {
    bytes(&json!({"error": error.to_string()}))
}

/// Inputs and outputs of the default signature; none if the model does not know them.
pub(super) fn tensors(metadata: &ModelMetadata) -> (&[TensorSpec], &[TensorSpec]) {
    metadata
        .signature(None)
        .map_or((&[], &[]), |s| (&s.inputs, &s.outputs))
}

fn tensor(spec: &TensorSpec) -> Value {
    json!({"name": spec.name, "datatype": spec.dtype.name(), "shape": spec.wire_shape()})
}

fn bytes(value: &Value) -> Bytes {
    value.to_string().into()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use hari_core::{DataType, Dim, Signature, SignatureMethod};

    /// A model of one input and one output.
    pub(in crate::open_inference) fn metadata() -> ModelMetadata {
        let spec = |name: &str, dtype, shape| TensorSpec {
            name: name.into(),
            dtype,
            shape,
        };
        let rows = Dim::Dynamic(None);
        ModelMetadata {
            name: "mnist".into(),
            versions: vec!["2".into(), "1".into()],
            platform: "tensorflow_savedmodel".into(),
            signatures: vec![Signature {
                name: Signature::DEFAULT.into(),
                method: SignatureMethod::Predict,
                inputs: vec![spec("x", DataType::Fp32, Some(vec![rows, Dim::Fixed(784)]))],
                outputs: vec![spec("y", DataType::Int64, None)],
            }],
            ..ModelMetadata::default()
        }
    }

    #[test]
    fn a_model_is_described_as_the_protocol_says() {
        let expected = r#"{"name":"mnist","versions":["2","1"],"platform":"tensorflow_savedmodel","inputs":[{"name":"x","datatype":"FP32","shape":[-1,784]}],"outputs":[{"name":"y","datatype":"INT64","shape":[-1]}]}"#;
        assert_eq!(encode_metadata(&metadata()), expected);
        let unknown = encode_metadata(&ModelMetadata::default());
        assert!(unknown.ends_with(br#""inputs":[],"outputs":[]}"#));
    }

    #[test]
    fn the_server_lists_its_extensions() {
        assert_eq!(
            encode_server_metadata("hari", "0.1.0"),
            r#"{"name":"hari","version":"0.1.0","extensions":["binary_tensor_data","classification"]}"#
        );
    }

    #[test]
    fn an_error_is_one_text() {
        let error = Error::invalid("input \"x\"").at_node("iris");
        assert_eq!(
            encode_error(&error),
            r#"{"error":"node `iris`: input \"x\""}"#
        );
    }
}
