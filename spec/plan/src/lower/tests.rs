//! Calls, traffic, timeouts and components of plans.

use hari_api::{LoggerMode, Protocol, Transport, read_documents};

use super::*;
use crate::bound::{Learner, Policy};
use crate::pipeline::plan;

/// The plan of a deployment `d`; `spec` is what is below `spec:`.
fn planned(spec: &str) -> Plan {
    let text = format!(
        "apiVersion: machinelearning.seldon.io/v1alpha2\nkind: SeldonDeployment\n\
         metadata: {{name: d, annotations: {{a: of-metadata, b: of-metadata}}}}\nspec:\n{spec}"
    );
    let mut planned = plan(&read_documents(&text, "d.yaml"));
    assert!(!planned.has_errors(), "{:?}", planned.issues);
    planned.deployments.pop().unwrap()
}

/// The plan of a graph whose units `a` to `c` have containers.
fn graph(graph: &str) -> NodePlan {
    let containers = ["a", "b", "c"].map(|name| format!("{{name: {name}, image: {name}:1}}"));
    let mut plan = planned(&format!(
        "  predictors:\n  - name: p\n    componentSpecs:\n    - spec: {{containers: [{}]}}\n    \
         graph: {graph}\n",
        containers.join(", ")
    ));
    plan.predictors.pop().unwrap().graph
}

fn calls(words: &str) -> Calls {
    let has = |word: &str| words.split(' ').any(|other| other == word);
    Calls {
        predict: has("predict"),
        transform_input: has("input"),
        transform_output: has("output"),
        route: has("route"),
        aggregate: has("aggregate"),
        feedback: has("feedback"),
    }
}

#[test]
fn types_say_what_is_called() {
    for (kind, expected) in [
        ("MODEL", "predict feedback"),
        ("TRANSFORMER", "input"),
        ("OUTPUT_TRANSFORMER", "output"),
        ("ROUTER", "route feedback"),
        ("COMBINER", "aggregate"),
    ] {
        let node = graph(&format!(
            "{{name: a, type: {kind}, children: [{{name: b}}]}}"
        ));
        assert_eq!(node.calls, calls(expected), "{kind}");
    }
}

#[test]
fn methods_say_so_too_and_add_to_the_type() {
    for (methods, expected) in [
        ("[TRANSFORM_INPUT]", "input"),
        ("[TRANSFORM_OUTPUT, SEND_FEEDBACK]", "output feedback"),
        ("[ROUTE, AGGREGATE]", "route aggregate"),
    ] {
        let node = graph(&format!("{{name: a, methods: {methods}}}"));
        assert_eq!(node.calls, calls(expected), "{methods}");
    }
    let node = graph("{name: a, type: MODEL, methods: [TRANSFORM_OUTPUT]}");
    assert_eq!(node.calls, calls("predict output feedback"));
}

#[test]
fn built_in_units_are_called_for_what_they_do() {
    let node = graph(
        "{name: r, implementation: RANDOM_ABTEST, type: MODEL, children: [
            {name: s, implementation: SIMPLE_ROUTER, children: [
              {name: m, implementation: SIMPLE_MODEL, methods: [ROUTE]}]},
            {name: v, implementation: AVERAGE_COMBINER, children: [{name: a}]}]}",
    );
    let found: Vec<(&str, Calls)> = node
        .walk()
        .map(|node| (node.name.as_str(), node.calls))
        .collect();
    let expected = [
        ("r", calls("route")),
        ("s", calls("route")),
        ("m", calls("predict")),
        ("v", calls("aggregate")),
        ("a", calls("predict feedback")),
    ];
    assert_eq!(found, expected);
}

