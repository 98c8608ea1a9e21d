//! Tests of predictions in JSON.

use hari_core::DataType;
use hari_error::Kind;
use proptest::prelude::*;

use super::*;
use crate::open_inference::arbitrary;

fn decode(json: &str) -> Result<PredictRequest> {
    decode_predict(json.as_bytes(), &Limits::default())
}

fn tensors(json: &str) -> Vec<NamedTensor> {
    decode(json).unwrap().message.as_tensors().unwrap().to_vec()
}

fn refusal(json: &str) -> String {
    decode(json).unwrap_err().message().to_owned()
}

fn encode(tensors: Vec<(&str, Tensor)>, layout: Layout) -> Result<Bytes> {
    let each = |(name, tensor)| NamedTensor::new(name, tensor);
    encode_predict(
        &Message::tensors(tensors.into_iter().map(each).collect()),
        layout,
    )
}

#[test]
fn rows_of_values_are_one_tensor_without_a_name() {
    let [x] = &*tensors(r#"{"instances":[[[1,2]],[[3,4.5]]]}"#) else {
        panic!("one tensor")
    };
    assert_eq!((&*x.name, x.tensor.shape()), ("", &[2, 1, 2][..]));
    assert_eq!(x.tensor.to_f64().unwrap(), [1.0, 2.0, 3.0, 4.5]);
    let [x] = &*tensors(r#"{"instances":["foo",{"b64":"aGk="}]}"#) else {
        panic!("one tensor")
    };
    assert_eq!(x.tensor.strings().unwrap(), ["foo", "hi"]);
}

#[test]
fn rows_of_objects_are_one_tensor_for_each_name() {
    let found = tensors(
        r#"{"instances":[
            {"tag":"foo","signal":[1,2],"raw":{"b64":"aGk="}},
            {"signal":[3,4.5],"raw":{"b64":"eW8="},"tag":"bar"}]}"#,
    );
    let [tag, signal, raw] = &*found else {
        panic!("three tensors")
    };
    assert_eq!(
        (&*tag.name, tag.tensor.strings().unwrap()),
        ("tag", &["foo".into(), "bar".into()][..])
    );
    assert_eq!(
        (&*signal.name, signal.tensor.shape()),
        ("signal", &[2, 2][..])
    );
    assert_eq!(signal.tensor.to_f64().unwrap(), [1.0, 2.0, 3.0, 4.5]);
    assert_eq!(raw.tensor.strings().unwrap(), ["hi", "yo"]);
}

