//! Messages there and back, and answers that are not what they say.

use bytes::Bytes;
use hari_core::{Any, Cell, Context, DataType, Feedback, Input, Message, Meta, Method};
use hari_core::{NamedTensor, Payload, Representation, Tensor};
use hari_error::Kind as Fault;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::frame::{Frame, HEADER, Header, Kind, Limits, Outgoing};

/// What arrives at the other end.
fn arrived(frame: Outgoing) -> Frame {
    let bytes = Bytes::from(frame.parts().concat());
    let first = bytes.first_chunk::<HEADER>().unwrap();
    let header = Header::decode(first, &Limits::default()).unwrap();
    let body = HEADER + header.json;
    assert_eq!(bytes.len(), body + header.body);
    Frame {
        kind: header.kind,
        id: header.id,
        json: bytes.slice(HEADER..body),
        body: bytes.slice(body..),
    }
}

fn context() -> Context {
    Context::new("id", std::time::Duration::from_secs(1))
}

fn called(method: Method, input: &Input) -> (Value, Frame) {
    let frame = arrived(encode_call(method, input, &context()).unwrap());
    (serde_json::from_slice(&frame.json).unwrap(), frame)
}

/// The message as a class that hands it on would answer it.
fn echoed(message: Message) -> Message {
    let (json, frame) = called(Method::Predict, &Input::One(message));
    let reply = json!({"message": json["messages"][0]});
    decode_reply(&Frame {
        kind: Kind::Reply,
        json: Bytes::from(reply.to_string()),
        ..frame
    })
    .unwrap()
}

fn answer(message: &Value, body: &[u8]) -> Result<Message> {
    decode_reply(&Frame {
        kind: Kind::Reply,
        id: 1,
        json: Bytes::from(json!({ "message": message }).to_string()),
        body: Bytes::copy_from_slice(body),
    })
}

fn tensor(tensor: Tensor) -> Message {
    Message::tensors(vec![NamedTensor {
        columns: vec!["a".to_owned()],
        ..NamedTensor::new("x", tensor)
    }])
}

#[test]
fn a_call_is_as_the_page_says() {
    let message = Message {
        representation: Representation::Ndarray,
        ..tensor(Tensor::from_vec([1, 2], vec![1.0_f64, 2.0]).unwrap())
    };
    let (json, frame) = called(Method::TransformInput, &Input::One(message));
    assert_eq!(frame.kind, Kind::Call);
    let expected = json!({
        "method": "transform-input", "puid": "id", "transport": "rest", "headers": {},
        "messages": [{
            "kind": "tensors", "representation": "ndarray", "names": ["a"],
            "tensors": [{"name": "x", "datatype": "FP64", "shape": [1, 2], "offset": 0, "length": 16}],
            "meta": {"puid": "id", "tags": {}, "routing": {}, "requestPath": {}, "metrics": []},
        }],
    });
    assert_eq!(json, expected);
    assert_eq!(frame.body, [1.0_f64, 2.0].map(f64::to_le_bytes).concat());
}

#[test]
fn elements_are_not_copied_on_their_way_out() {
    let elements = Bytes::from(vec![1_u8; 1 << 20]);
    let tensor = Tensor::from_bytes(DataType::Uint8, [1 << 20], elements.clone()).unwrap();
    let input = Input::One(Message::tensor("x", tensor));
    let frame = encode_call(Method::Predict, &input, &context()).unwrap();
    let shared = |part: &Bytes| part.as_ptr() == elements.as_ptr();
    assert!(frame.parts().iter().any(shared));
}

#[test]
fn payloads_of_every_kind_come_back() {
    let any = Any {
        type_url: "type.googleapis.com/x".to_owned(),
        value: Bytes::from_static(b"\x08\x01"),
    };
    for payload in [
        Payload::Empty,
        Payload::Text("ä\"\n".to_owned()),
        Payload::Binary(Bytes::from_static(b"\0\xff")),
        Payload::Json(json!({"a": [1, null, 2.5]})),
        Payload::Any(any),
    ] {
        let message = Message {
            payload,
            ..Message::default()
        };
        assert_eq!(echoed(message.clone()).payload, message.payload);
    }
}

