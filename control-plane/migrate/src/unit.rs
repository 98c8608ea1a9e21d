//! What a unit of a graph has in it that differs.

use hari_api::PredictiveUnit;
use hari_api::path::field;
use hari_plan::bound::{Builtin, ParameterValue};
use hari_plan::catalogue::{self, ServerSpec};
use hari_plan::{Component, Container, NodePlan, PredictorPlan, Server};

use crate::deployment::Subject;
use crate::difference::{
    CLAIM, Difference, HUB, IMAGE_KEPT, INSTALLED_IMAGE, LOGGED_ONCE, MEANT, MLFLOW_ENVIRONMENT,
    NAMED_REMOTE, PICKLE, REMOTE, SERVED_HERE, SOURCE, TASK, TENSORFLOW_ENDPOINT, TRITON_BACKENDS,
    TRITON_POLL,
};
use crate::report::Note;

/// Tasks of `HUGGINGFACE_SERVER` that this build has.
const TASKS: [&str; 10] = [
    "text-classification",
    "sentiment-analysis",
    "token-classification",
    "ner",
    "question-answering",
    "fill-mask",
    "zero-shot-classification",
    "feature-extraction",
    "sentence-embeddings",
    "sentence-similarity",
];

/// Schemes that `hari fetch` knows, and the names that rclone has for the same.
const SCHEMES: [&str; 15] = [
    "s3",
    "s3a",
    "gs",
    "gcs",
    "azure",
    "az",
    "azureblob",
    "abfs",
    "abfss",
    "wasb",
    "wasbs",
    "http",
    "https",
    "oci",
    "file",
];
/// Schemes of stores that it does not.
const UNKNOWN: [&str; 6] = ["hdfs", "webhdfs", "ftp", "sftp", "hf", "dbfs"];

/// The part of the unit as it was written.
fn written<'a>(
    subject: &Subject<'a>,
    planned: &PredictorPlan,
    node: &NodePlan,
) -> Option<&'a PredictiveUnit> {
    let predictors = subject.written.spec.predictors.iter();
    let mut own = predictors.filter(|predictor| predictor.name == planned.name);
    own.next()?.graph.walk().find(|unit| unit.name == node.name)
}

/// Everything of the unit that differs.
pub(crate) fn notes(
    subject: &Subject<'_>,
    planned: &PredictorPlan,
    node: &NodePlan,
    notes: &mut Vec<Note>,
) {
    match &node.component {
        Component::Builtin(builtin) => notes.extend(meant(node, builtin)),
        Component::Server(server) => of_server(subject, node, server, notes),
        Component::Container(_) | Component::Elsewhere => {}
    }
    if node.logger.is_some() {
        let path = field(&node.path, "logger");
        notes.push(Note::of(&SOURCE, &*path));
        if !node.children.is_empty() {
            notes.push(Note::of(&LOGGED_ONCE, path));
        }
    }
    let Some(unit) = written(subject, planned, node) else {
        return;
    };
    let uri = unit.model_uri.as_deref().filter(|uri| !uri.is_empty());
    let fetched_by_us =
        unit.storage_initializer_image.is_none() && subject.settings.storage.image.is_none();
    if let Some(uri) = uri.filter(|_| fetched_by_us) {
        let row = store(uri);
        let path = field(&node.path, "modelUri");
        notes.extend(row.map(|row| Note::of(row, path).found(uri)));
    }
}

/// Built-in units that do something at last.
fn meant(node: &NodePlan, builtin: &Builtin) -> Option<Note> {
    let name = catalogue::name_of(builtin)?;
    let idle = ["SIMPLE_MODEL", "SIMPLE_ROUTER", "AVERAGE_COMBINER"].contains(&name);
    idle.then(|| Note::of(&MEANT, field(&node.path, "implementation")).found(name))
}