#[test]
fn the_ratio_of_an_ab_test_is_read_whatever_its_type() {
    for (parameters, expected) in [
        ("", 0.5),
        (
            "parameters: [{name: ratioA, value: '0.25', type: FLOAT}],",
            0.25,
        ),
        ("parameters: [{name: ratioA, value: '1', type: INT}],", 1.0),
        (
            "parameters: [{name: ratioA, value: '0', type: STRING}],",
            0.0,
        ),
    ] {
        let node = graph(&format!(
            "{{name: r, implementation: RANDOM_ABTEST, {parameters} children: [{{name: a}}, \
             {{name: b}}]}}"
        ));
        let expected = Component::Builtin(Builtin::RandomAbTest { ratio_a: expected });
        assert_eq!(node.component, expected, "{parameters}");
    }
}

#[test]
fn components_are_servers_or_containers() {
    let node = graph(
        "{name: a, implementation: TENSORFLOW_SERVER, modelUri: ./m, children: [
            {name: t, implementation: ONNX_SERVER, modelUri: ./o}, {name: b}]}",
    );
    let found: Vec<&Component> = node.walk().map(|node| &node.component).collect();
    let container = |name: &str, index: usize| Container {
        image: format!("{name}:1"),
        path: format!("spec.predictors[0].componentSpecs[0].spec.containers[{index}]"),
    };
    let server = |implementation: &str, uri: &str, overlay| {
        Component::Server(Server {
            implementation: implementation.to_owned(),
            model_uri: uri.to_owned(),
            overlay,
            python: None,
        })
    };
    assert_eq!(
        found,
        [
            &server("TENSORFLOW_SERVER", "./m", Some(container("a", 0))),
            &server("ONNX_SERVER", "./o", None),
            &Component::Container(container("b", 1)),
        ]
    );
}

#[test]
fn nodes_know_their_paths_parameters_and_loggers() {
    let node = graph(
        "{name: a, logger: {mode: response, url: 'http://sink'}, children: [{name: b, parameters: \
         [{name: n, value: '2', type: INT}, {name: yes, value: 'on', type: BOOL}]}]}",
    );
    let logger = node.logger.as_ref().unwrap();
    assert_eq!(
        (logger.mode, logger.url.as_deref()),
        (LoggerMode::Response, Some("http://sink"))
    );
    let child = node.children.first().unwrap();
    assert_eq!(child.path, "spec.predictors[0].graph.children[0]");
    assert_eq!(child.parameters.get("n"), Some(&ParameterValue::Int(2)));
    assert_eq!(
        child.parameters.get("yes"),
        Some(&ParameterValue::Bool(true))
    );
    assert_eq!(child.logger, None);
}

/// Predictors `p0`, `p1`, ... with these fields.
fn predictors(fields: &[&str]) -> Vec<PredictorPlan> {
    let predictor = |(index, fields): (usize, &&str)| {
        format!(
            "  - {{name: p{index}, graph: {{name: m, implementation: SIMPLE_MODEL}}{fields}}}\n"
        )
    };
    let predictors: String = fields.iter().enumerate().map(predictor).collect();
    planned(&format!("  predictors:\n{predictors}")).predictors
}

#[test]
fn shares_sum_to_a_hundred() {
    let shares = |fields: &[&str]| {
        let predictors = predictors(fields);
        let shares = predictors
            .iter()
            .map(|predictor| (predictor.traffic, predictor.shadow));
        shares.collect::<Vec<_>>()
    };
    assert_eq!(shares(&[""]), [(100, false)]);
    assert_eq!(shares(&[", traffic: 0"]), [(100, false)]);
    assert_eq!(
        shares(&[", traffic: 30", ", traffic: 70"]),
        [(30, false), (70, false)]
    );
    let shadowed = shares(&[", traffic: 30", ", shadow: true, traffic: 20"]);
    assert_eq!(shadowed, [(100, false), (20, true)]);
    assert_eq!(shares(&["", ", shadow: true"]), [(100, false), (100, true)]);
}

