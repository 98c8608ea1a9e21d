//! Parts of a graph, taken out into a graph of their own.

use std::collections::{HashMap, HashSet};

use crate::attrs::Attrs;
use crate::graph::{Edge, FEED, Flat, Graph, Node};

/// A part while it is taken out.
pub(super) struct Part<'g, 'a> {
    from: &'g Graph<'a>,
    part: Graph<'a>,
    /// Edges that stand for a feed of the part.
    given: HashMap<Edge, Edge>,
    /// Nodes of the part by those they are copies of.
    copies: HashMap<usize, usize>,
}

impl<'g, 'a> Part<'g, 'a> {
    /// A part with a feed for each of these lists of edges.
    pub(super) fn new(from: &'g Graph<'a>, feeds: &[Vec<Edge>]) -> Self {
        let mut part = Graph::default();
        let mut given = HashMap::new();
        for (index, edges) in feeds.iter().enumerate() {
            let made = part.push(Node {
                name: format!("{index}"),
                op: FEED,
                outputs: 1,
                ..Node::default()
            });
            given.extend(
                edges
                    .iter()
                    .zip(made.into_iter().cycle())
                    .map(|(&edge, made)| (edge, made)),
            );
        }
        Self {
            from,
            part,
            given,
            copies: HashMap::new(),
        }
    }

    /// The part that computes these edges.
    pub(super) fn fetching(mut self, edges: &[Edge]) -> Flat<'a> {
        let fetches = edges.iter().map(|&edge| self.take(edge)).collect();
        Flat {
            graph: self.part,
            fetches,
        }
    }

    fn copied(&self, edge: Edge) -> Option<Edge> {
        let output = edge.output;
        let copy = || self.copies.get(&edge.node);
        let own = |&node: &usize| Edge { node, output };
        self.given.get(&edge).copied().or_else(|| copy().map(own))
    }

    /// Copies what the edge needs. An edge that leads back to where it comes from is left out; then
    /// an operation of a loop stays, which has no lowering.
    fn take(&mut self, root: Edge) -> Edge {
        let mut open = HashSet::new();
        let mut stack = vec![root];
        while let Some(&edge) = stack.last() {
            let node = self.from.source(edge);
            let Some(node) = node.filter(|_| self.copied(edge).is_none()) else {
                stack.pop();
                continue;
            };
            let inputs = node.inputs.iter().copied();
            let missing: Vec<_> = inputs
                .filter(|&input| self.copied(input).is_none())
                .collect();
            if missing.is_empty() || !open.insert(edge.node) {
                self.copy(edge.node, node);
                stack.pop();
            } else {
                stack.extend(missing);
            }
        }
        self.copied(root).unwrap_or(root)
    }

    fn copy(&mut self, index: usize, node: &Node<'a>) {
        let inputs = node.inputs.iter();
        let inputs = inputs.filter_map(|&input| self.copied(input)).collect();
        self.copies.insert(index, self.part.nodes.len());
        self.part.push(Node {
            inputs,
            ..node.clone()
        });
    }
}

/// The same graph with each node after those it reads, and without those that nothing reads.
pub(super) fn in_order<'a>(flat: &Flat<'a>) -> Flat<'a> {
    let feeds: Vec<_> = (0..flat.feeds())
        .map(|node| vec![Edge { node, output: 0 }])
        .collect();
    let mut ordered = Part::new(&flat.graph, &feeds).fetching(&flat.fetches);
    for (feed, old) in ordered
        .graph
        .nodes
        .iter_mut()
        .zip(&flat.graph.nodes)
        .take(feeds.len())
    {
        feed.name.clone_from(&old.name);
    }
    ordered
}

/// Puts a node in the place of another, handing on an edge.
pub(super) fn hand_on(graph: &mut Graph<'_>, at: usize, edge: Edge) {
    if let Some(node) = graph.nodes.get_mut(at) {
        node.op = "Identity";
        node.inputs = vec![edge];
        node.attrs = Attrs::default();
        node.outputs = 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(graph: &mut Graph<'static>, op: &'static str, inputs: &[Edge]) -> Edge {
        let inputs = inputs.to_vec();
        graph.push(Node {
            op,
            inputs,
            outputs: 1,
            ..Node::default()
        })[0]
    }

    #[test]
    fn a_part_has_what_it_needs_and_reads_its_feeds() {
        let mut graph = Graph::default();
        let a = push(&mut graph, "A", &[]);
        let b = push(&mut graph, "B", &[a]);
        let c = push(&mut graph, "C", &[a]);
        let d = push(&mut graph, "D", &[b, c]);
        let part = Part::new(&graph, &[vec![b]]).fetching(&[d]);
        let ops: Vec<_> = part.graph.nodes.iter().map(|node| node.op).collect();
        assert_eq!(ops, [FEED, "A", "C", "D"]);
        assert_eq!(part.graph.nodes[3].inputs[0], Edge { node: 0, output: 0 });
        assert_eq!(part.fetches[0].node, 3);
    }

    #[test]
    fn what_goes_round_in_a_circle_is_cut_and_stays() {
        let mut graph = Graph::default();
        let merge = push(&mut graph, "Merge", &[Edge { node: 1, output: 0 }]);
        push(&mut graph, "NextIteration", &[merge]);
        let part = Part::new(&graph, &[]).fetching(&[merge]);
        assert_eq!(part.graph.nodes.len(), 2);
        assert!(part.graph.nodes.iter().any(|node| node.op == "Merge"));
    }

    #[test]
    fn nodes_come_after_those_they_read() {
        let mut graph = Graph::default();
        let feed = push(&mut graph, FEED, &[]);
        let late = Edge { node: 2, output: 0 };
        let a = push(&mut graph, "A", &[late]);
        push(&mut graph, "B", &[feed]);
        let fetches = vec![a];
        let ordered = in_order(&Flat { graph, fetches });
        let ops: Vec<_> = ordered.graph.nodes.iter().map(|node| node.op).collect();
        assert_eq!(ops, [FEED, "B", "A"]);
    }
}
