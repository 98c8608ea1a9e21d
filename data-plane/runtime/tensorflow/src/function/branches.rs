//! Choices of TensorFlow 1, written as `If` with two branches.
//!
//! There every value goes into a choice by a `Switch`, out of its output 0 where the predicate is
//! false and 1 where it is true, and comes out by a `Merge` of both branches. All merges behind
//! switches of one predicate become one `If`; inner choices are written first.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use hari_error::Result;
use hari_proto::tensorflow::NodeDef;

use super::copy::{self, Part};
use super::reference::Reference;
use super::{Flattener, Scope};
use crate::graph::{Edge, FEED, Flat, Graph, Node};

/// More choices than this in one graph are left as they are, to be refused.
const MAX_CHOICES: usize = 256;

fn is_merge(op: &str) -> bool {
    matches!(op, "Merge" | "RefMerge")
}

fn is_switch(op: &str) -> bool {
    matches!(op, "Switch" | "RefSwitch")
}

/// Writes every choice of the graph.
pub(super) fn structured(mut flat: Flat<'_>) -> Flat<'_> {
    let nodes = flat.graph.nodes.iter().enumerate();
    let merges: Vec<usize> = nodes
        .filter(|(_, node)| is_merge(node.op))
        .map(|(index, _)| index)
        .collect();
    if merges.is_empty() || merges.len() > MAX_CHOICES {
        return flat;
    }
    for (predicate, merges) in by_predicate(&flat.graph, &merges) {
        for choice in choices(&flat.graph, predicate, merges) {
            choice.write(&mut flat.graph);
        }
    }
    copy::in_order(&flat)
}

/// One choice for all merges; one for each of them if they depend on each other, as they do when
/// choices that follow one another have the very same predicate.
fn choices(graph: &Graph<'_>, predicate: Edge, merges: Vec<usize>) -> Vec<Choice> {
    match Choice::of(graph, predicate, merges.clone()) {
        Some(choice) if choice.is_closed(graph) => vec![choice],
        _ => merges
            .into_iter()
            .filter_map(|merge| Choice::of(graph, predicate, vec![merge]))
            .collect(),
    }
}

/// The merges of each predicate. What lies inside a choice ends before the last merge of that, so
/// the order of the last merges has inner choices first.
fn by_predicate(graph: &Graph<'_>, merges: &[usize]) -> Vec<(Edge, Vec<usize>)> {
    let mut groups: BTreeMap<(Edge, usize), Vec<usize>> = BTreeMap::new();
    for &merge in merges {
        if let Some(key) = predicate(graph, merge) {
            groups.entry(key).or_default().push(merge);
        }
    }
    let groups = groups.into_iter().map(|((edge, _), merges)| (edge, merges));
    let mut groups: Vec<_> = groups.collect();
    groups.sort_by_key(|(_, merges)| merges.last().copied());
    groups
}

/// The predicate of the choice that ends in this merge, and the merge if it has to stand alone.
/// Between a merge and the switches of its choice, every inner choice has as many switches as
/// merges. Where only constants wait for the predicate, each merge stands alone.
fn predicate(graph: &Graph<'_>, merge: usize) -> Option<(Edge, usize)> {
    let inputs = |node: &Node<'_>, depth: usize| {
        let inputs = node.inputs.clone();
        inputs.into_iter().map(move |edge| (edge, depth))
    };
    let mut open: Vec<_> = inputs(graph.nodes.get(merge)?, 0).collect();
    let mut seen = HashSet::new();
    let mut waited_for = None;
    while let Some((edge, depth)) = open.pop() {
        let node = graph.source(edge)?;
        if !seen.insert((edge.node, depth)) || seen.len() > super::MAX_NODES {
            continue;
        }
        match (is_switch(node.op), depth, node.inputs.as_slice()) {
            (true, 0, [value, predicate]) if value == predicate => {
                waited_for = Some((*predicate, merge));
            }
            (true, 0, inputs) => return inputs.get(1).map(|&predicate| (predicate, usize::MAX)),
            (true, depth, inputs) => open.extend(inputs.first().map(|&edge| (edge, depth - 1))),
            _ => open.extend(inputs(node, depth + usize::from(is_merge(node.op)))),
        }
    }
    waited_for
}

/// A choice whose inner choices are written.
struct Choice {
    predicate: Edge,
    merges: Vec<usize>,
    /// What is computed where the predicate is false, and where it is true: one for each merge.
    sides: [Vec<Edge>; 2],
    /// Values that come in, each with the switches that they go through.
    captured: BTreeMap<Edge, BTreeSet<usize>>,
}

