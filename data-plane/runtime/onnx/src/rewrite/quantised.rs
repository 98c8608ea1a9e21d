//! Operators over quantised numbers that ONNX Runtime's quantiser writes into files (`QLinearAdd`
//! and its like of `com.microsoft`): the numbers are restored, computed with and quantised again.

use hari_proto::onnx::{AttributeProto, NodeProto};

use super::{operator, temporaries};

/// The nodes to put in the place of this one, if it is one of those.
pub(super) fn quantised(node: &NodeProto) -> Option<Vec<NodeProto>> {
    let ([output], "com.microsoft") = (&*node.output, node.domain()) else {
        return None;
    };
    let (op_type, operands) = match node.op_type() {
        "QGemm" => return product(node, output),
        "QLinearAdd" => ("Add", 2),
        "QLinearMul" => ("Mul", 2),
        "QLinearSigmoid" => ("Sigmoid", 1),
        "QLinearLeakyRelu" => ("LeakyRelu", 1),
        "QLinearAveragePool" if !last_channels(node) => ("AveragePool", 1),
        "QLinearGlobalAveragePool" if !last_channels(node) => ("GlobalAveragePool", 1),
        _ => return None,
    };
    let names = temporaries(output, ["left", "right"]);
    let [made] = temporaries(output, ["made"]);
    let mut nodes = Vec::new();
    for (triple, name) in node.input.chunks(3).take(operands).zip(&names) {
        let given: Vec<&str> = triple.iter().map(String::as_str).collect();
        nodes.push(operator("DequantizeLinear", &given, &[name]));
    }
    let given: Vec<&str> = names.iter().take(operands).map(String::as_str).collect();
    let mut computed = operator(op_type, &given, &[&made]);
    let ours = |attribute: &&AttributeProto| attribute.name() != "channels_last";
    computed.attribute = node.attribute.iter().filter(ours).cloned().collect();
    nodes.push(super::windowed(&computed).unwrap_or(computed));
    let scale = node.input.get(3 * operands)?;
    let zero = node.input.get(3 * operands + 1)?;
    let given = [made.as_str(), scale, zero];
    nodes.push(operator("QuantizeLinear", &given, &[output]));
    Some(nodes)
}

/// A product with a bias of 32-bit integers, whose scale is that of both factors. The result is not
/// quantised if no scale for it is given.
fn product(node: &NodeProto, output: &str) -> Option<Vec<NodeProto>> {
    let find = |name: &str| node.attribute.iter().find(|found| found.name() == name);
    let [a, a_scale, a_zero, b, b_scale, b_zero, more @ ..] = &*node.input else {
        return None;
    };
    if find("alpha").is_some_and(|alpha| alpha.f() != 1.0) {
        return None;
    }
    let [left, right, made, scale, bias, biased, sum] = temporaries(
        output,
        ["left", "right", "made", "scale", "float", "bias", "sum"],
    );
    let mut restored = operator("DequantizeLinear", &[b, b_scale, b_zero], &[&right]);
    let turned = super::attribute(node, "transB").unwrap_or(0) != 0;
    restored.attribute = vec![super::int("axis", i64::from(!turned))];
    let quantised = more.get(1).filter(|name| !name.is_empty());
    let last = if quantised.is_some() { &sum } else { output };
    let given = more.first().filter(|name| !name.is_empty());
    let product = if given.is_some() { &made } else { last };
    let mut gemm = operator("Gemm", &[&left, &right], &[product]);
    gemm.attribute.clone_from(&node.attribute);
    let mut nodes = vec![
        operator("DequantizeLinear", &[a, a_scale, a_zero], &[&left]),
        restored,
        gemm,
    ];
    if let Some(given) = given {
        nodes.push(operator("Mul", &[a_scale, b_scale], &[&scale]));
        nodes.push(super::to_float(given, &bias));
        nodes.push(operator("Mul", &[&bias, &scale], &[&biased]));
        nodes.push(operator("Add", &[&made, &biased], &[last]));
    }
    if let Some(scale) = quantised {
        let zero = more.get(2)?;
        nodes.push(operator("QuantizeLinear", &[&sum, scale, zero], &[output]));
    }
    Some(nodes)
}

fn last_channels(node: &NodeProto) -> bool {
    super::attribute(node, "channels_last").unwrap_or(0) != 0
}

#[cfg(test)]
mod tests {
    use hari_core::Tensor;
    use hari_proto::onnx::tensor_proto::DataType as Elem;
    use hari_proto::onnx::{OperatorSetIdProto, TensorProto};

