//! The container of Hari's own image: the orchestrator with the servers it runs itself, or one
//! server alone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hari_api::k8s_openapi::api::core::v1::{
    Container, ContainerPort, EnvVar, HTTPGetAction, Probe, ResourceRequirements, VolumeMount,
};
use hari_api::k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use hari_api::{Endpoint, PredictiveUnit, PredictorSpec};
use hari_plan::catalogue::{UNKNOWN_IMPLEMENTATION, is_python};
use hari_plan::contract::{annotation, env, path, port};

use crate::container::{set_if_absent, tcp, variable};
use crate::predictor::{ENGINE, Predictor};
use crate::security::{self, confine};
use crate::{quantity, storage, tls};

/// Seconds for which requests are still taken once the pod is told to go: until all that route to it
/// know.
const SHUTDOWN_DELAY: i64 = 5;
/// Seconds that are left when open requests have had their time.
const MARGIN: i64 = 3;
/// The least seconds for open requests.
const LEAST: i64 = 1;

/// The orchestrator, with the containers that it takes in.
pub(crate) fn orchestrator(predictor: &Predictor<'_>, fused: &[&Container]) -> Container {
    let settings = predictor.settings;
    let names: Vec<&str> = fused.iter().map(|container| &*container.name).collect();
    let spec = told(predictor, &names);
    let ports = (settings.http_port, settings.grpc_port);
    let served = Served {
        name: ENGINE,
        units: &names,
        pod: Some(0).filter(|_| !predictor.separate()),
        ports,
        metrics: settings.metrics_port,
        scheme: tls::scheme(predictor),
    };
    let mut container = hari(predictor, &spec, served);
    let arguments = container.args.get_or_insert_default();
    arguments.extend([
        "--server_type".to_owned(),
        predictor.plan.server_type.to_string(),
    ]);
    let ports = container.ports.get_or_insert_default();
    ports.extend(fused.iter().flat_map(|found| unit_ports(predictor, found)));
    let orchestrator = predictor.spec.svc_orch_spec.as_ref();
    let variables = container.env.get_or_insert_default();
    for written in orchestrator.iter().flat_map(|spec| &spec.env) {
        replace(variables, written.clone());
    }
    for (name, value) in from_annotations(predictor) {
        set_if_absent(variables, &name, value);
    }
    let own = orchestrator.and_then(|spec| spec.resources.clone());
    let own = own.unwrap_or_else(|| settings.engine_resources.requirements());
    take_in(&mut container, fused, Some(&own));
    tls::tell(predictor, &mut container);
    container
}

/// One built-in server, where its orchestrator is in another pod.
pub(crate) fn alone(predictor: &Predictor<'_>, written: &Container) -> Container {
    let mut spec = told(predictor, &[&written.name]);
    if let Some(unit) = predictor.unit(&written.name) {
        spec.graph = told_unit(predictor, unit, &[&written.name]);
        spec.graph.children = Vec::new();
        spec.graph.logger = None;
    }
    spec.component_specs.clear();
    spec.svc_orch_spec = None;
    // The certificate is that of requests from outside.
    let scheme = match predictor.without_engine() {
        true => tls::scheme(predictor),
        false => tls::PLAIN,
    };
    let served = Served {
        name: &written.name,
        units: &[&written.name],
        pod: predictor.pod_of(&written.name),
        ports: predictor.ports(&written.name),
        metrics: metrics_port(predictor, written),
        scheme,
    };
    let mut container = hari(predictor, &spec, served);
    let arguments = container.args.get_or_insert_default();
    arguments.push("--node_ports=false".to_owned());
    take_in(&mut container, &[written], None);
    container
}

/// How a container of Hari's image is reached, and by whom.
#[derive(Clone, Copy)]
struct Served<'a> {
    /// The container.
    name: &'a str,
    /// The units that it runs itself.
    units: &'a [&'a str],
    /// The pod that it is part of; none for one of its own.
    pod: Option<usize>,
    /// Where it listens: HTTP, gRPC.
    ports: (i32, i32),
    /// Where its metrics are.
    metrics: i32,
    /// `HTTP` or `HTTPS`.
    scheme: &'a str,
}

