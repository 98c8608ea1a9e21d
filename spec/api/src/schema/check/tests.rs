//! The shape check on whole documents.

use serde_json::json;

use super::*;
use crate::{Document, Severity};

fn checked(value: Value) -> Checked {
    let document = Document::from_value(value);
    check(document.value, &document.positions)
}

fn said(checked: &Checked) -> Vec<(&str, &str)> {
    let issues = checked.issues.iter();
    issues
        .map(|issue| (issue.rule.as_ref(), issue.path.as_str()))
        .collect()
}

fn deployment(predictor: &Value) -> Value {
    json!({"spec": {"predictors": [predictor]}})
}

#[test]
fn a_good_document_says_nothing() {
    let value = deployment(&json!({
        "name": "p",
        "graph": {"name": "m", "children": [{"name": "c", "parameters": [{"name": "a", "value": "1", "type": "INT"}]}]},
        "componentSpecs": [{"spec": {"containers": [{"name": "m", "resources": {"limits": {"cpu": 1, "memory": "1Gi"}}}]}}],
        "labels": {"anything": "goes"},
    }));
    let checked = checked(value.clone());
    assert_eq!(said(&checked), []);
    assert_eq!(checked.value, Some(value));
}

#[test]
fn unknown_fields_are_warnings_with_the_nearest_name() {
    let value =
        deployment(&json!({"name": "p", "graph": {"name": "m", "modelURL": "x", "colour": 1}}));
    let checked = checked(value);
    let expected = [
        ("unknown-field", "spec.predictors[0].graph.modelURL"),
        ("unknown-field", "spec.predictors[0].graph.colour"),
    ];
    assert_eq!(said(&checked), expected);
    let [url, colour] = checked.issues.as_slice() else {
        panic!()
    };
    assert_eq!(url.hint.as_deref(), Some("did you mean `modelUri`?"));
    assert!(
        colour
            .hint
            .as_deref()
            .unwrap()
            .starts_with("known here: name, type")
    );
    assert_eq!(url.severity, Severity::Warning);
    assert!(checked.value.is_some());
}

#[test]
fn everything_is_reported_at_once() {
    let value = deployment(&json!({
        "replicas": "two",
        "graph": {"children": {"name": "x"}, "type": 3},
        "componentSpecs": [{"spec": {"containers": [{"image": "i"}]}, "hpaSpec": {}}],
        "labels": {"a": 1},
    }));
    let checked = checked(value);
    let expected = [
        ("wrong-type", "spec.predictors[0].replicas"),
        ("wrong-type", "spec.predictors[0].graph.children"),
        ("wrong-type", "spec.predictors[0].graph.type"),
        ("missing-field", "spec.predictors[0].graph.name"),
        (
            "missing-field",
            "spec.predictors[0].componentSpecs[0].spec.containers[0].name",
        ),
        (
            "missing-field",
            "spec.predictors[0].componentSpecs[0].hpaSpec.maxReplicas",
        ),
        ("wrong-type", "spec.predictors[0].labels.a"),
        ("missing-field", "spec.predictors[0].name"),
    ];
    assert_eq!(said(&checked), expected);
    assert_eq!(checked.value, None);
}

#[test]
fn a_mistyped_optional_field_is_left_out() {
    let value = deployment(&json!({"name": "p", "graph": {"name": "m"}, "replicas": "2"}));
    let checked = checked(value);
    assert_eq!(
        said(&checked),
        [("wrong-type", "spec.predictors[0].replicas")]
    );
    assert_eq!(
        checked.value,
        Some(deployment(&json!({"name": "p", "graph": {"name": "m"}})))
    );
}

#[test]
fn null_is_absent() {
    let value =
        deployment(&json!({"name": "p", "graph": {"name": "m", "children": null}, "labels": null}));
    let left = checked(value);
    assert_eq!(said(&left), []);
    assert_eq!(
        left.value,
        Some(deployment(&json!({"name": "p", "graph": {"name": "m"}})))
    );

    let missing = checked(deployment(&json!({"name": null, "graph": {"name": "m"}})));
    assert_eq!(
        said(&missing),
        [("missing-field", "spec.predictors[0].name")]
    );
    assert_eq!(missing.value, None);

    let text = checked(deployment(
        &json!({"name": "p", "graph": {"name": "m"}, "labels": {"a": null}}),
    ));
    assert_eq!(said(&text), [("wrong-type", "spec.predictors[0].labels.a")]);
}

#[test]
fn items_of_the_wrong_type_are_fatal() {
    let checked = checked(json!({"spec": {"predictors": ["a"]}}));
    assert_eq!(said(&checked), [("wrong-type", "spec.predictors[0]")]);
    assert_eq!(checked.value, None);
}

#[test]
fn deep_graphs_are_checked_to_the_end() {
    let mut unit = json!({"nam": "leaf"});
    for _ in 0..20 {
        unit = json!({"name": "n", "children": [unit]});
    }
    let checked = checked(deployment(&json!({"name": "p", "graph": unit})));
    assert_eq!(checked.issues.len(), 2);
    assert!(checked.issues[0].path.ends_with(".children[0].nam"));
}

#[test]
fn there_is_an_end_to_issues() {
    let fields: Map<String, Value> = (0..1000).map(|i| (format!("x{i}"), json!(1))).collect();
    let checked = checked(json!({"spec": fields}));
    assert_eq!(checked.issues.len(), MAX_ISSUES + 1);
    assert_eq!(checked.issues.last().unwrap().rule, "too-many-issues");
}
