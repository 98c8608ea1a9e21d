//! Plan -> bound plan: each node gets a place to run.

use std::collections::BTreeMap;
use std::time::Duration;

use hari_api::Issue;
use hari_api::path::field;

use crate::bound::{
    Batching, BoundDeployment, BoundNode, BoundPredictor, Builtin, Endpoint, ModelSource,
    ParameterValue, Placement, Remote,
};
use crate::catalogue::parameter::{BATCH_WINDOW, DEFAULT_BATCH_WINDOW, MAX_BATCH_SIZE};
use crate::catalogue::{ServerSpec, in_this_build, server};
use crate::plan::{Component, Container, NodePlan, Plan, PredictorPlan, Server};
use crate::rule;

/// Where nodes may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlacementPolicy {
    /// Everything in this process: a laptop.
    ThisProcess,
    /// The orchestrator of a pod: a unit that listens somewhere is called there, everything else
    /// that this build can serve runs in this process.
    Pod,
}

impl PlacementPolicy {
    fn place(self, node: &NodePlan) -> Result<Placement, Box<Issue>> {
        match self {
            Self::ThisProcess => placement(node),
            Self::Pod => in_pod(node),
        }
    }
}

/// Gives each node of a plan a place to run.
///
/// # Errors
/// Every node that cannot run under the policy, each with its place and a hint: container images
/// (`cannot-run-image`), and servers whose runtime is not part of this build
/// (`not-in-this-build`).
pub fn bind(plan: &Plan, policy: &PlacementPolicy) -> Result<BoundDeployment, Vec<Issue>> {
    let mut issues = Vec::new();
    let predictors = plan.predictors.iter();
    let predictors = predictors
        .map(|predictor| bind_predictor(predictor, *policy, &mut issues))
        .collect();
    if !issues.is_empty() {
        return Err(issues.into_iter().map(|issue| plan.locate(issue)).collect());
    }
    Ok(BoundDeployment {
        namespace: plan.namespace.clone(),
        name: plan.name.clone(),
        protocol: plan.protocol,
        transport: plan.transport,
        predictors,
    })
}

fn bind_predictor(
    predictor: &PredictorPlan,
    policy: PlacementPolicy,
    issues: &mut Vec<Issue>,
) -> BoundPredictor {
    BoundPredictor {
        name: predictor.name.clone(),
        traffic: predictor.traffic,
        shadow: predictor.shadow,
        labels: predictor.labels.clone(),
        annotations: predictor.annotations.clone(),
        rest_timeout: predictor.rest_timeout,
        grpc_timeout: predictor.grpc_timeout,
        kafka: predictor.kafka.clone().filter(|_| !predictor.shadow),
        graph: bind_node(&predictor.graph, policy, issues),
    }
}

/// A node that cannot be bound leaves an issue, and a placeholder that no one gets to see.
fn bind_node(node: &NodePlan, policy: PlacementPolicy, issues: &mut Vec<Issue>) -> BoundNode {
    let placement = policy.place(node).unwrap_or_else(|issue| {
        issues.push(*issue);
        Placement::Builtin(Builtin::PassThrough)
    });
    BoundNode {
        name: node.name.clone(),
        path: node.path.clone(),
        calls: node.calls,
        placement,
        logger: node.logger.clone(),
        on_failure: node.on_failure,
        children: node
            .children
            .iter()
            .map(|child| bind_node(child, policy, issues))
            .collect(),
    }
}

fn placement(node: &NodePlan) -> Result<Placement, Box<Issue>> {
    match &node.component {
        Component::Builtin(builtin) => Ok(Placement::Builtin(builtin.clone())),
        Component::Server(server) => match &server.python {
            Some(source) => Ok(Placement::Child(source.clone())),
            None => model(node, server).map(Placement::InProcess),
        },
        Component::Container(container) => match remote(node, &container.image) {
            Some(remote) => Ok(Placement::Remote(remote)),
            None => Err(Box::new(cannot_run(container))),
        },
        Component::Elsewhere => remote(node, "").map(Placement::Remote).ok_or_else(|| {
            let message = "the unit's endpoint names no host";
            Box::new(Issue::error(
                rule::CANNOT_RUN_IMAGE,
                node.path.clone(),
                message,
            ))
        }),
    }
}

