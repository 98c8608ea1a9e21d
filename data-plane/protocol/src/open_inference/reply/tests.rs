//! Tests of writing replies, by reading them back as requests.

use hari_core::{Limits, NamedTensor, Payload, Tensor};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::open_inference::{arbitrary, decode_request};

/// The reply to these tensors.
fn encode(message: &Message, binary_default: bool) -> Result<Encoded> {
    let reply = InferReply {
        model_name: "m".into(),
        ..InferReply::default()
    };
    encode_response(
        &reply,
        message,
        Wishes {
            outputs: &[],
            binary_default,
        },
    )
}

/// What a node behind this one reads when the outputs become its inputs.
fn read_back(encoded: &Encoded) -> Vec<NamedTensor> {
    let length = encoded.json_len.unwrap_or(encoded.body.len());
    let json = std::str::from_utf8(&encoded.body[..length]).unwrap();
    let inputs = json.replacen("\"outputs\"", "\"inputs\"", 1);
    let body = Bytes::from([inputs.as_bytes(), &encoded.body[length..]].concat());
    let json_len = encoded.json_len.map(|_| inputs.len());
    let request = decode_request(&body, json_len, &Limits::default()).unwrap();
    request.message.as_tensors().unwrap().to_vec()
}

#[test]
fn everything_that_is_known_is_written_in_the_protocols_order() {
    let parameters = |key: &str| [(key.to_owned(), Value::from(1))].into_iter().collect();
    let reply = InferReply {
        model_name: "m".into(),
        model_version: Some("3".into()),
        id: Some("a\"b".into()),
        parameters: parameters("reply"),
    };
    let tensor = Tensor::from_vec([1, 2], vec![0.5_f32, f32::NAN]).unwrap();
    let named = NamedTensor {
        parameters: parameters("own"),
        ..NamedTensor::new("y", tensor)
    };
    let encoded =
        encode_response(&reply, &Message::tensors(vec![named]), Wishes::default()).unwrap();
    assert_eq!(
        encoded.body,
        r#"{"model_name":"m","model_version":"3","id":"a\"b","parameters":{"reply":1},"outputs":[{"name":"y","datatype":"FP32","shape":[1,2],"parameters":{"own":1},"data":[0.5,NaN]}]}"#
    );
    assert_eq!(encoded.json_len, None);
}

#[test]
fn a_reply_without_outputs_is_still_one() {
    assert_eq!(
        encode(&Message::default(), true).unwrap().body,
        r#"{"model_name":"m","outputs":[]}"#
    );
}

#[test]
fn bytes_that_are_no_text_are_written_as_base64() {
    let message = Message {
        payload: Payload::Binary(Bytes::from_static(b"\xff\x00")),
        ..Message::default()
    };
    let encoded = encode(&message, false).unwrap();
    assert_eq!(
        encoded.body,
        r#"{"model_name":"m","outputs":[{"name":"output-0","datatype":"BYTES","shape":[1],"parameters":{"content_type":"base64"},"data":["/wA="]}]}"#
    );
    assert_eq!(
        read_back(&encoded)[0].tensor.strings().unwrap(),
        [&b"\xff\x00"[..]]
    );
}

#[test]
fn what_is_said_to_be_base64_is_base64() {
    let binary = Message {
        payload: Payload::Binary(Bytes::from_static(b"hi")),
        ..Message::default()
    };
    let tensor = Tensor::from_strings([1], vec![Bytes::from_static(b"hi")]).unwrap();
    let content_type = ("content_type".to_owned(), Value::from("base64"));
    let named = NamedTensor {
        parameters: [content_type].into_iter().collect(),
        ..NamedTensor::new("y", tensor)
    };
    for message in [binary, Message::tensors(vec![named])] {
        let encoded = encode(&message, false).unwrap();
        let text = std::str::from_utf8(&encoded.body).unwrap();
        assert!(
            text.contains(r#"{"content_type":"base64"},"data":["aGk="]"#),
            "{text}"
        );
        assert_eq!(
            read_back(&encoded)[0].tensor.strings().unwrap(),
            [&b"hi"[..]]
        );
    }
}

#[test]
fn half_precision_needs_binary_data() {
    let half = Tensor::from_vec([1], vec![half::f16::ONE]).unwrap();
    let message = Message::tensor("y", half);
    let error = encode(&message, false).unwrap_err();
    assert_eq!(
        error.message(),
        "output `y`: FP16 has no JSON form: ask for it with the parameter `binary_data`"
    );
    assert!(encode(&message, true).is_ok());
}

proptest! {
    #[test]
    fn binary_outputs_read_back(tensors in vec(arbitrary::tensor(), 0..4)) {
        let named = tensors.into_iter().enumerate();
        let named: Vec<_> = named.map(|(at, t)| NamedTensor::new(format!("t{at}"), t)).collect();
        let back = read_back(&encode(&Message::tensors(named.clone()), true).unwrap());
        prop_assert_eq!(back.len(), named.len());
        for (back, named) in back.iter().zip(&named) {
            prop_assert_eq!(&back.name, &named.name);
            prop_assert_eq!(back.tensor.shape(), named.tensor.shape());
            prop_assert_eq!(back.tensor.bytes(), named.tensor.bytes());
            prop_assert_eq!(back.tensor.strings().ok(), named.tensor.strings().ok());
        }
    }

    #[test]
    fn json_outputs_read_back(tensor in arbitrary::plain_tensor()) {
        prop_assume!(!matches!(tensor.dtype(), DataType::Fp16 | DataType::Bf16));
        let named = NamedTensor::new("t", tensor);
        let back = read_back(&encode(&Message::tensors(vec![named.clone()]), false).unwrap());
        prop_assert_eq!(back, [named]);
    }

    #[test]
    fn byte_strings_of_any_kind_read_back(tensor in arbitrary::of(DataType::Bytes, vec![3])) {
        let back = read_back(&encode(&Message::tensor("t", tensor.clone()), false).unwrap());
        prop_assert_eq!(&back[0].tensor, &tensor);
    }
}