#[test]
fn annotations_are_overlaid_and_limit_calls() {
    let plan = planned(
        "
  protocol: kfserving
  transport: grpc
  annotations: {b: of-spec, c: of-spec, seldon.io/rest-timeout: '1000', seldon.io/grpc-timeout: '0'}
  predictors:
  - name: p
    annotations: {c: of-predictor, seldon.io/rest-timeout: '2000'}
    graph: {name: m, implementation: SIMPLE_MODEL}
",
    );
    assert_eq!(
        (plan.protocol, plan.transport),
        (Protocol::V2, Transport::Grpc)
    );
    let text = |annotations: &BTreeMap<String, String>, name: &str| annotations.get(name).cloned();
    assert_eq!(text(&plan.annotations, "a").as_deref(), Some("of-metadata"));
    assert_eq!(text(&plan.annotations, "b").as_deref(), Some("of-spec"));
    let predictor = plan.predictors.first().unwrap();
    assert_eq!(text(&predictor.annotations, "a"), None);
    assert_eq!(
        text(&predictor.annotations, "c").as_deref(),
        Some("of-predictor")
    );
    assert_eq!(predictor.rest_timeout, Some(Duration::from_secs(2)));
    assert_eq!(predictor.grpc_timeout, None);
}

#[test]
fn the_template_of_the_first_pod_limits_calls_last() {
    let [predictor] = predictors(&[
        ", annotations: {seldon.io/rest-timeout: '5'}, componentSpecs: [{metadata: {annotations: \
         {seldon.io/rest-timeout: '7'}}}]",
    ])
    .try_into()
    .unwrap();
    assert_eq!(predictor.rest_timeout, Some(Duration::from_millis(7)));
}

#[test]
fn routers_that_learn_have_their_parameters_and_get_feedback() {
    let node = graph(
        "{name: r, implementation: EPSILON_GREEDY, parameters: [
            {name: epsilon, type: FLOAT, value: '0.3'}, {name: best_branch, type: INT, value: '1'},
            {name: seed, type: INT, value: '-4'}, {name: verbose, type: BOOL, value: 'yes'},
            {name: state, type: STRING, value: ./learnt},
            {name: branch_names, type: STRING, value: 'x:y'}], children: [{name: a}, {name: b}]}",
    );
    assert_eq!(node.calls, calls("route feedback"));
    let policy = Policy::EpsilonGreedy {
        epsilon: 0.3,
        best_branch: Some(1),
    };
    let expected = Learner {
        branch_names: vec!["x".to_owned(), "y".to_owned()],
        seed: Some(-4),
        verbose: true,
        state: Some("./learnt".to_owned()),
        ..Learner::new(policy)
    };
    assert_eq!(
        node.component,
        Component::Builtin(Builtin::Learner(expected))
    );
    let node = graph("{name: r, implementation: UCB, children: [{name: a}]}");
    let plain = Builtin::Learner(Learner::new(Policy::Ucb));
    assert_eq!(node.component, Component::Builtin(plain));
}

#[test]
fn an_image_that_the_installation_chose_takes_the_place_of_a_built_in_server() {
    let text = "apiVersion: machinelearning.seldon.io/v1\nkind: SeldonDeployment\nmetadata: {name: d}\n\
                spec:\n  protocol: tensorflow\n  predictors:\n  - name: p\n    graph: {name: m, \
                implementation: TENSORFLOW_SERVER, modelUri: gs://b/m}\n";
    let list =
        r#"{"TENSORFLOW_SERVER": {"protocols": {"tensorflow": {"image": "acme/serving:3"}}}}"#;
    let installation = Installation::default().with_servers(list).unwrap();
    let documents = read_documents(text, "d.yaml");
    let planned = crate::plan_with(&documents, &installation);
    assert!(!planned.has_errors(), "{:?}", planned.issues);
    let plan = &planned.deployments[0];
    let Component::Server(server) = &plan.predictors[0].graph.component else {
        panic!("{plan:?}");
    };
    assert_eq!(server.overlay.as_ref().unwrap().image, "acme/serving:3");
    let pod = &plan.resource.spec.predictors[0].component_specs[0];
    assert_eq!(pod.containers()[0].image.as_deref(), Some("acme/serving:3"));
}
