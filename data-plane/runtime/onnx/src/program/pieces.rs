//! A part for an engine that computes all of what it is given and wants all inputs: in pieces, each
//! needed as a whole by a signature or not at all.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use hari_proto::onnx::GraphProto;

use super::build::Node;
use crate::scope::{self, Scope};

/// Signatures, by their places.
pub(super) type Signatures = BTreeSet<usize>;

/// For each node of `graph`, the signatures that need it; `signatures` are the names of their
/// outputs.
pub(super) fn needed_by(graph: &GraphProto, signatures: &[Vec<&str>]) -> Vec<Signatures> {
    let mut found = vec![Signatures::new(); graph.node.len()];
    for (at, outputs) in signatures.iter().enumerate() {
        let (needed, _) = scope::needed(&graph.node, outputs);
        let nodes = found.iter_mut().zip(needed);
        nodes
            .filter(|(_, needed)| *needed)
            .for_each(|(signatures, _)| {
                signatures.insert(at);
            });
    }
    found
}

/// The nodes in pieces, one for all nodes that the same signatures need; those that none needs are
/// left out. A piece follows those it uses: what a node uses is needed wherever the node is, so that
/// more signatures need it.
///
/// A value whose type is not known cannot pass from piece to piece: what makes it is in both.
pub(super) fn pieces<'a, 'n>(nodes: &'a [Node<'n>], scope: &Scope<'_>) -> Vec<Vec<&'a Node<'n>>> {
    let mut groups: BTreeMap<(Reverse<usize>, &Signatures), BTreeSet<usize>> = BTreeMap::new();
    let mut makers: HashMap<&str, usize> = HashMap::new();
    for (at, node) in nodes.iter().enumerate() {
        makers.extend(node.original.output.iter().map(|name| (name.as_str(), at)));
        if !node.needed.is_empty() {
            let key = (Reverse(node.needed.len()), &node.needed);
            groups.entry(key).or_default().insert(at);
        }
    }
    let untyped = |name: &str| scope.get(name).is_none_or(|known| known.kind.is_none());
    let whole = |mut piece: BTreeSet<usize>| {
        let mut open: Vec<usize> = piece.iter().copied().collect();
        while let Some(node) = open.pop().and_then(|at| nodes.get(at)) {
            let stuck = node.uses.iter().filter(|name| untyped(name));
            for maker in stuck.filter_map(|name| makers.get(name.as_str()).copied()) {
                if piece.insert(maker) {
                    open.push(maker);
                }
            }
        }
        piece.into_iter().filter_map(|at| nodes.get(at)).collect()
    };
    groups.into_values().map(whole).collect()
}

/// The values that some piece uses and another makes.
pub(super) fn passed<'a>(pieces: &[Vec<&'a Node<'_>>]) -> BTreeSet<&'a str> {
    let of = |piece: &Vec<&'a Node<'_>>| {
        let made = piece.iter().flat_map(|node| &node.original.output);
        let made: BTreeSet<&str> = made.map(String::as_str).collect();
        let used = piece.iter().flat_map(|node| &node.uses);
        let used = used.map(String::as_str);
        used.filter(|name| !made.contains(name)).collect::<Vec<_>>()
    };
    pieces.iter().flat_map(of).collect()
}

#[cfg(test)]
mod tests;
