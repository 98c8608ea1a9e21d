//! One signature's graph: no functions, no order but that of the data, nothing that is not needed.

use crate::attrs::Attrs;

/// An output of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Edge {
    /// Index into [`Graph::nodes`].
    pub(crate) node: usize,
    /// Which of its outputs.
    pub(crate) output: usize,
}

/// An operation. Its inputs come before it in the graph.
#[derive(Clone, Debug, Default)]
pub(crate) struct Node<'a> {
    /// The name in the main graph, or the path of calls and the name in the function.
    pub(crate) name: String,
    /// TensorFlow's name of the operation, or [`FEED`].
    pub(crate) op: &'a str,
    pub(crate) inputs: Vec<Edge>,
    pub(crate) attrs: Attrs<'a>,
    pub(crate) outputs: usize,
    /// Graphs that the operation runs, each over the operation's inputs or a part of them:
    /// condition and body of a loop, branches of a choice.
    pub(crate) bodies: Vec<Flat<'a>>,
}

/// A graph with what is wanted of it. Feeds come first, one node each in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flat<'a> {
    pub(crate) graph: Graph<'a>,
    /// Where each fetch comes from, in their order.
    pub(crate) fetches: Vec<Edge>,
}

impl Flat<'_> {
    /// How many feeds it has.
    pub(crate) fn feeds(&self) -> usize {
        let nodes = self.graph.nodes.iter();
        nodes.take_while(|node| node.op == FEED).count()
    }

    /// The feed that an edge hands on, if it hands one on as it is.
    pub(crate) fn feed_behind(&self, edge: Edge) -> Option<usize> {
        let edge = self.graph.through_identities(edge);
        let node = self.graph.source(edge)?;
        (node.op == FEED).then_some(edge.node)
    }

    /// Whether both compute the same.
    pub(crate) fn same_as(&self, other: &Flat<'_>) -> bool {
        self.fetches == other.fetches && self.graph.same_as(&other.graph)
    }
}

/// The operation of a node that stands for an input of the signature. TensorFlow's own operations
/// begin with a letter or an underscore.
pub(crate) const FEED: &str = "<feed>";

/// Nodes, each after those it reads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Graph<'a> {
    pub(crate) nodes: Vec<Node<'a>>,
}

impl<'a> Graph<'a> {
    /// The node that an edge comes from.
    pub(crate) fn source(&self, edge: Edge) -> Option<&Node<'a>> {
        self.nodes.get(edge.node)
    }

    /// Adds a node and gives its outputs.
    pub(crate) fn push(&mut self, node: Node<'a>) -> Vec<Edge> {
        let index = self.nodes.len();
        let outputs = node.outputs;
        self.nodes.push(node);
        (0..outputs)
            .map(|output| Edge {
                node: index,
                output,
            })
            .collect()
    }

    /// Follows an edge back through operations that hand their input on as it is.
    pub(crate) fn through_identities(&self, mut edge: Edge) -> Edge {
        while let Some(node) = self.source(edge) {
            let next = match node.op {
                "Identity" | "StopGradient" => node.inputs.first(),
                "IdentityN" => node.inputs.get(edge.output),
                _ => None,
            };
            let Some(&next) = next else { break };
            edge = next;
        }
        edge
    }

    /// Every node, those of graphs inside nodes included.
    pub(crate) fn each<'g>(&'g self, visit: &mut impl FnMut(&'g Node<'a>)) {
        for node in &self.nodes {
            visit(node);
            for body in &node.bodies {
                body.graph.each(visit);
            }
        }
    }

    /// Whether both graphs compute the same, node by node. Names count only where state hangs on
    /// them.
    pub(crate) fn same_as(&self, other: &Graph<'_>) -> bool {
        let same = |(a, b): (&Node<'_>, &Node<'_>)| {
            a.op == b.op
                && a.inputs == b.inputs
                && a.attrs.same_as(&b.attrs, !a.bodies.is_empty())
                && (a.name == b.name || !(is_variable(a.op) || is_table(a.op)))
                && a.bodies.len() == b.bodies.len()
                && a.bodies.iter().zip(&b.bodies).all(|(a, b)| a.same_as(b))
        };
        self.nodes.len() == other.nodes.len() && self.nodes.iter().zip(&other.nodes).all(same)
    }
}

/// Whether the operation stands for a variable.
pub(crate) fn is_variable(op: &str) -> bool {
    matches!(op, "VarHandleOp" | "VariableV2" | "Variable")
}

/// Whether the operation stands for a lookup table.
pub(crate) fn is_table(op: &str) -> bool {
    matches!(
        op,
        "HashTable"
            | "HashTableV2"
            | "MutableHashTable"
            | "MutableHashTableV2"
            | "MutableDenseHashTable"
            | "MutableDenseHashTableV2"
            | "MutableHashTableOfTensors"
            | "MutableHashTableOfTensorsV2"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, op: &'static str, inputs: &[Edge], outputs: usize) -> Node<'static> {
        let name = name.to_owned();
        Node {
            name,
            op,
            inputs: inputs.to_vec(),
            outputs,
            ..Node::default()
        }
    }

    #[test]
    fn identities_are_looked_through() {
        let mut graph = Graph::default();
        let a = graph.push(node("a", "Const", &[], 1));
        let b = graph.push(node("b", "Split", &a, 2));
        let c = graph.push(node("c", "IdentityN", &b, 2));
        let d = graph.push(node("d", "Identity", &c[1..], 1));
        assert_eq!(graph.through_identities(d[0]), b[1]);
        assert_eq!(
            graph
                .through_identities(Edge {
                    node: 99,
                    output: 0
                })
                .node,
            99
        );
    }

    #[test]
    fn names_of_variables_tell_graphs_apart() {
        let with = |name: &str, op: &'static str| {
            let mut graph = Graph::default();
            graph.push(node(name, op, &[], 1));
            graph
        };
        assert!(with("x", "Const").same_as(&with("y", "Const")));
        assert!(!with("x", "VarHandleOp").same_as(&with("y", "VarHandleOp")));
        assert!(!with("x", "Const").same_as(&with("x", "Pack")));
    }
}
