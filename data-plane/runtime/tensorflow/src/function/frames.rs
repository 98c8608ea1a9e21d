//! Loops of TensorFlow 1, written as `While` with a condition and a body.
//!
//! There a loop is a frame of the graph: each of its variables comes in by `Enter`, meets the edge
//! back (`NextIteration`) in a `Merge`, and goes through a `Switch`, which `LoopCond` steers, into
//! the body or out by `Exit`. What does not change comes in by an `Enter` alone. Which operations
//! belong to a loop is found by walking back from its condition and from the edges back; innermost
//! loops are written first, so that an `Exit` on the way means that it is not yet this one's turn.

use std::collections::{BTreeMap, HashMap, HashSet};

use hari_error::Result;

use super::branches;
use super::copy::{self, Part};
use super::{Flattener, Scope};
use crate::graph::{Edge, FEED, Flat, Graph, Node};

/// More loops than this in one graph are left as they are, to be refused.
const MAX_LOOPS: usize = 256;

/// Whether the operation is where a loop goes back to its beginning.
pub(super) fn is_loop_end(op: &str) -> bool {
    matches!(op, "NextIteration" | "RefNextIteration")
}

fn is(node: &Node<'_>, op: &str) -> bool {
    node.op.strip_prefix("Ref").unwrap_or(node.op) == op
}

/// Writes every loop of the graph.
pub(super) fn structured(mut flat: Flat<'_>) -> Flat<'_> {
    let nodes = flat.graph.nodes.iter().enumerate();
    let mut waiting: Vec<usize> = nodes
        .filter(|(_, node)| node.op == "LoopCond")
        .map(|(index, _)| index)
        .collect();
    if waiting.is_empty() || waiting.len() > MAX_LOOPS {
        return flat;
    }
    let switches = switches(&flat.graph);
    let ready = |flat: &Flat<'_>, waiting: &[usize]| {
        let found = |(at, &condition): (usize, &usize)| {
            Frame::of(&flat.graph, &switches, condition).map(|frame| (at, frame))
        };
        waiting.iter().enumerate().find_map(found)
    };
    while let Some((at, frame)) = ready(&flat, &waiting) {
        waiting.remove(at);
        frame.write(&mut flat.graph);
    }
    copy::in_order(&flat)
}

/// The switches that each `LoopCond` steers.
fn switches(graph: &Graph<'_>) -> HashMap<usize, Vec<usize>> {
    let mut steered: HashMap<usize, Vec<usize>> = HashMap::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        if let Some(&predicate) = node.inputs.get(1).filter(|_| is(node, "Switch")) {
            let condition = graph.through_identities(predicate).node;
            steered.entry(condition).or_default().push(index);
        }
    }
    steered
}

/// A variable of a loop.
#[derive(Default)]
struct Variable {
    /// Where it comes from before the first turn.
    initial: Option<Edge>,
    /// Where it comes from after each turn.
    next: Option<Edge>,
    switches: Vec<usize>,
}

/// A loop whose inner loops are written.
struct Frame {
    condition: usize,
    /// By the variable's `Merge`.
    variables: BTreeMap<usize, Variable>,
    /// What does not change, by the edge inside the loop: the edge outside.
    captured: BTreeMap<Edge, Edge>,
}

impl Frame {
    /// The loop of this condition; none if a loop inside it is not written yet, or if it is not
    /// put together as TensorFlow does.
    fn of(
        graph: &Graph<'_>,
        switches: &HashMap<usize, Vec<usize>>,
        condition: usize,
    ) -> Option<Self> {
        let mut frame = Self {
            condition,
            variables: BTreeMap::new(),
            captured: BTreeMap::new(),
        };
        let own = switches.get(&condition).map_or(&[][..], Vec::as_slice);
        let mut roots = vec![*graph.nodes.get(condition)?.inputs.first()?];
        for &switch in own {
            let merge = graph.nodes.get(switch)?.inputs.first()?.node;
            roots.extend(frame.variable(graph, merge)?);
            frame
                .variables
                .entry(merge)
                .or_default()
                .switches
                .push(switch);
        }
        frame.walk(graph, roots)?;
        Some(frame)
    }

    /// Notes the variable of a `Merge`; gives what it becomes after a turn if it was not known.
    fn variable(&mut self, graph: &Graph<'_>, merge: usize) -> Option<Option<Edge>> {
        if self.variables.contains_key(&merge) {
            return Some(None);
        }
        let node = graph.nodes.get(merge).filter(|node| is(node, "Merge"))?;
        let mut variable = Variable::default();
        for &input in &node.inputs {
            let source = graph.source(input)?;
            let edge = *source.inputs.first()?;
            match source {
                node if is(node, "Enter") => variable.initial = Some(edge),
                node if is_loop_end(node.op) => variable.next = Some(edge),
                _ => return None,
            }
        }
        variable.initial?;
        let next = variable.next?;
        self.variables.insert(merge, variable);
        Some(Some(next))
    }

