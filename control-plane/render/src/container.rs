//! The container of a unit that has an image of its own: what the unit is told, and how it is asked
//! whether it is well.

use hari_api::k8s_openapi::api::core::v1::{
    Container, ContainerPort, EnvVar, ExecAction, LifecycleHandler, Probe, SleepAction,
    TCPSocketAction,
};
use hari_api::k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use hari_api::{PredictiveUnit, Transport};
use hari_plan::contract::{env, path, port};

use crate::predictor::Predictor;
use crate::prepackaged;
use crate::security::LAST_WORDS;
use crate::surroundings::Surroundings;

/// A unit's container, completed.
pub(crate) fn own(predictor: &Predictor<'_>, written: &Container) -> Container {
    let mut container = written.clone();
    let Some(unit) = predictor.unit(&container.name) else {
        return container;
    };
    let (http, grpc) = predictor.ports(&container.name);
    add_port(&mut container, port::HTTP_NAME, http);
    add_port(&mut container, port::GRPC_NAME, grpc);
    prepackaged::tell(predictor, unit, &mut container);
    watch(&mut container, &listens(service_port(predictor, unit)));
    linger(&mut container, predictor.surroundings);
    speak(&mut container);
    let variables = variables(predictor, unit, &container);
    let written = container.env.get_or_insert_default();
    for (name, value) in variables {
        set_if_absent(written, name, value);
    }
    container
}

/// Adds a variable that the user did not write.
pub(crate) fn set_if_absent(variables: &mut Vec<EnvVar>, name: &str, value: String) {
    if variables.iter().all(|variable| variable.name != name) {
        variables.push(variable(name, value));
    }
}

pub(crate) fn variable(name: &str, value: String) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value: Some(value),
        value_from: None,
    }
}

/// A port over TCP.
pub(crate) fn tcp(name: String, number: i32) -> ContainerPort {
    ContainerPort {
        name: Some(name),
        container_port: number,
        protocol: Some("TCP".to_owned()),
        ..ContainerPort::default()
    }
}

pub(crate) fn add_port(container: &mut Container, name: &str, number: i32) {
    let ports = container.ports.get_or_insert_default();
    if ports.iter().all(|port| port.name.as_deref() != Some(name)) {
        ports.push(tcp(name.to_owned(), number));
    }
}

/// The port for the transport in use.
fn service_port(predictor: &Predictor<'_>, unit: &PredictiveUnit) -> i32 {
    let (http, grpc) = predictor.ports(&unit.name);
    let node = predictor.node(&unit.name);
    match node.is_some_and(|node| node.transport == Transport::Grpc) {
        true => grpc,
        false => http,
    }
}

/// Whether anyone listens.
pub(crate) fn listens(port: i32) -> Probe {
    Probe {
        tcp_socket: Some(TCPSocketAction {
            port: IntOrString::Int(port),
            host: None,
        }),
        ..Probe::default()
    }
}

/// Asks a container as `probe` does, where the user says nothing: each second until it has started,
/// for ten minutes at most, and less often then. One whose liveness the user asks for starts when
/// the user says.
pub(crate) fn watch(container: &mut Container, probe: &Probe) {
    let each = |period: i32, failures: i32| Probe {
        period_seconds: Some(period),
        timeout_seconds: Some(1),
        success_threshold: Some(1),
        failure_threshold: Some(failures),
        ..probe.clone()
    };
    if container.liveness_probe.is_none() {
        container.startup_probe.get_or_insert_with(|| each(1, 600));
    }
    container.readiness_probe.get_or_insert_with(|| each(2, 3));
    container.liveness_probe.get_or_insert_with(|| each(5, 3));
}

/// The end of the log is the reason of a failure where the container wrote none.
fn speak(container: &mut Container) {
    let policy = &mut container.termination_message_policy;
    if policy.as_deref().is_none_or(|policy| policy == "File") {
        *policy = Some(LAST_WORDS.to_owned());
    }
}

/// Requests arrive for a while after a pod was told to go. Where the node can wait, the image needs no
/// shell.
pub(crate) fn linger(container: &mut Container, surroundings: &Surroundings) {
    let by_shell = || ExecAction {
        command: Some(
            ["/bin/sh", "-c", "/bin/sleep 10"]
                .map(str::to_owned)
                .to_vec(),
        ),
    };
    let wait = || LifecycleHandler {
        exec: surroundings.older_nodes.then(by_shell),
        sleep: (!surroundings.older_nodes).then_some(SleepAction { seconds: 10 }),
        ..LifecycleHandler::default()
    };
    let lifecycle = container.lifecycle.get_or_insert_default();
    lifecycle.pre_stop.get_or_insert_with(wait);
}

/// What a unit is told.
fn variables(
    predictor: &Predictor<'_>,
    unit: &PredictiveUnit,
    container: &Container,
) -> Vec<(&'static str, String)> {
    let (http, grpc) = predictor.ports(&unit.name);
    let metrics = metrics_port(predictor, container);
    let prometheus = &predictor.settings.prometheus_path;
    let labels = serde_json::to_string(&predictor.planned.labels).unwrap_or_default();
    let image = container.image.clone().unwrap_or_default();
    let mut all = vec![
        (
            env::UNIT_SERVICE_PORT,
            service_port(predictor, unit).to_string(),
        ),
        (env::UNIT_HTTP_PORT, http.to_string()),
        ("MLSERVER_HTTP_PORT", http.to_string()),
        (env::UNIT_GRPC_PORT, grpc.to_string()),
        ("MLSERVER_GRPC_PORT", grpc.to_string()),
        (env::UNIT_ID, unit.name.clone()),
        ("MLSERVER_MODEL_NAME", unit.name.clone()),
        (env::UNIT_IMAGE, image),
        (env::PREDICTOR_ID, predictor.planned.name.clone()),
        (env::PREDICTOR_LABELS, labels),
        (env::DEPLOYMENT_ID, predictor.plan.name.clone()),
        (env::EXECUTOR_ENABLED, "true".to_owned()),
        (env::UNIT_METRICS_PORT, metrics.to_string()),
        ("MLSERVER_METRICS_PORT", metrics.to_string()),
        (env::UNIT_METRICS_ENDPOINT, prometheus.clone()),
        ("MLSERVER_METRICS_ENDPOINT", prometheus.clone()),
    ];
    all.extend(of_model(predictor, unit));
    all
}

/// Parameters, and where the model is.
fn of_model(predictor: &Predictor<'_>, unit: &PredictiveUnit) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    let parameters = prepackaged::parameters(predictor, unit);
    if !parameters.is_empty() {
        let parameters = serde_json::to_string(&parameters).unwrap_or_default();
        all.push((env::UNIT_PARAMETERS, parameters));
    }
    if has_model(unit) {
        all.push(("MLSERVER_MODEL_URI", path::MODELS.to_owned()));
    }
    all
}

pub(crate) fn has_model(unit: &PredictiveUnit) -> bool {
    unit.model_uri.as_deref().is_some_and(|uri| !uri.is_empty())
}

fn metrics_port(predictor: &Predictor<'_>, container: &Container) -> i32 {
    let ports = container.ports.as_deref().unwrap_or_default();
    let named = |found: &&ContainerPort| {
        found.name.as_deref() == Some(predictor.settings.metrics_port_name.as_str())
    };
    let found = ports.iter().find(named);
    found.map_or(port::UNIT_METRICS, |port| port.container_port)
}
