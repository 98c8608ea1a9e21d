//! Rollouts of a plan, without a cluster.

use hari_api::SeldonDeployment;
use hari_plan::{Installation, plan_resource};

use super::*;

fn plan_of(canary: &str) -> Plan {
    let graph = serde_json::json!({"name": "m", "implementation": "SKLEARN_SERVER", "modelUri": "gs://b/m"});
    let resource = serde_json::json!({
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": "d", "namespace": "n"},
        "spec": {"predictors": [
            {"name": "main", "traffic": 100, "graph": graph},
            {"name": "canary", "traffic": 0, "graph": graph, "annotations": {ROLLOUT: canary}},
        ]},
    });
    let resource: SeldonDeployment = serde_json::from_value(resource).unwrap();
    plan_resource(&resource, &Installation::default())
        .0
        .unwrap()
}

#[test]
fn the_canary_is_the_one_with_the_annotation() {
    let plan = plan_of("5,50");
    let subject = Subject::of(&plan).unwrap();
    assert_eq!(subject.canary().predictor, "canary");
    assert_eq!(subject.others, [("main".to_owned(), 100)]);
    assert_eq!(hari_render::services(&plan)["canary"], "d-canary");
}

#[test]
fn weights_are_those_of_the_plan_and_its_resource() {
    let mut plan = plan_of("5,50");
    let weights = hari_rollout::split("canary", 20, &[("main".to_owned(), 100)]);
    weigh(&mut plan, &weights);
    let shares: Vec<_> = plan.predictors.iter().map(|one| one.traffic).collect();
    assert_eq!(shares, [80, 20]);
    let written: Vec<_> = plan
        .resource
        .spec
        .predictors
        .iter()
        .map(|one| one.traffic)
        .collect();
    assert_eq!(written, [Some(80), Some(20)]);
}

#[test]
fn a_canary_that_was_rolled_back_stands_aside() {
    let plan = plan_of("5");
    let subject = Subject::of(&plan).unwrap();
    let canary = subject.canary();
    let mut decision = hari_rollout::advance(
        &canary,
        None,
        &Seen::default(),
        &Time(k8s_openapi::jiff::Timestamp::UNIX_EPOCH),
    );
    assert_eq!(aside(&plan, &decision), None);
    decision.status.phase = ROLLED_BACK.to_owned();
    assert_eq!(aside(&plan, &decision).as_deref(), Some("d-canary"));
}

#[test]
fn what_has_ended_is_not_looked_at() {
    let plan = plan_of("5");
    let subject = Subject::of(&plan).unwrap();
    let canary = subject.canary();
    let mut status = RolloutStatus {
        predictor: "canary".to_owned(),
        revision: canary.revision.clone(),
        phase: ROLLED_BACK.to_owned(),
        ..RolloutStatus::default()
    };
    assert!(ended(Some(&status), &canary));
    status.revision = "another".to_owned();
    assert!(!ended(Some(&status), &canary));
    assert!(!ended(None, &canary));
}