#[test]
fn byte_strings_and_several_tensors_come_back() {
    let texts = ["", "one", "zwei"].map(|text| Bytes::from_static(text.as_bytes()));
    let message = Message::tensors(vec![
        NamedTensor::new("t", Tensor::from_strings([3], texts.to_vec()).unwrap()),
        NamedTensor::new("f", Tensor::from_vec([2], vec![1.5_f32, -2.0]).unwrap()),
        NamedTensor::new("e", Tensor::from_vec([0, 4], Vec::<i32>::new()).unwrap()),
    ]);
    assert_eq!(echoed(message.clone()).payload, message.payload);
}

#[test]
fn rows_of_different_kinds_travel_as_lists() {
    use Cell::{Bool, Missing, Number, Text};
    let texts = ["1.5", "a", "True"].map(|text| Bytes::from_static(text.as_bytes()));
    let texts = [texts.to_vec(), vec![hari_core::missing_text()]].concat();
    let mixed = NamedTensor {
        cells: Some([Number, Text, Bool, Missing].into()),
        ..NamedTensor::inferred("", Tensor::from_strings([2, 2], texts).unwrap())
    };
    let (json, _) = called(
        Method::Predict,
        &Input::One(Message::tensors(vec![mixed.clone()])),
    );
    let rows = json!([[1.5, "a"], [true, null]]);
    assert_eq!(json["messages"][0]["ndarray"], rows);
    let back = echoed(Message::tensors(vec![mixed.clone()]));
    assert_eq!(back.as_tensors().unwrap(), [mixed]);
}

#[test]
fn lists_are_typed_by_what_is_in_them() {
    let read = |rows: Value| {
        let message = json!({"kind": "tensors", "ndarray": rows});
        let found = answer(&message, b"").map(|message| match message.payload {
            Payload::Tensors(mut tensors) => tensors.remove(0),
            other => panic!("{other:?}"),
        });
        found.map(|named| (named.tensor.dtype(), named.tensor.shape().to_vec()))
    };
    assert_eq!(
        read(json!([[1, 2]])).unwrap(),
        (DataType::Int64, vec![1, 2])
    );
    assert_eq!(read(json!([1, 2.5])).unwrap(), (DataType::Fp64, vec![2]));
    assert_eq!(read(json!([true])).unwrap(), (DataType::Bool, vec![1]));
    assert_eq!(read(json!(["a", 1])).unwrap(), (DataType::Bytes, vec![2]));
    assert_eq!(read(json!([])).unwrap(), (DataType::Fp64, vec![0]));
    assert_eq!(read(json!([[], []])).unwrap(), (DataType::Fp64, vec![2, 0]));
    assert_eq!(read(json!(7)).unwrap(), (DataType::Int64, vec![]));
    for broken in [
        json!([[1], 2]),
        json!([1, [2]]),
        json!([[1], [2, 3]]),
        json!([{}]),
    ] {
        let error = read(broken.clone()).unwrap_err();
        assert_eq!(error.kind(), Fault::Model, "{broken}");
    }
}

#[test]
fn a_feedback_points_into_one_body() {
    let part = |value| Some(tensor(Tensor::from_vec([1], vec![value]).unwrap()));
    let feedback = Feedback {
        request: part(1.0_f64),
        response: part(2.0),
        reward: 0.5,
        truth: None,
    };
    let input = Input::Feedback(Box::new(feedback));
    let (json, frame) = called(Method::SendFeedback, &input);
    assert_eq!(json["messages"], json!([]));
    assert_eq!(json["feedback"]["reward"], 0.5);
    assert_eq!(json["feedback"].get("truth"), None);
    let offset = &json["feedback"]["response"]["tensors"][0]["offset"];
    assert_eq!((offset, frame.body.len()), (&json!(64), 72));
}

#[test]
fn meta_of_an_answer_are_the_units_own() {
    let meta = json!({
        "tags": {"t": 1},
        "metrics": [{"key": "k", "type": "TIMER", "value": 2.5, "tags": {"a": "b", "n": 3}}],
    });
    let message = answer(&json!({"kind": "empty", "meta": meta}), b"").unwrap();
    let metric = Metric {
        key: "k".to_owned(),
        kind: MetricKind::Timer,
        value: 2.5,
        tags: [("a", "b"), ("n", "3")]
            .map(|(a, b)| (a.into(), b.into()))
            .into(),
    };
    let tags = [("t".to_owned(), json!(1))].into_iter().collect();
    let expected = Meta {
        tags,
        metrics: vec![metric],
        ..Meta::default()
    };
    assert_eq!(message.meta, expected);
    let odd = json!({"kind": "empty", "meta": {"metrics": [{"key": "k", "type": "ODD"}]}});
    assert_eq!(
        answer(&odd, b"").unwrap_err().reason(),
        "MICROSERVICE_BAD_METRIC"
    );
}

