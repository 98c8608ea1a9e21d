//! Graphs inside nodes: the body of a loop, the branches of a choice.
//!
//! Values of the graphs around them are read by name, as ONNX has it. So all graphs share one list
//! of values, and only the nodes are kept apart.

use std::collections::HashSet;

use super::{Attr, Builder, Id, OnnxNode};
use crate::dtype::DataType;
use crate::shape::Dim;

/// A graph inside a node.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Subgraph {
    pub(crate) inputs: Vec<Id>,
    pub(crate) outputs: Vec<Id>,
    pub(crate) nodes: Vec<OnnxNode>,
}

/// The nodes of the graph around the one that is being made.
#[must_use]
pub(crate) struct Around(Vec<OnnxNode>);

impl OnnxNode {
    /// The graphs inside it.
    pub(crate) fn graphs(&self) -> impl Iterator<Item = &Subgraph> {
        self.attrs.iter().filter_map(|(_, attr)| match attr {
            Attr::Graph(graph) => Some(graph),
            _ => None,
        })
    }

    /// Every value that it reads, graphs inside it included; those include their own values too.
    pub(crate) fn each_read(&self, visit: &mut dyn FnMut(Id)) {
        self.inputs.iter().flatten().for_each(|&id| visit(id));
        for graph in self.graphs() {
            graph.nodes.iter().for_each(|node| node.each_read(visit));
            graph.outputs.iter().for_each(|&id| visit(id));
        }
    }

    /// Replaces values that it reads, graphs inside it included.
    pub(crate) fn replace_reads(&mut self, by: &dyn Fn(Id) -> Id) {
        for input in self.inputs.iter_mut().flatten() {
            *input = by(*input);
        }
        for (_, attr) in &mut self.attrs {
            if let Attr::Graph(graph) = attr {
                graph
                    .nodes
                    .iter_mut()
                    .for_each(|node| node.replace_reads(by));
                graph.outputs.iter_mut().for_each(|id| *id = by(*id));
            }
        }
    }
}

impl Builder {
    /// Begins a graph inside: nodes go there until [`Builder::close`].
    pub(crate) fn open(&mut self) -> Around {
        Around(std::mem::take(&mut self.nodes))
    }

    /// Goes back to the graph around, and gives the nodes that were made inside.
    pub(crate) fn close(&mut self, around: Around) -> Vec<OnnxNode> {
        std::mem::replace(&mut self.nodes, around.0)
    }

    /// A value that a graph inside is given.
    pub(crate) fn inner_input(&mut self, dtype: DataType, shape: Option<Vec<Dim>>) -> Id {
        self.push(dtype, shape)
    }

    /// A graph of these nodes. Outputs that no node makes, or that are wanted twice, are copied, as
    /// an output of a graph inside has to be its own. Nodes that no output needs are left out.
    pub(crate) fn subgraph(
        &mut self,
        nodes: Vec<OnnxNode>,
        inputs: Vec<Id>,
        outputs: &[Id],
    ) -> Subgraph {
        let around = Around(std::mem::replace(&mut self.nodes, nodes));
        let mut own: HashSet<Id> = self
            .nodes
            .iter()
            .flat_map(|node| &node.outputs)
            .copied()
            .collect();
        let mut result = |builder: &mut Self, id: Id| match own.remove(&id) {
            true => id,
            false => builder.copy(id),
        };
        let outputs: Vec<_> = outputs.iter().map(|&id| result(self, id)).collect();
        self.prune(&outputs);
        let nodes = self.close(around);
        Subgraph {
            inputs,
            outputs,
            nodes,
        }
    }

    /// The same value under another name.
    pub(crate) fn copy(&mut self, id: Id) -> Id {
        let kind = (self.dtype(id), self.value(id).shape.clone());
        self.node("Identity", &[id], Vec::new(), kind)
    }

    /// How many values there are: what was made so far, thrown away or not.
    pub(crate) fn made(&self) -> usize {
        self.values.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::known;

    #[test]
    fn outputs_of_a_graph_inside_are_its_own() {
        let mut builder = Builder::default();
        let x = builder.input("x", DataType::DtFloat, Some(known(&[2])));
        let around = builder.open();
        let y = builder.unary("Relu", x);
        let _unused = builder.unary("Exp", y);
        let nodes = builder.close(around);
        let graph = builder.subgraph(nodes, Vec::new(), &[y, y, x]);
        let ops: Vec<_> = graph.nodes.iter().map(|node| node.op).collect();
        assert_eq!(ops, ["Relu", "Identity", "Identity"]);
        assert_eq!(graph.outputs.iter().collect::<HashSet<_>>().len(), 3);
        assert!(builder.nodes.is_empty());
    }

    #[test]
    fn what_a_graph_inside_reads_is_kept() {
        let mut builder = Builder::default();
        let x = builder.input("x", DataType::DtFloat, Some(known(&[2])));
        let a = builder.unary("Relu", x);
        let around = builder.open();
        let b = builder.unary("Tanh", a);
        let nodes = builder.close(around);
        let graph = builder.subgraph(nodes, Vec::new(), &[b]);
        let attrs = vec![("then_branch", Attr::Graph(graph))];
        let kind = (DataType::DtFloat, Some(known(&[2])));
        let y = builder.node("If", &[x], attrs, kind);
        builder.prune(&[y]);
        let ops: Vec<_> = builder.nodes.iter().map(|node| node.op).collect();
        assert_eq!(ops, ["Relu", "If"]);
        for node in &mut builder.nodes {
            node.replace_reads(&|id| if id == a { x } else { id });
        }
        builder.prune(&[y]);
        assert_eq!(builder.nodes.len(), 1);
    }
}
