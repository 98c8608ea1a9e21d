//! What a deployment as a whole, and each of its predictors, has in it that differs.

use hari_api::path::field;
use hari_api::{PredictorSpec, SeldonDeployment, ServerType};
use hari_plan::contract::annotation::{ENGINE_PREFIX, GRPC_TIMEOUT, REST_TIMEOUT, SEPARATE_POD};
use hari_plan::{Installation, Plan, PredictorPlan};
use hari_render::Settings;

use crate::difference::{
    EXPLAINER, EXPLAINER_SELECTOR, FULL_GRAPH, JAEGER, QUEUE_TIMEOUT, REGEX_HEADER, ROUTING,
    SEPARATE, TIMEOUT_OF_ALL, TIMEOUTS_HOLD, TLS_KEY, TOPICS, ZERO,
};
use crate::report::Note;
use crate::{pod, unit};

/// A deployment as it was planned and as it was written, and the installation that serves it.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) written: &'a SeldonDeployment,
    pub(crate) settings: &'a Settings,
    pub(crate) servers: &'a Installation,
}

/// Everything in it that differs.
pub(crate) fn notes(subject: &Subject<'_>) -> Vec<Note> {
    let mut notes = Vec::new();
    of_annotations(subject, &mut notes);
    of_replicas(subject, &mut notes);
    if subject.plan.server_type == ServerType::Kafka {
        notes.push(Note::of(&TOPICS, "spec.serverType"));
    }
    let written = &subject.written.spec.predictors;
    for (planned, written) in subject.plan.predictors.iter().zip(written) {
        of_predictor(planned, written, &mut notes);
        of_variables(subject, planned, written, &mut notes);
        for node in planned.graph.walk() {
            unit::notes(subject, planned, node, &mut notes);
        }
        pod::notes(subject, planned, written, &mut notes);
    }
    notes
}

fn of_annotations(subject: &Subject<'_>, notes: &mut Vec<Note>) {
    let all = &subject.plan.annotations;
    let place = |key: &str| {
        let in_spec = subject.written.spec.annotations.contains_key(key);
        let parent = if in_spec { "spec" } else { "metadata" };
        field(&field(parent, "annotations"), key)
    };
    let rows = [
        ("seldon.io/ambassador-regex-header", &REGEX_HEADER),
        ("seldon.io/executor-logger-write-timeout-ms", &QUEUE_TIMEOUT),
    ];
    for (key, row) in rows {
        if let Some(value) = all.get(key) {
            notes.push(Note::of(row, place(key)).found(value));
        }
    }
    let separate = subject.written.spec.annotations.get(SEPARATE_POD);
    if separate.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        notes.push(Note::of(&SEPARATE, place(SEPARATE_POD)));
    }
    let timeout = [REST_TIMEOUT, GRPC_TIMEOUT]
        .into_iter()
        .find(|key| all.contains_key(*key));
    let Some(timeout) = timeout else { return };
    if all.values().any(|value| value.contains('=')) {
        notes.push(Note::of(&TIMEOUTS_HOLD, place(timeout)));
    }
    let several = |predictor: &PredictorPlan| predictor.graph.walk().count() > 1;
    if subject.plan.predictors.iter().any(several) {
        let value = all.get(timeout).map(String::as_str).unwrap_or_default();
        notes.push(Note::of(&TIMEOUT_OF_ALL, place(timeout)).found(format!("{value} ms")));
    }
}

fn of_replicas(subject: &Subject<'_>, notes: &mut Vec<Note>) {
    let spec = &subject.written.spec;
    let mut zero = |number: Option<i32>, path: String| {
        if number == Some(0) {
            notes.push(Note::of(&ZERO, path));
        }
    };
    zero(spec.replicas, "spec.replicas".to_owned());
    for (planned, written) in subject.plan.predictors.iter().zip(&spec.predictors) {
        zero(written.replicas, field(&planned.path, "replicas"));
        for (index, pod) in written.component_specs.iter().enumerate() {
            let path = hari_api::path::item(&field(&planned.path, "componentSpecs"), index);
            zero(pod.replicas, field(&path, "replicas"));
        }
    }
}

fn of_predictor(planned: &PredictorPlan, written: &PredictorSpec, notes: &mut Vec<Note>) {
    let explainer = written.explainer.as_ref();
    let kind = explainer.and_then(|explainer| explainer.type_.as_deref());
    if let Some(kind) = kind.filter(|kind| !kind.is_empty()) {
        let path = field(&planned.path, "explainer");
        notes.push(Note::of(&EXPLAINER, &*path).found(kind));
        notes.push(Note::of(&EXPLAINER_SELECTOR, path));
    }
    if let Some(router) = planned.graph.walk().find(|node| node.calls.route) {
        notes.push(Note::of(&ROUTING, &*router.path).found(&router.name));
    }
}

/// Variables of the orchestrator, from its spec and from annotations.
fn of_variables(
    subject: &Subject<'_>,
    planned: &PredictorPlan,
    written: &PredictorSpec,
    notes: &mut Vec<Note>,
) {
    let base = field(&field(&planned.path, "svcOrchSpec"), "env");
    let own = written.svc_orch_spec.iter().flat_map(|spec| &spec.env);
    let own = own.enumerate().map(|(index, variable)| {
        let value = variable.value.clone().unwrap_or_default();
        (
            hari_api::path::item(&base, index),
            variable.name.clone(),
            value,
        )
    });
    let annotations = subject.written.spec.annotations.iter();
    let annotated = annotations.filter_map(|(key, value)| {
        let name = key.strip_prefix(ENGINE_PREFIX)?;
        let name = name.replace('-', "_").to_uppercase();
        Some((field("spec.annotations", key), name, value.clone()))
    });
    let variables: Vec<(String, String, String)> = own.chain(annotated).collect();
    let named = |wanted: &str| variables.iter().any(|(_, name, _)| name == wanted);
    let endpoint = named("OTEL_EXPORTER_OTLP_ENDPOINT");
    let key = named("SELDON_CERT_KEY_FILE_NAME");
    let jaeger = variables.iter().find(|(_, name, value)| {
        name.starts_with("JAEGER_") && !(name == "JAEGER_DISABLED" && value == "true")
    });
    if let Some((path, name, _)) = jaeger.filter(|_| !endpoint) {
        notes.push(Note::of(&JAEGER, path).found(name));
    }
    for (path, name, value) in &variables {
        match name.as_str() {
            "KAFKA_FULL_GRAPH" if value.eq_ignore_ascii_case("true") => {
                notes.push(Note::of(&FULL_GRAPH, path));
            }
            "SELDON_CERT_FILE_NAME" if !key => {
                notes.push(Note::of(&TLS_KEY, path).found(value));
            }
            _ => {}
        }
    }
}
