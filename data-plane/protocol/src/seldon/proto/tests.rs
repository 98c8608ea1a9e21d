//! Tests of messages as protocol buffers.

use hari_core::{
    Dim, Meta, Metric, MetricKind, ModelMetadata, Signature, SignatureMethod, Tensor, TensorSpec,
};
use hari_error::Kind;
use proptest::prelude::*;
use prost::Message as _;
use serde_json::json;

use super::*;

fn data(names: &[&str], array: Option<Array>) -> seldon::SeldonMessage {
    let names = names.iter().map(|&name| name.to_owned()).collect();
    let data = seldon::DefaultData {
        names,
        data_oneof: array,
    };
    seldon::SeldonMessage {
        data_oneof: Some(Wire::Data(data)),
        ..seldon::SeldonMessage::default()
    }
}

fn ndarray(json: &serde_json::Value) -> seldon::SeldonMessage {
    let Some(prost_types::value::Kind::ListValue(list)) = value::from_json(json).kind else {
        panic!("{json} is no list")
    };
    data(&[], Some(Array::Ndarray(list)))
}

fn read(message: seldon::SeldonMessage) -> Result<Message> {
    to_message(
        message,
        &Limits {
            tensor: 4096,
            rank: 3,
            ..Limits::default()
        },
    )
}

fn only(message: &Message) -> &NamedTensor {
    &message.as_tensors().unwrap()[0]
}

#[test]
fn a_flat_tensor_keeps_form_and_names() {
    let array = seldon::Tensor {
        shape: vec![1, 2],
        values: vec![1.0, 2.0],
    };
    let message = read(data(&["a", "b"], Some(Array::Tensor(array)))).unwrap();
    let tensor = Tensor::from_vec([1, 2], vec![1.0, 2.0]).unwrap();
    let columns = vec!["a".to_owned(), "b".to_owned()];
    assert_eq!(
        *only(&message),
        NamedTensor {
            columns,
            ..NamedTensor::inferred("", tensor)
        }
    );
    assert_eq!(message.representation, Representation::Tensor);
}

#[test]
fn nested_lists_take_the_type_of_their_elements() {
    let tensor = |json| only(&read(ndarray(&json)).unwrap()).tensor.clone();
    assert_eq!(
        tensor(json!([[1, 2], [3, 4]])),
        Tensor::from_vec([2, 2], vec![1.0, 2.0, 3.0, 4.0]).unwrap()
    );
    assert_eq!(
        tensor(json!([true, false])),
        Tensor::from_bools([2], &[true, false]).unwrap()
    );
    assert_eq!(
        tensor(json!([true, 2])),
        Tensor::from_vec([2], vec![1.0, 2.0]).unwrap()
    );
    let strings = ["a", "1.0", "True"].map(bytes::Bytes::from).to_vec();
    assert_eq!(
        tensor(json!(["a", 1, true])),
        Tensor::from_strings([3], strings).unwrap()
    );
    assert_eq!(
        tensor(json!([[], []])),
        Tensor::from_vec([2, 0], Vec::<f64>::new()).unwrap()
    );
}

#[test]
fn mixed_rows_are_written_as_they_were() {
    for rows in [
        json!([[1.5, "a", null], ["2", true, 3.0]]),
        json!([[null, 1.5], [true, 2.0]]),
        json!([null]),
    ] {
        let message = read(ndarray(&rows)).unwrap();
        let list = array::from_named(only(&message)).unwrap();
        assert_eq!(data(&[], Some(Array::Ndarray(list))), ndarray(&rows));
    }
}

#[test]
fn errors_name_the_field() {
    let tensor = |shape: &[i32]| {
        let array = seldon::Tensor {
            shape: shape.to_vec(),
            values: vec![1.0; 3],
        };
        data(&[], Some(Array::Tensor(array)))
    };
    let tftensor = data(
        &[],
        Some(Array::Tftensor(
            hari_proto::tensorflow::TensorProto::default(),
        )),
    );
    for (message, expected) in [
        (
            seldon::SeldonMessage::default(),
            "Invalid request data type: expected one of data",
        ),
        (
            tensor(&[2, 2]),
            "data.tensor: shape [2, 2] needs 4 elements, found 3",
        ),
        (
            tensor(&[-2]),
            "data.tensor: shape [-2] does not fit 3 values",
        ),
        (
            ndarray(&json!([[1], [2, 3]])),
            "data.ndarray[1]: expected 1 elements as in the first row, found 2",
        ),
        (
            ndarray(&json!([{"a": 1}, {"b": 1}])),
            "data.ndarray[1]: expected the names of the first row, `a`, and no others",
        ),
        (
            ndarray(&json!([[{}]])),
            "data.ndarray[0][0]: expected a number",
        ),
        (tftensor, "data.tftensor: "),
    ] {
        let error = read(message).unwrap_err();
        assert!(error.message().starts_with(expected), "{error}");
        assert_eq!(
            (error.kind(), error.reason()),
            (Kind::InvalidInput, "MICROSERVICE_BAD_DATA")
        );
    }
    for message in [ndarray(&json!([[[[1]]]])), ndarray(&json!([vec![1; 600]]))] {
        assert_eq!(read(message).unwrap_err().kind(), Kind::TooLarge);
    }
}

