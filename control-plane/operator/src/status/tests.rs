//! The status of deployments in every state.

use super::*;

fn live(value: Value) -> Option<Arc<DynamicObject>> {
    Some(Arc::new(serde_json::from_value(value).expect("an object")))
}

fn shown(kind: &str, name: &str, object: Value, live: Option<Arc<DynamicObject>>) -> Shown {
    let kind = kinds::named(kind).expect("a kind");
    Shown {
        kind: kind.name,
        part: kind.part,
        name: name.to_owned(),
        object,
        live,
        pods: Vec::new(),
    }
}

/// A Deployment of so many pods, of which so many are of the newest template and answer.
fn deployment_of(
    desired: i32,
    replicas: i32,
    updated: i32,
    available: i32,
) -> Option<Arc<DynamicObject>> {
    live(json!({
        "metadata": {"name": "d", "generation": 2},
        "spec": {"replicas": desired},
        "status": {
            "observedGeneration": 2, "replicas": replicas, "updatedReplicas": updated,
            "availableReplicas": available,
            "conditions": [{"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable",
                            "message": "Deployment has minimum availability."}],
        },
    }))
}

fn seen(deployment: Option<Arc<DynamicObject>>) -> Seen {
    let service = json!({
        "spec": {"selector": {"seldon-app": "iris-default"},
                 "ports": [{"name": "http", "port": 8000}, {"name": "grpc", "port": 5001}]},
    });
    Seen {
        namespace: "models".to_owned(),
        generation: Some(3),
        path: Some("/api/v1.0/predictions".to_owned()),
        objects: vec![
            shown(
                "Service",
                "iris-default",
                service,
                live(json!({"metadata": {"name": "x"}})),
            ),
            shown("Deployment", "d", json!({}), deployment),
        ],
        complete: true,
        ..Seen::default()
    }
}

fn pod(status: &Value) -> Arc<Pod> {
    let pod = json!({"metadata": {"name": "d-1"}, "status": status});
    Arc::new(serde_json::from_value(pod).expect("a pod"))
}

fn state_of(seen: &Seen) -> String {
    status(seen).state.expect("a state")
}

fn holds(status: &SeldonDeploymentStatus, type_: &str) -> String {
    let found = status
        .conditions
        .iter()
        .find(|condition| condition.type_ == type_);
    found.expect("the condition").status.clone()
}

#[test]
fn a_deployment_that_serves() {
    let status = status(&seen(deployment_of(1, 1, 1, 1)));
    assert_eq!(status.state.as_deref(), Some("Available"));
    assert_eq!(status.observed_generation, Some(3));
    assert_eq!(status.replicas, Some(1));
    let url = "http://iris-default.models.svc.cluster.local:8000/api/v1.0/predictions";
    assert_eq!(
        status
            .address
            .clone()
            .and_then(|address| address.url)
            .as_deref(),
        Some(url)
    );
    let service = &status.service_status["iris-default"];
    assert_eq!(
        service.grpc_endpoint.as_deref(),
        Some("iris-default.models:5001")
    );
    assert_eq!(holds(&status, "Ready"), "True");
    assert_eq!(status.deployment_status["d"].available_replicas, Some(1));
}

#[test]
fn zero_pods_are_what_was_asked_for() {
    let status = status(&seen(deployment_of(0, 0, 0, 0)));
    assert_eq!(status.state.as_deref(), Some("Available"));
    assert_eq!(status.replicas, Some(0));
}

#[test]
fn old_pods_are_not_what_was_asked_for() {
    for (replicas, updated, available) in [(2, 1, 1), (1, 0, 1), (2, 1, 2)] {
        let seen = seen(deployment_of(1, replicas, updated, available));
        assert_eq!(state_of(&seen), "Creating");
        assert_eq!(holds(&status(&seen), "Ready"), "False");
    }
    assert_eq!(state_of(&seen(None)), "Creating");
}

#[test]
fn a_pod_that_goes_later_is_no_reason_to_say_otherwise() {
    let mut seen = seen(deployment_of(3, 3, 3, 2));
    seen.complete = false;
    assert_eq!(state_of(&seen), "Creating");
    seen.previous.state = Some("Available".to_owned());
    assert_eq!(state_of(&seen), "Creating");
    seen.previous.observed_generation = Some(3);
    assert_eq!(state_of(&seen), "Available");
}

#[test]
fn trouble_is_told_and_what_served_is_still_shown() {
    let mut seen = seen(deployment_of(1, 1, 1, 1)).with(&[], false, Some("spec: no".to_owned()));
    seen.path = None;
    seen.previous.address = Some(SeldonAddressable {
        url: Some("u".to_owned()),
    });
    let status = status(&seen);
    assert_eq!(status.state.as_deref(), Some("Failed"));
    assert_eq!(status.description.as_deref(), Some("spec: no"));
    assert_eq!(status.address, seen.previous.address);
    assert_eq!(holds(&status, "DeploymentsReady"), "True");
    assert_eq!(holds(&status, "Ready"), "False");
}

#[test]
fn a_kind_that_the_cluster_lacks_is_said() {
    let status = status(&seen(deployment_of(1, 1, 1, 1)).with(&["VirtualService"], true, None));
    assert_eq!(holds(&status, "istioVirtualServicesReady"), "False");
    assert_eq!(status.state.as_deref(), Some("Available"));
    let keda = super::status(&seen(deployment_of(1, 1, 1, 1)).with(&["ScaledObject"], true, None));
    assert_eq!(keda.state.as_deref(), Some("Creating"));
}

