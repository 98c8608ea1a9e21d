//! Where each node of a graph is computed: on the engine if it holds all of it exactly, else by
//! our own operators, else nowhere.

pub(crate) mod control;
mod verdict;

pub(crate) use verdict::crosses;

use std::cell::RefCell;
use std::collections::HashMap;

use hari_core::DataType;
use hari_error::{Error, Result};
use hari_operators::{Bodies, Body, Compiled, Refusal, Type, compile};
use hari_proto::onnx::{GraphProto, ModelProto, NodeProto};
use prost::Message;

use crate::body;
use crate::check::operators::{self, Probe};
use crate::check::{self, Problem};
use crate::engine::Segments;
use crate::extent::Extent;
use crate::scope::{Known, Scope};
use crate::{signature, tensors, types};

/// Where a node is computed.
pub(crate) enum Place {
    /// On the engine; the nodes to put in its place if the engine needs it written differently.
    Engine(Option<Vec<NodeProto>>),
    /// By our own operator.
    Own(Compiled),
}

/// Why a node can be computed nowhere.
pub(crate) enum Refused {
    /// What it is given or makes.
    Value(Problem),
    /// Its operator: the operator's title, what is wrong with it, and the node's title.
    Operator(String, String, String),
}

/// A graph whose nodes have their places.
pub(crate) struct Placed<'a> {
    /// What is known of its values.
    pub(crate) scope: Scope<'a>,
    /// One for each node, in the graph's order. Shorter if something was refused.
    pub(crate) places: Vec<Place>,
    /// Nodes without a place.
    pub(crate) refused: Vec<Refused>,
}

/// The place of a node, and what is known of its outputs.
type Found = (Result<Place, Refused>, Vec<Known<'static>>);

/// How far a search for places goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extents {
    /// To the first node that the engine does not take.
    EngineAlone,
    /// Through all nodes.
    All,
    /// Through all nodes, with our own operators first: for graphs that are too small for an
    /// engine to be worth the way there.
    OwnFirst,
}

/// Finds places for the nodes of one model.
pub(crate) struct Placer<'a> {
    versions: HashMap<String, i64>,
    probe: RefCell<Probe>,
    /// Makes what runs on the engine.
    pub(crate) segments: &'a dyn Segments,
}

impl Placed<'_> {
    /// Whether the engine takes every node.
    pub(crate) fn whole(&self) -> bool {
        let engine = |place: &Place| matches!(place, Place::Engine(_));
        self.refused.is_empty() && self.places.iter().all(engine)
    }

    /// Whether the engine takes every node as it is written.
    pub(crate) fn as_written(&self) -> bool {
        let same = |place: &Place| matches!(place, Place::Engine(None));
        self.places.iter().all(same)
    }

    /// What keeps the graph from being served.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let (mut problems, mut by_operator) = (Vec::new(), Vec::new());
        for refused in &self.refused {
            match refused {
                Refused::Value(problem) => problems.push(problem.clone()),
                Refused::Operator(operator, why, node) => {
                    by_operator.push((operator.clone(), why.clone(), node.clone()));
                }
            }
        }
        problems.extend(operators::problems(by_operator));
        problems
    }
}

impl<'p> Placer<'p> {
    /// For the nodes of `model`.
    pub(crate) fn new(model: &ModelProto, segments: &'p dyn Segments) -> Self {
        let sets = model.opset_import.iter();
        Self {
            versions: sets
                .map(|set| (own(set.domain()).to_owned(), set.version()))
                .collect(),
            probe: RefCell::new(Probe::new(model)),
            segments,
        }
    }

