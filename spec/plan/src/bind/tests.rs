//! What runs in this process, and what does not.

use hari_api::{Parameter, PredictiveUnit};

use super::*;
use crate::bound::Runtime;
use crate::installation::Installation;
use crate::pipeline::plan_resource;
use crate::single::{parameter, single_node};

const HERE: PlacementPolicy = PlacementPolicy::ThisProcess;

fn planned(implementation: &str, parameters: Vec<Parameter>) -> Plan {
    let resource = single_node("m", implementation, "./model", parameters);
    let (plan, issues) = plan_resource(&resource, &Installation::default());
    assert!(plan.is_some(), "{issues:?}");
    plan.unwrap()
}

fn source(implementation: &str, parameters: &[(&str, &str)]) -> ModelSource {
    let parameters = parameters
        .iter()
        .map(|(name, value)| parameter(implementation, name, value));
    let plan = planned(implementation, parameters.collect());
    let mut bound = bind(&plan, &HERE).unwrap();
    match bound.predictors.pop().unwrap().graph.placement {
        Placement::InProcess(source) => source,
        other => panic!("{other:?}"),
    }
}

fn refusals(plan: &Plan) -> Vec<(String, String)> {
    let issues = bind(plan, &HERE).unwrap_err();
    issues
        .into_iter()
        .map(|issue| (issue.rule.into_owned(), issue.path))
        .collect()
}

#[test]
fn servers_of_this_build_run_in_this_process() {
    let found = source("TENSORFLOW_SERVER", &[("signature_name", "predict")]);
    assert_eq!(found.runtime, Runtime::Tensorflow);
    assert_eq!(found.model_uri, "./model");
    let name = ParameterValue::String("predict".to_owned());
    assert_eq!(found.parameters.get("signature_name"), Some(&name));
    assert_eq!(found.batching, None);
    assert_eq!(source("ONNX_SERVER", &[]).runtime, Runtime::Onnx);
}

#[test]
fn batching_is_on_above_one_row() {
    let batching = |parameters: &[(&str, &str)]| source("ONNX_SERVER", parameters).batching;
    let batch = |max_rows, microseconds| {
        Some(Batching {
            max_rows,
            window: Duration::from_micros(microseconds),
        })
    };
    assert_eq!(batching(&[("max_batch_size", "1")]), None);
    assert_eq!(batching(&[("batch_window_ms", "5")]), None);
    assert_eq!(batching(&[("max_batch_size", "2")]), batch(2, 1000));
    let both = [("max_batch_size", "64"), ("batch_window_ms", "0.5")];
    assert_eq!(batching(&both), batch(64, 500));
}

#[test]
fn servers_of_other_builds_are_refused() {
    for spec in crate::catalogue::SERVERS
        .iter()
        .filter(|spec| !spec.is_here())
    {
        let plan = planned(spec.implementation, Vec::new());
        let path = "spec.predictors[0].graph.implementation".to_owned();
        assert_eq!(refusals(&plan), [("not-in-this-build".to_owned(), path)]);
    }
}

#[test]
fn servers_of_an_installation_need_its_cluster() {
    let json = r#"{"MINE": {"protocols": {"seldon": {"image": "acme/mine:1"}}}}"#;
    let installation = Installation::default().with_servers(json).unwrap();
    let resource = single_node("m", "MINE", "./model", Vec::new());
    let (plan, issues) = plan_resource(&resource, &installation);
    assert_eq!(issues, []);
    let path = "spec.predictors[0].graph.implementation".to_owned();
    assert_eq!(
        refusals(&plan.unwrap()),
        [("not-in-this-build".to_owned(), path)]
    );
}

#[test]
fn every_node_that_cannot_run_is_refused_at_once() {
    let mut plan = planned("TEMPO_SERVER", Vec::new());
    let graph = &mut plan.predictors.first_mut().unwrap().graph;
    let mut child = graph.clone();
    child.path = "spec.predictors[0].graph.children[0]".to_owned();
    child.component = Component::Container(Container {
        image: String::new(),
        path: "spec.predictors[0].componentSpecs[0].spec.containers[0]".to_owned(),
    });
    graph.children = vec![child];
    let found: Vec<String> = refusals(&plan).into_iter().map(|(rule, _)| rule).collect();
    assert_eq!(found, ["not-in-this-build", "cannot-run-image"]);
}

#[test]
fn children_are_bound_in_order() {
    let child = |name: &str| PredictiveUnit {
        name: name.to_owned(),
        implementation: Some("SIMPLE_MODEL".to_owned()),
        ..PredictiveUnit::default()
    };
    let mut resource = single_node("root", "SIMPLE_ROUTER", "", Vec::new());
    let predictor = resource.spec.predictors.first_mut().unwrap();
    predictor.graph.children = vec![child("one"), child("two")];
    let (plan, _) = plan_resource(&resource, &Installation::default());
    let bound = bind(&plan.unwrap(), &HERE).unwrap();
    let graph = &bound.predictors.first().unwrap().graph;
    assert_eq!(graph.placement, Placement::Builtin(Builtin::SimpleRouter));
    assert!(graph.calls.route);
    let names: Vec<&str> = graph
        .children
        .iter()
        .map(|child| child.name.as_str())
        .collect();
    assert_eq!(names, ["one", "two"]);
    assert_eq!(
        (bound.namespace.as_str(), bound.name.as_str()),
        ("default", "root")
    );
}
