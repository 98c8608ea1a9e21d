//! Predictors as the operator of the original writes them, and files.

use std::fs;

use base64::engine::general_purpose::STANDARD;
use hari_plan::Placement;

use super::*;

/// With the empty fields that Go's JSON has.
const PREDICTOR: &str = r#"{"name":"p","graph":{"name":"scale","type":"TRANSFORMER",
 "implementation":"UNKNOWN_IMPLEMENTATION","endpoint":{"service_host":"localhost",
 "service_port":9000,"httpPort":9000,"grpcPort":9500},"parameters":[],"logger":null,
 "children":[{"name":"m","type":"MODEL","implementation":"ONNX_SERVER","modelUri":"/mnt/models"}]},
 "componentSpecs":[{"metadata":{"creationTimestamp":null},"spec":{"containers":[
 {"name":"scale","image":"scale:1","ports":[{"name":"http","containerPort":9000,"protocol":"TCP"},
 {"name":"grpc","containerPort":9500,"protocol":"TCP"}],"resources":{}}]}}],
 "replicas":0,"engineResources":{},"labels":{"version":"p"},"svcOrchSpec":{},"traffic":20,
 "explainer":{"containerSpec":{"name":"","resources":{}}},"shadow":true,"ssl":{}}"#;

fn given(sdep: Option<&str>, predictor: Option<&str>) -> Given {
    Given {
        sdep: sdep.map(str::to_owned),
        namespace: Some("n".to_owned()),
        predictor: predictor.map(str::to_owned),
        transport: Some("grpc".to_owned()),
        ..Given::default()
    }
}

fn text(given: &Given, text: &str) -> anyhow::Result<Source> {
    let (mut source, _) = given.of_text(text)?;
    given.overlay(&mut source.documents[0].value);
    Ok(source)
}

#[test]
fn the_operators_predictor_is_served_whole() {
    let source = text(&given(Some("d"), Some("p")), &STANDARD.encode(PREDICTOR)).unwrap();
    let (bound, units, issues) = hari_local::predictor(&source, "p").unwrap();
    assert_eq!(issues, []);
    assert_eq!((&*bound.namespace, &*bound.name), ("n", "d"));
    assert_eq!(bound.transport.to_string(), "grpc");
    let predictor = &bound.predictors[0];
    assert_eq!((predictor.traffic, predictor.shadow), (100, false));
    assert!(matches!(predictor.graph.placement, Placement::Remote(_)));
    let fused = &predictor.graph.children[0].placement;
    assert!(matches!(fused, Placement::InProcess(_)));
    // A container listens beside it on the other's.
    let units: Vec<_> = units.iter().map(|unit| (&*unit.node, unit.http)).collect();
    assert_eq!(units, [("m", 9001)]);
}

#[test]
fn a_fused_pod_has_the_ports_of_its_units() {
    let predictor = json!({"name": "p", "graph": {"name": "ab", "implementation": "RANDOM_ABTEST",
        "children": [
            {"name": "a", "implementation": "ONNX_SERVER", "modelUri": "/mnt/models/a"},
            {"name": "b", "implementation": "ONNX_SERVER", "modelUri": "/mnt/models/b"}]}});
    let encoded = STANDARD.encode(predictor.to_string());
    let unpadded = encoded.trim_end_matches('=');
    let source = text(&given(Some("d"), None), unpadded).unwrap();
    let (_, units, _) = hari_local::predictor(&source, "p").unwrap();
    let units: Vec<_> = units
        .iter()
        .map(|unit| (&*unit.node, unit.http, unit.grpc))
        .collect();
    assert_eq!(units, [("a", 9000, 9500), ("b", 9001, 9501)]);
}

#[test]
fn what_is_no_predictor_is_refused_with_its_reason() {
    let good = STANDARD.encode(PREDICTOR);
    let refused = |given: &Given, from: &str| format!("{:#}", text(given, from).unwrap_err());
    let sdep = given(Some("d"), None);
    assert!(refused(&sdep, "***").contains("not base64"));
    assert!(refused(&sdep, "bm8=").contains("not the JSON"));
    assert!(refused(&given(None, None), &good).contains("--sdep"));
    assert!(refused(&given(Some("d"), Some("q")), &good).contains("--predictor"));
}

#[test]
fn a_file_may_hold_several() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("d.yaml");
    let one = |name: &str| {
        format!(
            "apiVersion: machinelearning.seldon.io/v1\nkind: SeldonDeployment\n\
             metadata: {{name: {name}}}\nspec:\n  predictors:\n\
             \x20 - {{name: p, traffic: 30, graph: {{name: m, implementation: ONNX_SERVER, modelUri: m}}}}\n\
             \x20 - {{name: q, traffic: 70, graph: {{name: m, implementation: ONNX_SERVER, modelUri: m}}}}\n"
        )
    };
    fs::write(&file, format!("{}---\n{}", one("d"), one("e"))).unwrap();
    let refused = |given: &Given| format!("{:#}", given.of_file(&file).unwrap_err());
    assert!(refused(&given(None, Some("p"))).contains("--sdep"));
    assert!(refused(&given(Some("d"), None)).contains("--predictor"));
    let (source, name) = given(Some("e"), Some("q")).of_file(&file).unwrap();
    let (bound, units, _) = hari_local::predictor(&source, &name).unwrap();
    assert_eq!((&*bound.name, bound.predictors[0].traffic), ("e", 100));
    assert_eq!(units[0].http, 9000);
    let issues = hari_local::predictor(&source, "r").unwrap_err();
    assert!(issues[0].hint.as_deref().unwrap().contains("p, q"));
}
