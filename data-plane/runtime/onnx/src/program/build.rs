//! From a graph whose nodes have their places to a program.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;
use hari_error::Result;
use hari_operators::{Compiled, Value, constant};
use hari_proto::onnx::{GraphProto, NodeProto, TensorProto, ValueInfoProto};

use super::pieces::{Signatures, needed_by, passed, pieces};
use super::{OnEngine, Program, Schedule, Slot, Step};
use crate::engine::{Part, Segments};
use crate::extent::{self, Wide};
use crate::levels::levels;
use crate::place::{Place, Placed};
use crate::scope::{self, Scope};
use crate::{tensors, types};

/// What goes into a program.
pub(crate) struct Source<'a> {
    /// The graph.
    pub(crate) graph: &'a GraphProto,
    /// Its inputs, in the order in which they will be given.
    pub(crate) inputs: Vec<&'a str>,
    /// For each signature, the outputs that it can be asked for. All its inputs are given then.
    pub(crate) signatures: Vec<Vec<&'a str>>,
    /// Makes the parts that run on the engine.
    pub(crate) segments: &'a dyn Segments,
}

/// A node with its place.
pub(super) struct Node<'a> {
    /// As it is on the engine; as it was, for our own operator.
    pub(super) nodes: Vec<NodeProto>,
    /// Our own operator for it.
    pub(super) own: Option<Compiled>,
    pub(super) original: &'a NodeProto,
    /// The values it uses, those for the graphs inside it too.
    pub(super) uses: BTreeSet<String>,
    /// The signatures that need it.
    pub(super) needed: Signatures,
}

impl Program {
    /// Makes a placed graph ready to run.
    ///
    /// # Errors
    /// `Model` if the engine refuses a part after all.
    pub(crate) fn build(source: &Source<'_>, placed: Placed<'_>) -> Result<Self> {
        let Placed { scope, places, .. } = placed;
        let needed = needed_by(source.graph, &source.signatures);
        let nodes = source.graph.node.iter().zip(places).zip(needed);
        let nodes: Vec<Node<'_>> = nodes.map(node).collect();
        let engine: Vec<bool> = nodes.iter().map(|node| node.own.is_none()).collect();
        let mut groups: BTreeMap<usize, Vec<Node<'_>>> = BTreeMap::new();
        let found = levels(&engine, &needs(&nodes));
        let users = users(&nodes, &found, source.graph);
        for (level, node) in found.into_iter().zip(nodes) {
            groups.entry(level).or_default().push(node);
        }
        let mut builder = Builder {
            source,
            scope: &scope,
            slots: HashMap::new(),
            constants: Vec::new(),
            users,
        };
        let mut steps = Vec::new();
        for (level, nodes) in groups {
            builder.steps(level, nodes, &mut steps)?;
        }
        let inputs: Vec<Slot> = source
            .inputs
            .iter()
            .map(|name| builder.slot(name))
            .collect();
        let outputs = source
            .graph
            .output
            .iter()
            .map(|output| builder.used(output.name()));
        let outputs = outputs.collect::<Result<Vec<_>>>()?;
        let all = Schedule::new(&steps, builder.constants.len(), outputs.clone());
        Ok(Self {
            steps,
            constants: builder.constants,
            inputs,
            outputs,
            all,
        })
    }
}

fn node(((original, place), needed): ((&NodeProto, Place), Signatures)) -> Node<'_> {
    let (nodes, own) = match place {
        Place::Engine(Some(nodes)) => (nodes, None),
        Place::Engine(None) => (vec![original.clone()], None),
        Place::Own(compiled) => (Vec::new(), Some(compiled)),
    };
    let uses = scope::uses(original)
        .into_iter()
        .map(str::to_owned)
        .collect();
    Node {
        nodes,
        own,
        original,
        uses,
        needed,
    }
}

/// The nodes that each node uses, by their places.
fn needs(nodes: &[Node<'_>]) -> Vec<Vec<usize>> {
    let mut makers: HashMap<&str, usize> = HashMap::new();
    for (at, node) in nodes.iter().enumerate() {
        makers.extend(node.original.output.iter().map(|name| (name.as_str(), at)));
    }
    let of = |node: &Node<'_>| {
        let makers = node
            .uses
            .iter()
            .filter_map(|name| makers.get(name.as_str()).copied());
        makers.collect()
    };
    nodes.iter().map(of).collect()
}

