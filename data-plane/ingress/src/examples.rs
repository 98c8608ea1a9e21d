//! Examples of TensorFlow Serving's classify and regress as the inputs of a model.

use hari_core::{DataType, Message, ModelMetadata, NamedTensor};
use hari_error::{Error, Result};
use hari_protocol::tensorflow::{Example, to_serialized, to_tensors};

/// The message that asks `model` about `examples`. A signature with one BYTES input parses them
/// itself and gets them encoded; any other gets one tensor for each feature, by its name.
///
/// # Errors
/// `InvalidInput` if there is no such signature, or if rows differ in their features.
pub fn message(
    model: &ModelMetadata,
    signature: Option<&str>,
    examples: &[Example],
) -> Result<Message> {
    let found = model
        .signature(signature)
        .ok_or_else(|| unknown(model, signature))?;
    match &*found.inputs {
        [only] if only.dtype == DataType::Bytes => {
            let tensor = to_serialized(examples)?;
            Ok(Message::tensors(vec![NamedTensor::new(&only.name, tensor)]))
        }
        _ => Ok(Message::tensors(to_tensors(examples)?)),
    }
}

fn unknown(model: &ModelMetadata, signature: Option<&str>) -> Error {
    let known: Vec<_> = model
        .signatures
        .iter()
        .map(|one| format!("`{}`", one.name))
        .collect();
    let found = signature.map_or_else(
        || "default signature".to_owned(),
        |name| format!("signature `{name}`"),
    );
    let known = if known.is_empty() {
        "none".to_owned()
    } else {
        known.join(", ")
    };
    Error::invalid(format!(
        "model `{}`: no {found}; it has {known}",
        model.name
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use hari_core::{Signature, SignatureMethod, TensorSpec};
    use hari_protocol::tensorflow::Feature;

    use super::*;

    fn model(inputs: &[(&str, DataType)]) -> ModelMetadata {
        let spec = |&(name, dtype): &(&str, DataType)| TensorSpec {
            name: name.to_owned(),
            dtype,
            shape: None,
        };
        let signature = Signature {
            name: "classify".to_owned(),
            method: SignatureMethod::Classify,
            inputs: inputs.iter().map(spec).collect(),
            outputs: Vec::new(),
        };
        ModelMetadata {
            name: "m".into(),
            signatures: vec![signature],
            ..ModelMetadata::default()
        }
    }

    fn rows() -> Vec<Example> {
        let row = |a: f32| {
            let features = BTreeMap::from([
                ("a".to_owned(), Feature::Floats(vec![a])),
                ("b".to_owned(), Feature::Int64s(vec![7])),
            ]);
            Example { features }
        };
        vec![row(0.5), row(1.5)]
    }

    #[test]
    fn a_model_that_parses_examples_gets_them_encoded() {
        let message = message(&model(&[("examples", DataType::Bytes)]), None, &rows()).unwrap();
        let [only] = message.as_tensors().unwrap() else {
            panic!("one tensor")
        };
        assert_eq!(
            (&*only.name, only.tensor.dtype()),
            ("examples", DataType::Bytes)
        );
        assert_eq!(only.tensor.shape(), [2]);
    }

    #[test]
    fn a_model_of_features_gets_one_tensor_each() {
        let model = model(&[("a", DataType::Fp32), ("b", DataType::Int64)]);
        let message = message(&model, Some("classify"), &rows()).unwrap();
        let tensors = message.as_tensors().unwrap();
        let names: Vec<_> = tensors.iter().map(|one| &*one.name).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(tensors[0].tensor.shape(), [2, 1]);
    }

    #[test]
    fn an_unknown_signature_is_named_with_those_there_are() {
        let error = message(&model(&[]), Some("other"), &rows()).unwrap_err();
        assert_eq!(
            error.message(),
            "model `m`: no signature `other`; it has `classify`"
        );
        let error = message(&ModelMetadata::default(), None, &rows()).unwrap_err();
        assert_eq!(
            error.message(),
            "model ``: no default signature; it has none"
        );
    }
}
