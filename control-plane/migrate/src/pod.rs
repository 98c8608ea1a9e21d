//! What the pods of a predictor have in them that differs.

use hari_api::k8s_openapi::api::core::v1::Container;
use hari_api::path::{field, item};
use hari_api::{PredictorSpec, SeldonPodSpec};
use hari_plan::catalogue::{self, ServerSpec};
use hari_plan::{Component, PredictorPlan};

use crate::deployment::Subject;
use crate::difference::{BUDGET, ENVIRONMENT, FIELDS, KEDA_OFF, RESOURCES};
use crate::report::Note;

/// Variables with which a user of the original loses all that were set before.
const WIPING: [&str; 9] = [
    "PREDICTIVE_UNIT_SERVICE_PORT",
    "PREDICTIVE_UNIT_HTTP_SERVICE_PORT",
    "PREDICTIVE_UNIT_GRPC_SERVICE_PORT",
    "PREDICTIVE_UNIT_PARAMETERS",
    "MLSERVER_HTTP_PORT",
    "MLSERVER_GRPC_PORT",
    "MLSERVER_MODEL_URI",
    "MLSERVER_MODEL_NAME",
    "MLSERVER_METRICS_PORT",
];

/// Everything of the pods that differs.
pub(crate) fn notes(
    subject: &Subject<'_>,
    planned: &PredictorPlan,
    written: &PredictorSpec,
    notes: &mut Vec<Note>,
) {
    let all = field(&planned.path, "componentSpecs");
    for (index, pod) in written.component_specs.iter().enumerate() {
        let path = item(&all, index);
        if pod.pdb_spec.is_some() {
            notes.push(Note::of(&BUDGET, field(&path, "pdbSpec")));
        }
        if pod.keda_spec.is_some() && !subject.settings.keda {
            notes.push(Note::of(&KEDA_OFF, field(&path, "kedaSpec")));
        }
        of_containers(planned, pod, &path, notes);
    }
}

fn of_containers(planned: &PredictorPlan, pod: &SeldonPodSpec, path: &str, notes: &mut Vec<Note>) {
    let containers = field(&field(path, "spec"), "containers");
    for (index, container) in pod.containers().iter().enumerate() {
        let path = item(&containers, index);
        if is_taken_in(planned, &container.name) {
            let idle = idle(container);
            if !idle.is_empty() {
                notes.push(Note::of(&FIELDS, &*path).found(idle.join(", ")));
            }
            if container.resources.is_some() {
                notes.push(Note::of(&RESOURCES, field(&path, "resources")));
            }
            continue;
        }
        let variables = container.env.iter().flatten();
        let wiping = variables
            .map(|variable| variable.name.as_str())
            .find(|name| WIPING.contains(name));
        notes.extend(wiping.map(|name| Note::of(&ENVIRONMENT, field(&path, "env")).found(name)));
    }
}

/// Whether the container is part of the orchestrator's: a server of this build, without an image.
fn is_taken_in(planned: &PredictorPlan, container: &str) -> bool {
    let node = planned.graph.walk().find(|node| node.name == container);
    let Some(Component::Server(server)) = node.map(|node| &node.component) else {
        return false;
    };
    let pinned = server.overlay.as_ref();
    let pinned = pinned.is_some_and(|overlay| !overlay.image.is_empty());
    let here = catalogue::server(&server.implementation).is_some_and(ServerSpec::is_here);
    here && !pinned && server.python.is_none()
}

/// What is written and has no effect there.
fn idle(container: &Container) -> Vec<&'static str> {
    let rows = [
        ("command", container.command.is_some()),
        ("args", container.args.is_some()),
        ("startupProbe", container.startup_probe.is_some()),
        ("readinessProbe", container.readiness_probe.is_some()),
        ("livenessProbe", container.liveness_probe.is_some()),
        ("lifecycle", container.lifecycle.is_some()),
        ("workingDir", container.working_dir.is_some()),
    ];
    let written = rows.into_iter().filter(|(_, written)| *written);
    written.map(|(name, _)| name).collect()
}