    /// Places all nodes of a model's graph.
    ///
    /// # Errors
    /// `Model` if the engine fails on a node in a way that it should not.
    pub(crate) fn model<'a>(
        &self,
        graph: &'a GraphProto,
        empty: &'a Scope<'a>,
    ) -> Result<Placed<'a>> {
        self.graph(graph, empty, feeds(graph, Extent::Any), Extents::All)
    }

    /// Places the nodes of a model's graph as far as the engine takes them. INT64 inputs are taken
    /// to fit 32 bits: the engine refuses them one by one when they do not.
    ///
    /// # Errors
    /// As [`Placer::model`].
    pub(crate) fn engine<'a>(
        &self,
        graph: &'a GraphProto,
        empty: &'a Scope<'a>,
    ) -> Result<Placed<'a>> {
        self.graph(
            graph,
            empty,
            feeds(graph, Extent::NARROW),
            Extents::EngineAlone,
        )
    }

    /// Places the nodes of a graph inside `outer`, `feeds` being its inputs.
    pub(crate) fn graph<'a>(
        &self,
        graph: &'a GraphProto,
        outer: &'a Scope<'a>,
        feeds: Vec<(&str, Known<'a>)>,
        extents: Extents,
    ) -> Result<Placed<'a>> {
        let mut placed = Placed {
            scope: Scope::inside(outer),
            places: Vec::with_capacity(graph.node.len()),
            refused: Vec::new(),
        };
        for (name, known) in feeds {
            placed.scope.add(name, known);
        }
        for tensor in &graph.initializer {
            placed.scope.add(tensor.name(), Known::constant(tensor));
        }
        let declared = graph.value_info.iter().chain(&graph.output);
        let declared: HashMap<&str, _> = declared.map(|value| (value.name(), value)).collect();
        for node in &graph.node {
            let (place, made) = self.node(graph, node, &placed.scope, extents)?;
            for (name, mut known) in node.output.iter().zip(made) {
                let said = || {
                    declared
                        .get(name.as_str())
                        .and_then(|value| types::declared(value))
                };
                known.kind = known.kind.or_else(said);
                placed.scope.add(name, known);
            }
            match place {
                Ok(place) => placed.places.push(place),
                Err(refused) => placed.refused.push(refused),
            }
            if extents == Extents::EngineAlone && !placed.whole_so_far() {
                break;
            }
        }
        Ok(placed)
    }

    /// The place of one node, and what is known of its outputs.
    fn node(
        &self,
        graph: &GraphProto,
        node: &NodeProto,
        scope: &Scope<'_>,
        extents: Extents,
    ) -> Result<Found> {
        let control = node
            .attribute
            .iter()
            .any(|attribute| tensors::subgraphs(attribute).next().is_some());
        if control {
            return self.inside(graph, node, scope, extents);
        }
        let own = self.own(node, scope);
        let made = made(
            node,
            scope,
            own.as_ref().ok().map(|(_, types)| types.as_slice()),
        );
        let place = match (self.verdict(graph, node, scope, &made)?, own) {
            (_, Ok((compiled, _))) if extents == Extents::OwnFirst => Ok(Place::Own(compiled)),
            (Ok(nodes), _) => Ok(Place::Engine(nodes)),
            (Err(refused), _) if extents == Extents::EngineAlone => Err(refused),
            (Err(_), Ok((compiled, _))) => Ok(Place::Own(compiled)),
            (Err(refused), Err(why)) => Err(refused.or(why, node)),
        };
        Ok((place, made))
    }

    /// The place of a node with graphs inside.
    fn inside(
        &self,
        graph: &GraphProto,
        node: &NodeProto,
        scope: &Scope<'_>,
        extents: Extents,
    ) -> Result<Found> {
        if extents == Extents::OwnFirst
            && let Ok((compiled, types)) = self.own(node, scope)
        {
            return Ok((Ok(Place::Own(compiled)), made(node, scope, Some(&types))));
        }
        Ok(match self.control(graph, node, scope)? {
            Ok((nodes, made)) => (Ok(Place::Engine(nodes)), made),
            Err(refused) if extents == Extents::EngineAlone => (Err(refused), Vec::new()),
            Err(refused) => self.own_or(refused, node, scope),
        })
    }

    /// A node that the engine refuses, on our own operators.
    fn own_or(&self, refused: Refused, node: &NodeProto, scope: &Scope<'_>) -> Found {
        match self.own(node, scope) {
            Ok((compiled, types)) => (Ok(Place::Own(compiled)), made(node, scope, Some(&types))),
            Err(why) => (Err(refused.or(why, node)), Vec::new()),
        }
    }

    /// Our own operator for a node and the types of its outputs, or what is wrong with the node.
    /// No words if the operator is not known at all.
    fn own(
        &self,
        node: &NodeProto,
        scope: &Scope<'_>,
    ) -> Result<(Compiled, Vec<Option<Type>>), Option<String>> {
        let known: Vec<_> = node.input.iter().map(|name| scope.get(name)).collect();
        let kinds: Vec<_> = known
            .iter()
            .map(|known| known.and_then(|known| known.kind.clone()))
            .collect();
        let version = self.versions.get(own(node.domain())).copied().unwrap_or(1);
        let bodies = Inner {
            placer: self,
            scope,
            feeds: control::feeds(node, &known),
        };
        let compiled =
            compile(&detached(node), version, &bodies).map_err(|refusal| match refusal {
                Refusal::Unknown => None,
                Refusal::Form(error) => Some(error.message().to_owned()),
            })?;
        let types = compiled.operator.types(&kinds);
        let types = types.map_err(|error| Some(error.message().to_owned()))?;
        Ok((compiled, types))
    }
}

