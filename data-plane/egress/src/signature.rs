//! Messages made to fit what a node of the open inference protocol says of its inputs.

use hari_core::{Message, NamedTensor, Payload, Signature, Typing, conform};
use hari_error::Result;

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
    let Payload::Tensors(mut tensors) = message.payload else {
        return Ok(message);
    };
    // What another unit made: the single tensor is the single input, whatever the two call it.
    if let ([only], [_]) = (&mut *tensors, &*signature.inputs)
        && only.typing == Typing::Inferred
    {
        only.name.clear();
    }
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
    use hari_core::{DataType, Tensor};

    use super::*;
    use crate::said;

    const METADATA: &[u8] =
        br#"{"name":"m","inputs":[{"name":"image","datatype":"FP32","shape":[-1,2]}]}"#;

    #[test]
    fn numbers_without_name_and_type_take_those_of_the_model() {
        let metadata = said::of_json(METADATA).unwrap().of("m");
        let signature = metadata.signature(None).unwrap();
        let tensor = Tensor::from_vec([1, 2], vec![1_i64, 2]).unwrap();
        let message = Message::tensors(vec![NamedTensor::inferred("", tensor)]);
        assert!(is_loose(&message));
        let fitted = fitted(message, signature).unwrap();
        let named = &fitted.as_tensors().unwrap()[0];
        assert_eq!(
            (&*named.name, named.tensor.dtype()),
            ("image", DataType::Fp32)
        );
        assert!(!is_loose(&fitted));
    }
}