/// The last level that uses each value; the graph's outputs are used after all.
fn users(nodes: &[Node<'_>], levels: &[usize], graph: &GraphProto) -> HashMap<String, usize> {
    let mut users = HashMap::new();
    for (node, &level) in nodes.iter().zip(levels) {
        for name in &node.uses {
            let last = users.entry(name.clone()).or_insert(level);
            *last = level.max(*last);
        }
    }
    users.extend(
        graph
            .output
            .iter()
            .map(|output| (output.name().to_owned(), usize::MAX)),
    );
    users
}

struct Builder<'a> {
    source: &'a Source<'a>,
    scope: &'a Scope<'a>,
    slots: HashMap<String, Slot>,
    constants: Vec<Option<Value>>,
    users: HashMap<String, usize>,
}

impl Builder<'_> {
    /// The slot of a value.
    fn slot(&mut self, name: &str) -> Slot {
        if let Some(&slot) = self.slots.get(name) {
            return slot;
        }
        let slot = self.constants.len();
        self.constants.push(None);
        self.slots.insert(name.to_owned(), slot);
        slot
    }

    /// The slot of a value that is used outside of the engine: a constant is put into it.
    fn used(&mut self, name: &str) -> Result<Slot> {
        let slot = self.slot(name);
        let tensor = self.scope.get(name).and_then(|known| known.constant);
        if let (Some(tensor), Some(place @ None)) = (tensor, self.constants.get_mut(slot)) {
            *place = Some(constant(&owned(tensor))?.into());
        }
        Ok(slot)
    }

    fn steps(&mut self, level: usize, nodes: Vec<Node<'_>>, steps: &mut Vec<Step>) -> Result<()> {
        let (own, engine): (Vec<_>, Vec<_>) =
            nodes.into_iter().partition(|node| node.own.is_some());
        let all = match self.source.segments.prunes() {
            true if engine.is_empty() => Vec::new(),
            true => vec![engine.iter().collect()],
            false => pieces(&engine, self.scope),
        };
        let passed = passed(&all);
        for piece in &all {
            steps.push(Step::Engine(self.part(level, piece, &passed)?));
        }
        for node in own {
            let Some(compiled) = node.own else { continue };
            let captures = compiled.captures.iter();
            let names = node.original.input.iter().chain(captures);
            let inputs = names.map(|name| given(name).map(|name| self.used(name)).transpose());
            let inputs = inputs.collect::<Result<Vec<_>>>()?;
            let outputs = node.original.output.iter();
            steps.push(Step::Own {
                operator: compiled.operator,
                title: tensors::title(node.original),
                inputs,
                outputs: outputs
                    .map(|name| given(name).map(|name| self.slot(name)))
                    .collect(),
            });
        }
        Ok(())
    }

    /// Nodes of one level as a part for the engine; what is `passed` goes to others of that level.
    fn part(
        &mut self,
        level: usize,
        nodes: &[&Node<'_>],
        passed: &BTreeSet<&str>,
    ) -> Result<OnEngine> {
        let mut border = Border::of(nodes, self.scope, |name| {
            let last = self.users.get(name);
            passed.contains(name) || last.is_some_and(|&last| last > level)
        });
        if !self.source.segments.prunes() {
            let all: Vec<usize> = (0..border.inputs.len()).collect();
            border.needs.fill(all);
        }
        let flat = nodes.iter().flat_map(|node| &node.nodes).cloned();
        let flat: Vec<NodeProto> = flat.collect();
        let kind = |name: &String| self.scope.get(name).and_then(|known| known.kind.clone());
        let part = Part {
            inputs: border.inputs.iter().map(kind).collect(),
            outputs: border.outputs.iter().map(kind).collect(),
            saturated: border
                .inputs
                .iter()
                .map(|name| saturated(name, &flat))
                .collect(),
            graph: GraphProto {
                name: Some("part".to_owned()),
                initializer: border.constants,
                input: self.declared(&border.inputs),
                output: self.declared(&border.outputs),
                node: flat,
                ..GraphProto::default()
            },
        };
        Ok(OnEngine {
            segment: self.source.segments.load(part)?,
            inputs: border.inputs.iter().map(|name| self.slot(name)).collect(),
            outputs: border.outputs.iter().map(|name| self.slot(name)).collect(),
            needs: border.needs,
        })
    }

    /// The values as the file declares them, else with their types alone.
    fn declared(&self, names: &[String]) -> Vec<ValueInfoProto> {
        let graph = self.source.graph;
        let all = graph
            .input
            .iter()
            .chain(&graph.output)
            .chain(&graph.value_info);
        let all: HashMap<&str, &ValueInfoProto> = all.map(|value| (value.name(), value)).collect();
        let one = |name: &String| {
            let kind = self.scope.get(name).and_then(|known| known.kind.as_ref());
            let declared = all.get(name.as_str());
            let declared = declared.filter(|value| types::declared(value).as_ref() == kind);
            declared.map_or_else(|| types::named(name, kind), |value| (*value).clone())
        };
        names.iter().map(one).collect()
    }
}