#[test]
fn columns_are_a_value_or_one_for_each_name() {
    let request =
        decode(r#"{"signature_name":"s","inputs":{"a":[1,2],"b":{"b64":"aGk="}}}"#).unwrap();
    assert_eq!(
        (request.signature_name.as_deref(), request.layout),
        (Some("s"), Layout::Column)
    );
    let [a, b] = request.message.as_tensors().unwrap() else {
        panic!("two tensors")
    };
    assert_eq!((&*a.name, a.tensor.shape()), ("a", &[2][..]));
    assert_eq!(
        (&*b.name, b.tensor.shape(), b.tensor.strings().unwrap()),
        ("b", &[][..], &["hi".into()][..])
    );
    let [x] = &*tensors(r#"{"inputs":{"b64":"aGk="},"signature_name":null}"#) else {
        panic!("one")
    };
    assert_eq!(
        (&*x.name, x.tensor.strings().unwrap()),
        ("", &["hi".into()][..])
    );
    let [x] = &*tensors(r#"{"inputs":{"b64":[1]}}"#) else {
        panic!("one")
    };
    assert_eq!((&*x.name, x.tensor.dtype()), ("b64", DataType::Int64));
}

#[test]
fn what_is_no_number_is_read() {
    let [x] = &*tensors(r#"{"instances":[NaN,Infinity,-Infinity]}"#) else {
        panic!("one")
    };
    let values = x.tensor.to_f64().unwrap();
    assert!(values[0].is_nan());
    assert_eq!(values[1..], [f64::INFINITY, f64::NEG_INFINITY]);
}

#[test]
fn what_is_no_request_is_refused_by_field() {
    for (json, message) in [
        ("{}", "expected `instances` or `inputs`, found neither"),
        (
            r#"{"instances":[1],"inputs":[1]}"#,
            "expected either `instances` or `inputs`, found both",
        ),
        (
            r#"{"instances":[]}"#,
            "instances: expected at least one instance, found none",
        ),
        (
            r#"{"instances":7}"#,
            "instances: expected an array of instances, found a number",
        ),
        (
            r#"{"instances":[[1,2],[3]]}"#,
            "instances[1]: expected 2 elements as in the first row, found 1",
        ),
        (
            r#"{"instances":[{"a":[1,2]},{"a":[3]}]}"#,
            "instances, by name: a[1]: expected 2 elements as in the first row, found 1",
        ),
        (
            r#"{"instances":[{"a":1,"b":2},{"a":1}]}"#,
            "instances[1]: expected the names of the first instance, `a`, `b`, and no others",
        ),
        (
            r#"{"instances":[{"a":1},{"a":1,"c":1}]}"#,
            "instances[1].c: expected the names of the first instance, `a`, and no others",
        ),
        (
            r#"{"instances":[{"a":1,"a":2}]}"#,
            "instances[0].a: `a` is given twice",
        ),
        (
            r#"{"instances":[{"a":1},2]}"#,
            "instances[1]: expected an object, found a number",
        ),
        (
            r#"{"signature_name":1,"inputs":1}"#,
            "signature_name: expected a string, found a number",
        ),
    ] {
        assert_eq!(refusal(json), message, "{json}");
    }
    assert!(refusal(r#"{"instances":[1,{"a":1}]}"#).starts_with("instances"));
    assert!(refusal(r#"{"instances":[1"#).contains("invalid JSON"));
    assert!(refusal(r#"{"instances":[x]}"#).contains("invalid JSON"));
}

#[test]
fn no_more_inputs_than_the_limit() {
    let limits = Limits {
        inputs: 1,
        ..Limits::default()
    };
    for json in [
        r#"{"inputs":{"a":1,"b":2}}"#,
        r#"{"instances":[{"a":1,"b":2}]}"#,
    ] {
        let error = decode_predict(json.as_bytes(), &limits).unwrap_err();
        assert_eq!(error.kind(), Kind::TooLarge, "{json}");
    }
    assert!(decode_predict(br#"{"inputs":{"a":1,"a":2}}"#, &limits).is_ok());
}

fn column(values: &[f32]) -> Tensor {
    Tensor::from_vec([values.len(), 1], values.to_vec()).unwrap()
}

#[test]
fn one_output_stands_bare_and_several_by_name() {
    let (a, b) = (
        column(&[0.5, 1.0]),
        Tensor::from_vec([2], vec![7_i64, 8]).unwrap(),
    );
    let text = |tensors, layout| encode(tensors, layout).unwrap();
    assert_eq!(
        text(vec![("a", a.clone())], Layout::Row),
        r#"{"predictions":[[0.5],[1.0]]}"#
    );
    assert_eq!(
        text(vec![("a", a.clone())], Layout::Column),
        r#"{"outputs":[[0.5],[1.0]]}"#
    );
    assert_eq!(
        text(vec![("a", a.clone()), ("", b.clone())], Layout::Row),
        r#"{"predictions":[{"a":[0.5],"output-1":7},{"a":[1.0],"output-1":8}]}"#
    );
    assert_eq!(
        text(vec![("a", a), ("b", b)], Layout::Column),
        r#"{"outputs":{"a":[[0.5],[1.0]],"b":[7,8]}}"#
    );
}

#[test]
fn bytes_are_base64_by_name_or_by_need() {
    let strings = |bytes: &'static [u8]| Tensor::from_strings([1], vec![bytes.into()]).unwrap();
    let text = |name, tensor| encode(vec![(name, tensor)], Layout::Row).unwrap();
    assert_eq!(text("label", strings(b"hi")), r#"{"predictions":["hi"]}"#);
    assert_eq!(
        text("image_bytes", strings(b"hi")),
        r#"{"predictions":[{"b64":"aGk="}]}"#
    );
    assert_eq!(
        text("image", strings(b"\xff")),
        r#"{"predictions":[{"b64":"/w=="}]}"#
    );
}

#[test]
fn rows_must_be_there_and_agree() {
    let scalar = Tensor::from_vec([], vec![1_i32]).unwrap();
    let error = encode(vec![("loss", scalar.clone())], Layout::Row).unwrap_err();
    assert_eq!(
        error.message(),
        "output `loss` has no rows: ask with `inputs` in place of `instances`"
    );
    assert_eq!(
        encode(vec![("loss", scalar)], Layout::Column).unwrap(),
        r#"{"outputs":1}"#
    );
    let error = encode(
        vec![("a", column(&[1.0])), ("b", column(&[1.0, 2.0]))],
        Layout::Row,
    );
    assert!(
        error
            .unwrap_err()
            .message()
            .starts_with("output `b` has 2 rows, the one before it 1")
    );
}

#[test]
fn what_is_no_tensor_is_written_as_it_is() {
    let text = |payload, layout| {
        encode_predict(
            &Message {
                payload,
                ..Message::default()
            },
            layout,
        )
    };
    assert_eq!(
        text(Payload::Text("hi".into()), Layout::Row).unwrap(),
        r#"{"predictions":["hi"]}"#
    );
    assert_eq!(
        text(Payload::Binary("hi".into()), Layout::Column).unwrap(),
        r#"{"outputs":[{"b64":"aGk="}]}"#
    );
    let json = Payload::Json(serde_json::json!({"a": [1]}));
    assert_eq!(
        text(json, Layout::Row).unwrap(),
        r#"{"predictions":{"a":[1]}}"#
    );
    assert_eq!(
        text(Payload::Empty, Layout::Row).unwrap(),
        r#"{"predictions":[]}"#
    );
    let any = text(Payload::Any(Default::default()), Layout::Row).unwrap_err();
    assert_eq!(any.kind(), Kind::Unimplemented);
}

/// What comes back when the outputs are sent as inputs.
fn sent_back(reply: &Bytes) -> Vec<NamedTensor> {
    let text = std::str::from_utf8(reply).unwrap();
    tensors(
        &text
            .replacen("\"predictions\"", "\"instances\"", 1)
            .replacen("\"outputs\"", "\"inputs\"", 1),
    )
}

/// The same numbers, whatever the type they were read as.
fn same_values(left: &Tensor, right: &Tensor) -> bool {
    match left.dtype() {
        DataType::Bytes => left == right,
        // The shortest digits of a single are another double than the single itself.
        DataType::Fp32 | DataType::Fp16 | DataType::Bf16 => {
            right.cast(left.dtype()).is_ok_and(|right| *left == right)
        }
        _ => left.to_f64().ok() == right.to_f64().ok() && left.shape() == right.shape(),
    }
}

proptest! {
    #[test]
    fn a_reply_reads_back_as_a_request(
        (a, b) in (1_usize..4).prop_flat_map(|rows| {
            let tensor = || arbitrary::plain_tensor()
                .prop_filter("rows to repeat", |t| !t.is_empty())
                .prop_map(move |t| {
                    let parts = vec![t.clone().reshape([&[1], t.shape()].concat()).unwrap(); rows];
                    Tensor::concat_rows(&parts).unwrap()
                });
            (tensor(), tensor())
        }),
        layout in prop_oneof![Just(Layout::Row), Just(Layout::Column)],
    ) {
        let sent = [("a", &a), ("b", &b)];
        let both = sent_back(&encode(sent.map(|(n, t)| (n, t.clone())).to_vec(), layout).unwrap());
        for ((name, tensor), back) in sent.into_iter().zip(&both) {
            prop_assert_eq!(name, &back.name);
            prop_assert!(same_values(tensor, &back.tensor), "{:?} {:?}", tensor, back);
        }
        let one = sent_back(&encode(vec![("a", a.clone())], layout).unwrap());
        prop_assert!(same_values(&a, &one[0].tensor), "{:?} {:?}", a, one);
    }

    #[test]
    fn any_text_is_read_or_refused(
        text in r#"\{"(instances|inputs)":[\[\]{}"ab64:,0-9.NIe-]{0,40}\}"#,
    ) {
        if let Ok(request) = decode(&text) {
            prop_assert!(request.message.as_tensors().is_some());
        }
    }
}
