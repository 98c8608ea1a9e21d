//! Reviews as the API server sends them, and what is answered.

use hari_plan::Installation;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn deployment(predictors: &Value) -> Value {
    json!({
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {
            "name": "mnist",
            "namespace": "models",
            "uid": "6f1e",
            "generation": 1,
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "managedFields": [{"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:spec": {}}}],
        },
        "spec": {"predictors": predictors},
    })
}

fn good() -> Value {
    deployment(&json!([{
        "name": "default",
        "graph": {"name": "digits", "implementation": "TENSORFLOW_SERVER", "modelUri": "gs://b/m"},
    }]))
}

/// Three errors and a warning.
fn bad() -> Value {
    deployment(&json!([
        {
            "name": "default",
            "trafic": 50,
            "graph": {"name": "digits", "implementation": "TENSORFLOW_SERVRE", "modelUri": "gs://b/m"},
        },
        {
            "name": "default",
            "graph": {"name": "digits", "implementation": "SKLEARN_SERVER"},
        },
    ]))
}

fn review(operation: &str, object: &Value, old: &Value) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": {"group": "machinelearning.seldon.io", "version": "v1", "kind": "SeldonDeployment"},
            "resource": {
                "group": "machinelearning.seldon.io", "version": "v1", "resource": "seldondeployments",
            },
            "name": "mnist",
            "namespace": "models",
            "operation": operation,
            "userInfo": {"username": "ann"},
            "object": object,
            "oldObject": old,
            "dryRun": false,
        },
    })
}

fn answered(review: &Value) -> (Value, &'static str) {
    let review = Review::read(review.to_string().as_bytes()).unwrap();
    let answer = answer(&review, &Installation::default());
    (answer.review["response"].clone(), answer.outcome)
}

#[test]
fn a_good_deployment_is_stored() {
    let (response, outcome) = answered(&review("CREATE", &good(), &Value::Null));
    assert_eq!(
        response,
        json!({"allowed": true, "uid": "705ab4f5-6393-11e8-b7cc-42010a800002"})
    );
    assert_eq!(outcome, "allowed");
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let (response, outcome) = answered(&review("CREATE", &bad(), &Value::Null));
    assert_eq!((outcome, &response["allowed"]), ("denied", &json!(false)));
    let golden = include_str!("tests/denied.json");
    let expected: Value = serde_json::from_str(golden).unwrap();
    assert_eq!(response, expected, "{response:#}");
}

#[test]
fn the_alpha_versions_are_judged_alike() {
    for version in ["v1alpha2", "v1alpha3"] {
        let mut object = bad();
        object["apiVersion"] = json!(format!("machinelearning.seldon.io/{version}"));
        let (response, _) = answered(&review("CREATE", &object, &Value::Null));
        let causes = response["status"]["details"]["causes"].as_array().unwrap();
        assert!(causes.len() >= 3, "{response:#}");
        let mut object = good();
        object["apiVersion"] = json!(format!("machinelearning.seldon.io/{version}"));
        assert_eq!(
            answered(&review("CREATE", &object, &Value::Null)).1,
            "allowed"
        );
    }
}

#[test]
fn a_warning_is_handed_on() {
    let mut object = good();
    object["spec"]["predictors"][0]["trafic"] = json!(100);
    let (response, outcome) = answered(&review("CREATE", &object, &Value::Null));
    assert_eq!((outcome, &response["allowed"]), ("warned", &json!(true)));
    let warning = response["warnings"][0].as_str().unwrap();
    assert_eq!(
        warning,
        "spec.predictors[0].trafic: unknown field: it would be ignored (did you mean `traffic`?)"
    );
}

#[test]
fn an_object_that_was_invalid_can_be_labelled_and_let_go() {
    let mut labelled = bad();
    labelled["metadata"]["labels"] = json!({"team": "a"});
    let (response, outcome) = answered(&review("UPDATE", &labelled, &bad()));
    assert_eq!((outcome, &response["allowed"]), ("unchanged", &json!(true)));
    assert!(!response["warnings"].as_array().unwrap().is_empty());
    let mut going = bad();
    going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    going["spec"]["predictors"][0]["name"] = json!("changed");
    assert_eq!(answered(&review("UPDATE", &going, &bad())).1, "allowed");
}

#[test]
fn an_object_that_was_invalid_is_not_made_worse() {
    let mut changed = bad();
    changed["spec"]["predictors"][0]["graph"]["modelUri"] = json!("gs://b/other");
    assert_eq!(answered(&review("UPDATE", &changed, &bad())).1, "denied");
    let mut annotated = bad();
    annotated["metadata"]["annotations"] = json!({"seldon.io/rest-timeout": "soon"});
    assert_eq!(answered(&review("UPDATE", &annotated, &bad())).1, "denied");
    assert_eq!(answered(&review("UPDATE", &bad(), &good())).1, "denied");
}

#[test]
fn what_is_not_ours_passes() {
    let mut pod = review("CREATE", &json!({"kind": "Pod"}), &Value::Null);
    pod["request"]["kind"] = json!({"group": "", "version": "v1", "kind": "Pod"});
    assert_eq!(answered(&pod).1, "allowed");
    let mut status = review("UPDATE", &bad(), &bad());
    status["request"]["subResource"] = json!("status");
    assert_eq!(answered(&status).1, "allowed");
    assert_eq!(
        answered(&review("DELETE", &Value::Null, &bad())).1,
        "allowed"
    );
}

#[test]
fn a_long_list_is_cut_and_a_long_warning_too() {
    let mut object = good();
    let predictor = object["spec"]["predictors"][0].as_object_mut().unwrap();
    for number in 0..40 {
        predictor.insert(format!("unknown{number}{}", "x".repeat(400)), json!(1));
    }
    let (response, _) = answered(&review("CREATE", &object, &Value::Null));
    let warnings = response["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 17);
    assert_eq!(warnings[16], "and 24 more");
    let longest = warnings
        .iter()
        .map(|one| one.as_str().unwrap().chars().count())
        .max();
    assert_eq!(longest, Some(256));
}

#[test]
fn what_is_no_review_is_refused() {
    for body in ["", "{}", "[]", r#"{"apiVersion": "admission.k8s.io/v1"}"#] {
        assert!(Review::read(body.as_bytes()).is_err(), "{body}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z/:. ]{0,12}".prop_map(Value::from),
    ];
    let names = prop::sample::select(vec![
        "predictors",
        "graph",
        "name",
        "children",
        "implementation",
        "traffic",
        "annotations",
        "componentSpecs",
        "spec",
        "containers",
        "parameters",
        "logger",
        "metadata",
        "x",
    ]);
    leaf.prop_recursive(5, 40, 5, move |inner| {
        let entry = (names.clone().prop_map(str::to_owned), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..5).prop_map(Value::from),
            prop::collection::vec(entry, 0..5)
                .prop_map(|all| Value::Object(all.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever an object says, there is an answer, and a refusal says why.
    #[test]
    fn every_object_has_an_answer(spec in any_json(), old in any_json()) {
        let mut object = good();
        object["spec"] = spec;
        let mut before = good();
        before["spec"] = old;
        let (response, outcome) = answered(&review("UPDATE", &object, &before));
        prop_assert_ne!(outcome, "failed");
        if response["allowed"] == json!(false) {
            let causes = response["status"]["details"]["causes"].as_array().unwrap();
            prop_assert!(!causes.is_empty());
        }
    }
}