impl Placed<'_> {
    fn whole_so_far(&self) -> bool {
        let last = self.places.last();
        self.refused.is_empty() && last.is_none_or(|place| matches!(place, Place::Engine(_)))
    }
}

impl Refused {
    /// The same, or what our own operator says if that is nearer to the cause.
    fn or(self, own: Option<String>, node: &NodeProto) -> Self {
        match own {
            None => self,
            Some(why) => {
                let why = format!("is not taken: {why}");
                Self::Operator(operators::title(node), why, tensors::title(node))
            }
        }
    }
}

/// Makes the graphs inside a node ready to run.
struct Inner<'a, 'p> {
    placer: &'a Placer<'p>,
    scope: &'a Scope<'a>,
    feeds: Vec<Known<'static>>,
}

impl Bodies for Inner<'_, '_> {
    fn body(&self, graph: &GraphProto) -> Result<Box<dyn Body>> {
        body::build(self.placer, graph, self.scope, &self.feeds)
    }
}

/// What is known of a node's outputs when their types are.
fn made(
    node: &NodeProto,
    scope: &Scope<'_>,
    types: Option<&[Option<Type>]>,
) -> Vec<Known<'static>> {
    let inputs: Vec<_> = node.input.iter().map(|name| scope.get(name)).collect();
    let integer =
        |kind: &Option<Type>| matches!(kind, Some(Type::Tensor(DataType::Int64 | DataType::Int32)));
    let one = |at: usize| {
        let kind = types.and_then(|types| types.get(at).cloned().flatten());
        let mut known = Known::typed(kind);
        if integer(&known.kind) {
            known.extent = Extent::of_node(node, &inputs);
        }
        known
    };
    (0..node.output.len()).map(one).collect()
}

/// What is known of a model's inputs.
fn feeds(graph: &GraphProto, extent: Extent) -> Vec<(&str, Known<'static>)> {
    let feed = |value| Known {
        extent,
        ..Known::typed(types::declared(value))
    };
    let inputs = signature::inputs(graph);
    inputs.map(|value| (value.name(), feed(value))).collect()
}

/// The node with bytes of its own, so that it does not keep a whole file in memory.
fn detached(node: &NodeProto) -> NodeProto {
    NodeProto::decode(&*node.encode_to_vec()).unwrap_or_else(|_| node.clone())
}

/// ONNX's own domain has two names.
fn own(domain: &str) -> &str {
    if domain == "ai.onnx" { "" } else { domain }
}

/// An error that tells all problems.
pub(crate) fn refuse(placed: &Placed<'_>) -> Result<(), Error> {
    check::refuse(&placed.problems())
}
