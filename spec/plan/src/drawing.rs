//! Graphs as people look at them: Mermaid for pages, a tree for terminals.

mod mermaid;
mod tree;

pub use mermaid::mermaid;
pub use tree::tree;

use crate::bound::{Calls, OnFailure};
use crate::plan::{Component, NodePlan, PredictorPlan};

/// What a node is called for: `ROUTER`, or `TRANSFORMER+OUTPUT_TRANSFORMER`.
fn kind(calls: Calls) -> String {
    let words = [
        (calls.route, "ROUTER"),
        (calls.aggregate, "COMBINER"),
        (calls.transform_input, "TRANSFORMER"),
        (calls.transform_output, "OUTPUT_TRANSFORMER"),
        (calls.predict && !calls.transform_input, "MODEL"),
    ];
    let said: Vec<&str> = words
        .iter()
        .filter(|(asked, _)| *asked)
        .map(|(_, word)| *word)
        .collect();
    match said.is_empty() {
        true => "PASS_THROUGH".to_owned(),
        false => said.join("+"),
    }
}

/// What is said of a node below its name.
fn lines(node: &NodePlan) -> Vec<String> {
    let mut lines = vec![kind(node.calls)];
    let answered_by = answered_by(node);
    if !answered_by.is_empty() && !lines.contains(&answered_by) {
        lines.push(answered_by);
    }
    if node.on_failure == OnFailure::Continue {
        lines.push("optional".to_owned());
    }
    lines
}

/// The implementation, the image, or where the unit listens.
fn answered_by(node: &NodePlan) -> String {
    let listens = node.endpoint.as_ref().map(|endpoint| endpoint.host.clone());
    match &node.component {
        Component::Container(container) if container.image.is_empty() => {
            listens.unwrap_or_default()
        }
        Component::Elsewhere => listens.unwrap_or_default(),
        component => component.to_string(),
    }
}

/// The share of the requests: `75 %`, or `shadow, 10 %`.
fn share(predictor: &PredictorPlan) -> String {
    let shadow = if predictor.shadow { "shadow, " } else { "" };
    format!("{shadow}{} %", predictor.traffic)
}

/// Whether the branches of a node have numbers that matter to a reader.
fn numbered(node: &NodePlan) -> bool {
    node.children.len() > 1
}

#[cfg(test)]
mod tests;
