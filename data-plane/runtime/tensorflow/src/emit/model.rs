//! The finished graph as an ONNX message.

use hari_error::{Error, Result};
use hari_proto::onnx::attribute_proto::AttributeType;
use hari_proto::onnx::tensor_proto::DataType as OnnxType;
use hari_proto::onnx::tensor_shape_proto::{Dimension, dimension};
use hari_proto::onnx::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorShapeProto,
    TypeProto, ValueInfoProto, type_proto,
};

use super::{Attr, Builder, Id, OnnxNode, Subgraph};
use crate::constant;
use crate::dtype::{self, DataType};
use crate::shape::Dim;

/// The versions of the operators that the nodes follow, by domain.
const OPERATOR_SETS: [(&str, i64); 3] = [("", 21), ("ai.onnx.ml", 4), ("hari", 1)];
const IR_VERSION: i64 = 10;

fn operator_sets() -> Vec<OperatorSetIdProto> {
    let set = |(domain, version): (&str, i64)| OperatorSetIdProto {
        domain: Some(domain.to_owned()),
        version: Some(version),
    };
    OPERATOR_SETS.into_iter().map(set).collect()
}

/// The domain and the name of an operator.
fn qualified(op: &str) -> (&str, &str) {
    op.rsplit_once('.').unwrap_or(("", op))
}

impl Builder {
    /// The name of a value in the ONNX graph.
    pub(crate) fn name(&self, id: Id) -> String {
        self.value(id)
            .name
            .clone()
            .unwrap_or_else(|| format!("v{}", id.0))
    }

    /// The ONNX model that computes these outputs from the inputs.
    ///
    /// # Errors
    /// If a constant has a type that the graph cannot hold.
    pub(crate) fn model(&self, outputs: &[Id]) -> Result<ModelProto> {
        let mut initializers = Vec::new();
        for id in self.used(outputs) {
            if let Some(tensor) = &self.value(id).constant {
                initializers.push(constant::to_onnx(&self.name(id), tensor)?);
            }
        }
        let infos = |ids: &[Id]| {
            ids.iter()
                .map(|&id| self.info(id))
                .collect::<Result<Vec<_>>>()
        };
        let graph = GraphProto {
            node: self
                .nodes
                .iter()
                .map(|node| self.node_proto(node))
                .collect::<Result<_>>()?,
            name: Some("saved_model".to_owned()),
            initializer: initializers,
            input: infos(&self.inputs)?,
            output: infos(outputs)?,
            ..GraphProto::default()
        };
        Ok(ModelProto {
            ir_version: Some(IR_VERSION),
            producer_name: Some("hari".to_owned()),
            graph: Some(graph),
            opset_import: operator_sets(),
            ..ModelProto::default()
        })
    }

    /// Values that nodes read or that are outputs, each once.
    fn used(&self, outputs: &[Id]) -> std::collections::BTreeSet<Id> {
        let mut used: std::collections::BTreeSet<Id> = outputs.iter().copied().collect();
        for node in &self.nodes {
            node.each_read(&mut |id| {
                used.insert(id);
            });
        }
        used
    }

    fn node_proto(&self, node: &OnnxNode) -> Result<NodeProto> {
        let input = |id: &Option<Id>| id.map(|id| self.name(id)).unwrap_or_default();
        Ok(NodeProto {
            input: node.inputs.iter().map(input).collect(),
            output: node.outputs.iter().map(|&id| self.name(id)).collect(),
            op_type: Some(qualified(node.op).1.to_owned()),
            domain: Some(qualified(node.op).0.to_owned()),
            attribute: node
                .attrs
                .iter()
                .map(|(name, attr)| attribute(self, name, attr))
                .collect::<Result<_>>()?,
            ..NodeProto::default()
        })
    }

    /// A graph inside a node. Its constants are those of the whole.
    fn graph_inside(&self, name: &str, graph: &Subgraph) -> Result<GraphProto> {
        let infos = |ids: &[Id]| {
            ids.iter()
                .map(|&id| self.inner_info(id))
                .collect::<Result<Vec<_>>>()
        };
        let nodes = graph.nodes.iter().map(|node| self.node_proto(node));
        Ok(GraphProto {
            node: nodes.collect::<Result<_>>()?,
            name: Some(name.to_owned()),
            input: infos(&graph.inputs)?,
            output: infos(&graph.outputs)?,
            ..GraphProto::default()
        })
    }

    /// Name and type of an input or output of a graph inside a node, as the graph computes it. Sizes
    /// that are not known may be others each time the graph is run, so they have no names.
    fn inner_info(&self, id: Id) -> Result<ValueInfoProto> {
        let value = self.value(id);
        let elem_type = dtype::held_as(value.dtype).ok_or_else(|| {
            let name = dtype::name(value.dtype);
            Error::model(format!("a value inside a loop has type {name}"))
        })?;
        let dim = |dim: Dim| match dim {
            Dim::Known(_) => dimension(dim),
            Dim::Symbol(_) => Dimension::default(),
        };
        Ok(self.value_info(id, elem_type, dim))
    }