/// `hari engine` with a graph.
fn hari(predictor: &Predictor<'_>, spec: &PredictorSpec, served: Served<'_>) -> Container {
    let settings = predictor.settings;
    let ((http, grpc), scheme) = (served.ports, served.scheme);
    let encoded = STANDARD.encode(serde_json::to_vec(spec).unwrap_or_default());
    let logger = settings.logger_endpoint.clone();
    let variables = vec![
        variable(env::ENGINE_PREDICTOR, encoded),
        variable(env::REQUEST_LOGGER_DEFAULT_ENDPOINT, logger),
    ];
    let mut container = Container {
        name: served.name.to_owned(),
        image: Some(predictor.image(served.units).to_owned()),
        image_pull_policy: Some(settings.image_pull_policy.clone()),
        args: Some(arguments(predictor, served)),
        env: Some(variables),
        ports: Some(vec![
            tcp(port::HTTP_NAME.to_owned(), http),
            tcp(port::GRPC_NAME.to_owned(), grpc),
            tcp(settings.metrics_port_name.clone(), served.metrics),
        ]),
        startup_probe: Some(probe(scheme, path::LIVE, http, 1, 600)),
        readiness_probe: Some(probe(scheme, path::READY, http, 1, 3)),
        liveness_probe: Some(probe(scheme, path::LIVE, http, 5, 3)),
        volume_mounts: Some(vec![podinfo()]),
        termination_message_path: Some(path::TERMINATION_LOG.to_owned()),
        termination_message_policy: Some(security::LAST_WORDS.to_owned()),
        ..Container::default()
    };
    confine(&mut container, settings.engine_user);
    container
}

/// Seconds for which requests are still taken at the end, and seconds for those that are open then.
fn end(grace: i64) -> (i64, i64) {
    let delay = SHUTDOWN_DELAY.min(grace / 4).max(0);
    (delay, (grace - delay - MARGIN).max(LEAST))
}

/// The number that the container of a unit has for its metrics.
fn metrics_port(predictor: &Predictor<'_>, written: &Container) -> i32 {
    let name = &predictor.settings.metrics_port_name;
    let mut ports = written.ports.iter().flatten();
    let found = ports.find(|port| port.name.as_ref() == Some(name));
    found.map_or(predictor.settings.metrics_port, |port| port.container_port)
}

fn arguments(predictor: &Predictor<'_>, served: Served<'_>) -> Vec<String> {
    let (plan, settings) = (predictor.plan, predictor.settings);
    let (http, grpc) = served.ports;
    let (delay, graceful) = end(predictor.grace(served.pod));
    let number = |key: &str, usual: u64| {
        let written = plan.annotations.get(key);
        written
            .and_then(|text| annotation::number(text))
            .unwrap_or(usual)
    };
    let queue = number(
        "seldon.io/executor-logger-queue-size",
        settings.logger_queue,
    );
    let timeout = number(
        "seldon.io/executor-logger-write-timeout-ms",
        settings.logger_timeout_ms,
    );
    let valued = [
        ("--sdep", plan.name.clone()),
        ("--namespace", plan.namespace.clone()),
        ("--predictor", predictor.planned.name.clone()),
        ("--http_port", http.to_string()),
        ("--grpc_port", grpc.to_string()),
        ("--protocol", plan.protocol.to_string()),
        ("--transport", plan.transport.to_string()),
        ("--metrics_port", served.metrics.to_string()),
        ("--prometheus_path", settings.prometheus_path.clone()),
        ("--log_work_buffer_size", queue.to_string()),
        ("--log_write_timeout_ms", timeout.to_string()),
        ("--shutdown_delay", format!("{delay}s")),
        ("--graceful_timeout", format!("{graceful}s")),
    ];
    let mut all = vec!["engine".to_owned()];
    all.extend(
        valued
            .into_iter()
            .flat_map(|(flag, value)| [flag.to_owned(), value]),
    );
    all.push(format!(
        "--full_health_checks={}",
        settings.full_health_checks
    ));
    all
}

/// The predictor as its engine is told of it: with its defaults, and for each server that the engine
/// runs itself the folder of its model instead of an address. Its container is there for its ports.
fn told(predictor: &Predictor<'_>, here: &[&str]) -> PredictorSpec {
    let mut spec = predictor.spec.clone();
    spec.graph = told_unit(predictor, &spec.graph, here);
    // What others do with the predictor is none of its pods' business: a new share of the requests
    // restarts nothing.
    (spec.traffic, spec.shadow, spec.replicas) = (None, None, None);
    (spec.explainer, spec.progress_deadline_seconds) = (None, None);
    if let Some(orchestrator) = &mut spec.svc_orch_spec {
        (orchestrator.resources, orchestrator.replicas) = (None, None);
    }
    for pod in &mut spec.component_specs {
        pod.hpa_spec = None;
        pod.keda_spec = None;
        pod.pdb_spec = None;
        pod.replicas = None;
        let containers = pod.spec.iter_mut().flat_map(|spec| &mut spec.containers);
        for container in containers {
            *container = bare(predictor, container, here);
        }
        if let Some(spec) = &mut pod.spec {
            spec.volumes = None;
            spec.init_containers = None;
        }
    }
    spec
}

