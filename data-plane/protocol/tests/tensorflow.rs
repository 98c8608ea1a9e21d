//! Requests of TensorFlow Serving's REST API, answered by an echo.
//!
//! `golden/tensorflow/*.request.json` are requests as the API's documentation shapes them; the
//! `.reply.json` beside each is what the API answers if the outputs are the inputs.

#![expect(
    clippy::unwrap_used,
    reason = "a test file without its data fails, and says where"
)]

use std::path::{Path, PathBuf};

use hari_core::Limits;
use hari_protocol::tensorflow::{decode_predict, encode_predict};
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/tensorflow")
}

fn requests() -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder())
        .unwrap()
        .map(|file| file.unwrap().path());
    files
        .filter(|path| path.to_string_lossy().ends_with(".request.json"))
        .collect()
}

#[test]
fn each_request_has_its_reply() {
    let requests = requests();
    assert_eq!(requests.len(), 6);
    for path in requests {
        let request = decode_predict(&std::fs::read(&path).unwrap(), &Limits::default()).unwrap();
        let reply = encode_predict(&request.message, request.layout).unwrap();
        let expected = path.to_string_lossy().replace(".request.", ".reply.");
        let expected = std::fs::read_to_string(expected).unwrap();
        assert_eq!(
            std::str::from_utf8(&reply).unwrap(),
            expected.trim_end(),
            "{}",
            path.display()
        );
    }
}

#[test]
fn what_holds_only_json_numbers_is_valid_json() {
    for name in ["row", "row_named", "column", "column_named", "binary"] {
        let reply = std::fs::read(folder().join(format!("{name}.reply.json"))).unwrap();
        serde_json::from_slice::<Value>(&reply).unwrap();
    }
}

#[test]
fn names_and_signature_are_kept_in_the_callers_order() {
    let body = std::fs::read(folder().join("column_named.request.json")).unwrap();
    let request = decode_predict(&body, &Limits::default()).unwrap();
    assert_eq!(request.signature_name.as_deref(), Some("serving_default"));
    let names: Vec<_> = request
        .message
        .as_tensors()
        .unwrap()
        .iter()
        .map(|t| &*t.name)
        .collect();
    assert_eq!(names, ["tag", "signal", "sensor"]);
}
