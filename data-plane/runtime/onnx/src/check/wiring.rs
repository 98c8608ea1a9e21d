//! Names: each value is made once, and before it is used.
//!
//! ONNX asks for this order. It rules out cycles, which the engine need not survive, and turns a
//! dangling name into a message about that name.

use std::collections::HashSet;

use hari_error::{Error, Result};
use hari_proto::onnx::{GraphProto, NodeProto};

use crate::tensors;

/// How deep graphs may lie inside the nodes of graphs.
const MAX_DEPTH: usize = 32;

/// Checks the graph and every graph inside it.
///
/// # Errors
/// `Model` that names the value and the node.
pub(crate) fn check(graph: &GraphProto) -> Result<()> {
    scope(graph, &mut Vec::new())
}

/// Checks one graph. `outer` are the names of the graphs around it, outermost first.
fn scope<'a>(graph: &'a GraphProto, outer: &mut Vec<HashSet<&'a str>>) -> Result<()> {
    if outer.len() >= MAX_DEPTH {
        return Err(Error::model(format!(
            "graphs inside graphs go deeper than {MAX_DEPTH}"
        )));
    }
    outer.push(given(graph)?);
    for node in &graph.node {
        uses(node, outer)?;
        for inner in node.attribute.iter().flat_map(tensors::subgraphs) {
            scope(inner, outer)?;
        }
        makes(node, outer)?;
    }
    for output in &graph.output {
        if !known(outer, output.name()) {
            return Err(Error::model(format!(
                "nothing makes the output `{}`",
                output.name()
            )));
        }
    }
    outer.pop();
    Ok(())
}

/// Inputs and initializers. An initializer may be listed as an input too.
fn given(graph: &GraphProto) -> Result<HashSet<&str>> {
    let mut inputs = HashSet::new();
    for input in &graph.input {
        if input.name().is_empty() || !inputs.insert(input.name()) {
            return Err(Error::model(format!(
                "the input `{}` is there twice",
                input.name()
            )));
        }
    }
    let mut weights = HashSet::new();
    for weight in &graph.initializer {
        if !weights.insert(weight.name()) {
            return Err(Error::model(format!(
                "the initializer `{}` is there twice",
                weight.name()
            )));
        }
    }
    inputs.extend(weights);
    Ok(inputs)
}

fn uses(node: &NodeProto, scopes: &[HashSet<&str>]) -> Result<()> {
    match node
        .input
        .iter()
        .find(|name| !name.is_empty() && !known(scopes, name))
    {
        None => Ok(()),
        Some(name) => Err(Error::model(format!(
            "{} uses `{name}`, which nothing before it makes",
            tensors::title(node)
        ))),
    }
}

fn makes<'a>(node: &'a NodeProto, scopes: &mut [HashSet<&'a str>]) -> Result<()> {
    let Some(names) = scopes.last_mut() else {
        return Ok(());
    };
    for name in node.output.iter().filter(|name| !name.is_empty()) {
        if !names.insert(name) {
            let title = tensors::title(node);
            return Err(Error::model(format!(
                "{title} makes `{name}`, which is there already"
            )));
        }
    }
    Ok(())
}

fn known(scopes: &[HashSet<&str>], name: &str) -> bool {
    scopes.iter().any(|names| names.contains(name))
}
