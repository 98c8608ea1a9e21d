//! Tests of reading requests.

use hari_error::Kind;
use proptest::prelude::*;

use super::*;

fn decode(json: &str) -> Result<InferRequest> {
    decode_request(
        &Bytes::copy_from_slice(json.as_bytes()),
        None,
        &Limits::default(),
    )
}

fn input(json: &str) -> Result<NamedTensor> {
    let request = decode(&format!(r#"{{"inputs":[{json}]}}"#))?;
    Ok(request.message.as_tensors().unwrap()[0].clone())
}

fn refusal(json: &str) -> String {
    input(json).unwrap_err().message().to_owned()
}

/// A request with one input of binary data.
fn binary(input: &str, data: &[u8]) -> Result<InferRequest> {
    let json = format!(r#"{{"inputs":[{input}]}}"#);
    let body = [json.as_bytes(), data].concat();
    decode_request(&body.into(), Some(json.len()), &Limits::default())
}

#[test]
fn members_may_come_in_any_order_and_data_nested_or_flat() {
    let expected = Tensor::from_vec([2, 2], vec![1.0_f32, 2.5, 3.0, 4.0]).unwrap();
    for json in [
        r#"{"name":"x","shape":[2,2],"datatype":"FP32","data":[1,2.5,3,4]}"#,
        r#"{"data":[[1,2.5],[3,4]],"datatype":"FP32","shape":[2,2],"name":"x","parameters":null}"#,
        r#"{"data":[1,2.5,3,4],"name":"x","shape":[2,2],"more":{"a":[]},"datatype":"FP32"}"#,
    ] {
        let input = input(json).unwrap();
        assert_eq!((&*input.name, &input.tensor), ("x", &expected), "{json}");
    }
}

#[test]
fn optional_members_may_be_null_as_clients_in_python_write_them() {
    let request = decode(
        r#"{"id":null,"parameters":null,"outputs":null,
            "inputs":[{"name":"x","shape":[0],"datatype":"BYTES","data":[],"parameters":{"content_type":"str"}}]}"#,
    )
    .unwrap();
    assert_eq!(request.id, None);
    assert!(request.outputs.is_empty() && request.parameters.is_empty());
    assert_eq!(
        request.message.as_tensors().unwrap()[0].parameters["content_type"],
        "str"
    );
}

#[test]
fn outputs_say_how_they_are_wanted() {
    let request = decode(
        r#"{"inputs":[],"parameters":{"binary_data_output":true,"keep":1},"outputs":[
            {"name":"a","parameters":{"binary_data":false}},{"name":"b","parameters":{"classification":3}},{"name":"c"}]}"#,
    )
    .unwrap();
    let output = |name: &str, binary, classification| RequestedOutput {
        name: name.into(),
        binary,
        classification,
    };
    let expected = [
        output("a", Some(false), None),
        output("b", None, Some(3)),
        output("c", None, None),
    ];
    assert_eq!(request.outputs, expected);
    assert!(request.binary_default);
    assert_eq!(
        Value::from(request.parameters),
        serde_json::json!({"keep": 1})
    );
}

