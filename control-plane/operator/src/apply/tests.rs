//! What is written, and what is left alone.

use hari_api::k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use super::*;
use crate::kinds::named;

fn own() -> Own {
    Own {
        name: "iris".to_owned(),
        namespace: "models".to_owned(),
        uid: "u1".to_owned(),
        ..Own::default()
    }
}

fn wanted(kind: &str, value: Value) -> Wanted {
    Wanted {
        kind: named(kind).expect("a kind"),
        name: "x".to_owned(),
        value,
    }
}

fn live(value: Value) -> DynamicObject {
    serde_json::from_value(value).expect("an object")
}

fn owned(uid: &str) -> DynamicObject {
    let mut object = live(json!({"metadata": {"name": "x"}, "spec": {"ports": [1]}}));
    object.metadata.owner_references = Some(vec![OwnerReference {
        uid: uid.to_owned(),
        kind: KIND.to_owned(),
        name: "other".to_owned(),
        controller: Some(true),
        ..OwnerReference::default()
    }]);
    object
}

#[test]
fn objects_of_others_are_left_alone() {
    let service = wanted("Service", json!({}));
    assert!(check_owner(&own(), &service, &owned("u1")).is_ok());
    let refused = check_owner(&own(), &service, &owned("u2")).expect_err("another's");
    assert!(
        refused
            .to_string()
            .contains("belongs to SeldonDeployment other"),
        "{refused}"
    );
    let nobodys = live(json!({"metadata": {"name": "x"}}));
    let refused = check_owner(&own(), &service, &nobodys).expect_err("nobody's");
    assert!(
        refused.to_string().contains("is not this deployment's"),
        "{refused}"
    );
    let labelled = live(json!({"metadata": {"name": "x", "labels": {ID: "iris"}}}));
    assert!(check_owner(&own(), &service, &labelled).is_ok());
}

#[test]
fn what_is_going_is_waited_for() {
    let mut going = owned("u1");
    let at = "2026-01-01T00:00:00Z";
    going.metadata.deletion_timestamp = serde_json::from_value(json!(at)).expect("a time");
    let waits = check_owner(&own(), &wanted("Service", json!({})), &going).expect_err("waits");
    assert!(waits.passes());
}

#[test]
fn drift_is_seen_and_the_owner_counts() {
    let service = wanted("Service", json!({"spec": {"ports": [1]}}));
    assert!(is_as_wanted(&own(), &service, &owned("u1")));
    assert!(!is_as_wanted(&own(), &service, &owned("u2")));
    let other = wanted("Service", json!({"spec": {"ports": [2]}}));
    assert!(!is_as_wanted(&own(), &other, &owned("u1")));
}

#[test]
fn what_never_changes_is_replaced() {
    let of = |label: &str| json!({"spec": {"selector": {"matchLabels": {"app": label}}}});
    let object = live(of("a"));
    assert!(!must_be_replaced(&wanted("Deployment", of("a")), &object));
    assert!(must_be_replaced(&wanted("Deployment", of("b")), &object));
    let headless = live(json!({"spec": {"clusterIP": "None"}}));
    let service = |spec: Value| wanted("Service", json!({"spec": spec}));
    assert!(!must_be_replaced(
        &service(json!({"clusterIP": "None"})),
        &headless
    ));
    assert!(must_be_replaced(&service(json!({})), &headless));
    let usual = live(json!({"spec": {"clusterIP": "10.0.0.1"}}));
    assert!(!must_be_replaced(&service(json!({})), &usual));
}

#[test]
fn fields_of_the_predecessor_become_ours() {
    let entries = json!([
        {"manager": "manager", "operation": "Update", "apiVersion": "apps/v1",
         "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
        {"manager": "manager", "operation": "Update", "apiVersion": "apps/v1",
         "fieldsType": "FieldsV1", "fieldsV1": {"f:metadata": {"f:labels": {}}}},
        {"manager": "kube-controller-manager", "operation": "Update", "subresource": "status",
         "apiVersion": "apps/v1", "fieldsType": "FieldsV1", "fieldsV1": {"f:status": {}}},
    ]);
    let entries: Vec<ManagedFieldsEntry> = serde_json::from_value(entries).expect("entries");
    let adopted = adopted(Some(&entries)).expect("some are theirs");
    assert_eq!(adopted.len(), 2);
    assert_eq!(adopted[1]["manager"], MANAGER);
    assert_eq!(adopted[1]["operation"], "Apply");
    assert_eq!(
        adopted[1]["fieldsV1"],
        json!({"f:spec": {"f:replicas": {}}, "f:metadata": {"f:labels": {}}})
    );
    assert!(super::adopted(Some(&entries[2..].to_vec())).is_none());
}
