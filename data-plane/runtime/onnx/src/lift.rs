//! `Constant` nodes as initializers, so that a constant is one thing to everyone after this.

use hari_proto::onnx::tensor_proto::DataType as Elem;
use hari_proto::onnx::{AttributeProto, GraphProto, NodeProto, TensorProto};

/// The graph, and the graphs inside its nodes, with constants among the initializers. A constant
/// in a form that no tensor has stays a node.
pub(crate) fn constants(mut graph: GraphProto) -> GraphProto {
    let mut nodes = Vec::with_capacity(graph.node.len());
    for mut node in graph.node {
        if let Some(tensor) = constant(&node) {
            graph.initializer.push(tensor);
            continue;
        }
        for attribute in &mut node.attribute {
            attribute.g = attribute.g.take().map(constants);
            let inner = std::mem::take(&mut attribute.graphs);
            attribute.graphs = inner.into_iter().map(constants).collect();
        }
        nodes.push(node);
    }
    graph.node = nodes;
    graph
}

fn constant(node: &NodeProto) -> Option<TensorProto> {
    let own = matches!(node.domain(), "" | "ai.onnx");
    let ([output], [attribute]) = (&*node.output, &*node.attribute) else {
        return None;
    };
    if !own || node.op_type() != "Constant" || output.is_empty() {
        return None;
    }
    let mut tensor = value(attribute)?;
    tensor.name = Some(output.clone());
    Some(tensor)
}

fn value(attribute: &AttributeProto) -> Option<TensorProto> {
    let many = |count: usize| i64::try_from(count).map(|count| vec![count]).ok();
    let of = |elem: Elem, dims: Vec<i64>| TensorProto {
        data_type: Some(elem as i32),
        dims,
        ..TensorProto::default()
    };
    Some(match attribute.name() {
        "value" => attribute.t.clone()?,
        "value_int" => TensorProto {
            int64_data: vec![attribute.i()],
            ..of(Elem::Int64, Vec::new())
        },
        "value_ints" => TensorProto {
            int64_data: attribute.ints.clone(),
            ..of(Elem::Int64, many(attribute.ints.len())?)
        },
        "value_float" => TensorProto {
            float_data: vec![attribute.f()],
            ..of(Elem::Float, Vec::new())
        },
        "value_floats" => TensorProto {
            float_data: attribute.floats.clone(),
            ..of(Elem::Float, many(attribute.floats.len())?)
        },
        "value_string" => TensorProto {
            string_data: vec![attribute.s.clone()?],
            ..of(Elem::String, Vec::new())
        },
        "value_strings" => TensorProto {
            string_data: attribute.strings.clone(),
            ..of(Elem::String, many(attribute.strings.len())?)
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{floats, graph, int, ints, node, subgraph, tensor, with};

    #[test]
    fn constants_of_every_form_become_initializers() {
        let constant = |name: &str, attribute| with(node("Constant", &[], &[name]), attribute);
        let inner = graph(vec![], vec![constant("d", int("value_int", 7))], vec![]);
        let nodes = vec![
            constant("a", tensor("value", floats("other", &[1], &[2.0]))),
            constant("b", ints("value_ints", &[4, 5])),
            with(node("If", &["x"], &["y"]), subgraph("then_branch", inner)),
        ];
        let lifted = constants(graph(vec![], nodes, vec![]));
        let names: Vec<_> = lifted.initializer.iter().map(TensorProto::name).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(lifted.initializer[1].int64_data, [4, 5]);
        assert_eq!(lifted.node.len(), 1);
        let inner = lifted.node[0].attribute[0].g.as_ref().unwrap();
        assert_eq!(inner.initializer[0].int64_data, [7]);
        assert!(inner.initializer[0].dims.is_empty() && inner.node.is_empty());
    }

    #[test]
    fn another_operator_and_another_form_stay() {
        let odd = with(node("Constant", &[], &["a"]), int("sparse_value", 1));
        let shaped = with(node("ConstantOfShape", &["n"], &["b"]), int("value_int", 1));
        let lifted = constants(graph(vec![], vec![odd, shaped], vec![]));
        assert_eq!((lifted.node.len(), lifted.initializer.len()), (2, 0));
    }
}
