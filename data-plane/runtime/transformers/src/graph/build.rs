//! Writes a graph node by node.

use std::collections::HashMap;

use bytes::Bytes;
use hari_error::{Error, Result};
use hari_proto::onnx::tensor_proto::DataType;
use hari_proto::onnx::{
    GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, ValueInfoProto,
};

use super::Head;
use super::proto::{Attr, attribute, info, tensor};
use crate::config::Config;
use crate::weights::{Weights, missing};

/// The version of ONNX's operators that the nodes follow.
const OPERATOR_SET: i64 = 17;
const IR_VERSION: i64 = 8;

/// The name of a value in the graph.
pub(super) type Value = String;

/// A graph that is being written.
pub(super) struct Build<'a> {
    pub(super) config: &'a Config,
    pub(super) weights: &'a Weights,
    prefix: &'a str,
    nodes: Vec<NodeProto>,
    initializers: Vec<TensorProto>,
    /// Weights and constants that are initializers already.
    known: HashMap<String, Value>,
    types: bool,
    count: usize,
}

impl<'a> Build<'a> {
    pub(super) fn new(config: &'a Config, weights: &'a Weights, prefix: &'a str) -> Self {
        Self {
            config,
            weights,
            prefix,
            nodes: Vec::new(),
            initializers: Vec::new(),
            known: HashMap::new(),
            types: false,
            count: 0,
        }
    }

    fn fresh(&mut self) -> Value {
        self.count += 1;
        format!("v{}", self.count)
    }