    use super::*;
    use crate::fixture::{floats, graph, int, loaded, model, node, run, value, with};

    /// What the operator makes of 0, 10 and 20 tenths; the second operand is the first.
    fn made(operator: NodeProto) -> Vec<u8> {
        let ends = |name| vec![value(name, Elem::Uint8, &["1", "1", "3"])];
        let mut quantised = operator;
        quantised.domain = Some("com.microsoft".into());
        let mut graph = graph(ends("x"), vec![quantised], ends("y"));
        let zero = TensorProto {
            name: Some("z".into()),
            data_type: Some(Elem::Uint8 as i32),
            raw_data: Some(vec![0_u8].into()),
            ..TensorProto::default()
        };
        graph.initializer = vec![floats("s", &[], &[0.1]), zero];
        let mut model = model(graph);
        model.opset_import.push(OperatorSetIdProto {
            domain: Some("com.microsoft".into()),
            version: Some(1),
        });
        let x = Tensor::from_vec([1, 1, 3], vec![0_u8, 10, 20]).unwrap();
        run(&loaded(&model), vec![x])[0].to_vec().unwrap()
    }

    #[test]
    fn numbers_are_restored_and_quantised_again() {
        let two = ["x", "s", "z", "x", "s", "z", "s", "z"];
        let one = ["x", "s", "z", "s", "z"];
        assert_eq!(made(node("QLinearAdd", &two, &["y"])), [0, 20, 40]);
        assert_eq!(made(node("QLinearMul", &two, &["y"])), [0, 10, 40]);
        assert_eq!(made(node("QLinearSigmoid", &one, &["y"])), [5, 7, 9]);
        assert_eq!(made(node("QLinearLeakyRelu", &one, &["y"])), [0, 10, 20]);
    }

    #[test]
    fn a_product_adds_its_bias_by_the_scale_of_both() {
        let gemm = |shape: &[usize], inputs: &[&str]| {
            let mut gemm = node("QGemm", inputs, &["y"]);
            gemm.domain = Some("com.microsoft".into());
            let elem = if inputs.len() > 7 {
                Elem::Uint8
            } else {
                Elem::Float
            };
            let mut graph = graph(
                vec![value("x", Elem::Uint8, &["n", "2"])],
                vec![gemm],
                vec![value("y", elem, &["n", "2"])],
            );
            let whole = |name: &str, dims: &[i64], raw: &'static [u8], elem| TensorProto {
                name: Some(name.into()),
                dims: dims.to_vec(),
                data_type: Some(elem as i32),
                raw_data: Some(raw.into()),
                ..TensorProto::default()
            };
            graph.initializer = vec![
                floats("s", &[], &[0.5]),
                floats("t", &[2], &[0.5, 1.0]),
                whole("z", &[], &[0], Elem::Uint8),
                whole("u", &[2], &[0, 0], Elem::Uint8),
                whole("w", &[2, 2], &[2, 4, 6, 8], Elem::Uint8),
                whole("c", &[2], &[4, 0, 0, 0, 8, 0, 0, 0], Elem::Int32),
            ];
            let mut model = model(graph);
            model.opset_import.push(OperatorSetIdProto {
                domain: Some("com.microsoft".into()),
                version: Some(1),
            });
            let x = Tensor::from_vec(shape.to_vec(), vec![2_u8, 4]).unwrap();
            run(&loaded(&model), vec![x]).remove(0)
        };
        // 1 and 2 by 1, 4 and 3, 8, and the bias 4 * 0.25 and 8 * 0.5.
        let plain = gemm(&[1, 2], &["x", "s", "z", "w", "t", "u", "c"]);
        assert_eq!(plain.to_vec::<f32>().unwrap(), [8.0, 24.0]);
        let again = gemm(&[1, 2], &["x", "s", "z", "w", "t", "u", "c", "s", "z"]);
        assert_eq!(again.to_vec::<u8>().unwrap(), [16, 48]);
    }

    #[test]
    fn what_is_laid_out_otherwise_is_left_alone() {
        let mut pool = with(
            node(
                "QLinearGlobalAveragePool",
                &["x", "s", "z", "s", "z"],
                &["y"],
            ),
            int("channels_last", 1),
        );
        pool.domain = Some("com.microsoft".into());
        assert!(quantised(&pool).is_none());
        pool.attribute.clear();
        assert_eq!(quantised(&pool).unwrap().len(), 3);
    }
}
