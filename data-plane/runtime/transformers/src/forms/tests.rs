//! Tests of [`super`].

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn strings(name: &str, texts: &[&str]) -> NamedTensor {
    let bytes = texts
        .iter()
        .map(|text| Bytes::copy_from_slice(text.as_bytes()))
        .collect();
    NamedTensor::new(name, Tensor::from_strings([texts.len()], bytes).unwrap())
}

fn read(task: Task, payload: Payload) -> Result<Request> {
    Request::read(task, payload, Representation::Unspecified, &Map::new())
}

/// Rows as their cells.
fn rows(request: &Request) -> Vec<Vec<String>> {
    let columns: Vec<_> = request
        .tensors
        .iter()
        .map(|named| named.tensor.strings().unwrap())
        .collect();
    let cell = |column: &[Bytes], row: usize| String::from_utf8(column[row].to_vec()).unwrap();
    (0..columns[0].len())
        .map(|row| columns.iter().map(|column| cell(column, row)).collect())
        .collect()
}

fn json_rows(task: Task, value: Value) -> Vec<Vec<String>> {
    rows(&read(task, Payload::Json(value)).unwrap())
}

#[test]
fn one_text_is_asked_in_many_ways() {
    let one = [["hi".to_owned(), String::new()]];
    let task = Task::TextClassification;
    for payload in [
        Payload::Text("hi".into()),
        Payload::Json(json!("hi")),
        Payload::Json(json!(["hi"])),
        Payload::Json(json!({"inputs": "hi"})),
        Payload::Json(json!({"args": ["hi"]})),
        Payload::Tensors(vec![strings("args", &["hi"])]),
        Payload::Tensors(vec![strings("array_inputs", &["hi"])]),
        Payload::Tensors(vec![strings("", &["hi"])]),
    ] {
        assert_eq!(
            rows(&read(task, payload.clone()).unwrap()),
            one,
            "{payload:?}"
        );
    }
}

