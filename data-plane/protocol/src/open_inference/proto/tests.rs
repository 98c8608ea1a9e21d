//! Tests of the messages of gRPC.

use hari_core::Tensor;
use hari_error::Kind;
use hari_proto::inference::InferTensorContents;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::open_inference::arbitrary;

fn input(name: &str, datatype: &str, shape: &[i64]) -> InferInputTensor {
    InferInputTensor {
        name: name.into(),
        datatype: datatype.into(),
        shape: shape.to_vec(),
        ..InferInputTensor::default()
    }
}

fn read(inputs: Vec<InferInputTensor>, raw: Vec<Bytes>) -> Result<InferRequest> {
    let request = ModelInferRequest {
        inputs,
        raw_input_contents: raw,
        ..Default::default()
    };
    to_request(request, &Limits::default())
}

fn floats(values: &[f32]) -> Option<InferTensorContents> {
    Some(InferTensorContents {
        fp32_contents: values.to_vec(),
        ..Default::default()
    })
}

/// What a node behind this one reads when the outputs become its inputs.
fn chained(response: ModelInferResponse) -> Result<InferRequest> {
    let each = |output: InferOutputTensor| InferInputTensor {
        name: output.name,
        datatype: output.datatype,
        shape: output.shape,
        parameters: output.parameters,
        contents: output.contents,
    };
    read(
        response.outputs.into_iter().map(each).collect(),
        response.raw_output_contents,
    )
}

#[test]
fn elements_are_in_contents_or_raw_and_not_in_both() {
    let contents = InferInputTensor {
        contents: floats(&[1.0]),
        ..input("x", "FP32", &[1])
    };
    let request = read(vec![contents.clone()], Vec::new()).unwrap();
    assert!(!request.raw);
    assert_eq!(
        *request.message.as_tensors().unwrap()[0]
            .tensor
            .values::<f32>()
            .unwrap(),
        [1.0]
    );
    let raw = Bytes::from_static(&[0; 4]);
    assert!(
        read(vec![input("x", "FP32", &[1])], vec![raw.clone()])
            .unwrap()
            .raw
    );
    let beside = InferInputTensor {
        contents: Some(InferTensorContents::default()),
        ..input("x", "FP32", &[1])
    };
    assert!(read(vec![beside], vec![raw.clone()]).is_ok(), "as MLServer");
    assert_eq!(
        read(vec![contents], vec![raw]).unwrap_err().message(),
        "input `x`: expected contents or raw_input_contents, found both"
    );
}

#[test]
fn raw_contents_are_one_for_each_input() {
    let error = read(vec![input("x", "FP32", &[0])], vec![Bytes::new(); 2]).unwrap_err();
    assert_eq!(
        error.message(),
        "raw_input_contents: expected one for each of the 1 inputs, found 2"
    );
}

#[test]
fn errors_name_the_input() {
    let message = |wire| {
        read(vec![wire], Vec::new())
            .unwrap_err()
            .message()
            .to_owned()
    };
    assert_eq!(
        message(input("x", "FP32", &[2])),
        "input `x`: fp32_contents: shape [2] needs 2 elements, found 0"
    );
    assert!(message(input("x", "FLOAT", &[])).starts_with("input `x`: unknown datatype `FLOAT`"));
    assert!(message(input("x", "FP32", &[-1])).contains("expected sizes of 0 or more"));
    let huge = read(vec![input("x", "BYTES", &[i64::MAX])], vec![Bytes::new()]).unwrap_err();
    assert_eq!(huge.kind(), Kind::TooLarge);
}

#[test]
fn half_precision_is_answered_raw_whatever_was_asked() {
    let half = Tensor::from_vec([1], vec![half::bf16::ONE]).unwrap();
    let single = Tensor::from_vec([1], vec![1.0_f32]).unwrap();
    let message = Message::tensors(vec![
        NamedTensor::new("h", half),
        NamedTensor::new("s", single),
    ]);
    let reply = InferReply::default();
    let response = from_reply(&reply, &message, Wishes::default(), false).unwrap();
    assert_eq!(response.raw_output_contents.len(), 2);
    assert!(
        response
            .outputs
            .iter()
            .all(|output| output.contents.is_none())
    );
}

#[test]
fn metadata_is_that_of_the_default_signature() {
    let found = from_metadata(&metadata::tests::metadata());
    assert_eq!((&*found.name, found.versions.len()), ("mnist", 2));
    assert_eq!(
        (&*found.inputs[0].datatype, &*found.inputs[0].shape),
        ("FP32", &[-1, 784][..])
    );
    assert_eq!(
        (&*found.outputs[0].name, &*found.outputs[0].shape),
        ("y", &[-1][..])
    );
    assert_eq!(from_server_metadata("hari", "1").extensions, EXTENSIONS);
}

proptest! {
    #[test]
    fn outputs_read_back_as_inputs(tensors in vec(arbitrary::tensor(), 0..4), raw: bool) {
        let named = tensors.into_iter().enumerate();
        let named: Vec<_> = named.map(|(at, t)| NamedTensor::new(format!("t{at}"), t)).collect();
        let message = Message::tensors(named.clone());
        let reply = InferReply::default();
        let response = from_reply(&reply, &message, Wishes::default(), raw).unwrap();
        let back = chained(response).unwrap();
        let back = back.message.as_tensors().unwrap();
        prop_assert_eq!(back.len(), named.len());
        for (back, named) in back.iter().zip(&named) {
            prop_assert_eq!(&back.name, &named.name);
            prop_assert_eq!(back.tensor.bytes(), named.tensor.bytes());
            prop_assert_eq!(back.tensor.strings().ok(), named.tensor.strings().ok());
        }
    }

    #[test]
    fn any_message_is_read_or_refused(bytes: Vec<u8>) {
        use prost::Message as _;
        if let Ok(request) = ModelInferRequest::decode(&*bytes) {
            let _ = to_request(request, &Limits::default());
        }
    }
}