    /// Walks back through the loop to where its values come in.
    fn walk(&mut self, graph: &Graph<'_>, mut open: Vec<Edge>) -> Option<()> {
        let mut seen = HashSet::new();
        while let Some(edge) = open.pop() {
            let node = graph.source(edge)?;
            if is(node, "Exit") {
                return None;
            } else if is(node, "Enter") {
                self.captured.insert(edge, *node.inputs.first()?);
            } else if node.op == FEED {
                self.captured.insert(edge, edge);
            } else if is(node, "Merge")
                && graph.nodes.get(edge.node).is_some_and(|n| loops(graph, n))
            {
                open.extend(self.variable(graph, edge.node)?);
            } else if seen.insert(edge.node) {
                open.extend(&node.inputs);
            }
        }
        Some(())
    }

    /// Adds the loop as a `While` and lets the exits hand on what it gives.
    fn write(self, graph: &mut Graph<'_>) {
        let output = |node: usize, output: usize| Edge { node, output };
        let merges = || self.variables.iter();
        let captured: Vec<_> = self.captured.keys().map(|&edge| vec![edge]).collect();
        let in_condition = merges().map(|(&merge, _)| vec![output(merge, 0)]);
        let in_body = merges().map(|(&merge, variable)| {
            let switched = variable.switches.iter().map(|&switch| output(switch, 1));
            switched.chain([output(merge, 0)]).collect()
        });
        let in_condition: Vec<_> = in_condition.chain(captured.clone()).collect();
        let in_body: Vec<Vec<Edge>> = in_body.chain(captured).collect();
        let decided = graph.nodes.get(self.condition);
        let decided: Vec<_> = decided
            .iter()
            .flat_map(|node| node.inputs.first())
            .copied()
            .collect();
        let next: Vec<_> = merges()
            .filter_map(|(_, variable)| variable.next)
            .chain(self.captured.keys().copied())
            .collect();
        let initial = merges().filter_map(|(_, variable)| variable.initial);
        let inputs: Vec<_> = initial.chain(self.captured.values().copied()).collect();
        let bodies = vec![
            branches::structured(Part::new(graph, &in_condition).fetching(&decided)),
            branches::structured(Part::new(graph, &in_body).fetching(&next)),
        ];
        let name = graph
            .nodes
            .get(self.condition)
            .map(|node| node.name.clone());
        let results = graph.push(Node {
            name: name.unwrap_or_default(),
            op: "While",
            outputs: inputs.len(),
            inputs,
            bodies,
            ..Node::default()
        });
        self.leave(graph, &results);
    }

    /// Lets each `Exit` hand on the result of its variable.
    fn leave(&self, graph: &mut Graph<'_>, results: &[Edge]) {
        let of_switch: HashMap<usize, Edge> = self
            .variables
            .values()
            .zip(results)
            .flat_map(|(variable, &edge)| variable.switches.iter().map(move |&at| (at, edge)))
            .collect();
        for index in 0..graph.nodes.len() {
            let node = graph.nodes.get(index).filter(|node| is(node, "Exit"));
            let switch = node
                .and_then(|node| node.inputs.first())
                .map(|edge| edge.node);
            if let Some(&edge) = switch.and_then(|switch| of_switch.get(&switch)) {
                copy::hand_on(graph, index, edge);
            }
        }
    }
}

/// Whether the `Merge` is where a loop begins, and not where a choice ends.
fn loops(graph: &Graph<'_>, merge: &Node<'_>) -> bool {
    let mut sources = merge.inputs.iter().filter_map(|&edge| graph.source(edge));
    sources.any(|node| is_loop_end(node.op))
}

impl<'l, 'a> Flattener<'l, 'a> {
    /// Visits what the ends of loops read, now that their beginnings are there.
    pub(super) fn close_loops(&mut self, scope: &mut Scope<'l, 'a>) -> Result<()> {
        while let Some((end, node)) = scope.loop_ends.pop() {
            let Some(input) = node.input.iter().find(|input| !input.starts_with('^')) else {
                continue;
            };
            let reference = scope.parse(input);
            if !scope.is_given(reference) {
                self.visit(scope, std::iter::once(reference.node))?;
            }
            let edge = self.resolve(scope, reference)?;
            if let Some(end) = self.graph.nodes.get_mut(end) {
                end.inputs = vec![edge];
            }
        }
        Ok(())
    }
}