/// What the engine has to know of a container: its name, image and ports. Variables may be secret,
/// and stay where they are, but for those that say which Python class it runs, and how.
fn bare(predictor: &Predictor<'_>, container: &Container, here: &[&str]) -> Container {
    let ports = predictor.unit(&container.name).map(|_| {
        let (http, grpc) = predictor.ports(&container.name);
        let named = |name: &str, number| tcp(name.to_owned(), number);
        vec![named(port::HTTP_NAME, http), named(port::GRPC_NAME, grpc)]
    });
    let served = here.contains(&&*container.name);
    let unit = predictor.unit(&container.name);
    let class = unit.filter(|unit| served && is_python(unit.implementation.as_deref()));
    Container {
        name: container.name.clone(),
        image: container.image.clone().filter(|_| !served),
        ports,
        env: class.and_then(|_| container.env.clone()),
        resources: class.and_then(|_| container.resources.clone()),
        ..Container::default()
    }
}

fn told_unit(predictor: &Predictor<'_>, unit: &PredictiveUnit, here: &[&str]) -> PredictiveUnit {
    let mut told = unit.clone();
    match here.contains(&&*unit.name) {
        true => {
            told.endpoint = None;
            let uri = told.model_uri.filter(|uri| !uri.is_empty());
            told.model_uri = match predictor.fetches_itself(unit) {
                true => uri,
                false => uri.map(|_| storage::folder(&unit.name)),
            };
        }
        false => {
            told.endpoint = told
                .endpoint
                .map(|endpoint| reached(predictor, unit, endpoint));
            if is_python(unit.implementation.as_deref()) {
                // It is its image that has the class.
                told.implementation = Some(UNKNOWN_IMPLEMENTATION.to_owned());
            }
        }
    }
    let children = unit.children.iter();
    told.children = children
        .map(|child| told_unit(predictor, child, here))
        .collect();
    told
}

/// Units in other pods are reached by their Service, whose name may be hashed.
fn reached(predictor: &Predictor<'_>, unit: &PredictiveUnit, endpoint: Endpoint) -> Endpoint {
    if predictor
        .pod_of(&unit.name)
        .is_none_or(|pod| predictor.engine_in(pod))
    {
        return endpoint;
    }
    let host = predictor.host(&predictor.container_service(&unit.name));
    Endpoint {
        service_host: Some(host),
        ..endpoint
    }
}

/// The ports of a unit on the orchestrator's container.
fn unit_ports(predictor: &Predictor<'_>, unit: &Container) -> [ContainerPort; 2] {
    let (http, grpc) = predictor.ports(&unit.name);
    [
        tcp(format!("http-{http}"), http),
        tcp(format!("grpc-{grpc}"), grpc),
    ]
}

/// Adds what the user wrote for containers that this one stands for.
fn take_in(container: &mut Container, taken: &[&Container], own: Option<&ResourceRequirements>) {
    for written in taken {
        for added in written.env.iter().flatten() {
            replace(container.env.get_or_insert_default(), added.clone());
        }
        let sources = written.env_from.clone().unwrap_or_default();
        container.env_from.get_or_insert_default().extend(sources);
        let mounts = written.volume_mounts.iter().flatten();
        add_mounts(container.volume_mounts.get_or_insert_default(), mounts);
        if let Some(context) = &written.security_context {
            container.security_context = Some(context.clone());
        }
    }
    container.env_from = container.env_from.take().filter(|all| !all.is_empty());
    let nothing = ResourceRequirements::default();
    let asked = taken
        .iter()
        .map(|found| found.resources.as_ref().unwrap_or(&nothing));
    let parts: Vec<&ResourceRequirements> = own.into_iter().chain(asked).collect();
    container.resources = Some(quantity::together(&parts)).filter(|all| *all != nothing);
}

/// The last at a place counts.
fn add_mounts<'a>(mounts: &mut Vec<VolumeMount>, added: impl Iterator<Item = &'a VolumeMount>) {
    for mount in added {
        mounts.retain(|found| found.mount_path != mount.mount_path);
        mounts.push(mount.clone());
    }
}

/// The last of a name counts.
fn replace(variables: &mut Vec<EnvVar>, written: EnvVar) {
    variables.retain(|variable| variable.name != written.name);
    variables.push(written);
}

/// `seldon.io/engine-some-thing: x` -> `SOME_THING=x`.
fn from_annotations(predictor: &Predictor<'_>) -> Vec<(String, String)> {
    let annotations = predictor.plan.resource.spec.annotations.iter();
    let meant = annotations.filter(|(key, _)| *key != annotation::SEPARATE_POD);
    let named = meant.filter_map(|(key, value)| {
        let name = key.strip_prefix(annotation::ENGINE_PREFIX)?;
        Some((name.replace('-', "_").to_uppercase(), value.clone()))
    });
    named.collect()
}

fn probe(scheme: &str, path: &str, port: i32, period: i32, failures: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::Int(port),
            scheme: Some(scheme.to_owned()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period),
        timeout_seconds: Some(5),
        success_threshold: Some(1),
        failure_threshold: Some(failures),
        ..Probe::default()
    }
}

fn podinfo() -> VolumeMount {
    VolumeMount {
        name: path::PODINFO_VOLUME.to_owned(),
        mount_path: path::PODINFO.to_owned(),
        ..VolumeMount::default()
    }
}
