//! What a node of the open inference protocol says of its inputs, and messages made to fit it.

use hari_core::{
    DataType, Dim, Message, NamedTensor, Payload, Signature, SignatureMethod, TensorSpec, Typing,
    conform,
};
use hari_error::Result;
use hari_proto::inference::ModelMetadataResponse;
use serde_json::Value;

/// The inputs of a model's metadata in JSON; none if it names none, or any that is not understood.
pub(crate) fn of_json(body: &[u8]) -> Option<Signature> {
    let json: Value = serde_json::from_slice(body).ok()?;
    let spec = |input: &Value| {
        let shape = input["shape"].as_array()?.iter().map(Value::as_i64);
        let shape: Vec<i64> = shape.collect::<Option<_>>()?;
        spec(input["name"].as_str()?, input["datatype"].as_str()?, &shape)
    };
    of(json["inputs"].as_array()?.iter().map(spec).collect())
}

/// The same of metadata over gRPC.
pub(crate) fn of_proto(metadata: &ModelMetadataResponse) -> Option<Signature> {
    let inputs = metadata.inputs.iter();
    of(inputs
        .map(|input| spec(&input.name, &input.datatype, &input.shape))
        .collect())
}

fn of(inputs: Option<Vec<TensorSpec>>) -> Option<Signature> {
    Some(Signature {
        name: Signature::DEFAULT.to_owned(),
        method: SignatureMethod::Predict,
        inputs: inputs.filter(|inputs| !inputs.is_empty())?,
        outputs: Vec::new(),
    })
}

fn spec(name: &str, dtype: &str, shape: &[i64]) -> Option<TensorSpec> {
    let dim = |&size: &i64| match usize::try_from(size) {
        Ok(size) => Dim::Fixed(size),
        Err(_) => Dim::Dynamic(None),
    };
    let dtype: DataType = dtype.parse().ok()?;
    Some(TensorSpec {
        name: name.to_owned(),
        dtype,
        shape: Some(shape.iter().map(dim).collect()),
    })
}

/// Whether a message came without the names and types that the protocol asks for.
pub(crate) fn is_loose(message: &Message) -> bool {
    let tensors = message.as_tensors().unwrap_or_default();
    let loose = |named: &NamedTensor| named.name.is_empty() || named.typing == Typing::Inferred;
    tensors.iter().any(loose)
}

/// The message with the names and the types of the signature.
///
/// # Errors
/// `InvalidInput` that names the tensor, what was expected and what was found.
pub(crate) fn fitted(message: Message, signature: &Signature) -> Result<Message> {
    let Payload::Tensors(tensors) = message.payload else {
        return Ok(message);
    };
    let inputs = conform(signature, tensors)?.inputs;
    let names = signature.inputs.iter().map(|input| input.name.clone());
    let tensors = names.zip(inputs);
    Ok(Message {
        payload: Payload::Tensors(tensors.map(|(n, t)| NamedTensor::new(n, t)).collect()),
        ..message
    })
}

#[cfg(test)]
mod tests {
    use hari_core::Tensor;

    use super::*;

    const METADATA: &[u8] =
        br#"{"name":"m","inputs":[{"name":"image","datatype":"FP32","shape":[-1,2]}]}"#;

    #[test]
    fn numbers_without_name_and_type_take_those_of_the_model() {
        let signature = of_json(METADATA).unwrap();
        let tensor = Tensor::from_vec([1, 2], vec![1_i64, 2]).unwrap();
        let message = Message::tensors(vec![NamedTensor::inferred("", tensor)]);
        assert!(is_loose(&message));
        let fitted = fitted(message, &signature).unwrap();
        let named = &fitted.as_tensors().unwrap()[0];
        assert_eq!(
            (&*named.name, named.tensor.dtype()),
            ("image", DataType::Fp32)
        );
        assert!(!is_loose(&fitted));
    }

    #[test]
    fn metadata_that_is_not_understood_is_none() {
        for body in [
            "",
            "[]",
            "{}",
            r#"{"inputs":[]}"#,
            r#"{"inputs":[{"name":"x"}]}"#,
        ] {
            assert_eq!(of_json(body.as_bytes()), None, "{body}");
        }
    }
}
