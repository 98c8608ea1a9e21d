//! From text to plans, and any graph at all.

use hari_api::{PredictiveUnit, PredictorSpec, SeldonDeploymentSpec, read_documents};
use proptest::prelude::*;

use super::*;
use crate::bind::{PlacementPolicy, bind};
use crate::single::single_node;

fn digits() -> SeldonDeployment {
    single_node("digits", "TENSORFLOW_SERVER", "./model", Vec::new())
}

#[test]
fn warnings_do_not_keep_a_deployment_from_being_planned() {
    let mut resource = digits();
    let annotations = &mut resource.spec.annotations;
    annotations.insert("seldon.io/unheard-of".to_owned(), String::new());
    let (plan, issues) = plan_resource(&resource, &Installation::default());
    assert!(plan.is_some());
    assert_eq!(issues.len(), 1);
}

#[test]
fn one_bad_document_does_not_harm_the_next() {
    let good = hari_api::to_yaml(&serde_json::to_value(digits()).unwrap());
    let text = format!("kind: SeldonDeployment\n---\n{good}");
    let planned = plan(&read_documents(&text, "two.yaml"));
    assert!(planned.has_errors());
    assert_eq!(planned.deployments.len(), 1);
    assert!(planned.issues.iter().all(|issue| issue.document == 0));
}

#[test]
fn what_could_not_be_read_is_not_reported_missing() {
    let yaml = hari_api::to_yaml(&serde_json::to_value(digits()).unwrap());
    let uri = yaml.lines().find(|line| line.contains("modelUri")).unwrap();
    let text = yaml.replace(uri.trim(), "modelUri: [1]");
    let planned = plan(&read_documents(&text, "digits.yaml"));
    let rules: Vec<_> = planned
        .issues
        .iter()
        .map(|issue| issue.rule.as_ref())
        .collect();
    assert_eq!(rules, ["wrong-type"]);
}

#[test]
fn a_plan_knows_its_places() {
    let yaml = hari_api::to_yaml(&serde_json::to_value(digits()).unwrap());
    let planned = plan(&read_documents(&yaml, "digits.yaml"));
    let [plan] = planned.deployments.as_slice() else {
        panic!("{:?}", planned.issues)
    };
    let issue = plan.locate(Issue::error("x", "spec.predictors[0].graph.modelUri", ""));
    assert_eq!(
        (plan.file(), issue.file.as_str()),
        ("digits.yaml", "digits.yaml")
    );
    let line = yaml
        .lines()
        .position(|line| line.contains("modelUri"))
        .unwrap()
        + 1;
    assert_eq!(issue.line.map(|line| line as usize), Some(line));
}

#[test]
fn issues_are_bounded() {
    let mut resource = digits();
    for index in 0..10_000 {
        let name = format!("seldon.io/unheard-of-{index}");
        resource.spec.annotations.insert(name, String::new());
    }
    let (plan, issues) = plan_resource(&resource, &Installation::default());
    assert_eq!((plan, issues.len()), (None, MAX_ISSUES + 1));
}

#[test]
fn a_huge_graph_is_refused_in_bounded_words() {
    let mut resource = digits();
    let predictor = resource.spec.predictors.first_mut().unwrap();
    let child = |index| PredictiveUnit {
        name: format!("Unit_{index}"),
        implementation: Some("TENSORFLOW_SERVRE".to_owned()),
        ..PredictiveUnit::default()
    };
    predictor.graph.children = (0..50_000).map(child).collect();
    let (plan, issues) = plan_resource(&resource, &Installation::default());
    assert_eq!((plan, issues.len()), (None, MAX_ISSUES + 1));
    assert_eq!(issues.last().unwrap().rule, rule::TOO_MANY_ISSUES);
}

fn word(words: &'static [&'static str]) -> impl Strategy<Value = Option<String>> {
    let known = proptest::sample::select(words).prop_map(|word| Some(word.to_owned()));
    prop_oneof![4 => known, 1 => Just(None), 1 => "\\PC{0,6}".prop_map(Some)]
}

fn parameter() -> impl Strategy<Value = hari_api::Parameter> {
    let name = word(&[
        "ratioA",
        "max_batch_size",
        "batch_window_ms",
        "version_labels",
    ]);
    let kind = word(&["INT", "FLOAT", "DOUBLE", "STRING", "BOOL"]);
    let value = word(&[
        "1",
        "0.5",
        "-1",
        "nan",
        "1e999",
        "a=1",
        "99999999999999999999",
        "true",
    ]);
    (name, kind, value).prop_map(|(name, kind, value)| hari_api::Parameter {
        name: name.unwrap_or_default(),
        value: value.unwrap_or_default(),
        type_: kind.unwrap_or_default(),
    })
}