#[test]
fn a_reply_takes_the_form_of_the_request() {
    let tensor = Tensor::from_vec([1, 2], vec![0.5_f32, 1.5]).unwrap();
    let reply = |representation| {
        let message = Message {
            representation,
            ..Message::tensor("y", tensor.clone())
        };
        let Some(Wire::Data(data)) = from_message(&message).unwrap().data_oneof else {
            panic!("no data")
        };
        assert_eq!(data.names, ["t:0", "t:1"]);
        data.data_oneof.unwrap()
    };
    let flat = Array::Tensor(seldon::Tensor {
        shape: vec![1, 2],
        values: vec![0.5, 1.5],
    });
    assert_eq!(reply(Representation::Unspecified), flat);
    assert_eq!(reply(Representation::Tensor), flat);
    assert_eq!(
        reply(Representation::Tftensor),
        Array::Tftensor(from_tensor(&tensor))
    );
    let Array::Ndarray(list) = reply(Representation::Ndarray) else {
        panic!("no ndarray")
    };
    assert_eq!(
        value::to_json(value::list(list.values)),
        json!([[0.5, 1.5]])
    );
}

#[test]
fn several_tensors_are_members_of_json_data() {
    let first = NamedTensor::new("a", Tensor::from_vec([1, 1], vec![1_i32]).unwrap());
    let second = NamedTensor::new("", Tensor::from_vec([], vec![0.5]).unwrap());
    let message = from_message(&Message::tensors(vec![first, second])).unwrap();
    let Some(Wire::JsonData(tree)) = message.data_oneof else {
        panic!("no jsonData")
    };
    assert_eq!(value::to_json(tree), json!({"a": [[1.0]], "t:1": 0.5}));
}

#[test]
fn bytes_that_are_no_text_are_the_models_fault() {
    let tensor = Tensor::from_strings([1], vec![(&b"\xff"[..]).into()]).unwrap();
    assert_eq!(
        from_message(&Message::tensor("y", tensor))
            .unwrap_err()
            .kind(),
        Kind::Model
    );
}

#[test]
fn messages_for_a_combiner_are_counted() {
    let message = || seldon::SeldonMessage {
        data_oneof: Some(Wire::StrData("a".into())),
        ..seldon::SeldonMessage::default()
    };
    let list = |seldon_messages| seldon::SeldonMessageList { seldon_messages };
    assert_eq!(
        to_messages(list(vec![message(), message()]), &Limits::default())
            .unwrap()
            .len(),
        2
    );
    let error = to_messages(
        list(vec![
            message(),
            data(&[], None),
            seldon::SeldonMessage::default(),
        ]),
        &Limits::default(),
    );
    assert!(
        error
            .unwrap_err()
            .message()
            .starts_with("seldonMessages[2]: Invalid")
    );
    let few = Limits {
        inputs: 1,
        ..Limits::default()
    };
    assert_eq!(
        to_messages(list(vec![message(), message()]), &few)
            .unwrap_err()
            .kind(),
        Kind::TooLarge
    );
}