/// What passes the border of a part.
struct Border {
    inputs: Vec<String>,
    outputs: Vec<String>,
    constants: Vec<TensorProto>,
    needs: Vec<Vec<usize>>,
}

impl Border {
    fn of(nodes: &[&Node<'_>], scope: &Scope<'_>, outside: impl Fn(&str) -> bool) -> Self {
        let mut border = Self {
            inputs: Vec::new(),
            outputs: Vec::new(),
            constants: Vec::new(),
            needs: Vec::new(),
        };
        // What each value of the part needs of the part's inputs.
        let mut needs: HashMap<&str, BTreeSet<usize>> = HashMap::new();
        let mut constants = BTreeSet::new();
        for node in nodes {
            let mut all = BTreeSet::new();
            for name in &node.uses {
                if let Some(known) = needs.get(name.as_str()) {
                    all.extend(known);
                } else if let Some(tensor) = scope.get(name).and_then(|known| known.constant) {
                    if constants.insert(name) {
                        border.constants.push(tensor.clone());
                    }
                } else {
                    let place = border.inputs.len();
                    border.inputs.push(name.clone());
                    needs.insert(name, BTreeSet::from([place]));
                    all.insert(place);
                }
            }
            for name in node.original.output.iter().filter(|name| !name.is_empty()) {
                needs.insert(name, all.clone());
                if outside(name) {
                    border.outputs.push(name.clone());
                    border.needs.push(all.iter().copied().collect());
                }
            }
        }
        border
    }
}

/// Whether the value's largest elements may be cut to 32 bits: they mean "no bound" somewhere, and
/// nowhere anything else.
fn saturated(name: &str, nodes: &[NodeProto]) -> bool {
    let mut bound = false;
    for node in nodes {
        let mut inner = node.attribute.iter().flat_map(tensors::subgraphs);
        if inner.any(|graph| scope::free(graph).contains(name)) {
            return false;
        }
        let uses = node
            .input
            .iter()
            .enumerate()
            .filter(|(_, input)| *input == name);
        for (at, _) in uses {
            match extent::wide(node.op_type(), at) {
                Some(Wide::Saturated) => bound = true,
                Some(Wide::Index) => {}
                Some(Wide::Refused) | None => return false,
            }
        }
    }
    bound
}

/// The name, unless it stands for a value that was left out.
fn given(name: &str) -> Option<&str> {
    Some(name).filter(|name| !name.is_empty())
}

/// The tensor with bytes of its own, so that it does not keep a whole file in memory.
fn owned(tensor: &TensorProto) -> TensorProto {
    let raw = tensor.raw_data.as_deref().map(Bytes::copy_from_slice);
    let strings = tensor
        .string_data
        .iter()
        .map(|text| Bytes::copy_from_slice(text));
    TensorProto {
        raw_data: raw,
        string_data: strings.collect(),
        ..tensor.clone()
    }
}