impl Choice {
    fn of(graph: &Graph<'_>, predicate: Edge, merges: Vec<usize>) -> Option<Self> {
        let mut choice = Self {
            predicate,
            merges: Vec::new(),
            sides: [Vec::new(), Vec::new()],
            captured: BTreeMap::new(),
        };
        for merge in merges {
            let [first, second] = *graph.nodes.get(merge)?.inputs.as_slice() else {
                return None;
            };
            let sides = [choice.walk(graph, first)?, choice.walk(graph, second)?];
            let (no, yes) = match sides {
                [Some(1), Some(0) | None] | [None, Some(0)] => (second, first),
                [Some(0) | None, Some(1) | None] => (first, second),
                _ => return None,
            };
            let [noes, yeses] = &mut choice.sides;
            noes.push(no);
            yeses.push(yes);
            choice.merges.push(merge);
        }
        Some(choice)
    }

    /// Whether nothing that comes in depends on what comes out.
    fn is_closed(&self, graph: &Graph<'_>) -> bool {
        let mut seen = HashSet::new();
        let mut open: Vec<usize> = self.captured.keys().map(|edge| edge.node).collect();
        while let Some(index) = open.pop() {
            if self.merges.contains(&index) {
                return false;
            }
            if seen.insert(index) {
                let node = graph.nodes.get(index);
                open.extend(
                    node.iter()
                        .flat_map(|node| &node.inputs)
                        .map(|edge| edge.node),
                );
            }
        }
        true
    }

    /// Walks back to the switches of the choice, and says on which side of them the edge lies; none
    /// if it reads no switch. Fails if it lies on both.
    fn walk(&mut self, graph: &Graph<'_>, from: Edge) -> Option<Option<usize>> {
        let mut side = None;
        let mut seen = HashSet::new();
        let mut open = vec![from];
        while let Some(edge) = open.pop() {
            let node = graph.source(edge)?;
            if is_switch(node.op) {
                let (&value, &predicate) = (node.inputs.first()?, node.inputs.get(1)?);
                let own = |edge| {
                    graph.through_identities(edge) == graph.through_identities(self.predicate)
                };
                if !own(predicate) || side.is_some_and(|side| side != edge.output) {
                    return None;
                }
                side = Some(edge.output);
                self.captured.entry(value).or_default().insert(edge.node);
            } else if node.op == FEED {
                self.captured.entry(edge).or_default();
            } else if seen.insert(edge.node) {
                open.extend(&node.inputs);
            }
        }
        Some(side)
    }

    /// Adds the choice as an `If` and lets the merges hand on what it gives.
    fn write(self, graph: &mut Graph<'_>) {
        let branch = |side: usize, fetches: &[Edge]| {
            let inside = |(&value, switches): (&Edge, &BTreeSet<usize>)| {
                let switched = switches.iter().map(|&node| Edge { node, output: side });
                match switches.is_empty() {
                    true => vec![value],
                    false => switched.collect(),
                }
            };
            let feeds: Vec<_> = self.captured.iter().map(inside).collect();
            Part::new(graph, &feeds).fetching(fetches)
        };
        let [noes, yeses] = &self.sides;
        let bodies = vec![branch(1, yeses), branch(0, noes)];
        let name = self.merges.first().and_then(|&at| graph.nodes.get(at));
        let name = name.map(|node| node.name.clone()).unwrap_or_default();
        let captured = self.captured.keys().copied();
        let results = graph.push(Node {
            name,
            op: "If",
            inputs: [self.predicate].into_iter().chain(captured).collect(),
            outputs: self.merges.len(),
            bodies,
            ..Node::default()
        });
        for (&merge, edge) in self.merges.iter().zip(results) {
            copy::hand_on(graph, merge, edge);
        }
    }
}

impl Scope<'_, '_> {
    /// Whether a constant is that of a branch of TensorFlow 1: then the branch is told by what the
    /// constant waits for.
    pub(super) fn waits(&self, node: &NodeDef, reference: Reference<'_>) -> bool {
        let source = |name: &str| self.nodes.get(Reference::in_graph(name).node);
        let pivot = self
            .nodes
            .get(reference.node)
            .filter(|_| node.op == "Const");
        let pivot = pivot.filter(|pivot| reference.is_control && pivot.op == "Identity");
        let switch = pivot.and_then(|pivot| source(pivot.input.first()?));
        switch.is_some_and(|switch| matches!(switch.op.as_str(), "Switch" | "RefSwitch"))
    }
}

impl<'l, 'a> Flattener<'l, 'a> {
    /// The edge of a constant, handed on by an operation that also reads what the constant waits
    /// for.
    pub(super) fn behind(
        &mut self,
        scope: &Scope<'l, 'a>,
        constant: Vec<Edge>,
        pivot: Reference<'_>,
    ) -> Result<Vec<Edge>> {
        let pivot = self.resolve(scope, pivot)?;
        Ok(self.graph.push(Node {
            op: "Identity",
            inputs: constant.into_iter().chain([pivot]).collect(),
            outputs: 1,
            ..Node::default()
        }))
    }
}