#[test]
fn metadata_says_what_the_default_signature_takes() {
    let shape = Some(vec![Dim::Dynamic(None), Dim::Fixed(4)]);
    let spec = |name: &str| TensorSpec {
        name: name.into(),
        dtype: hari_core::DataType::Fp32,
        shape: shape.clone(),
    };
    let signature = Signature {
        name: Signature::DEFAULT.into(),
        method: SignatureMethod::Predict,
        inputs: vec![spec("x")],
        outputs: vec![spec("y")],
    };
    let metadata = ModelMetadata {
        name: "iris".into(),
        versions: vec!["2".into()],
        platform: "onnx_rten".into(),
        signatures: vec![signature.clone()],
        ..ModelMetadata::default()
    };
    let wire = from_metadata(&metadata);
    assert_eq!(
        (&*wire.inputs[0].name, &*wire.inputs[0].datatype),
        ("x", "FP32")
    );
    assert_eq!(wire.outputs[0].shape, [-1, 4]);
    let graph = from_graph_metadata("main", &[metadata.into()], &signature.inputs, &[]);
    assert_eq!(graph.models["iris"], wire);
    assert_eq!((graph.inputs, graph.outputs), (wire.inputs, vec![]));
}

fn payloads() -> impl Strategy<Value = (Payload, Representation)> {
    let unsaid = |payload| (payload, Representation::Unspecified);
    prop_oneof![
        Just(unsaid(Payload::Empty)),
        any::<String>().prop_map(move |text| unsaid(Payload::Text(text))),
        any::<Vec<u8>>().prop_map(move |bytes| unsaid(Payload::Binary(bytes.into()))),
        any::<String>()
            .prop_map(move |text| unsaid(Payload::Json(json!([text, 1.5, {"a": true}])))),
        any::<(String, Vec<u8>)>().prop_map(move |(type_url, value)| {
            unsaid(Payload::Any(Any {
                type_url,
                value: value.into(),
            }))
        }),
        (
            prop::collection::vec(any::<f64>(), 6),
            any::<bool>(),
            any::<Vec<String>>()
        )
            .prop_map(|(values, flat, columns)| {
                let values = values
                    .into_iter()
                    .map(|v| if v.is_nan() { 0.0 } else { v })
                    .collect();
                let tensor = Tensor::from_vec([2, 3], values).unwrap();
                let named = NamedTensor {
                    columns,
                    ..NamedTensor::inferred("", tensor)
                };
                let form = if flat {
                    Representation::Tensor
                } else {
                    Representation::Ndarray
                };
                (Payload::Tensors(vec![named]), form)
            }),
        prop::collection::vec(any::<i64>(), 1..4).prop_map(|values| {
            let tensor = Tensor::from_vec([values.len()], values).unwrap();
            (
                Payload::Tensors(vec![typed(tensor)]),
                Representation::Tftensor,
            )
        }),
    ]
}

fn metas() -> impl Strategy<Value = Meta> {
    (any::<String>(), any::<(String, String, i32, f32)>()).prop_map(
        |(puid, (key, text, branch, number))| {
            let number = if number.is_nan() { 0.0 } else { number };
            let tags = [(key.clone(), text.clone())].into();
            let metric = Metric {
                key: key.clone(),
                kind: MetricKind::Timer,
                value: number,
                tags,
            };
            Meta {
                puid: Some(puid).filter(|puid| !puid.is_empty()),
                tags: [(key.clone(), json!(text))].into_iter().collect(),
                routing: [(key.clone(), branch)].into(),
                request_path: [(key, text)].into(),
                metrics: vec![metric],
            }
        },
    )
}

#[test]
fn a_list_of_more_elements_than_a_message_holds_is_refused() {
    let of = |count: usize| {
        let tensor = Tensor::from_bools([count], &vec![true; count]).unwrap();
        let message = Message {
            representation: Representation::Ndarray,
            ..Message::tensor("", tensor)
        };
        from_message(&message)
    };
    assert!(of(1 << 10).is_ok());
    assert_eq!(of((8 << 20) + 1).unwrap_err().kind(), Kind::TooLarge);
}

proptest! {
    #[test]
    fn messages_come_back((payload, representation) in payloads(), meta in metas(), reward in -1e9..1e9_f32) {
        let message = Message { payload, meta, representation };
        let bytes = from_request(&message).unwrap().encode_to_vec();
        let wire = seldon::SeldonMessage::decode(&*bytes).unwrap();
        prop_assert_eq!(&to_reply(wire, &Limits::default()).unwrap(), &message);
        let feedback = Feedback { request: Some(message), reward, ..Feedback::default() };
        let wire = from_feedback(&feedback).unwrap();
        prop_assert_eq!(to_feedback(wire, &Limits::default()).unwrap(), feedback);
    }

    #[test]
    fn no_bytes_are_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(wire) = seldon::SeldonMessage::decode(&*bytes) {
            _ = to_message(wire, &Limits::default());
        }
    }
}
