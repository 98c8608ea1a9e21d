//! A convolution or a product with its activation, as ONNX Runtime writes them into files that it
//! has optimised (`FusedConv` and `FusedGemm` of `com.microsoft`): as the two or three operators
//! that they were.

use hari_proto::onnx::{AttributeProto, NodeProto};

use super::{constant, operator, temporaries, zero_float};

/// The nodes to put in the place of this one, if it is one of those.
pub(super) fn fused(node: &NodeProto) -> Option<Vec<NodeProto>> {
    let [output] = &*node.output else {
        return None;
    };
    let (op_type, most) = match (node.domain(), node.op_type()) {
        ("com.microsoft", "FusedConv") => ("Conv", 3),
        ("com.microsoft", "FusedGemm") => ("Gemm", 3),
        _ => return None,
    };
    let [alone, sum] = temporaries(output, ["alone", "sum"]);
    let mut base = operator(op_type, &[], &[&alone]);
    base.input = node.input.iter().take(most).cloned().collect();
    let ours = |attribute: &&AttributeProto| !attribute.name().starts_with("activation");
    base.attribute = node.attribute.iter().filter(ours).cloned().collect();
    let mut nodes = vec![super::windowed(&base).unwrap_or(base)];
    let added = node.input.get(most).filter(|name| !name.is_empty());
    let before = added.map_or(&alone, |_| &sum);
    if let Some(added) = added {
        nodes.push(operator("Add", &[&alone, added], &[&sum]));
    }
    nodes.extend(activation(node, before, output)?);
    Some(nodes)
}

/// The activation; none if it is not known.
fn activation(node: &NodeProto, input: &str, output: &str) -> Option<Vec<NodeProto>> {
    let find = |name: &str| node.attribute.iter().find(|found| found.name() == name);
    let name = find("activation").map_or("".as_bytes(), |found| found.s());
    let listed = |at: usize| find("activation_params")?.floats.get(at).copied();
    let alone = |name: &str| find(name).map(AttributeProto::f);
    let alpha = listed(0).or_else(|| alone("activation_alpha"));
    let beta = listed(1).or_else(|| alone("activation_beta"));
    let with = |op_type: &str, values: [(&str, Option<f32>); 2]| {
        let mut node = operator(op_type, &[input], &[output]);
        let given = values
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        node.attribute = given
            .map(|(name, value)| super::float(name, value))
            .collect();
        vec![node]
    };
    Some(match std::str::from_utf8(name).ok()? {
        "" => with("Identity", [("", None); 2]),
        plain @ ("Relu" | "Tanh" | "Sigmoid" | "Softplus" | "Softsign") => {
            with(plain, [("", None); 2])
        }
        curved @ ("LeakyRelu" | "Elu") => with(curved, [("alpha", alpha), ("", None)]),
        "HardSigmoid" => with("HardSigmoid", [("alpha", alpha), ("beta", beta)]),
        "Clip" => {
            let [low, high] = temporaries(output, ["low", "high"]);
            let scalar = |value: f32| {
                let mut scalar = zero_float();
                scalar.float_data = vec![value];
                scalar
            };
            vec![
                constant(&low, scalar(alpha.unwrap_or(f32::MIN))),
                constant(&high, scalar(beta.unwrap_or(f32::MAX))),
                operator("Clip", &[input, &low, &high], &[output]),
            ]
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use hari_core::Tensor;
    use hari_proto::onnx::OperatorSetIdProto;
    use hari_proto::onnx::attribute_proto::AttributeType;
    use hari_proto::onnx::tensor_proto::DataType as Elem;

    use super::*;
    use crate::fixture::{floats, graph, loaded, model, node, run, value, with};

    fn text(name: &str, text: &'static str) -> AttributeProto {
        AttributeProto {
            name: Some(name.into()),
            s: Some(text.as_bytes().into()),
            r#type: Some(AttributeType::String as i32),
            ..AttributeProto::default()
        }
    }

    fn params(values: &[f32]) -> AttributeProto {
        AttributeProto {
            name: Some("activation_params".into()),
            floats: values.to_vec(),
            r#type: Some(AttributeType::Floats as i32),
            ..AttributeProto::default()
        }
    }

    /// One number for each of two, by a fused node over `x` (`-1` and `2`), a weight of 2 and what
    /// else is given.
    fn made(mut fused: NodeProto, shape: &[i64], sizes: &[&str]) -> Vec<f32> {
        fused.domain = Some("com.microsoft".into());
        let ends = |name| vec![value(name, Elem::Float, sizes)];
        let mut graph = graph(ends("x"), vec![fused], ends("y"));
        let given: usize = shape.iter().map(|&size| size as usize).product();
        graph.initializer = vec![
            floats("w", &vec![1; shape.len()], &[2.0]),
            floats("b", &[1], &[1.0]),
            floats("z", shape, &vec![10.0; given]),
        ];
        let mut model = model(graph);
        model.opset_import.push(OperatorSetIdProto {
            domain: Some("com.microsoft".into()),
            version: Some(1),
        });
        let shape: Vec<usize> = shape.iter().map(|&size| size as usize).collect();
        let x = Tensor::from_vec(shape, vec![-1.0_f32, 2.0]).unwrap();
        run(&loaded(&model), vec![x])[0].to_vec().unwrap()
    }

    #[test]
    fn a_convolution_is_followed_by_its_sum_and_its_activation() {
        let conv = |inputs: &[&str], name| {
            let bare = node("FusedConv", inputs, &["y"]);
            let kernel = super::super::ints("kernel_shape", vec![1, 1]);
            with(with(bare, kernel), text("activation", name))
        };
        let run = |node| made(node, &[1, 1, 1, 2], &["1", "1", "1", "2"]);
        assert_eq!(run(conv(&["x", "w"], "Relu")), [0.0, 4.0]);
        assert_eq!(run(conv(&["x", "w", "b", "z"], "Relu")), [9.0, 15.0]);
        let leaky = with(conv(&["x", "w", "b"], "LeakyRelu"), params(&[0.5]));
        assert_eq!(run(leaky), [-0.5, 5.0]);
        let clipped = with(conv(&["x", "w", "b"], "Clip"), params(&[0.0, 3.0]));
        assert_eq!(run(clipped), [0.0, 3.0]);
    }

    #[test]
    fn a_product_is_followed_by_its_activation() {
        let product = with(
            node("FusedGemm", &["x", "w", "b"], &["y"]),
            text("activation", "Relu"),
        );
        assert_eq!(made(product, &[2, 1], &["n", "1"]), [0.0, 5.0]);
    }

    #[test]
    fn an_activation_that_is_not_known_is_left_alone() {
        let mut odd = with(
            node("FusedConv", &["x", "w"], &["y"]),
            text("activation", "Frob"),
        );
        assert!(fused(&odd).is_none());
        odd.domain = Some("com.microsoft".into());
        assert!(fused(&odd).is_none());
    }
}
