//! The container of Hari's own image: the orchestrator with the servers it runs itself, or one
//! server alone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hari_api::k8s_openapi::api::core::v1::{
    Capabilities, Container, ContainerPort, EnvVar, HTTPGetAction, Probe, ResourceRequirements,
    SeccompProfile, SecurityContext, VolumeMount,
};
use hari_api::k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use hari_api::{Endpoint, PredictiveUnit, PredictorSpec};
use hari_plan::catalogue::{UNKNOWN_IMPLEMENTATION, is_python};
use hari_plan::contract::{annotation, env, path, port};

use crate::container::{set_if_absent, tcp, variable};
use crate::predictor::{ENGINE, Predictor};
use crate::{quantity, storage, tls};

/// How long requests are still taken once the pod is told to go, and how long those that are open
/// have then. Together they are less than the 20 seconds of a pod.
const SHUTDOWN_DELAY: &str = "5s";
const GRACEFUL_TIMEOUT: &str = "12s";

/// The orchestrator, with the containers that it takes in.
pub(crate) fn orchestrator(predictor: &Predictor<'_>, fused: &[&Container]) -> Container {
    let settings = predictor.settings;
    let names: Vec<&str> = fused.iter().map(|container| &*container.name).collect();
    let spec = told(predictor, &names);
    let ports = (settings.http_port, settings.grpc_port);
    let mut container = hari(predictor, ENGINE, &spec, ports, tls::scheme(predictor));
    let metrics = settings.metrics_port_name.clone();
    let arguments = container.args.get_or_insert_default();
    arguments.extend([
        "--server_type".to_owned(),
        predictor.plan.server_type.to_string(),
    ]);
    let ports = container.ports.get_or_insert_default();
    ports.push(tcp(metrics, settings.http_port));
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
    let ports = predictor.ports(&written.name);
    let mut container = hari(predictor, &written.name, &spec, ports, scheme);
    let arguments = container.args.get_or_insert_default();
    arguments.push("--node_ports=false".to_owned());
    let metrics = predictor.settings.metrics_port_name.clone();
    container
        .ports
        .get_or_insert_default()
        .push(tcp(metrics, ports.0));
    take_in(&mut container, &[written], None);
    container
}

/// `hari engine` with a graph.
fn hari(
    predictor: &Predictor<'_>,
    name: &str,
    spec: &PredictorSpec,
    (http, grpc): (i32, i32),
    scheme: &str,
) -> Container {
    let settings = predictor.settings;
    let encoded = STANDARD.encode(serde_json::to_vec(spec).unwrap_or_default());
    let logger = settings.logger_endpoint.clone();
    let variables = vec![
        variable(env::ENGINE_PREDICTOR, encoded),
        variable(env::REQUEST_LOGGER_DEFAULT_ENDPOINT, logger),
    ];
    Container {
        name: name.to_owned(),
        image: Some(settings.image.clone()),
        image_pull_policy: Some(settings.image_pull_policy.clone()),
        args: Some(arguments(predictor, http, grpc)),
        env: Some(variables),
        ports: Some(vec![
            tcp(port::HTTP_NAME.to_owned(), http),
            tcp(port::GRPC_NAME.to_owned(), grpc),
        ]),
        startup_probe: Some(probe(scheme, path::LIVE, http, 1, 600)),
        readiness_probe: Some(probe(scheme, path::READY, http, 1, 3)),
        liveness_probe: Some(probe(scheme, path::LIVE, http, 5, 3)),
        security_context: Some(confined(settings.engine_user)),
        volume_mounts: Some(vec![podinfo()]),
        termination_message_path: Some(path::TERMINATION_LOG.to_owned()),
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        ..Container::default()
    }
}

fn arguments(predictor: &Predictor<'_>, http: i32, grpc: i32) -> Vec<String> {
    let (plan, settings) = (predictor.plan, predictor.settings);
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
        ("--prometheus_path", settings.prometheus_path.clone()),
        ("--log_work_buffer_size", queue.to_string()),
        ("--log_write_timeout_ms", timeout.to_string()),
        ("--shutdown_delay", SHUTDOWN_DELAY.to_owned()),
        ("--graceful_timeout", GRACEFUL_TIMEOUT.to_owned()),
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
    for pod in &mut spec.component_specs {
        pod.hpa_spec = None;
        pod.keda_spec = None;
        pod.pdb_spec = None;
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
/// and stay where they are.
fn bare(predictor: &Predictor<'_>, container: &Container, here: &[&str]) -> Container {
    let ports = predictor.unit(&container.name).map(|_| {
        let (http, grpc) = predictor.ports(&container.name);
        let named = |name: &str, number| tcp(name.to_owned(), number);
        vec![named(port::HTTP_NAME, http), named(port::GRPC_NAME, grpc)]
    });
    let served = here.contains(&&*container.name);
    Container {
        name: container.name.clone(),
        image: container.image.clone().filter(|_| !served),
        ports,
        ..Container::default()
    }
}

fn told_unit(predictor: &Predictor<'_>, unit: &PredictiveUnit, here: &[&str]) -> PredictiveUnit {
    let mut told = unit.clone();
    match here.contains(&&*unit.name) {
        true => {
            told.endpoint = None;
            let uri = told.model_uri.filter(|uri| !uri.is_empty());
            told.model_uri = uri.map(|_| storage::folder(&unit.name));
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

fn add_mounts<'a>(mounts: &mut Vec<VolumeMount>, added: impl Iterator<Item = &'a VolumeMount>) {
    for mount in added {
        if mounts
            .iter()
            .all(|found| found.mount_path != mount.mount_path)
        {
            mounts.push(mount.clone());
        }
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

/// Nothing that a server of models needs.
pub(crate) fn confined(user: Option<i64>) -> SecurityContext {
    SecurityContext {
        run_as_user: user,
        run_as_non_root: user.map(|user| user != 0),
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities {
            drop: Some(vec!["ALL".to_owned()]),
            add: None,
        }),
        seccomp_profile: Some(SeccompProfile {
            type_: "RuntimeDefault".to_owned(),
            localhost_profile: None,
        }),
        ..SecurityContext::default()
    }
}

fn podinfo() -> VolumeMount {
    VolumeMount {
        name: path::PODINFO_VOLUME.to_owned(),
        mount_path: path::PODINFO.to_owned(),
        ..VolumeMount::default()
    }
}
