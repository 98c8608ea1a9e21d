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

const DEFAULTED: &str = r#"{
  "apiVersion": "machinelearning.seldon.io/v1", "kind": "SeldonDeployment",
  "metadata": {"name": "d"},
  "spec": {"predictors": [{
    "name": "p",
    "componentSpecs": [{"spec": {"containers": [
      {"name": "scale", "image": "scale:1"}, {"name": "own", "image": "own:1"}]}}],
    "graph": {"name": "ab", "implementation": "RANDOM_ABTEST", "children": [
      {"name": "scale", "type": "TRANSFORMER",
       "endpoint": {"service_host": "localhost", "service_port": 9007, "httpPort": 9007, "grpcPort": 9507},
       "children": [{"name": "fused", "implementation": "ONNX_SERVER", "modelUri": "/mnt/models"}]},
      {"name": "own", "type": "MODEL", "children": [
        {"name": "there", "implementation": "SKLEARN_SERVER", "modelUri": "m",
         "endpoint": {"service_host": "there.ns", "httpPort": 9001}}]}]}}]}}"#;

fn in_a_pod(text: &str) -> BoundNode {
    let document = hari_api::Document::from_value(serde_json::from_str(text).unwrap());
    let planned = crate::plan(&[document]);
    let bound = bind(&planned.deployments[0], &PlacementPolicy::Pod);
    bound.unwrap().predictors.pop().unwrap().graph
}

fn host_and_port(node: &BoundNode) -> (String, u16, String) {
    match &node.placement {
        Placement::Remote(remote) => {
            let endpoint = remote.endpoint.clone();
            (endpoint.host, endpoint.http_port, remote.image.clone())
        }
        other => panic!("{}: {other:?}", node.name),
    }
}

#[test]
fn in_a_pod_what_listens_is_called_and_the_rest_runs_here() {
    let ab = in_a_pod(DEFAULTED);
    assert!(matches!(ab.placement, Placement::Builtin(_)));
    let [scale, own] = ab.children.as_slice() else {
        panic!("{ab:?}")
    };
    let said = ("localhost".to_owned(), 9007, "scale:1".to_owned());
    assert_eq!(host_and_port(scale), said);
    let fused = &scale.children[0].placement;
    assert!(matches!(fused, Placement::InProcess(source) if source.runtime == Runtime::Onnx));
    // A container that says nothing has the number that pods give it: the second.
    let given = ("localhost".to_owned(), 9001, "own:1".to_owned());
    assert_eq!(host_and_port(own), given);
    // The runtime is part of this build, but the unit says where it listens.
    let there = ("there.ns".to_owned(), 9001, String::new());
    assert_eq!(host_and_port(&own.children[0]), there);
}

#[test]
fn in_a_pod_the_users_own_image_of_a_server_is_called() {
    let text = DEFAULTED.replace(
        "\"name\": \"own\", \"image\"",
        "\"name\": \"fused\", \"image\"",
    );
    let text = text.replace(
        "{\"name\": \"own\", \"type\": \"MODEL\"",
        "{\"name\": \"own\", \"implementation\": \"SIMPLE_MODEL\"",
    );
    let ab = in_a_pod(&text);
    let (host, _, image) = host_and_port(&ab.children[0].children[0]);
    assert_eq!((&*host, &*image), ("localhost", "own:1"));
    assert!(matches!(ab.children[1].placement, Placement::Builtin(_)));
}
