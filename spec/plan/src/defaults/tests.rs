//! Ports, hosts, images and mounts, as users of clusters know them.

use hari_api::{parse, read_documents};

use super::*;

/// A deployment `d` in the namespace `ns`; `spec` is what is below `spec:`.
fn resource(spec: &str) -> SeldonDeployment {
    let text = format!(
        "apiVersion: machinelearning.seldon.io/v1\nkind: SeldonDeployment\n\
         metadata: {{name: d, namespace: ns}}\nspec:\n{spec}"
    );
    let documents = read_documents(&text, "d.yaml");
    let (resource, issues) = parse(documents.first().unwrap());
    assert_eq!(issues, [], "{text}");
    resource.unwrap()
}

fn complete(spec: &str) -> SeldonDeployment {
    defaulted(&resource(spec), &Installation::default())
}

fn unit<'a>(resource: &'a SeldonDeployment, name: &str) -> &'a PredictiveUnit {
    let graphs = resource
        .spec
        .predictors
        .iter()
        .map(|predictor| &predictor.graph);
    let mut units = graphs.flat_map(PredictiveUnit::walk);
    units.find(|unit| unit.name == name).unwrap()
}

fn container<'a>(resource: &'a SeldonDeployment, name: &str) -> &'a Container {
    let pods = resource
        .spec
        .predictors
        .iter()
        .flat_map(|predictor| &predictor.component_specs);
    let mut containers = pods.flat_map(SeldonPodSpec::containers);
    containers.find(|container| container.name == name).unwrap()
}

/// Host, service port, HTTP port and gRPC port of a unit.
fn endpoint(resource: &SeldonDeployment, name: &str) -> (String, i32, i32, i32) {
    let endpoint = unit(resource, name).endpoint.clone().unwrap();
    (
        endpoint.service_host.unwrap_or_default(),
        endpoint.service_port.unwrap(),
        endpoint.http_port.unwrap(),
        endpoint.grpc_port.unwrap(),
    )
}

fn local(port: i32, http: i32, grpc: i32) -> (String, i32, i32, i32) {
    ("localhost".to_owned(), port, http, grpc)
}

/// Number of a container's port for metrics.
fn metrics(resource: &SeldonDeployment, name: &str) -> i32 {
    let ports = container(resource, name).ports.as_deref().unwrap();
    let mut ports = ports
        .iter()
        .filter(|port| port.name.as_deref() == Some("metrics"));
    ports.next().unwrap().container_port
}

const TWO_PODS: &str = "
  predictors:
  - name: p
    graph:
      name: a
      type: MODEL
      children:
      - {name: b, type: MODEL}
      - {name: c, implementation: SKLEARN_SERVER, modelUri: 'gs://m'}
    componentSpecs:
    - spec:
        containers:
        - {name: a, image: a:1}
        - {name: sidecar, image: s:1}
    - spec:
        containers:
        - {name: b, image: b:1}
";

#[test]
fn ports_are_given_out_in_the_order_of_containers() {
    let resource = complete(TWO_PODS);
    assert_eq!(endpoint(&resource, "a"), local(9000, 9000, 9500));
    let elsewhere = "d-p-b.ns.svc.cluster.local".to_owned();
    assert_eq!(endpoint(&resource, "b"), (elsewhere, 9002, 9002, 9502));
    assert_eq!(endpoint(&resource, "c"), local(9003, 9003, 9503));
    let numbers = ["a", "b", "c"].map(|name| metrics(&resource, name));
    assert_eq!(numbers, [6000, 6001, 6002]);
    assert_eq!(container(&resource, "sidecar").ports, None);
}

#[test]
fn predictors_share_the_counters_and_the_ports_of_a_name() {
    let predictor = |name: &str, units: [&str; 2]| {
        let [root, child] = units;
        format!(
            "  - name: {name}\n    graph:\n      name: {root}\n      implementation: \
             SKLEARN_SERVER\n      children:\n      - {{name: {child}, implementation: \
             XGBOOST_SERVER}}\n"
        )
    };
    let one = predictor("one", ["a", "b"]);
    let two = predictor("two", ["b", "c"]);
    let resource = complete(&format!("  predictors:\n{one}{two}"));
    assert_eq!(endpoint(&resource, "a"), local(9000, 9000, 9500));
    assert_eq!(endpoint(&resource, "b"), local(9001, 9001, 9501));
    assert_eq!(endpoint(&resource, "c"), local(9002, 9002, 9502));
    let second = &resource.spec.predictors[1].graph;
    assert_eq!(second.endpoint.as_ref().unwrap().http_port, Some(9001));
    assert_eq!(metrics(&resource, "c"), 6003);
}

#[test]
fn numbers_that_the_user_gave_stay() {
    let resource = complete(
        "
  transport: grpc
  predictors:
  - name: p
    graph: {name: a, type: MODEL, endpoint: {type: GRPC, service_host: elsewhere, httpPort: 1}}
    componentSpecs:
    - spec:
        containers:
        - name: a
          image: a:1
          ports:
          - {name: grpc, containerPort: 7000}
          - {name: metrics, containerPort: 7001}
",
    );
    assert_eq!(endpoint(&resource, "a"), local(7000, 9000, 7000));
    assert_eq!(metrics(&resource, "a"), 7001);
    let endpoint = unit(&resource, "a").endpoint.as_ref().unwrap();
    assert_eq!(endpoint.type_.as_deref(), Some("GRPC"));
}

