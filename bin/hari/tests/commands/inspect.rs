//! `hari inspect`.

use crate::{hari, root};

const MODEL: &str = "examples/mnist/model";

#[test]
fn the_model_is_described() {
    let out = hari(&["inspect", MODEL]).ok();
    for part in [
        "examples/mnist/model\n  format      TensorFlow SavedModel\n",
        "  version     1 (found: 1)\n  written by  TensorFlow 2.21.0\n",
        "  runtime     tensorflow, for `saved_model.pb`; in a deployment `implementation: TENSORFLOW_SERVER`\n",
        "  loaded in   ",
        "  memory      ",
        "\nsignature serving_default (predict)\n  input   image     FP32  [-1, 28, 28, 1]\n  \
         output  output_0  FP32  [-1, 10]\n",
        "\noperators of all signatures: ",
        "Conv2D 4",
        "MatMul 4",
    ] {
        assert!(out.contains(part), "{part:?} in\n{out}");
    }
    assert!(!out.contains("cannot be served"), "{out}");
}

#[test]
fn programs_get_json() {
    let json = hari(&["inspect", "--json", MODEL]).json();
    assert_eq!(json["servable"], true);
    assert_eq!(
        json["signatures"][0]["inputs"][0]["shape"],
        serde_json::json!([-1, 28, 28, 1])
    );
    assert_eq!(json["operators"]["Conv2D"], 4);
    assert_eq!(json["unsupported"], serde_json::json!([]));
    let memory = json["memory_bytes"].as_u64().unwrap();
    assert!((4 * 37_250..1 << 20).contains(&memory), "{memory}");
    assert!(json["load_ms"].as_f64().unwrap() > 0.0);
}

#[test]
fn the_version_folder_itself_will_do() {
    let json = hari(&["inspect", "--json", "examples/mnist/model/1"]).json();
    assert_eq!(
        (&json["servable"], &json["version"]),
        (&true.into(), &serde_json::Value::Null)
    );
    let missing = hari(&["inspect", "--version", "7", MODEL]);
    assert!(
        missing.code == 1 && missing.err.contains("no version 7"),
        "{}",
        missing.err
    );
}

#[test]
fn operators_that_are_missing_are_named() {
    let model = "data-plane/runtime/tensorflow/tests/fixtures/unsupported_fft/1";
    let found = hari(&["inspect", model]);
    assert_eq!(found.code, 1, "{}", found.err);
    assert!(
        found.out.contains("it cannot be served\n  operator `"),
        "{}",
        found.out
    );
    let json = hari(&["inspect", "--json", model]);
    assert_eq!(json.code, 1);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["servable"], false);
    assert!(!json["unsupported"].as_array().unwrap().is_empty());
}

#[test]
fn a_known_format_that_is_not_served_has_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("model.h5"), "").unwrap();
    let path = folder.path().display().to_string();
    let found = hari(&["inspect", &path]);
    assert_eq!((found.code, found.out.as_str()), (1, ""));
    assert!(found.err.contains("model.export"), "{}", found.err);
    let json = hari(&["inspect", "--json", &path]);
    assert!(
        json.code == 1 && json.out.contains("\"servable\": false"),
        "{}",
        json.out
    );
}

#[test]
fn a_damaged_model_is_refused_without_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(root().join(MODEL).join("1/saved_model.pb")).unwrap();
    std::fs::write(
        folder.path().join("saved_model.pb"),
        &whole[..whole.len() / 2],
    )
    .unwrap();
    let found = hari(&["inspect", &folder.path().display().to_string()]);
    assert_eq!(found.code, 1, "{}{}", found.out, found.err);
    assert!(found.err.contains("saved_model.pb"), "{}", found.err);
}
