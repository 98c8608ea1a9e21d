//! One graph for each signature: ONNX Runtime wants all inputs of a graph and computes all of it.

use std::collections::BTreeSet;

use hari_proto::onnx::{GraphProto, ValueInfoProto};

use crate::model::Binding;
use crate::{scope, signature};

/// The part of `graph` that a signature needs, and the signature's places in it.
pub(super) fn signature(
    graph: &GraphProto,
    binding: &Binding<usize>,
) -> (GraphProto, Binding<usize>) {
    let inputs: Vec<_> = signature::inputs(graph).collect();
    let inputs = binding.inputs.iter().filter_map(|&at| inputs.get(at));
    let wanted: BTreeSet<usize> = binding.outputs.iter().copied().collect();
    let outputs = wanted.iter().filter_map(|&at| graph.output.get(at));
    let outputs: Vec<_> = outputs.cloned().collect();
    let names: Vec<&str> = outputs.iter().map(ValueInfoProto::name).collect();
    let (needed, used) = scope::needed(&graph.node, &names);
    let nodes = graph.node.iter().zip(needed);
    let nodes = nodes.filter(|(_, needed)| *needed);
    let constants = graph.initializer.iter();
    let constants = constants.filter(|tensor| used.contains(tensor.name()));
    let part = GraphProto {
        node: nodes.map(|(node, _)| node.clone()).collect(),
        initializer: constants.cloned().collect(),
        input: inputs.map(|&input| input.clone()).collect(),
        output: outputs.clone(),
        ..graph.clone()
    };
    let place = |at: &usize| wanted.iter().position(|other| other == at);
    let binding = Binding {
        inputs: (0..part.input.len()).collect(),
        outputs: binding.outputs.iter().filter_map(place).collect(),
    };
    (part, binding)
}

#[cfg(test)]
mod tests {
    use hari_proto::onnx::NodeProto;
    use hari_proto::onnx::tensor_proto::DataType as Elem;

    use super::*;
    use crate::fixture::{floats, graph, node, value};

    #[test]
    fn a_signature_takes_what_it_needs_and_no_more() {
        let ports = |names: &[&str]| -> Vec<_> {
            let port = |name: &&str| value(name, Elem::Float, &["n"]);
            names.iter().map(port).collect()
        };
        let mut both = graph(
            ports(&["a", "b"]),
            vec![
                node("Add", &["a", "one"], &["x"]),
                node("Add", &["b", "two"], &["y"]),
                node("Neg", &["y"], &["z"]),
            ],
            ports(&["x", "y", "z"]),
        );
        both.initializer = vec![floats("one", &[1], &[1.0]), floats("two", &[1], &[2.0])];
        let wanted = Binding {
            inputs: vec![1],
            outputs: vec![2, 1, 2],
        };
        let (part, places) = signature(&both, &wanted);
        let names: Vec<_> = part.node.iter().map(NodeProto::op_type).collect();
        assert_eq!(names, ["Add", "Neg"]);
        assert_eq!((part.input.len(), part.input[0].name()), (1, "b"));
        assert_eq!(
            (part.initializer.len(), part.initializer[0].name()),
            (1, "two")
        );
        let outputs: Vec<_> = part.output.iter().map(ValueInfoProto::name).collect();
        assert_eq!(outputs, ["y", "z"]);
        assert_eq!((places.inputs, places.outputs), (vec![0], vec![1, 0, 1]));
    }
}
