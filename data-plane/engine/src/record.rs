//! Who records what a node is asked and answers, where requests are recorded.

use std::sync::Arc;

use hari_core::Watch;
use hari_plan::bound::BoundNode;
use hari_recorder::GraphNode;

use crate::tree::Origin;

/// Looks on at a node of this predictor for the recorder, if there is one.
pub(crate) fn of(origin: &Origin<'_>) -> Option<Arc<dyn Watch>> {
    let recorder = origin.workshop.recorder.as_ref()?;
    let mut graph = Vec::new();
    lay_out(&origin.predictor.graph, 0, &mut graph);
    let deployment = origin.deployment;
    let name = format!("{}/{}", deployment.namespace, deployment.name);
    Some(recorder.watch(&name, &origin.predictor.name, graph))
}

fn lay_out(node: &BoundNode, depth: usize, graph: &mut Vec<GraphNode>) {
    let name = node.name.clone();
    graph.push(GraphNode { name, depth });
    for child in &node.children {
        lay_out(child, depth + 1, graph);
    }
}
