//! Tests of JSON messages; files of requests and replies are in `tests/golden/seldon`.

use std::sync::Arc;

use hari_core::{
    DataType, Dim, Feedback, Limits, Message, Meta, Metric, MetricKind, ModelMetadata, NamedTensor,
    Payload, Representation, Signature, SignatureMethod, Tensor, TensorSpec,
};
use hari_error::{Error, Kind};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::seldon::data::typed;

fn decode(text: &str) -> hari_error::Result<Message> {
    decode_message(text.as_bytes(), &Limits::default())
}

fn named(tensor: Tensor) -> NamedTensor {
    NamedTensor::inferred("", tensor)
}

fn value(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

#[test]
fn of_several_payloads_the_order_is_fixed() {
    let all = r#"{"binData":"AA==","strData":"s","jsonData":null,"data":{"ndarray":[1]}}"#;
    assert!(matches!(decode(all).unwrap().payload, Payload::Tensors(_)));
    let payload = |text| decode(text).unwrap().payload;
    assert_eq!(
        payload(r#"{"strData":"s","jsonData":null,"data":null}"#),
        Payload::Json(Value::Null)
    );
    assert_eq!(
        payload(r#"{"binData":"AA==","strData":"s"}"#),
        Payload::Text("s".into())
    );
    assert_eq!(
        payload(r#"{"strData":"a","strData":"b"}"#),
        Payload::Text("b".into())
    );
}

#[test]
fn arrays_keep_their_form_and_their_names() {
    let message =
        decode(r#"{"data":{"names":["a","b"],"tensor":{"shape":[1,2],"values":[1,2.5]}}}"#)
            .unwrap();
    let tensor = Tensor::from_vec([1, 2], vec![1.0, 2.5]).unwrap();
    let expected = NamedTensor {
        columns: vec!["a".into(), "b".into()],
        ..named(tensor)
    };
    assert_eq!(message.payload, Payload::Tensors(vec![expected]));
    assert_eq!(message.representation, Representation::Tensor);

    let message = decode(
        r#"{"data":{"tftensor":{"dtype":"DT_FLOAT","tensorShape":{"dim":[{"size":"2"}]},"floatVal":[0.5,1]}}}"#,
    );
    let tensor = Tensor::from_vec([2], vec![0.5_f32, 1.0]).unwrap();
    let message = message.unwrap();
    assert_eq!(
        message.payload,
        Payload::Tensors(vec![NamedTensor::new("", tensor)])
    );
    assert_eq!(message.representation, Representation::Tftensor);

    let double =
        r#"{"data":{"tftensor":{"dtype":"DT_DOUBLE","tensorShape":{},"doubleVal":[0.5]}}}"#;
    let tensor = Tensor::from_vec([0; 0], vec![0.5]).unwrap();
    let message = decode(double).unwrap();
    assert_eq!(
        message.payload,
        Payload::Tensors(vec![named(tensor)]),
        "a double may be what numpy made of any number"
    );

    let message = decode(r#"{"data":{"names":["a"]}}"#).unwrap();
    assert_eq!(
        message.as_tensors().unwrap()[0].tensor,
        Tensor::from_vec([0], Vec::<f64>::new()).unwrap()
    );
}

/// Requests that cannot be read, and what is said of them.
const ERRORS: &[(&str, &str)] = &[
    (
        "[]",
        "Invalid request data type: expected one of data, jsonData, strData and binData, found an array",
    ),
    (
        "{}",
        "Invalid request data type: expected one of data, jsonData, strData and binData, found none of them",
    ),
    (
        r#"{"meta":{}}"#,
        "Invalid request data type: expected one of data, jsonData, strData and binData, found none of them",
    ),
    (
        r#"{"data":{"ndarray":1}}"#,
        "data.ndarray: expected an array, found a number",
    ),
    (
        r#"{"data":{"ndarray":[[1,2],[1,2],[1,2],[1,2,3]]}}"#,
        "data.ndarray[3]: expected 2 elements as in the first row, found 3",
    ),
    (
        r#"{"data":{"ndarray":[[1,{}]]}}"#,
        "data.ndarray[0][1]: expected a number, a string or a boolean, found an object",
    ),
    (
        r#"{"data":{"names":[1]}}"#,
        "data.names[0]: expected a string, found a number",
    ),
    (
        r#"{"data":{"tensor":{"shape":[2,2],"values":[1,2,3]}}}"#,
        "data.tensor: shape [2, 2] needs 4 elements, found 3",
    ),
    (
        r#"{"data":{"tensor":{"shape":[1.5],"values":[1]}}}"#,
        "data.tensor.shape[0]: expected a whole number of elements",
    ),
    (
        r#"{"data":{"tensor":{"values":7}}}"#,
        "data.tensor.values: expected an array, found a number",
    ),
    (r#"{"binData":"*"}"#, "binData: expected base64"),
    (
        r#"{"strData":1}"#,
        "strData: expected a string, found a number",
    ),
    (
        r#"{"strData":"a","meta":{"routing":{"r":1e3}}}"#,
        "meta.routing.r: 1e3 is no branch number",
    ),
    (
        r#"{"strData":"a","meta":{"metrics":[{"type":"RATE"}]}}"#,
        "meta.metrics[0].type: expected COUNTER, GAUGE or TIMER",
    ),
    (
        r#"{"strData":"a"} x"#,
        "invalid JSON at line 1 column 17: expected the end of the JSON, found `x`",
    ),
];

#[test]
fn errors_name_the_field() {
    for (text, message) in ERRORS {
        let error = decode(text).unwrap_err();
        assert_eq!(error.message(), *message, "{text}");
        assert_eq!(
            (error.kind(), error.reason()),
            (Kind::InvalidInput, "MICROSERVICE_BAD_DATA")
        );
    }
}

#[test]
fn the_limits_hold() {
    let limits = Limits {
        tensor: 64,
        rank: 2,
        inputs: 2,
        json_depth: 8,
        ..Limits::default()
    };
    for text in [
        r#"{"data":{"ndarray":[1,2,3,4,5,6,7,8,9]}}"#,
        r#"{"data":{"ndarray":[[[1]]]}}"#,
        r#"{"data":{"tensor":{"shape":[1,1,1],"values":[1]}}}"#,
        r#"{"jsonData":[[[[[[[[]]]]]]]]}"#,
    ] {
        assert_eq!(
            decode_message(text.as_bytes(), &limits).unwrap_err().kind(),
            Kind::TooLarge,
            "{text}"
        );
    }
    let three = br#"[{"strData":""},{"strData":""},{"strData":""}]"#;
    assert_eq!(
        decode_messages(three, &limits).unwrap_err().kind(),
        Kind::TooLarge
    );
}

#[test]
fn messages_come_as_a_list_or_in_an_object() {
    let messages = |text: &str| decode_messages(text.as_bytes(), &Limits::default());
    for text in [
        r#"[{"strData":"a"},{"strData":"b"}]"#,
        r#"{"x":1,"seldonMessages":[{"strData":"a"},{"strData":"b"}]}"#,
    ] {
        let payloads: Vec<_> = messages(text)
            .unwrap()
            .into_iter()
            .map(|m| m.payload)
            .collect();
        assert_eq!(
            payloads,
            [Payload::Text("a".into()), Payload::Text("b".into())]
        );
    }
    assert_eq!(messages("[]").unwrap(), []);
    for (text, place) in [
        (r#"[{"strData":"a"},{}]"#, "[1]: Invalid request data type"),
        (
            r#"[{"data":{"ndarray":[[[{}]]]}}]"#,
            "[0].data.ndarray[0][0][0]: expected a number",
        ),
        ("{}", "expected an array of messages"),
        ("1", "expected an array, found a number"),
    ] {
        let error = messages(text).unwrap_err();
        assert!(error.message().starts_with(place), "{error}");
    }
}

#[test]
fn feedback_may_lack_any_of_its_parts() {
    let feedback = |text: &str| decode_feedback(text.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(feedback("{}"), Feedback::default());
    let given = feedback(
        r#"{"request":{"data":{"ndarray":[[1]]}},"response":{"meta":{"routing":{"ab":1}}},"reward":0.5,"truth":null}"#,
    );
    assert_eq!(given.response.as_ref().unwrap().meta.routing["ab"], 1);
    assert_eq!((given.reward, &given.truth), (0.5, &None));
    assert_eq!(
        feedback(std::str::from_utf8(&encode_feedback(&given).unwrap()).unwrap()),
        given
    );
}

#[test]
fn an_error_has_code_reason_and_words() {
    let body = encode_error(&Error::invalid("expected <x>").at_node("clf"));
    assert_eq!(
        std::str::from_utf8(&body).unwrap(),
        r#"{"status":{"code":400,"info":"node `clf`: expected \u003cx\u003e","reason":"INVALID_INPUT","status":"FAILURE"}}"#
    );
}

#[test]
fn a_reply_without_data_in_the_request_is_a_tensor() {
    let message = Message::tensor("y", Tensor::from_vec([1, 2], vec![0.25_f32, 0.75]).unwrap());
    assert_eq!(
        value(&encode_message(&message).unwrap()),
        json!({"data": {"names": ["t:0", "t:1"], "tensor": {"shape": [1, 2], "values": [0.25, 0.75]}}, "meta": {}})
    );
    let flags = Message::tensor("y", Tensor::from_bools([2], &[true, false]).unwrap());
    assert_eq!(
        value(&encode_message(&flags).unwrap()),
        json!({"data": {"names": [], "ndarray": [true, false]}, "meta": {}})
    );
}

#[test]
fn several_tensors_are_members_of_json_data() {
    let tensor =
        |name: &str| NamedTensor::new(name, Tensor::from_vec([1, 1], vec![1_i32]).unwrap());
    let scalar = NamedTensor::new("s", Tensor::from_vec([], vec![0.5]).unwrap());
    let message = Message::tensors(vec![tensor("a"), tensor(""), scalar]);
    let expected = json!({"jsonData": {"a": [[1]], "t:1": [[1]], "s": 0.5}, "meta": {}});
    assert_eq!(value(&encode_message(&message).unwrap()), expected);
}

#[test]
fn what_json_cannot_hold_is_refused() {
    let bytes = Message::tensor(
        "y",
        Tensor::from_strings([1], vec![(&b"\xff"[..]).into()]).unwrap(),
    );
    assert_eq!(encode_message(&bytes).unwrap_err().kind(), Kind::Model);
    let any = Message {
        payload: Payload::Any(hari_core::Any::default()),
        ..Message::default()
    };
    assert_eq!(
        encode_message(&any).unwrap_err().message(),
        "customData travels over gRPC only"
    );
}

fn metadata() -> ModelMetadata {
    let spec = |name: &str| TensorSpec {
        name: name.into(),
        dtype: DataType::Fp32,
        shape: Some(vec![Dim::Dynamic(None), Dim::Fixed(4)]),
    };
    ModelMetadata {
        name: "iris".into(),
        versions: vec!["2".into()],
        signatures: vec![Signature {
            name: Signature::DEFAULT.into(),
            method: SignatureMethod::Predict,
            inputs: vec![spec("x")],
            outputs: vec![spec("y")],
        }],
        ..ModelMetadata::default()
    }
}

#[test]
fn a_unit_says_everything_and_a_graph_leaves_out_what_is_empty() {
    let tensor = |name| json!([{"name": name, "datatype": "FP32", "shape": [-1, 4]}]);
    assert_eq!(
        value(&encode_metadata(&metadata())),
        json!({"name": "iris", "platform": "", "versions": ["2"], "inputs": tensor("x"), "outputs": tensor("y"), "custom": {}})
    );
    let model = Arc::new(metadata());
    let signature = &model.signatures[0];
    let graph = encode_graph_metadata(
        "main",
        &[Arc::clone(&model)],
        &signature.inputs,
        &signature.outputs,
    );
    assert_eq!(
        value(&graph),
        json!({
            "name": "main",
            "models": {"iris": {"name": "iris", "versions": ["2"], "inputs": tensor("x"), "outputs": tensor("y")}},
            "graphinputs": tensor("x"),
            "graphoutputs": tensor("y"),
        })
    );
}

fn tensors() -> impl Strategy<Value = Tensor> {
    let shape = (1..4_usize, 1..4_usize);
    shape.prop_flat_map(|(rows, columns)| {
        let count = rows * columns;
        let ints = prop::collection::vec(any::<i64>(), count);
        let floats = prop::collection::vec(-1e300..1e300_f64, count);
        let strings = prop::collection::vec(any::<String>(), count);
        prop_oneof![
            ints.prop_map(move |values| Tensor::from_vec([rows, columns], values).unwrap()),
            floats.prop_map(move |values| Tensor::from_vec([rows, columns], values).unwrap()),
            strings.prop_map(move |values| {
                let values = values.into_iter().map(Into::into).collect();
                Tensor::from_strings([rows, columns], values).unwrap()
            }),
        ]
    })
}

fn payloads() -> impl Strategy<Value = (Payload, Representation)> {
    let unsaid = |payload| (payload, Representation::Unspecified);
    prop_oneof![
        Just(unsaid(Payload::Empty)),
        any::<String>().prop_map(move |text| unsaid(Payload::Text(text))),
        any::<Vec<u8>>().prop_map(move |bytes| unsaid(Payload::Binary(bytes.into()))),
        (any::<i64>(), any::<String>()).prop_map(move |(number, text)| unsaid(Payload::Json(
            json!({"a": [number, text, null]})
        ))),
        (tensors(), any::<[bool; 2]>(), any::<Vec<String>>()).prop_map(
            |(tensor, [flat, tf], columns)| {
                let numeric = tensor.dtype().is_numeric();
                let (named, representation) = match (numeric && flat, numeric && tf) {
                    (_, true) => (typed(tensor), Representation::Tftensor),
                    (true, _) => (named(tensor), Representation::Tensor),
                    _ => (named(tensor), Representation::Ndarray),
                };
                (
                    Payload::Tensors(vec![NamedTensor { columns, ..named }]),
                    representation,
                )
            }
        ),
    ]
}

fn metas() -> impl Strategy<Value = Meta> {
    let kind = prop_oneof![
        Just(MetricKind::Counter),
        Just(MetricKind::Gauge),
        Just(MetricKind::Timer)
    ];
    let strings = || prop::collection::btree_map(any::<String>(), any::<String>(), 0..3);
    let metric =
        (any::<String>(), kind, -1e30..1e30_f32, strings()).prop_map(|(key, kind, value, tags)| {
            Metric {
                key,
                kind,
                value,
                tags,
            }
        });
    (
        prop::option::of("[^\0]{1,9}"),
        strings(),
        prop::collection::btree_map(any::<String>(), any::<i32>(), 0..3),
        strings(),
        prop::collection::vec(metric, 0..3),
    )
        .prop_map(|(puid, tags, routing, request_path, metrics)| {
            let tags: Map<_, _> = tags
                .into_iter()
                .map(|(key, tag)| (key, Value::from(tag)))
                .collect();
            Meta {
                puid,
                tags,
                routing,
                request_path,
                metrics,
            }
        })
}

proptest! {
    #[test]
    fn messages_come_back((payload, representation) in payloads(), meta in metas()) {
        let message = Message { payload, meta, representation };
        let body = encode_request(&message).unwrap();
        prop_assert_eq!(&decode_reply(&body, &Limits::default()).unwrap(), &message);
        prop_assert!(!body.iter().any(|byte| matches!(byte, b'<' | b'>' | b'&')));
    }

    #[test]
    fn no_bytes_are_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        _ = decode_message(&bytes, &Limits::default());
        _ = decode_messages(&bytes, &Limits::default());
        _ = decode_feedback(&bytes, &Limits::default());
    }

    #[test]
    fn no_json_is_a_panic(
        text in r#"\{("(data|names|tensor|shape|values|ndarray|tftensor|meta|routing|metrics|strData|jsonData)":[\[\]{}0-9",a-z\-]{0,9}){0,5}"#,
    ) {
        _ = decode_message(text.as_bytes(), &Limits::default());
    }
}