#[test]
fn what_does_not_fit_is_refused_by_field() {
    for (json, message) in [
        (
            r#"{"shape":[1],"datatype":"FP32","data":[1]}"#,
            "inputs[0]: `name` is missing",
        ),
        (
            r#"{"name":"x","datatype":"FP32","data":[1]}"#,
            "inputs[0]: `shape` is missing",
        ),
        (
            r#"{"name":"x","shape":[1],"data":[1]}"#,
            "inputs[0]: `datatype` is missing",
        ),
        (
            r#"{"name":"x","shape":[1],"datatype":"FP32"}"#,
            "inputs[0]: `data` is missing",
        ),
        (
            r#"{"name":"x","shape":[3],"datatype":"FP32","data":[1,2]}"#,
            "inputs[0]: shape [3] needs 3 elements, found 2",
        ),
        (
            r#"{"name":"x","shape":[1.5],"datatype":"FP32","data":[1]}"#,
            "inputs[0].shape[0]: expected a whole number, found 1.5",
        ),
        (
            r#"{"name":"x","shape":[-1],"datatype":"FP32","data":[1]}"#,
            "inputs[0]: shape [-1]: expected sizes of 0 or more, found -1",
        ),
        (
            r#"{"name":"x","shape":[1],"datatype":"INT8","data":[300]}"#,
            "inputs[0].data[0]: 300 does not fit INT8",
        ),
        (
            r#"{"data":[0,"a"],"name":"x","shape":[2],"datatype":"INT8"}"#,
            "inputs[0].data[1]: expected INT8, found a string",
        ),
        (
            r#"{"name":"x","shape":[1],"datatype":"FP16","data":[1]}"#,
            "inputs[0].data: FP16 has no JSON form: send it as binary data, or send FP32",
        ),
    ] {
        assert_eq!(refusal(json), message);
    }
    assert!(
        refusal(r#"{"name":"x","datatype":"FLOAT"}"#)
            .starts_with("inputs[0].datatype: unknown datatype `FLOAT`")
    );
    assert_eq!(decode("{}").unwrap_err().message(), "`inputs` is missing");
}

#[test]
fn shared_memory_is_refused() {
    let region =
        r#"{"name":"x","shape":[1],"datatype":"FP32","parameters":{"shared_memory_region":"r"}}"#;
    assert_eq!(input(region).unwrap_err().kind(), Kind::Unimplemented);
    let output =
        r#"{"inputs":[],"outputs":[{"name":"y","parameters":{"shared_memory_region":"r"}}]}"#;
    assert_eq!(decode(output).unwrap_err().kind(), Kind::Unimplemented);
}

#[test]
fn binary_numbers_are_slices_of_the_body() {
    let json = r#"{"inputs":[{"name":"x","shape":[2],"datatype":"FP16","parameters":{"binary_data_size":4,"keep":true}}]}"#;
    let body = Bytes::from([json.as_bytes(), &[0, 0x3c, 0, 0x40]].concat());
    let request = decode_request(&body, Some(json.len()), &Limits::default()).unwrap();
    let x = &request.message.as_tensors().unwrap()[0];
    assert_eq!(x.tensor.to_f64().unwrap(), [1.0, 2.0]);
    assert_eq!(
        x.tensor.bytes().unwrap().as_ptr(),
        body[json.len()..].as_ptr()
    );
    assert_eq!(
        Value::from(x.parameters.clone()),
        serde_json::json!({"keep": true})
    );
}

#[test]
fn binary_data_must_be_exactly_what_the_inputs_take() {
    let of = |size: &str| {
        format!(
            r#"{{"name":"x","shape":[1],"datatype":"FP32","parameters":{{"binary_data_size":{size}}}}}"#
        )
    };
    let refused =
        |size: &str, data: &[u8]| binary(&of(size), data).unwrap_err().message().to_owned();
    assert!(binary(&of("4"), &[0; 4]).is_ok());
    assert_eq!(
        refused("8", &[0; 4]),
        "inputs[0]: binary_data_size is 8, 4 bytes are left"
    );
    assert_eq!(
        refused("2", &[0; 2]),
        "inputs[0]: shape [1] of FP32 needs 4 bytes, found 2"
    );
    assert_eq!(
        refused("4", &[0; 5]),
        "1 bytes of binary data are left: no input's binary_data_size takes them"
    );
    assert_eq!(
        refused("-1", &[]),
        "inputs[0]: binary_data_size: expected a number of bytes, found -1"
    );
    let both = r#"{"name":"x","shape":[1],"datatype":"FP32","data":[1],"parameters":{"binary_data_size":4}}"#;
    let error = binary(both, &[0; 4]).unwrap_err();
    assert_eq!(
        error.message(),
        "inputs[0]: expected `data` or `binary_data_size`, found both"
    );
    let error = input(&of("4")).unwrap_err();
    assert!(
        error
            .message()
            .contains("needs the header Inference-Header-Content-Length"),
        "{error}"
    );
    let error = decode_request(&Bytes::from("{}"), Some(3), &Limits::default()).unwrap_err();
    assert_eq!(
        error.message(),
        "Inference-Header-Content-Length: 3 is more than the 2 bytes of the body"
    );
}

#[test]
fn base64_texts_are_decoded_where_the_parameter_says_so() {
    let of = |data: &str, content: &str| {
        input(&format!(
            r#"{{"name":"x","shape":[1],"datatype":"BYTES","data":["{data}"],"parameters":{{"content_type":"{content}"}}}}"#
        ))
    };
    let coded = of("/wA=", "base64").unwrap();
    assert_eq!(coded.tensor.strings().unwrap(), [&b"\xff\x00"[..]]);
    assert!(coded.parameters.is_empty());
    assert_eq!(
        of("/wA=", "str").unwrap().tensor.strings().unwrap(),
        ["/wA="]
    );
    let raw = r#"{"name":"x","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":6,"content_type":"base64"}}"#;
    let raw = binary(raw, b"\x02\0\0\0hi").unwrap();
    let raw = &raw.message.as_tensors().unwrap()[0];
    assert_eq!(
        raw.tensor.strings().unwrap(),
        ["hi"],
        "bytes need no base64"
    );
    let error = of("%", "base64").unwrap_err();
    assert_eq!(
        error.message(),
        "inputs[0]: data[0]: content_type says base64, which it is not"
    );
}

#[test]
fn limits_hold() {
    let limits = Limits {
        inputs: 1,
        tensor: 8,
        rank: 2,
        ..Limits::default()
    };
    let kind = |json: &'static str| {
        decode_request(&Bytes::from(json), None, &limits)
            .unwrap_err()
            .kind()
    };
    let x = r#"{"name":"x","shape":[2],"datatype":"FP32","data":[1,2]}"#;
    let two = format!(r#"{{"inputs":[{x},{x}]}}"#);
    assert_eq!(
        decode_request(&two.into(), None, &limits)
            .unwrap_err()
            .kind(),
        Kind::TooLarge
    );
    assert_eq!(
        kind(r#"{"inputs":[{"name":"x","shape":[3],"datatype":"FP32","data":[]}]}"#),
        Kind::TooLarge
    );
    assert_eq!(
        kind(r#"{"inputs":[{"name":"x","shape":[1,1,1],"datatype":"FP32","data":[1]}]}"#),
        Kind::InvalidInput
    );
    assert_eq!(
        kind(r#"{"inputs":[{"name":"x","shape":[3],"datatype":"FP32","data":[1,2,3]}]}"#),
        Kind::TooLarge
    );
}

proptest! {
    #[test]
    fn any_body_is_read_or_refused(
        json in r#"\{"inputs":\[\{"name":"x","shape":\[[0-9,]{0,4}\],"datatype":"(FP32|BYTES)","(data|parameters)":[\[\]{}"a-z0-9:,_]{0,24}\}\]\}"#,
        data: Vec<u8>,
        length in 0_usize..120,
    ) {
        let body = Bytes::from([json.as_bytes(), &data].concat());
        let limits = Limits::default();
        for json_len in [None, Some(length), Some(json.len())] {
            if let Ok(request) = decode_request(&body, json_len, &limits) {
                prop_assert!(request.message.as_tensors().is_some());
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(body: Vec<u8>, length in 0_usize..64) {
        let body = Bytes::from(body);
        prop_assert!(decode_request(&body, None, &Limits::default()).is_err());
        let _ = decode_request(&body, Some(length), &Limits::default());
    }
}