#[test]
fn the_installation_sets_the_first_ports() {
    let installation = Installation {
        http_port: 100,
        grpc_port: 200,
        metrics_port: 300,
        metrics_port_name: "numbers".to_owned(),
        ..Installation::default()
    };
    let resource = defaulted(&resource(TWO_PODS), &installation);
    assert_eq!(endpoint(&resource, "a"), local(100, 100, 200));
    let port = &container(&resource, "a").ports.as_ref().unwrap()[0];
    assert_eq!(
        (port.name.as_deref(), port.container_port),
        (Some("numbers"), 300)
    );
}

#[test]
fn an_orchestrator_of_its_own_reaches_every_unit_by_its_service() {
    let annotations = "  annotations: {seldon.io/engine-separate-pod: 'True'}";
    let resource = complete(&format!("{annotations}{TWO_PODS}"));
    assert_eq!(endpoint(&resource, "a").0, "d-p-a.ns.svc.cluster.local");
}

#[test]
fn the_host_behind_a_hashed_service_is_left_open() {
    let long = "x".repeat(60);
    let mut resource = resource(TWO_PODS);
    resource.metadata.name = Some(long);
    let resource = defaulted(&resource, &Installation::default());
    assert_eq!(endpoint(&resource, "a").0, "localhost");
    assert_eq!(endpoint(&resource, "b").0, "");
}

#[test]
fn a_prepackaged_server_gets_a_container_with_its_image() {
    let spec = |protocol: &str| {
        format!(
            "  protocol: {protocol}\n  predictors:\n  - name: p\n    graph: {{name: c, \
             implementation: SKLEARN_SERVER, type: ROUTER}}\n"
        )
    };
    let image = |protocol| container(&complete(&spec(protocol)), "c").image.clone();
    assert_eq!(
        image("seldon").as_deref(),
        Some("seldonio/sklearnserver:1.19.0-dev")
    );
    assert_eq!(
        image("kfserving").as_deref(),
        Some("seldonio/mlserver:1.7.1-sklearn")
    );
    assert_eq!(image("tensorflow"), None);
    let resource = complete(&spec("seldon"));
    assert_eq!(unit(&resource, "c").type_.as_deref(), Some("MODEL"));
    assert_eq!(resource.spec.predictors[0].component_specs.len(), 1);
}

#[test]
fn a_container_of_the_user_gets_what_it_lacks() {
    let resource = complete(
        "
  predictors:
  - name: p
    graph: {name: c, implementation: SKLEARN_SERVER}
    componentSpecs:
    - spec:
        containers:
        - name: c
          imagePullPolicy: Always
          volumeMounts:
          - {name: podinfo, mountPath: /etc/podinfo}
          - {name: mine, mountPath: /mine}
",
    );
    let container = container(&resource, "c");
    assert_eq!(
        container.image.as_deref(),
        Some("seldonio/sklearnserver:1.19.0-dev")
    );
    assert_eq!(container.image_pull_policy.as_deref(), Some("Always"));
    assert_eq!(
        container.termination_message_path.as_deref(),
        Some("/dev/termination-log")
    );
    assert_eq!(
        container.termination_message_policy.as_deref(),
        Some("File")
    );
    let mounts = container.volume_mounts.as_deref().unwrap();
    let mounts: Vec<&str> = mounts.iter().map(|mount| mount.name.as_str()).collect();
    assert_eq!(mounts, ["mine", "seldon-podinfo"]);
}

#[test]
fn a_unit_that_says_nothing_is_a_model() {
    let resource = complete(
        "
  predictors:
  - name: p
    labels: {team: a}
    graph:
      name: a
      children:
      - {name: b, methods: [ROUTE]}
      - {name: c, implementation: RANDOM_ABTEST}
    componentSpecs:
    - spec: {containers: [{name: a, image: a:1}, {name: b, image: b:1}]}
",
    );
    let of = |name| {
        let unit = unit(&resource, name);
        (unit.type_.as_deref(), unit.implementation.as_deref())
    };
    assert_eq!(of("a"), (Some("MODEL"), Some("UNKNOWN_IMPLEMENTATION")));
    assert_eq!(of("b"), (None, Some("UNKNOWN_IMPLEMENTATION")));
    assert_eq!(of("c"), (None, Some("RANDOM_ABTEST")));
    assert_eq!(unit(&resource, "c").endpoint, None);
    let labels = &resource.spec.predictors[0].labels;
    assert_eq!(labels.get("version").map(String::as_str), Some("p"));
    assert_eq!(labels.get("team").map(String::as_str), Some("a"));
}

#[test]
fn the_namespace_is_default_where_none_is_written() {
    let mut resource = resource(TWO_PODS);
    resource.metadata.namespace = Some(String::new());
    let resource = defaulted(&resource, &Installation::default());
    assert_eq!(resource.metadata.namespace.as_deref(), Some("default"));
}
