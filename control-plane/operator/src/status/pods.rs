//! What keeps pods from being ready, in words.

use std::sync::Arc;

use hari_api::k8s_openapi::api::core::v1::{
    ContainerState, ContainerStateTerminated, ContainerStatus, Pod, PodStatus,
};

/// Most characters of what a container said last.
const LAST_WORDS: usize = 400;

/// How much a trouble says: of several, the one that says most is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    Waits,
    Unready,
    Unscheduled,
    Fails,
}

/// Why pods of a Deployment are not ready: the trouble that says most, of the pod that is named first.
pub(super) fn trouble(pods: &[Arc<Pod>]) -> Option<String> {
    let mut pods: Vec<&Arc<Pod>> = pods.iter().filter(|pod| is_told(pod)).collect();
    pods.sort_by_key(|pod| pod.metadata.name.clone());
    let mut most: Option<(Weight, String)> = None;
    for pod in pods {
        let Some((weight, said)) = pod.status.as_ref().and_then(of_pod) else {
            continue;
        };
        if most.as_ref().is_none_or(|(found, _)| weight > *found) {
            let name = pod.metadata.name.as_deref().unwrap_or_default();
            most = Some((weight, format!("pod {name}: {said}")));
        }
    }
    most.map(|(_, said)| said)
}

/// Pods on their way out say nothing about those that are asked for.
fn is_told(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_none() && !is_true(pod, "Ready")
}

fn is_true(pod: &Pod, type_: &str) -> bool {
    let conditions = pod
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    conditions
        .into_iter()
        .any(|condition| condition.type_ == type_ && condition.status == "True")
}

fn of_pod(status: &PodStatus) -> Option<(Weight, String)> {
    let conditions = status.conditions.iter().flatten();
    let mut unscheduled =
        conditions.filter(|one| one.type_ == "PodScheduled" && one.status == "False");
    if let Some(condition) = unscheduled.next() {
        let why = condition
            .message
            .as_deref()
            .unwrap_or("no node was chosen yet");
        return Some((Weight::Unscheduled, format!("it has no node: {why}")));
    }
    let of = |statuses: &Option<Vec<ContainerStatus>>, is_init: bool| {
        let found = statuses
            .iter()
            .flatten()
            .filter_map(|one| of_container(one, is_init));
        found.max_by_key(|(weight, _)| *weight)
    };
    let first = of(&status.init_container_statuses, true);
    // While an init container runs, the others wait for it.
    first.or_else(|| of(&status.container_statuses, false))
}

fn of_container(status: &ContainerStatus, is_init: bool) -> Option<(Weight, String)> {
    let state = status.state.clone().unwrap_or_default();
    let name = &status.name;
    let what = if is_init {
        "init container"
    } else {
        "container"
    };
    if let Some(said) = ended(&state, status, is_init) {
        return Some((Weight::Fails, format!("{what} {name} {said}")));
    }
    if let Some(waiting) = state.waiting {
        let reason = waiting.reason.unwrap_or_default();
        let message = waiting.message.unwrap_or_default();
        return Some(match &*reason {
            "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull" => {
                let said = format!(
                    "image {} of {what} {name} cannot be pulled: {message}",
                    status.image
                );
                (Weight::Fails, said)
            }
            "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => (
                Weight::Fails,
                format!("{what} {name} cannot be started: {message}"),
            ),
            _ => (Weight::Waits, format!("{what} {name} waits to be started")),
        });
    }
    if state.running.is_some() && is_init && status.ready {
        return None;
    }
    let running = state.running.is_some() && !status.ready;
    running.then(|| {
        let said = match is_init {
            true => "is at work",
            false => "runs, and its readiness probe does not succeed yet",
        };
        (Weight::Unready, format!("{what} {name} {said}"))
    })
}

/// How a container ended that should not have, now or before it was started again.
fn ended(state: &ContainerState, status: &ContainerStatus, is_init: bool) -> Option<String> {
    let now = state.terminated.as_ref();
    if is_init && now.is_some_and(|end| end.exit_code == 0) {
        return None;
    }
    let last = status
        .last_state
        .as_ref()
        .and_then(|state| state.terminated.as_ref());
    let end = now.or(last).filter(|_| !status.ready)?;
    if end.exit_code == 0 && now.is_none() && state.running.is_some() {
        return None;
    }
    Some(told(end, status.restart_count))
}

fn told(end: &ContainerStateTerminated, restarts: i32) -> String {
    let mut said = match end.reason.as_deref() {
        Some("OOMKilled") => "needed more memory than its limit".to_owned(),
        _ => format!("ended with exit code {}", end.exit_code),
    };
    if restarts > 0 {
        said.push_str(&format!(" (started again {restarts} times)"));
    }
    let words = end.message.as_deref().unwrap_or_default().trim();
    if !words.is_empty() {
        let from = words
            .char_indices()
            .rev()
            .nth(LAST_WORDS - 1)
            .map_or(0, |(at, _)| at);
        said.push_str(": ");
        said.push_str(words.get(from..).unwrap_or_default());
    }
    said
}
