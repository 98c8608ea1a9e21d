//! The graphs inside `If`, `Loop`, `Scan` and `SequenceMap` of our own operators.

use hari_error::Result;
use hari_operators::{Body, Type, Value};
use hari_proto::onnx::{GraphProto, ValueInfoProto};

use crate::place::{self, Extents, Placer};
use crate::program::{Program, Source};
use crate::scope::{self, Known, Scope};
use crate::{lift, tensors};

/// A graph inside a node, ready to run.
struct Inner {
    program: Program,
    captures: Vec<String>,
    types: Vec<Option<Type>>,
}

impl Body for Inner {
    fn captures(&self) -> &[String] {
        &self.captures
    }

    fn types(&self) -> &[Option<Type>] {
        &self.types
    }

    fn run(&self, inputs: Vec<Value>) -> Result<Vec<Value>> {
        self.program.run(inputs.into_iter().map(Some).collect())
    }
}

/// Makes `graph` ready to run inside `outer`, `feeds` being its inputs as far as they are known.
/// Constants of outer graphs become its own.
///
/// # Errors
/// `Model` that names all that cannot be run.
pub(crate) fn build(
    placer: &Placer<'_>,
    graph: &GraphProto,
    outer: &Scope<'_>,
    feeds: &[Known<'static>],
) -> Result<Box<dyn Body>> {
    let graph = lift::constants(graph.clone());
    let inputs: Vec<&str> = graph.input.iter().map(ValueInfoProto::name).collect();
    let known = graph.input.iter().enumerate().map(|(at, value)| {
        let mut known = feeds.get(at).cloned().unwrap_or_else(|| Known::typed(None));
        known.kind = known.kind.or_else(|| crate::types::declared(value));
        (value.name(), known)
    });
    let extents = if heavy(&graph) {
        Extents::All
    } else {
        Extents::OwnFirst
    };
    let placed = placer.graph(&graph, outer, known.collect(), extents)?;
    place::refuse(&placed)?;
    let constant = |name: &str| {
        outer
            .get(name)
            .is_some_and(|known| known.constant.is_some())
    };
    let captures: Vec<&str> = scope::free(&graph)
        .into_iter()
        .filter(|name| !constant(name))
        .collect();
    let kind = |name: &str| placed.scope.get(name).and_then(|known| known.kind.clone());
    let types = graph
        .output
        .iter()
        .map(|output| kind(output.name()))
        .collect();
    let source = Source {
        graph: &graph,
        inputs: inputs.into_iter().chain(captures.iter().copied()).collect(),
        signatures: vec![graph.output.iter().map(ValueInfoProto::name).collect()],
        segments: placer.segments,
    };
    Ok(Box::new(Inner {
        program: Program::build(&source, placed)?,
        captures: captures.into_iter().map(str::to_owned).collect(),
        types,
    }))
}

/// Whether the graph computes enough for an engine to be worth the way there, round by round.
fn heavy(graph: &GraphProto) -> bool {
    let mut heavy = false;
    tensors::each_node(graph, &mut |node| {
        heavy |= matches!(
            node.op_type(),
            "MatMul"
                | "Gemm"
                | "Conv"
                | "ConvTranspose"
                | "Einsum"
                | "LSTM"
                | "GRU"
                | "RNN"
                | "Attention"
        );
    });
    heavy
}
