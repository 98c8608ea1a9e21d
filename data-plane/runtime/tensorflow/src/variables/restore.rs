//! Variables by the graph that restores them: `RestoreV2` -> assignment -> variable.

use std::collections::HashMap;

use bytes::Bytes;
use hari_error::Result;
use hari_proto::tensorflow::MetaGraphDef;

use crate::constant;
use crate::function::{Library, Wanted, flatten};
use crate::graph::{Edge, Graph, Node, is_variable};

/// For each variable, by the name of its node, the key it is restored from. Empty if the model
/// does not say how it is restored.
///
/// # Errors
/// If the restoring graph is broken.
pub(super) fn keys(meta: &MetaGraphDef, library: &Library<'_>) -> Result<HashMap<String, String>> {
    let operation = meta
        .saver_def
        .as_ref()
        .map_or("", |saver| &saver.restore_op_name);
    let operation = operation.split(':').next().unwrap_or_default();
    if library.node(operation).is_none() {
        return Ok(HashMap::new());
    }
    let wanted = Wanted {
        targets: vec![operation.to_owned()],
        ..Wanted::default()
    };
    let graph = flatten(library, &wanted)?.graph;
    Ok(graph
        .nodes
        .iter()
        .filter_map(|node| assignment(&graph, node))
        .collect())
}

fn assignment(graph: &Graph<'_>, node: &Node<'_>) -> Option<(String, String)> {
    if !matches!(node.op, "AssignVariableOp" | "Assign") {
        return None;
    }
    let variable = graph.source(graph.through_identities(*node.inputs.first()?))?;
    if !is_variable(variable.op) {
        return None;
    }
    let restored = graph.through_identities(*node.inputs.get(1)?);
    Some((variable.name.clone(), restored_key(graph, restored)?))
}

/// The name under which `RestoreV2` finds what this edge carries.
fn restored_key(graph: &Graph<'_>, edge: Edge) -> Option<String> {
    let restore = graph.source(edge).filter(|node| node.op == "RestoreV2")?;
    let names = graph.source(graph.through_identities(*restore.inputs.get(1)?))?;
    let names = constant::decode(names.attrs.tensor("value").ok()?).ok()?;
    let name: &Bytes = names.strings().ok()?.get(edge.output)?;
    String::from_utf8(name.to_vec()).ok()
}