    /// Name, type and shape of an input or output. Bytes are themselves, not what the graph
    /// computes them as.
    fn info(&self, id: Id) -> Result<ValueInfoProto> {
        let value = self.value(id);
        let elem_type = match value.dtype {
            DataType::DtUint8 => Some(OnnxType::Uint8),
            DataType::DtInt8 => Some(OnnxType::Int8),
            other => dtype::held_as(other).filter(|_| !dtype::is_narrow(other)),
        };
        let elem_type = elem_type.ok_or_else(|| {
            let name = dtype::name(value.dtype);
            Error::model(format!(
                "an input or output has type {name}, which cannot be served"
            ))
        })?;
        Ok(self.value_info(id, elem_type, dimension))
    }

    fn value_info(
        &self,
        id: Id,
        elem_type: OnnxType,
        dimension: impl Fn(Dim) -> Dimension,
    ) -> ValueInfoProto {
        let dims = self.value(id).shape.as_ref();
        let tensor = type_proto::Tensor {
            elem_type: Some(elem_type.into()),
            shape: dims.map(|dims| TensorShapeProto {
                dim: dims.iter().copied().map(dimension).collect(),
            }),
        };
        ValueInfoProto {
            name: Some(self.name(id)),
            r#type: Some(TypeProto {
                value: Some(type_proto::Value::TensorType(tensor)),
                ..TypeProto::default()
            }),
            ..ValueInfoProto::default()
        }
    }
}

fn dimension(dim: Dim) -> Dimension {
    let value = match dim {
        Dim::Known(size) => dimension::Value::DimValue(size),
        Dim::Symbol(symbol) => dimension::Value::DimParam(format!("d{symbol}")),
    };
    Dimension {
        value: Some(value),
        ..Dimension::default()
    }
}

fn attribute(builder: &Builder, name: &str, attr: &Attr) -> Result<AttributeProto> {
    let mut proto = AttributeProto {
        name: Some(name.to_owned()),
        ..AttributeProto::default()
    };
    let kind = match attr {
        Attr::Int(number) => {
            proto.i = Some(*number);
            AttributeType::Int
        }
        Attr::Float(number) => {
            proto.f = Some(*number);
            AttributeType::Float
        }
        Attr::Ints(numbers) => {
            proto.ints.clone_from(numbers);
            AttributeType::Ints
        }
        Attr::Floats(numbers) => {
            proto.floats.clone_from(numbers);
            AttributeType::Floats
        }
        Attr::Text(text) => {
            proto.s = Some(text.clone().into());
            AttributeType::String
        }
        Attr::Texts(texts) => {
            proto.strings.clone_from(texts);
            AttributeType::Strings
        }
        Attr::Tensor(tensor) => {
            proto.t = Some(constant::to_onnx("", tensor)?);
            AttributeType::Tensor
        }
        Attr::Graph(graph) => {
            proto.g = Some(builder.graph_inside(name, graph)?);
            AttributeType::Graph
        }
    };
    proto.r#type = Some(kind.into());
    Ok(proto)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::known;

    #[test]
    fn only_used_constants_are_written() {
        let mut builder = Builder::default();
        let x = builder.input("x", DataType::DtFloat, Some(known(&[2])));
        let one = builder.floats(&[], vec![1.0]).unwrap();
        let _unused = builder.floats(&[], vec![2.0]).unwrap();
        let sum = builder.binary("Add", x, one).unwrap();
        let graph = builder.model(&[sum]).unwrap().graph.unwrap();
        assert_eq!(graph.initializer.len(), 1);
        assert_eq!(graph.node[0].input, ["x", "v1"]);
        assert_eq!(graph.output[0].name(), "v3");
    }

    #[test]
    fn operators_are_of_their_domain() {
        let mut builder = Builder::default();
        let x = builder.input("x", DataType::DtString, Some(known(&[2])));
        let y = builder.unary("hari.StringLower", x);
        let z = builder.unary("Identity", y);
        let model = builder.model(&[z]).unwrap();
        let node = &model.graph.as_ref().unwrap().node[0];
        assert_eq!((node.domain(), node.op_type()), ("hari", "StringLower"));
        assert_eq!(model.graph.unwrap().node[1].domain(), "");
        let set = |set: &OperatorSetIdProto| set.domain() == "hari" && set.version() == 1;
        assert!(model.opset_import.iter().any(set));
    }

    #[test]
    fn an_output_of_a_type_that_cannot_be_held_is_refused() {
        let mut builder = Builder::default();
        let x = builder.input("x", DataType::DtVariant, Some(known(&[2])));
        assert!(
            builder
                .model(&[x])
                .unwrap_err()
                .message()
                .contains("variant")
        );
    }
}
