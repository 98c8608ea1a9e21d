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

#[cfg(test)]
mod tests {
    use hari_proto::onnx::tensor_proto::DataType as Elem;

    use super::*;
    use crate::fixture::{dense, graph, node, subgraph, value, with};

    fn words(change: impl FnOnce(&mut GraphProto)) -> String {
        let mut graph = dense().graph.unwrap();
        change(&mut graph);
        check(&graph).unwrap_err().message().to_owned()
    }

    #[test]
    fn a_well_formed_graph_passes() {
        check(&dense().graph.unwrap()).unwrap();
    }

    #[test]
    fn names_that_are_missing_or_made_twice_are_named() {
        let dangling = words(|graph| graph.node[0].input[0] = "z".into());
        assert_eq!(
            dangling,
            "the MatMul that makes `xw` uses `z`, which nothing before it makes"
        );
        let twice = words(|graph| graph.node[1].output[0] = "xw".into());
        assert_eq!(
            twice,
            "the Add that makes `xw` makes `xw`, which is there already"
        );
        let output = words(|graph| graph.output[0].name = Some("z".into()));
        assert_eq!(output, "nothing makes the output `z`");
        let input = words(|graph| graph.input.push(graph.input[0].clone()));
        assert_eq!(input, "the input `x` is there twice");
        let weight = words(|graph| graph.initializer.push(graph.initializer[0].clone()));
        assert_eq!(weight, "the initializer `w` is there twice");
    }

    #[test]
    fn a_cycle_is_a_use_before_the_making() {
        let cycle = words(|graph| graph.node[0].input[0] = "hidden".into());
        assert!(
            cycle.contains("uses `hidden`, which nothing before it makes"),
            "{cycle}"
        );
    }

    #[test]
    fn an_inner_graph_sees_the_outer_names_and_not_the_other_way_round() {
        let inner = |input: &str| {
            let out = value("inner", Elem::Float, &["n", "2"]);
            graph(vec![], vec![node("Neg", &[input], &["inner"])], vec![out])
        };
        let branch = |input: &str| {
            let both = with(
                node("If", &["x"], &["z"]),
                subgraph("then_branch", inner(input)),
            );
            with(both, subgraph("else_branch", inner(input)))
        };
        let mut outer = dense().graph.unwrap();
        outer.node.push(branch("hidden"));
        check(&outer).unwrap();
        outer.node.push(node("Neg", &["inner"], &["last"]));
        assert!(
            check(&outer)
                .unwrap_err()
                .message()
                .contains("uses `inner`")
        );
        outer.node = vec![branch("missing")];
        assert!(
            check(&outer)
                .unwrap_err()
                .message()
                .contains("uses `missing`")
        );
    }

    #[test]
    fn graphs_do_not_nest_for_ever() {
        let mut nested = GraphProto::default();
        for _ in 0..MAX_DEPTH + 1 {
            let holder = with(node("If", &[], &[]), subgraph("then_branch", nested));
            nested = graph(vec![], vec![holder], vec![]);
        }
        assert!(
            check(&nested)
                .unwrap_err()
                .message()
                .contains("deeper than 32")
        );
    }
}