fn unit() -> impl Strategy<Value = PredictiveUnit> {
    let implementation = word(&[
        "TENSORFLOW_SERVER",
        "SKLEARN_SERVER",
        "RANDOM_ABTEST",
        "SIMPLE_ROUTER",
        "AVERAGE_COMBINER",
        "SIMPLE_MODEL",
        "UNKNOWN_IMPLEMENTATION",
    ]);
    let kind = word(&["MODEL", "ROUTER", "COMBINER", "TRANSFORMER", "UNKNOWN_TYPE"]);
    let method = word(&["ROUTE", "AGGREGATE", "TRANSFORM_INPUT", "SEND_FEEDBACK"]);
    let methods = proptest::collection::vec(method, 0..3);
    let name = word(&["a", "b", "c", "d", "e", "f"]);
    let parameters = proptest::collection::vec(parameter(), 0..3);
    let uri = word(&["./model", "gs://bucket/model"]);
    (name, implementation, kind, methods, parameters, uri).prop_map(
        |(name, implementation, type_, methods, parameters, model_uri)| PredictiveUnit {
            name: name.unwrap_or_default(),
            implementation,
            type_,
            methods: methods.into_iter().flatten().collect(),
            parameters,
            model_uri,
            ..PredictiveUnit::default()
        },
    )
}

fn graph() -> impl Strategy<Value = PredictiveUnit> {
    unit().prop_recursive(5, 40, 3, |child| {
        let children = proptest::collection::vec(child, 0..4);
        (unit(), children).prop_map(|(unit, children)| PredictiveUnit { children, ..unit })
    })
}

fn resource() -> impl Strategy<Value = SeldonDeployment> {
    let traffic = proptest::option::of(prop_oneof![Just(50), Just(100), any::<i32>()]);
    let name = word(&["main", "canary", "shadow"]);
    let predictor = (name, graph(), traffic, proptest::option::of(any::<bool>()));
    let predictor = predictor.prop_map(|(name, graph, traffic, shadow)| PredictorSpec {
        name: name.unwrap_or_default(),
        graph,
        traffic,
        shadow,
        ..PredictorSpec::default()
    });
    proptest::collection::vec(predictor, 0..3).prop_map(|predictors| SeldonDeployment {
        spec: SeldonDeploymentSpec {
            predictors,
            ..SeldonDeploymentSpec::default()
        },
        ..digits()
    })
}

proptest! {
    #[test]
    fn any_resource_is_planned_or_refused(resource in resource()) {
        let (plan, issues) = plan_resource(&resource, &Installation::default());
        prop_assert_eq!(plan.is_none(), issues.iter().any(Issue::is_error));
        let Some(plan) = plan else { return Ok(()) };
        let serving = plan.predictors.iter().filter(|predictor| !predictor.shadow);
        prop_assert_eq!(serving.map(|predictor| predictor.traffic).sum::<u32>(), 100);
        match bind(&plan, &PlacementPolicy::ThisProcess) {
            Ok(bound) => prop_assert_eq!(bound.predictors.len(), plan.predictors.len()),
            Err(issues) => prop_assert!(issues.iter().all(Issue::is_error)),
        }
    }

    #[test]
    fn any_sound_graph_is_planned(graph in sound(), traffic in 0..=100_i32) {
        let mut resource = digits();
        let predictor = resource.spec.predictors.first().unwrap().clone();
        let share = |name: &str, traffic| PredictorSpec {
            name: name.to_owned(),
            graph: numbered(graph.clone()),
            traffic: Some(traffic),
            ..predictor.clone()
        };
        resource.spec.predictors = vec![share("main", traffic), share("canary", 100 - traffic)];
        let (plan, issues) = plan_resource(&resource, &Installation::default());
        prop_assert!(issues.iter().all(|issue| !issue.is_error()), "{:?}", issues);
        let plan = plan.unwrap();
        prop_assert!(bind(&plan, &PlacementPolicy::ThisProcess).is_ok());
    }

    #[test]
    fn defaults_are_filled_in_once(resource in resource()) {
        let installation = Installation::default();
        let once = defaulted(&resource, &installation);
        prop_assert_eq!(&defaulted(&once, &installation), &once);
    }
}

/// Graphs that keep every rule, names apart.
fn sound() -> impl Strategy<Value = PredictiveUnit> {
    let leaf = proptest::sample::select(&["TENSORFLOW_SERVER", "ONNX_SERVER", "SIMPLE_MODEL"][..]);
    leaf.prop_map(built).prop_recursive(5, 40, 2, |child| {
        let inner = &[
            "SIMPLE_ROUTER",
            "RANDOM_ABTEST",
            "AVERAGE_COMBINER",
            "ONNX_SERVER",
        ][..];
        let children = proptest::collection::vec(child, 2..=2);
        (proptest::sample::select(inner), children).prop_map(|(name, children)| PredictiveUnit {
            children,
            ..built(name)
        })
    })
}

fn built(implementation: &str) -> PredictiveUnit {
    PredictiveUnit {
        implementation: Some(implementation.to_owned()),
        model_uri: Some("./model".to_owned()),
        ..PredictiveUnit::default()
    }
}

/// Gives every unit a name of its own.
fn numbered(mut graph: PredictiveUnit) -> PredictiveUnit {
    fn number(unit: &mut PredictiveUnit, next: &mut usize) {
        unit.name = format!("unit-{next}");
        *next += 1;
        unit.children
            .iter_mut()
            .for_each(|child| number(child, next));
    }
    number(&mut graph, &mut 0);
    graph
}