    /// A node of one output.
    pub(super) fn op(&mut self, op: &str, inputs: &[&Value], attrs: &[(&str, Attr<'_>)]) -> Value {
        let output = self.fresh();
        self.nodes.push(NodeProto {
            input: inputs.iter().map(|&input| input.clone()).collect(),
            output: vec![output.clone()],
            name: Some(format!("{op}_{}", self.count)),
            op_type: Some(op.to_owned()),
            attribute: attrs
                .iter()
                .map(|&(name, attr)| attribute(name, attr))
                .collect(),
            ..NodeProto::default()
        });
        output
    }

    /// A constant of integers.
    pub(super) fn ints(&mut self, shape: &[usize], values: &[i64]) -> Value {
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        self.constant(
            format!("i{shape:?}{values:?}"),
            DataType::Int64,
            shape,
            bytes.into(),
        )
    }

    /// A constant of one float, without dimensions.
    pub(super) fn float(&mut self, value: f32) -> Value {
        let bytes = Bytes::copy_from_slice(&value.to_le_bytes());
        self.constant(format!("f{value:e}"), DataType::Float, &[], bytes)
    }

    fn constant(&mut self, key: String, kind: DataType, shape: &[usize], bytes: Bytes) -> Value {
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let name = self.fresh();
        self.initializers.push(tensor(&name, kind, shape, bytes));
        self.known.insert(key, name.clone());
        name
    }

    /// The name in the checkpoint of a weight of the network, which may lack the prefix of the
    /// architecture, or have the names of TensorFlow's layers.
    pub(super) fn find(&self, name: &str) -> Option<String> {
        let old = name
            .replace("LayerNorm.weight", "LayerNorm.gamma")
            .replace("LayerNorm.bias", "LayerNorm.beta");
        let prefix = self.prefix;
        let candidates = [
            name.to_owned(),
            format!("{prefix}.{name}"),
            old.clone(),
            format!("{prefix}.{old}"),
        ];
        candidates.into_iter().find(|name| self.weights.has(name))
    }

    /// A weight.
    pub(super) fn weight(&mut self, name: &str) -> Result<Value> {
        let found = self.find(name).ok_or_else(|| missing(name))?;
        if let Some(known) = self.known.get(&found) {
            return Ok(known.clone());
        }
        let weight = self.weights.get(&found)?;
        let proto = tensor(&found, DataType::Float, &weight.shape, weight.bytes);
        self.initializers.push(proto);
        self.known.insert(found.clone(), found.clone());
        Ok(found)
    }

    /// The two dimensions of a weight.
    pub(super) fn matrix(&self, name: &str) -> Result<(usize, usize)> {
        let found = self.find(name).ok_or_else(|| missing(name))?;
        match self.weights.shape(&found) {
            Some(&[rows, columns]) => Ok((rows, columns)),
            shape => Err(Error::model(format!(
                "weight `{found}`: expected two dimensions, found {:?}",
                shape.unwrap_or_default()
            ))),
        }
    }

    /// `x W^T + b` for `[rows, in]`, with weights named `name.weight` and `name.bias`.
    pub(super) fn linear(&mut self, x: &Value, name: &str) -> Result<Value> {
        let bias = self.find(&format!("{name}.bias")).is_some();
        let weight = self.weight(&format!("{name}.weight"))?;
        if bias {
            let bias = self.weight(&format!("{name}.bias"))?;
            Ok(self.gemm(x, &weight, Some(&bias)))
        } else {
            Ok(self.gemm(x, &weight, None))
        }
    }

    /// `x W^T + b`.
    pub(super) fn gemm(&mut self, x: &Value, weight: &Value, bias: Option<&Value>) -> Value {
        let inputs: Vec<&Value> = [x, weight].into_iter().chain(bias).collect();
        self.op("Gemm", &inputs, &[("transB", Attr::Int(1))])
    }

    /// Layer normalisation over the last dimension.
    pub(super) fn norm(&mut self, x: &Value, name: &str) -> Result<Value> {
        let scale = self.weight(&format!("{name}.weight"))?;
        let bias = self.weight(&format!("{name}.bias"))?;
        #[expect(clippy::cast_possible_truncation, reason = "1e-12 and the like")]
        let epsilon = self.config.float("layer_norm_eps").unwrap_or(1e-12) as f32;
        let attrs = [("axis", Attr::Int(-1)), ("epsilon", Attr::Float(epsilon))];
        Ok(self.op("LayerNormalization", &[x, &scale, &bias], &attrs))
    }

    pub(super) fn add(&mut self, a: &Value, b: &Value) -> Value {
        self.op("Add", &[a, b], &[])
    }

    /// `x` times a number.
    pub(super) fn scaled(&mut self, x: &Value, factor: f32) -> Value {
        let factor = self.float(factor);
        self.op("Mul", &[x, &factor], &[])
    }

    /// Vectors, of one dimension each, one behind the other.
    pub(super) fn concat(&mut self, parts: &[&Value]) -> Value {
        self.op("Concat", parts, &[("axis", Attr::Int(0))])
    }

    /// An activation by the name that `config.json` has for it.
    pub(super) fn activation(&mut self, x: &Value, name: &str) -> Result<Value> {
        Ok(match name {
            "gelu" | "gelu_python" => self.gelu(x),
            "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" => self.gelu_tanh(x),
            "relu" => self.op("Relu", &[x], &[]),
            "tanh" => self.op("Tanh", &[x], &[]),
            "sigmoid" => self.op("Sigmoid", &[x], &[]),
            "silu" | "swish" => {
                let gate = self.op("Sigmoid", &[x], &[]);
                self.op("Mul", &[x, &gate], &[])
            }
            other => {
                return Err(Error::unimplemented(format!(
                    "activation `{other}` is not served; served are gelu, gelu_new, relu, tanh, sigmoid and silu"
                )));
            }
        })
    }

    /// `x (1 + erf(x / sqrt 2)) / 2`.
    pub(super) fn gelu(&mut self, x: &Value) -> Value {
        let inner = self.float(std::f32::consts::SQRT_2);
        let inner = self.op("Div", &[x, &inner], &[]);
        let erf = self.op("Erf", &[&inner], &[]);
        let one = self.float(1.0);
        let gate = self.add(&erf, &one);
        let product = self.op("Mul", &[x, &gate], &[]);
        self.scaled(&product, 0.5)
    }

    /// `x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2`.
    fn gelu_tanh(&mut self, x: &Value) -> Value {
        let square = self.op("Mul", &[x, x], &[]);
        let cube = self.op("Mul", &[&square, x], &[]);
        let small = self.scaled(&cube, 0.044_715);
        let sum = self.add(x, &small);
        let inner = self.scaled(&sum, (2.0 / std::f32::consts::PI).sqrt());
        let tanh = self.op("Tanh", &[&inner], &[]);
        let one = self.float(1.0);
        let gate = self.add(&tanh, &one);
        let product = self.op("Mul", &[x, &gate], &[]);
        self.scaled(&product, 0.5)
    }

    /// The input `input_ids`, `attention_mask` or `token_type_ids`.
    pub(super) fn input(&mut self, name: &str) -> Value {
        self.types |= name == "token_type_ids";
        name.to_owned()
    }

    /// Whether the network looks at which of two texts a token is of.
    pub(super) fn takes_types(&self) -> bool {
        self.types
    }

    /// The model, with `outputs` under the names of `head`.
    pub(super) fn finish(mut self, outputs: &[Value], head: Head) -> Result<ModelProto> {
        let names = head.outputs();
        if names.len() != outputs.len() {
            return Err(Error::internal(format!(
                "{} outputs for {names:?}",
                outputs.len()
            )));
        }
        for (name, value) in names.iter().zip(outputs) {
            self.nodes.push(NodeProto {
                input: vec![value.clone()],
                output: vec![(*name).to_owned()],
                name: Some(format!("output_{name}")),
                op_type: Some("Identity".to_owned()),
                ..NodeProto::default()
            });
        }
        let graph = GraphProto {
            name: Some("checkpoint".to_owned()),
            input: self.inputs(),
            output: names
                .iter()
                .map(|name| info(name, DataType::Float, dims(head)))
                .collect(),
            node: self.nodes,
            initializer: self.initializers,
            ..GraphProto::default()
        };
        Ok(ModelProto {
            ir_version: Some(IR_VERSION),
            producer_name: Some("hari".to_owned()),
            graph: Some(graph),
            opset_import: vec![OperatorSetIdProto {
                domain: Some(String::new()),
                version: Some(OPERATOR_SET),
            }],
            ..ModelProto::default()
        })
    }

    fn inputs(&self) -> Vec<ValueInfoProto> {
        let types = self.types.then_some("token_type_ids");
        let names = ["input_ids", "attention_mask"].into_iter().chain(types);
        names
            .map(|name| info(name, DataType::Int64, &["batch", "length"]))
            .collect()
    }
}

fn dims(head: Head) -> &'static [&'static str] {
    match head {
        Head::Classes => &["batch", "labels"],
        Head::Span => &["batch", "length"],
        Head::Tokens | Head::Mask | Head::Hidden => &["batch", "length", "width"],
    }
}