fn of_server(subject: &Subject<'_>, node: &NodePlan, server: &Server, notes: &mut Vec<Note>) {
    let name = &*server.implementation;
    let path = field(&node.path, "implementation");
    let spec = catalogue::server(name);
    let usual = subject.servers.image(name, subject.plan.protocol);
    let pinned = server.overlay.as_ref().and_then(image);
    match (pinned, spec.is_some_and(ServerSpec::is_here)) {
        (Some((image, path)), _) => notes.push(Note::of(&IMAGE_KEPT, path).found(image)),
        (None, true) if server.python.is_none() => {
            let instead = usual.unwrap_or_else(|| name.to_owned());
            notes.push(Note::of(&SERVED_HERE, &*path).found(instead));
            of_runtime(node, name, notes);
        }
        (None, true) => {}
        (None, false) => {
            let image = usual.map(|image| Note::of(&INSTALLED_IMAGE, path).found(image));
            notes.extend(image);
        }
    }
}

/// An image that the user names, and where.
fn image(container: &Container) -> Option<(&str, String)> {
    let named = !container.image.is_empty();
    named.then(|| (&*container.image, field(&container.path, "image")))
}

/// What differs because this build's own runtime serves the model.
fn of_runtime(node: &NodePlan, implementation: &str, notes: &mut Vec<Note>) {
    let parameters = field(&node.path, "parameters");
    let text = |name: &str| match node.parameters.get(name) {
        Some(ParameterValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let model = || Note::of(row_of_models(implementation), field(&node.path, "modelUri"));
    match implementation {
        "TENSORFLOW_SERVER" => {
            let named = ["rest_endpoint", "grpc_endpoint"];
            let found = named
                .into_iter()
                .find(|name| node.parameters.contains_key(*name));
            notes.extend(found.map(|name| Note::of(&TENSORFLOW_ENDPOINT, parameters).found(name)));
        }
        "SKLEARN_SERVER" | "MLFLOW_SERVER" => notes.push(model()),
        "TRITON_SERVER" => {
            notes.push(model());
            if text("model_control_mode") == Some("poll") {
                notes.push(Note::of(&TRITON_POLL, parameters));
            }
        }
        "HUGGINGFACE_SERVER" => {
            if server_uri(node).is_empty() {
                let found = text("pretrained_model").unwrap_or("no model").to_owned();
                notes.push(Note::of(&HUB, &*node.path).found(found));
            }
            let task = text("task").filter(|task| !TASKS.contains(task));
            notes.extend(task.map(|task| Note::of(&TASK, parameters).found(task)));
        }
        _ => {}
    }
}

/// What depends on the model itself.
fn row_of_models(implementation: &str) -> &'static Difference {
    match implementation {
        "MLFLOW_SERVER" => &MLFLOW_ENVIRONMENT,
        "TRITON_SERVER" => &TRITON_BACKENDS,
        _ => &PICKLE,
    }
}

fn server_uri(node: &NodePlan) -> &str {
    match &node.component {
        Component::Server(server) => &server.model_uri,
        _ => "",
    }
}

/// What differs with the store of a model.
fn store(uri: &str) -> Option<&'static Difference> {
    let (scheme, _) = uri.split_once(':')?;
    let scheme = scheme.to_ascii_lowercase();
    match &*scheme {
        "pvc" => Some(&CLAIM),
        known if SCHEMES.contains(&known) => None,
        unknown if UNKNOWN.contains(&unknown) => Some(&REMOTE),
        _ => Some(&NAMED_REMOTE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_by_what_fetches_them() {
        let name = |uri| store(uri).map(|row| row.name);
        for known in [
            "gs://b/p",
            "s3:b/p",
            "https://h/m.zip",
            "/mnt/m",
            "oci://r/m:1",
            "model",
        ] {
            assert_eq!(name(known), None, "{known}");
        }
        assert_eq!(name("pvc://claim/p"), Some("claim"));
        assert_eq!(name("minio:b/p"), Some("named-remote"));
        assert_eq!(name("HDFS://h/p"), Some("remote"));
    }
}