#[test]
fn answers_that_lie_are_refused() {
    let tensor = |shape: Value, offset: u64, length: u64| {
        json!({"kind": "tensors", "tensors":
            [{"name": "x", "datatype": "FP32", "shape": shape, "offset": offset, "length": length}]})
    };
    assert!(answer(&tensor(json!([2]), 0, 8), &[0; 8]).is_ok());
    for lie in [
        tensor(json!([3]), 0, 8),
        tensor(json!([2]), 4, 8),
        tensor(json!([2]), u64::MAX, 8),
        tensor(json!([u64::MAX, 2]), 0, 8),
        json!({"kind": "binary", "offset": 1, "length": 8}),
        json!({"kind": "nonsense"}),
        json!({"kind": "tensors", "representation": "?"}),
        json!({"kind": "tensors", "tensors": [{"datatype": "BYTES", "shape": [1], "length": 8}]}),
        json!(3),
    ] {
        let error = answer(&lie, &[9, 0, 0, 0, 1, 2, 3, 4]).unwrap_err();
        assert_eq!(error.kind(), Fault::Model, "{lie}");
    }
}

fn failed(json: &Value) -> Error {
    decode_error(&Frame {
        kind: Kind::Error,
        id: 1,
        json: Bytes::from(json.to_string()),
        body: Bytes::new(),
    })
}

#[test]
fn errors_keep_their_reason_and_their_own_answer() {
    let bad = failed(
        &json!({"status": 400, "reason": "MICROSERVICE_BAD_DATA", "info": "no",
        "kind": "caller", "body": null, "content_type": null}),
    );
    assert_eq!(
        (bad.kind(), bad.reason()),
        (Fault::InvalidInput, "MICROSERVICE_BAD_DATA")
    );
    assert_eq!((bad.message(), bad.answer()), ("no", None));
    assert_eq!(
        failed(&json!({"status": 500, "kind": "model"})).kind(),
        Fault::Model
    );
    let own = failed(
        &json!({"status": 402, "kind": "caller", "info": "x", "body": "pay",
        "content_type": "text/plain"}),
    );
    let answer = own.answer().unwrap();
    assert_eq!(
        (answer.status, &*answer.content_type, &*answer.body),
        (402, "text/plain", "pay")
    );
    let rare = failed(&json!({"status": 422, "kind": "caller", "info": "no", "reason": "BAD_AGE"}));
    assert_eq!(rare.kind(), Fault::InvalidInput);
    let answer = rare.answer().unwrap();
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(
        (answer.status, &body["status"]["reason"]),
        (422, &json!("BAD_AGE"))
    );
    let impossible = failed(&json!({"status": 9, "kind": "model", "body": "x"}));
    assert_eq!(impossible.answer(), None);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<i32>().prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
        "[a-z]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop::collection::vec(inner, 0..4).prop_map(Value::from)
    })
}

proptest! {
    #[test]
    fn numbers_come_back_as_they_were(values in prop::collection::vec(any::<f32>(), 0..64)) {
        let shape = [values.len()];
        let message = tensor(Tensor::from_vec(shape, values.clone()).unwrap());
        let back = echoed(message);
        let found = back.as_tensors().unwrap()[0].tensor.to_vec::<f32>().unwrap();
        let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&found), bits(&values));
    }

    #[test]
    fn any_lists_are_read_or_refused_and_read_ones_come_back(rows in any_json()) {
        let message = json!({"kind": "tensors", "ndarray": rows});
        if let Ok(message) = answer(&message, b"") {
            let again = echoed(message.clone());
            // NaN is unlike itself: what is missing is compared as it is written.
            let written = |message: &Message| {
                let tensors = message.as_tensors().unwrap_or_default().iter();
                let parts = tensors.map(|named| format!("{:?} {:?}", named.tensor, named.cells));
                parts.collect::<Vec<_>>()
            };
            prop_assert_eq!(written(&again), written(&message));
        }
    }

    #[test]
    fn any_bytes_are_no_panic(json in prop::collection::vec(any::<u8>(), 0..200)) {
        let frame = Frame { kind: Kind::Reply, id: 1, json: json.into(), body: Bytes::new() };
        let _ = (decode_reply(&frame), decode_error(&frame), decode_loaded(&frame));
    }
}
