//! Tests of MLflow's bodies.

use hari_core::{Cell, Tensor};

use super::*;

fn read(text: &str) -> Result<Invocation> {
    decode_json(text.as_bytes(), &Limits::default())
}

fn input(text: &str) -> Vec<NamedTensor> {
    read(text).unwrap().input
}

#[test]
fn a_data_frame_is_a_matrix_with_names_or_columns() {
    let split = input(
        r#"{"dataframe_split":{"index":[0,1],"columns":["a",1],"data":[[1,"x"],[null,"y"]]}}"#,
    );
    assert_eq!(split[0].columns, ["a", "1"]);
    assert_eq!(split[0].tensor.shape(), [2, 2]);
    let cells = split[0].cells.as_deref().unwrap();
    assert_eq!(cells, [Cell::Number, Cell::Text, Cell::Missing, Cell::Text]);
    let records = input(r#"{"dataframe_records":[{"a":1,"b":"x"},{"b":"y"}]}"#);
    assert_eq!((&*records[0].name, &*records[1].name), ("a", "b"));
    assert!(records[0].tensor.to_f64().unwrap()[1].is_nan());
}

#[test]
fn arrays_are_taken_as_tensorflow_serving_takes_them() {
    let matrix = Tensor::from_vec([2, 2], vec![1_i64, 2, 3, 4]).unwrap();
    for form in ["instances", "inputs"] {
        let found = input(&format!(r#"{{"{form}":[[1,2],[3,4]]}}"#));
        assert_eq!(found, [NamedTensor::inferred("", matrix.clone())], "{form}");
    }
    let named = input(r#"{"inputs":{"a":[1,2],"b":["x","y"]},"params":{"k":0.5}}"#);
    assert_eq!((&*named[0].name, &*named[1].name), ("a", "b"));
    let params = read(r#"{"inputs":[1],"params":{"k":0.5}}"#).unwrap().params;
    assert_eq!(params["k"], 0.5);
    assert!(
        read(r#"{"inputs":[1],"params":null}"#)
            .unwrap()
            .params
            .is_empty()
    );
    assert_eq!(input(r#"{"instances":[{"a":1},{"a":2}]}"#)[0].name, "a");
}

#[test]
fn a_body_has_one_form_of_rows() {
    for (text, found) in [
        ("{}", "found none"),
        (
            r#"{"inputs":[1],"instances":[1]}"#,
            "found inputs, instances",
        ),
        ("[1]", "something else than an object"),
    ] {
        let error = read(text).unwrap_err();
        assert!(
            error.message().contains("exactly one of the input fields"),
            "{error}"
        );
        assert!(error.message().contains(found), "{error}");
    }
    let error = read(r#"{"dataframe_split":{"columns":["a"],"data":[[1,2]]}}"#).unwrap_err();
    assert_eq!(
        error.message(),
        "dataframe_split: 1 columns, 2 values in a row"
    );
    let error = read(r#"{"dataframe_split":{"columns":["a"]}}"#).unwrap_err();
    assert_eq!(error.message(), "dataframe_split: `data` is missing");
    assert!(read(r#"{"dataframe_records":[]}"#).is_err());
    assert!(read(r#"{"dataframe_records":{"a":1}}"#).is_err());
}

#[test]
fn any_json_may_be_a_table() {
    let limits = Limits::default();
    for (value, name) in [
        (json!({"a": [1, 2], "b": [3, 4]}), "a"),
        (json!([{"a": 1}, {"a": 2}]), "a"),
        (json!({"dataframe_records": [{"a": 1}]}), "a"),
        (json!([[1, 2]]), ""),
        (json!({"inputs": [[1, 2]]}), ""),
    ] {
        let tensors = read_table(&value, &limits).unwrap();
        assert_eq!(tensors[0].name, name, "{value}");
    }
    let split = read_table(&json!({"columns": ["a"], "data": [[1]]}), &limits).unwrap();
    assert_eq!(split[0].columns, ["a"]);
    let error = read_table(&json!({"a": [[1], []]}), &limits).unwrap_err();
    assert!(error.message().starts_with("jsonData.a[1]"), "{error}");
    assert!(read_table(&json!(1), &limits).is_err());
}

#[test]
fn predictions_are_written_bare_or_by_name() {
    let tensor = |values: Vec<f64>| Tensor::from_vec([values.len()], values).unwrap();
    let one = Message::tensor("predict", tensor(vec![1.0, 2.5]));
    assert_eq!(
        encode_predictions(&one).unwrap(),
        r#"{"predictions":[1.0,2.5]}"#
    );
    let two = Message::tensors(vec![
        NamedTensor::new("a", tensor(vec![1.0])),
        NamedTensor::new("b", tensor(vec![2.0])),
    ]);
    assert_eq!(
        encode_predictions(&two).unwrap(),
        r#"{"predictions":{"a":[1.0],"b":[2.0]}}"#
    );
    let labels = Tensor::from_strings([2], vec!["no".into(), hari_core::missing_text()]).unwrap();
    assert_eq!(
        encode_predictions(&Message::tensor("predict", labels)).unwrap(),
        r#"{"predictions":["no",null]}"#
    );
}

#[test]
fn errors_have_a_code() {
    let body = encode_error(&Error::invalid("column `a` is missing"));
    assert_eq!(
        body,
        r#"{"error_code":"BAD_REQUEST","message":"column `a` is missing"}"#
    );
    let body = encode_error(&Error::internal("oh"));
    assert!(body.starts_with(br#"{"error_code":"INTERNAL_ERROR""#));
}
