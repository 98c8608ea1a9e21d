//! `hari validate`.

use std::io::Write as _;
use std::process::Stdio;

use crate::{command, example, hari, ran};

const DEPLOYMENT: &str = "examples/mnist/seldondeployment.yaml";

#[test]
fn the_example_has_no_issues() {
    for target in ["any", "local"] {
        let out = hari(&["validate", "--target", target, DEPLOYMENT]).ok();
        assert_eq!(out, "1 document in 1 file: no issues\n", "{target}");
    }
    assert_eq!(
        hari(&["validate", "examples/mnist"]).ok(),
        "1 document in 1 file: no issues\n"
    );
}

#[test]
fn a_slip_is_said_with_its_place_and_what_was_meant() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("slip.yaml");
    let text = example("seldondeployment.yaml").replace("TENSORFLOW_SERVER", "TENSORFLOW_SERVRE");
    std::fs::write(&file, text).unwrap();
    let name = file.display().to_string();
    let found = hari(&["validate", &name]);
    assert_eq!((found.code, found.err.as_str()), (1, ""), "{}", found.out);
    let place = format!("{name}:12:9: error[");
    assert!(found.out.starts_with(&place), "{}", found.out);
    assert!(
        found
            .out
            .contains("spec.predictors[0].graph.implementation: "),
        "{}",
        found.out
    );
    assert!(
        found.out.contains("did you mean `TENSORFLOW_SERVER`?"),
        "{}",
        found.out
    );
    assert!(
        found
            .out
            .ends_with("1 document in 1 file: 1 error, 0 warnings\n"),
        "{}",
        found.out
    );
}

#[test]
fn standard_input_is_read_and_json_is_written() {
    let mut child = command(&["validate", "--json", "--target", "local", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let text = example("seldondeployment.yaml").replace("TENSORFLOW_SERVER", "TEMPO_SERVER");
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let found = ran(child.wait_with_output().unwrap());
    assert_eq!(found.code, 1, "{}", found.err);
    let json: serde_json::Value = serde_json::from_str(&found.out).unwrap();
    let rules: Vec<_> = json["issues"]
        .as_array()
        .unwrap()
        .iter()
        .map(|issue| issue["rule"].clone())
        .collect();
    assert!(rules.contains(&"not-in-this-build".into()), "{rules:?}");
    assert_eq!(
        (&json["files"], &json["issues"][0]["file"]),
        (&1.into(), &"<stdin>".into())
    );
    assert_eq!(json["errors"], 1);
}

#[test]
fn what_is_not_there_is_the_callers_fault() {
    let missing = hari(&["validate", "no/such.yaml"]);
    assert_eq!(missing.code, 1);
    assert_eq!(
        missing.err,
        "error: no/such.yaml: there is no such file or folder\n"
    );
    let empty = hari(&["validate", "examples/mnist/digits"]);
    assert_eq!(empty.code, 1);
    assert!(empty.err.contains("found none"), "{}", empty.err);
    assert_eq!(hari(&["validate"]).code, 2);
}