/// In a pod a container is there, and a model without one is fused with the orchestrator.
fn in_pod(node: &NodePlan) -> Result<Placement, Box<Issue>> {
    let Component::Server(server) = &node.component else {
        return match (&node.component, &node.address) {
            (Component::Container(container), Some(address)) if node.endpoint.is_none() => {
                Ok(Placement::Remote(at(node, address, &container.image)))
            }
            _ => placement(node),
        };
    };
    if server.python.is_some() {
        return placement(node);
    }
    let image = server.overlay.as_ref().map(|overlay| &*overlay.image);
    if let Some(remote) = remote(node, image.unwrap_or_default()) {
        return Ok(Placement::Remote(remote));
    }
    let here = image.is_none() && server_is_here(&server.implementation);
    match &node.address {
        Some(address) if !here => {
            let image = image.unwrap_or_default();
            Ok(Placement::Remote(at(node, address, image)))
        }
        _ => placement(node),
    }
}

fn server_is_here(implementation: &str) -> bool {
    server(implementation).is_some_and(|spec| spec.runtime.is_some())
}

fn at(node: &NodePlan, endpoint: &Endpoint, image: &str) -> Remote {
    Remote {
        endpoint: endpoint.clone(),
        protocol: node.protocol,
        transport: node.transport,
        tls: node.tls,
        image: image.to_owned(),
    }
}

/// A unit that listens somewhere already.
fn remote(node: &NodePlan, image: &str) -> Option<Remote> {
    Some(at(node, node.endpoint.as_ref()?, image))
}

fn model(node: &NodePlan, found: &Server) -> Result<ModelSource, Box<Issue>> {
    let spec = server(&found.implementation);
    let runtime = match (spec, &found.overlay) {
        (Some(spec), _) => spec.runtime.ok_or_else(|| Box::new(not_here(node, spec)))?,
        (None, Some(container)) => return Err(Box::new(cannot_run(container))),
        (None, None) => return Err(Box::new(not_ours(node, found))),
    };
    Ok(ModelSource {
        runtime,
        model_uri: found.model_uri.clone(),
        parameters: node.parameters.clone(),
        batching: batching(&node.parameters),
    })
}

/// On when a batch may have more than one row.
fn batching(parameters: &BTreeMap<String, ParameterValue>) -> Option<Batching> {
    let Some(ParameterValue::Int(rows)) = parameters.get(MAX_BATCH_SIZE) else {
        return None;
    };
    let window = match parameters.get(BATCH_WINDOW) {
        Some(ParameterValue::Float(window)) => *window,
        _ => DEFAULT_BATCH_WINDOW,
    };
    let max_rows = usize::try_from(*rows).ok().filter(|rows| *rows > 1)?;
    Some(Batching {
        max_rows,
        window: Duration::try_from_secs_f64(window / 1000.0).unwrap_or_default(),
    })
}

fn cannot_run(container: &Container) -> Issue {
    let message = "a container image cannot be run on this machine";
    let path = match container.image.as_str() {
        "" => container.path.clone(),
        _ => field(&container.path, "image"),
    };
    Issue::error(rule::CANNOT_RUN_IMAGE, path, message)
        .with_value(&container.image)
        .with_hint(format!(
            "a container image needs a cluster; start it yourself and say where it listens with \
             `endpoint.service_host`, or give the unit an `implementation`: {}",
            known()
        ))
}

/// A server of the catalogue without a runtime.
fn not_here(node: &NodePlan, spec: &ServerSpec) -> Issue {
    let hint = match spec.images.is_empty() {
        true => format!("this build serves {}", known()),
        false => format!(
            "this build serves {}; in a cluster its image is run",
            known()
        ),
    };
    absent(node, spec.implementation).with_hint(hint)
}

/// A server that an installation added.
fn not_ours(node: &NodePlan, found: &Server) -> Issue {
    let hint = format!(
        "it is an image, and needs a cluster; this build serves {}",
        known()
    );
    absent(node, &found.implementation).with_hint(hint)
}

fn absent(node: &NodePlan, implementation: &str) -> Issue {
    let message = format!("{implementation} is not part of this build");
    let path = field(&node.path, "implementation");
    Issue::error(rule::NOT_IN_THIS_BUILD, path, message).with_value(implementation)
}

fn known() -> String {
    in_this_build().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
