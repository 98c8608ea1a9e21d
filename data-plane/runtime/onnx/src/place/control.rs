//! `If` and `Loop` on the built-in engine: all that is inside has to run there too.

use hari_core::DataType;
use hari_error::Result;
use hari_operators::Type;
use hari_proto::onnx::{GraphProto, NodeProto, ValueInfoProto};

use super::verdict::held;
use super::{Extents, Place, Placed, Placer, Refused};
use crate::check::{Problem, operators};
use crate::engine::Takes;
use crate::extent::Extent;
use crate::scope::{self, Known, Scope};
use crate::tensors;

/// What the engine gets for a node, and what is known of its outputs.
type Taken = (Option<Vec<NodeProto>>, Vec<Known<'static>>);

impl Placer<'_> {
    /// What the engine gets for a node with graphs inside.
    pub(super) fn control(
        &self,
        graph: &GraphProto,
        node: &NodeProto,
        scope: &Scope<'_>,
    ) -> Result<Result<Taken, Refused>> {
        if self.segments.takes() == Takes::Foreign {
            return Ok(foreign(node));
        }
        if let Some(why) = self.ask(node)? {
            let titles = (operators::title(node), tensors::title(node));
            return Ok(Err(Refused::Operator(titles.0, why, titles.1)));
        }
        let carried = node.input.len().saturating_sub(2);
        if let Some(problem) = self
            .inputs(graph, node, scope)
            .or_else(|| scans(node, carried))
        {
            return Ok(Err(Refused::Value(problem)));
        }
        let mut taken = node.clone();
        let mut made: Vec<Known<'static>> = Vec::new();
        for attribute in &mut taken.attribute {
            if let Some(inner) = attribute.g.take() {
                match self.inner(node, &inner, scope)? {
                    Ok((inner, outputs)) => {
                        attribute.g = Some(inner);
                        made = join(made, outputs);
                    }
                    Err(refused) => return Ok(Err(refused)),
                }
            }
        }
        if node.op_type() == "Loop" {
            made = made.into_iter().skip(1).map(unbounded).collect();
        }
        Ok(match made.iter().find_map(|known| held(node, known)) {
            None => Ok(((taken != *node).then(|| vec![taken]), made)),
            Some(problem) => Err(Refused::Value(problem)),
        })
    }

    /// A graph inside a node as the engine gets it, and what is known of its outputs.
    fn inner(
        &self,
        node: &NodeProto,
        graph: &GraphProto,
        scope: &Scope<'_>,
    ) -> Result<Result<(GraphProto, Vec<Known<'static>>), Refused>> {
        let known: Vec<_> = node.input.iter().map(|name| scope.get(name)).collect();
        let feeds = graph
            .input
            .iter()
            .map(ValueInfoProto::name)
            .zip(feeds(node, &known));
        let placed = self.graph(graph, scope, feeds.collect(), Extents::EngineAlone)?;
        if !placed.whole() {
            let refused = placed.refused.into_iter().next();
            let inside = || {
                let why = "holds what the engine does not take";
                Refused::Value(Problem::new(
                    tensors::title(node),
                    why,
                    "see the other problems",
                ))
            };
            return Ok(Err(refused.unwrap_or_else(inside)));
        }
        let outputs = graph.output.iter().map(|output| {
            let known = placed.scope.get(output.name());
            known.map_or_else(
                || Known::typed(None),
                |known| Known {
                    kind: known.kind.clone(),
                    extent: known.extent,
                    constant: None,
                },
            )
        });
        let outputs = outputs.collect();
        Ok(Ok((flat(graph, placed), outputs)))
    }
}

/// The graph with its nodes as the engine gets them.
pub(crate) fn flat(graph: &GraphProto, placed: Placed<'_>) -> GraphProto {
    let mut flat = graph.clone();
    flat.node = Vec::with_capacity(graph.node.len());
    for (node, place) in graph.node.iter().zip(placed.places) {
        match place {
            Place::Engine(Some(nodes)) => flat.node.extend(nodes),
            _ => flat.node.push(node.clone()),
        }
    }
    passed(&mut flat);
    flat
}

/// The engine does not find an output that is a value of an outer graph: it gets a copy.
fn passed(graph: &mut GraphProto) {
    let outer: Vec<String> = scope::free(graph).into_iter().map(str::to_owned).collect();
    for (at, output) in graph.output.iter_mut().enumerate() {
        if !outer.iter().any(|name| name == output.name()) {
            continue;
        }
        let copy = format!("{}/hari/passed{at}", output.name());
        graph.node.push(NodeProto {
            op_type: Some("Identity".to_owned()),
            input: vec![output.name().to_owned()],
            output: vec![copy.clone()],
            ..NodeProto::default()
        });
        output.name = Some(copy);
    }
}

/// What the graphs inside a node are given.
pub(super) fn feeds(node: &NodeProto, inputs: &[Option<&Known<'_>>]) -> Vec<Known<'static>> {
    let kind = |known: &Option<&Known<'_>>| known.and_then(|known| known.kind.clone());
    let tensor = |dtype| Known::typed(Some(Type::Tensor(dtype)));
    match node.op_type() {
        "Loop" => {
            let round = Known {
                extent: Extent::Size,
                ..tensor(DataType::Int64)
            };
            let carried = inputs.iter().skip(2).map(|known| Known::typed(kind(known)));
            [round, tensor(DataType::Bool)]
                .into_iter()
                .chain(carried)
                .collect()
        }
        "SequenceMap" => {
            let element = |known| match kind(known) {
                Some(Type::Sequence(inner)) => Some(*inner),
                other => other,
            };
            inputs
                .iter()
                .map(|known| Known::typed(element(known)))
                .collect()
        }
        _ => inputs
            .iter()
            .map(|known| Known::typed(kind(known)))
            .collect(),
    }
}

/// A loop that gathers outputs round by round: the engine leaves them out if there is no round.
fn scans(node: &NodeProto, carried: usize) -> Option<Problem> {
    let gathers = node.op_type() == "Loop" && node.output.len() > carried;
    let why = "gathers values, which the engine loses in a loop of no rounds";
    gathers.then(|| Problem::new(tensors::title(node), why, "carry them instead"))
}

/// What holds of the outputs of either graph.
fn join(left: Vec<Known<'static>>, right: Vec<Known<'static>>) -> Vec<Known<'static>> {
    if left.is_empty() {
        return right;
    }
    let both = |(left, right): (Known<'static>, Known<'static>)| Known {
        extent: match left.extent.fits() && right.extent.fits() {
            true => Extent::NARROW,
            false => Extent::Any,
        },
        ..left
    };
    left.into_iter().zip(right).map(both).collect()
}

fn unbounded(known: Known<'static>) -> Known<'static> {
    Known {
        extent: Extent::Any,
        ..known
    }
}

fn foreign(node: &NodeProto) -> Result<Taken, Refused> {
    let mut own = None;
    let graphs = node.attribute.iter().flat_map(tensors::subgraphs);
    graphs.for_each(|graph| {
        tensors::each_node(graph, &mut |inner| {
            if inner.domain() == "hari" {
                own.get_or_insert(inner);
            }
        });
    });
    match own {
        None => Ok((None, vec![Known::typed(None); node.output.len()])),
        Some(inner) => {
            let why = "is Hari's own".to_owned();
            Err(Refused::Operator(
                operators::title(inner),
                why,
                tensors::title(inner),
            ))
        }
    }
}
