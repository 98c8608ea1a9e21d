//! Small models for the tests, made in memory.

use std::path::PathBuf;

use hari_core::{Call, Model, Tensor};
use hari_proto::onnx::attribute_proto::AttributeType;
use hari_proto::onnx::tensor_proto::DataType as Elem;
use hari_proto::onnx::tensor_shape_proto::{Dimension, dimension};
use hari_proto::onnx::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    TensorShapeProto, TypeProto, ValueInfoProto, type_proto,
};
use prost::Message;

use crate::{EngineChoice, OnnxModel, Options};

/// A node without attributes.
pub(crate) fn node(operator: &str, inputs: &[&str], outputs: &[&str]) -> NodeProto {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    NodeProto {
        op_type: Some(operator.into()),
        input: owned(inputs),
        output: owned(outputs),
        ..NodeProto::default()
    }
}

/// The node with one more attribute.
pub(crate) fn with(mut node: NodeProto, attribute: AttributeProto) -> NodeProto {
    node.attribute.push(attribute);
    node
}

/// An integer attribute.
pub(crate) fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: Some(name.into()),
        i: Some(value),
        r#type: Some(AttributeType::Int as i32),
        ..AttributeProto::default()
    }
}

/// An attribute of several integers.
pub(crate) fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: Some(name.into()),
        ints: values.to_vec(),
        r#type: Some(AttributeType::Ints as i32),
        ..AttributeProto::default()
    }
}

/// A tensor attribute.
pub(crate) fn tensor(name: &str, value: TensorProto) -> AttributeProto {
    AttributeProto {
        name: Some(name.into()),
        t: Some(value),
        r#type: Some(AttributeType::Tensor as i32),
        ..AttributeProto::default()
    }
}

/// A graph attribute.
pub(crate) fn subgraph(name: &str, value: GraphProto) -> AttributeProto {
    AttributeProto {
        name: Some(name.into()),
        g: Some(value),
        r#type: Some(AttributeType::Graph as i32),
        ..AttributeProto::default()
    }
}

/// An input or output. A dimension is a number, a name, or `?`.
pub(crate) fn value(name: &str, elem: Elem, dims: &[&str]) -> ValueInfoProto {
    let dim = |text: &&str| Dimension {
        value: match (text.parse(), *text) {
            (Ok(size), _) => Some(dimension::Value::DimValue(size)),
            (Err(_), "?") => None,
            (Err(_), name) => Some(dimension::Value::DimParam(name.into())),
        },
        denotation: None,
    };
    let shape = TensorShapeProto {
        dim: dims.iter().map(dim).collect(),
    };
    let tensor = type_proto::Tensor {
        elem_type: Some(elem as i32),
        shape: Some(shape),
    };
    let kind = TypeProto {
        value: Some(type_proto::Value::TensorType(tensor)),
        denotation: None,
    };
    ValueInfoProto {
        name: Some(name.into()),
        r#type: Some(kind),
        ..ValueInfoProto::default()
    }
}

/// FP32 weights, as raw bytes.
pub(crate) fn floats(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    let raw: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    TensorProto {
        name: Some(name.into()),
        dims: dims.to_vec(),
        data_type: Some(Elem::Float as i32),
        raw_data: Some(raw.into()),
        ..TensorProto::default()
    }
}

/// INT64 weights, in the typed field.
pub(crate) fn int64s(name: &str, values: &[i64]) -> TensorProto {
    TensorProto {
        name: Some(name.into()),
        dims: vec![values.len() as i64],
        data_type: Some(Elem::Int64 as i32),
        int64_data: values.to_vec(),
        ..TensorProto::default()
    }
}

/// FP64 weights, in the typed field.
pub(crate) fn doubles(name: &str, values: &[f64]) -> TensorProto {
    TensorProto {
        name: Some(name.into()),
        dims: vec![values.len() as i64],
        data_type: Some(Elem::Double as i32),
        double_data: values.to_vec(),
        ..TensorProto::default()
    }
}

/// A graph of inputs, nodes and outputs.
pub(crate) fn graph(
    inputs: Vec<ValueInfoProto>,
    node: Vec<NodeProto>,
    output: Vec<ValueInfoProto>,
) -> GraphProto {
    GraphProto {
        input: inputs,
        node,
        output,
        ..GraphProto::default()
    }
}

/// A model for version 17 of the operators.
pub(crate) fn model(graph: GraphProto) -> ModelProto {
    ModelProto {
        ir_version: Some(8),
        producer_name: Some("hari-test".into()),
        opset_import: vec![OperatorSetIdProto {
            domain: None,
            version: Some(17),
        }],
        graph: Some(graph),
        ..ModelProto::default()
    }
}

/// `y = f(x)` for one operator; `x` and `y` are of the same type and shape `[n, 2]`.
pub(crate) fn unary(operator: &str, elem: Elem) -> ModelProto {
    model(graph(
        vec![value("x", elem, &["n", "2"])],
        vec![node(operator, &["x"], &["y"])],
        vec![value("y", elem, &["n", "2"])],
    ))
}

/// `y = softmax(relu(x * w + b))`, two features to three classes.
pub(crate) fn dense() -> ModelProto {
    let mut graph = graph(
        vec![value("x", Elem::Float, &["n", "2"])],
        vec![
            node("MatMul", &["x", "w"], &["xw"]),
            node("Add", &["xw", "b"], &["sum"]),
            node("Relu", &["sum"], &["hidden"]),
            with(node("Softmax", &["hidden"], &["y"]), int("axis", -1)),
        ],
        vec![value("y", Elem::Float, &["n", "3"])],
    );
    graph.initializer = vec![
        floats("w", &[2, 3], &[1., 2., 3., 4., 5., 6.]),
        floats("b", &[3], &[-1., 0., 1.]),
    ];
    model(graph)
}

/// A folder with the model in `model.onnx`.
pub(crate) fn file(model: &ModelProto) -> (tempfile::TempDir, PathBuf) {
    bytes(&model.encode_to_vec())
}

/// A folder with `content` in `model.onnx`.
pub(crate) fn bytes(content: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    std::fs::write(&path, content).unwrap();
    (folder, path)
}

/// The same engine wherever the tests run, with or without a library of ONNX Runtime.
pub(crate) fn options() -> Options {
    Options {
        engine: EngineChoice::Rten,
        ..Options::default()
    }
}

/// The model, loaded from a file.
pub(crate) fn loaded(model: &ModelProto) -> OnnxModel {
    let (_folder, path) = file(model);
    OnnxModel::load_file(&path, &options()).unwrap()
}

/// Why the model is refused.
pub(crate) fn refused(model: &ModelProto) -> String {
    let (_folder, path) = file(model);
    match OnnxModel::load_file(&path, &options()) {
        Ok(_) => panic!("the model was taken"),
        Err(error) => error.message().to_owned(),
    }
}

/// All outputs of the default signature.
pub(crate) fn run(model: &OnnxModel, inputs: Vec<Tensor>) -> Vec<Tensor> {
    model
        .run(Call {
            signature: 0,
            inputs,
            outputs: Vec::new(),
        })
        .unwrap()
}