#[test]
fn pods_tell_what_is_wrong() {
    let waiting = |reason: &str| {
        json!({"containerStatuses": [{"name": "classifier", "image": "x:1", "imageID": "", "ready": false,
            "restartCount": 0, "state": {"waiting": {"reason": reason, "message": "not found"}}}]})
    };
    let told = |status: Value| pods::trouble(&[pod(&status)]).expect("trouble");
    assert_eq!(
        told(waiting("ImagePullBackOff")),
        "pod d-1: image x:1 of container classifier cannot be pulled: not found"
    );
    let download = json!({"initContainerStatuses": [{"name": "c-model-initializer", "image": "h",
        "imageID": "", "ready": false, "restartCount": 2,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"exitCode": 1, "message": "no such bucket: b\n"}}}]});
    assert_eq!(
        told(download),
        "pod d-1: init container c-model-initializer ended with exit code 1 (started again 2 times): \
         no such bucket: b"
    );
    let unscheduled = json!({"conditions": [{"type": "PodScheduled", "status": "False",
        "message": "0/1 nodes are available: 1 Insufficient cpu."}]});
    assert!(told(unscheduled).contains("Insufficient cpu"));
    let unready = json!({"containerStatuses": [{"name": "c", "image": "", "imageID": "", "ready": false,
        "restartCount": 0, "state": {"running": {}}}]});
    assert!(told(unready).contains("readiness probe"));
}

#[test]
fn a_deployment_that_gave_up_has_failed() {
    let gave_up = live(json!({
        "metadata": {"name": "d", "generation": 1},
        "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "conditions": [
            {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"},
            {"type": "Available", "status": "False"},
        ]},
    }));
    let status = status(&seen(gave_up));
    assert_eq!(status.state.as_deref(), Some("Failed"));
    let said = "Deployment is no longer progressing and not available.";
    assert_eq!(status.description.as_deref(), Some(said));
    let found = status
        .conditions
        .iter()
        .find(|one| one.type_ == "DeploymentsReady");
    assert_eq!(
        found.and_then(|one| one.reason.as_deref()),
        Some("ProgressDeadlineExceeded")
    );
}

#[test]
fn pods_that_cannot_be_made_are_told() {
    let why = "pods \"d-1\" is forbidden: exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2";
    let refused = |progressing: &str| {
        live(json!({
            "metadata": {"name": "d", "generation": 1},
            "status": {"observedGeneration": 1, "conditions": [
                {"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable"},
                {"type": "Progressing", "status": progressing, "reason": "NewReplicaSetCreated"},
                {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": why},
            ]},
        }))
    };
    let found = status(&seen(refused("True")));
    assert_eq!(found.state.as_deref(), Some("Creating"));
    assert_eq!(found.description.as_deref(), Some(why));
    let mut conditions = found.conditions.iter();
    let ready = conditions.find(|one| one.type_ == "Ready").expect("it");
    assert_eq!(ready.reason.as_deref(), Some("FailedCreate"));
    let said = format!("Deployment d: {why}");
    assert_eq!(ready.message.as_deref(), Some(&*said));
    let found = status(&seen(refused("False")));
    assert_eq!(found.state.as_deref(), Some("Failed"));
    assert!(found.description.is_some_and(|said| said.ends_with(why)));
}

#[test]
fn a_status_that_stays_writes_nothing() {
    let mut seen = seen(deployment_of(1, 1, 1, 1));
    let first = status(&seen);
    seen.previous = first.clone();
    let value = |status: &SeldonDeploymentStatus| serde_json::to_value(status).expect("JSON");
    assert_eq!(difference(&value(&first), &value(&status(&seen))), None);
}

#[test]
fn what_is_gone_is_taken_out() {
    let old = json!({"a": {"x": 1, "y": 2}, "b": [1]});
    assert_eq!(
        difference(&old, &json!({"a": {"x": 1}, "b": [2]})),
        Some(json!({"a": {"y": null}, "b": [2]}))
    );
    assert_eq!(difference(&old, &old), None);
}

#[test]
fn what_a_download_lacks_is_told_while_nothing_serves() {
    let absent = ["secret bucket is not there".to_owned()];
    let waits = Seen {
        complete: false,
        ..seen(deployment_of(1, 1, 1, 0))
    };
    let told = status(&waits.without(&absent));
    let ready = |told: &SeldonDeploymentStatus| told.conditions.last().cloned().expect("Ready");
    assert_eq!(told.state.as_deref(), Some("Creating"));
    let said = told.description.clone().expect("a reason");
    assert!(said.ends_with(&absent[0]), "{said}");
    let names: Vec<&str> = told.conditions.iter().map(|one| &*one.type_).collect();
    assert!(names.contains(&"CredentialsReady"), "{names:?}");
    let serves = status(&seen(deployment_of(1, 1, 1, 1)).without(&absent));
    assert_eq!(ready(&serves).status, "True");
    let names: Vec<&str> = serves.conditions.iter().map(|one| &*one.type_).collect();
    assert!(!names.contains(&"CredentialsReady"), "{names:?}");
}