#[test]
fn tensors_that_are_no_texts_are_parameters() {
    let top = NamedTensor::new("top_k", Tensor::from_vec([1], vec![3_i32]).unwrap());
    let tensors = vec![
        strings("args", &["a", "b"]),
        top,
        strings("function_to_apply", &["none"]),
    ];
    let found = rows(&read(Task::TextClassification, Payload::Tensors(tensors)).unwrap());
    let parameters = r#"{"top_k":3,"function_to_apply":"none"}"#;
    assert_eq!(found, [["a", parameters], ["b", parameters]]);
    let labels = vec![
        strings("args", &["a"]),
        strings("candidate_labels", &["x", "y"]),
    ];
    let found = rows(&read(Task::ZeroShotClassification, Payload::Tensors(labels)).unwrap());
    assert_eq!(found[0][1], r#"{"candidate_labels":["x","y"]}"#);
}

#[test]
fn questions_go_with_contexts() {
    let task = Task::QuestionAnswering;
    let tensors = vec![strings("question", &["q", "r"]), strings("context", &["c"])];
    assert_eq!(
        rows(&read(task, Payload::Tensors(tensors)).unwrap()),
        [["q", "c", ""], ["r", "c", ""]]
    );
    assert_eq!(
        json_rows(task, json!({"question": "q", "context": "c", "top_k": 2})),
        [["q", "c", r#"{"top_k":2}"#]]
    );
    assert_eq!(
        json_rows(task, json!([{"question": "q", "context": "c"}])),
        [["q", "c", ""]]
    );
    assert_eq!(
        json_rows(task, json!({"inputs": {"question": "q", "context": "c"}})),
        [["q", "c", ""]]
    );
    let mut pairs = strings("", &["c", "q"]);
    pairs.columns = vec!["context".into(), "question".into()];
    assert_eq!(
        rows(&read(task, Payload::Tensors(vec![pairs])).unwrap()),
        [["q", "c", ""]]
    );
    let error = read(task, Payload::Json(json!({"question": "q"}))).unwrap_err();
    assert_eq!(error.message(), "jsonData: `context` is missing");
    let uneven = vec![
        strings("question", &["q", "r"]),
        strings("context", &["c", "d", "e"]),
    ];
    assert!(read(task, Payload::Tensors(uneven)).is_err());
}

#[test]
fn json_elements_may_be_objects() {
    let mut named = strings("args", &[r#"{"text": "a", "text_pair": "b"}"#, r#""c""#]);
    named
        .parameters
        .insert("content_type".into(), "hg_jsonlist".into());
    let found = rows(&read(Task::TextClassification, Payload::Tensors(vec![named])).unwrap());
    assert_eq!(found, [["a", r#"{"text_pair":"b"}"#], ["c", ""]]);
}

#[test]
fn sentences_are_compared_with_one() {
    let task = Task::SentenceSimilarity;
    let expected = [["a", r#"["b","c"]"#, ""]];
    let tensors = vec![
        strings("source_sentence", &["a"]),
        strings("sentences", &["b", "c"]),
    ];
    assert_eq!(
        rows(&read(task, Payload::Tensors(tensors)).unwrap()),
        expected
    );
    let asked = json!({"inputs": {"source_sentence": "a", "sentences": ["b", "c"]}});
    assert_eq!(json_rows(task, asked), expected);
    let asked = json!({"source_sentence": ["a", "d"], "sentences": [["b", "c"], ["e"]]});
    assert_eq!(json_rows(task, asked)[1], ["d", r#"["e"]"#, ""]);
}

#[test]
fn parameters_beside_the_message_count_less_than_those_in_it() {
    let Value::Object(given) = json!({"top_k": 1, "priority": 3, "extra": {"truncation": true}})
    else {
        panic!()
    };
    let payload = Payload::Json(json!({"inputs": "hi", "parameters": {"top_k": 2}}));
    let request =
        Request::read(Task::FillMask, payload, Representation::Unspecified, &given).unwrap();
    assert_eq!(rows(&request)[0][1], r#"{"top_k":2,"truncation":true}"#);
}

#[test]
fn what_is_not_understood_is_named() {
    let task = Task::TextClassification;
    let message = |payload| read(task, payload).unwrap_err().message().to_owned();
    let numbers = NamedTensor::new("args", Tensor::from_vec([1], vec![1.0_f32]).unwrap());
    assert_eq!(
        message(Payload::Tensors(vec![numbers])),
        "input `args`: expected texts (BYTES), found FP32"
    );
    assert!(message(Payload::Tensors(vec![strings("txt", &["a"])])).contains("`txt` is neither"));
    assert!(message(Payload::Json(json!(7))).contains("expected a text for each row, found 7"));
    assert!(message(Payload::Empty).contains("an empty message"));
    assert!(message(Payload::Json(json!({"inputs": "a", "stride": 1}))).contains("`stride`"));
    assert!(message(Payload::Tensors(vec![])).contains("input `args` is missing"));
}

fn answer(texts: &[&str]) -> Message {
    Message::tensors(vec![strings(OUTPUT, texts)])
}

#[test]
fn answers_take_the_form_of_the_question() {
    let json = |single, texts: &[&str]| Form::Json { single }.write(answer(texts)).unwrap().payload;
    assert_eq!(json(true, &[r#"{"a":1}"#]), Payload::Json(json!({"a": 1})));
    assert_eq!(json(false, &["1"]), Payload::Json(json!([1])));
    assert_eq!(json(false, &["1", "2"]), Payload::Json(json!([1, 2])));
    let tensors = Form::Tensors.write(answer(&["1"])).unwrap();
    assert_eq!(
        tensors.as_tensors().unwrap()[0].parameters["content_type"],
        "hg_jsonlist"
    );
    let vector = NamedTensor::new(
        EMBEDDING,
        Tensor::from_vec([1, 2], vec![1.0_f32, 2.0]).unwrap(),
    );
    let vectors = Form::Json { single: true }
        .write(Message::tensors(vec![vector]))
        .unwrap();
    assert_eq!(vectors.representation, Representation::Ndarray);
    assert_eq!(vectors.as_tensors().unwrap().len(), 1);
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z ]{0,6}".prop_map(Value::from),
    ];
    let key = prop_oneof![
        Just("inputs"),
        Just("question"),
        Just("context"),
        Just("parameters"),
        Just("top_k"),
        Just("args"),
        Just("sentences")
    ];
    leaf.prop_recursive(3, 24, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((key.clone(), inner), 0..4).prop_map(
                |members| Value::Object(
                    members
                        .into_iter()
                        .map(|(key, value)| (key.to_owned(), value))
                        .collect()
                )
            ),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_is_read_or_refused(value in anything()) {
        for task in Task::ALL {
            if let Ok(request) = read(task, Payload::Json(value.clone())) {
                let rows: Vec<usize> = request.tensors.iter().map(|named| named.tensor.len()).collect();
                prop_assert!(rows.iter().all(|&count| count == rows[0]));
            }
        }
    }
}
