//! Runs a graph node by node, on the operators alone.

use std::collections::HashMap;

use anyhow::{Context, Result, anyhow};
use hari_operators::{Bodies, Body, Inputs, Key, Type, Value, compile, constant};
use hari_proto::onnx::{GraphProto, ModelProto};

use crate::file::Case;

struct NoBodies;

impl Bodies for NoBodies {
    fn body(&self, _: &GraphProto) -> hari_error::Result<Box<dyn Body>> {
        Err(hari_error::Error::model("no graphs inside nodes here"))
    }
}

/// The outputs of the case's model, by name.
pub fn run(case: &Case) -> Result<HashMap<String, Value>> {
    let graph = case.model.graph.as_ref().context("a graph")?;
    let mut values: HashMap<String, Value> = HashMap::new();
    for one in &graph.initializer {
        values.insert(one.name().to_owned(), constant(one)?.into());
    }
    values.extend(case.inputs.iter().map(|(k, v)| (k.clone(), v.clone())));
    for node in &graph.node {
        let version = version(&case.model, node.domain());
        let compiled = compile(node, version, &NoBodies)
            .map_err(|refusal| anyhow!("`{}` version {version}: {refusal}", node.op_type()))?;
        let inputs = node.input.iter().map(|name| values.get(name).cloned());
        let inputs: Vec<_> = inputs.collect();
        let types: Vec<_> = inputs.iter().map(|value| value.as_ref().map(kind)).collect();
        let promised = compiled.operator.types(&types)?;
        let made = compiled.operator.run(Inputs(&inputs));
        let made = made.with_context(|| format!("`{}`", node.op_type()))?;
        for (at, (name, value)) in node.output.iter().zip(made).enumerate() {
            if let Some(Some(promised)) = promised.get(at) {
                anyhow::ensure!(*promised == kind(&value), "{name}: {promised}, made {}", kind(&value));
            }
            values.insert(name.clone(), value);
        }
    }
    Ok(values)
}

fn version(model: &ModelProto, domain: &str) -> i64 {
    let mut imports = model.opset_import.iter();
    let found = imports.find(|import| import.domain() == domain);
    found.map_or(1, |import| import.version())
}

/// The type of a value that is there.
fn kind(value: &Value) -> Type {
    match value {
        Value::Tensor(tensor) => Type::Tensor(tensor.dtype()),
        Value::Sequence(values) => Type::Sequence(Box::new(values.first().map_or(
            Type::Tensor(hari_core::DataType::Fp32),
            kind,
        ))),
        Value::Map(map) => {
            let (key, value) = map.first().expect("the tests have no empty maps");
            let key = match key {
                Key::Int(_) => hari_core::DataType::Int64,
                Key::String(_) => hari_core::DataType::Bytes,
            };
            Type::Map(key, Box::new(kind(value)))
        }
        Value::Optional(inner) => Type::Optional(Box::new(inner.as_deref().map_or(
            Type::Tensor(hari_core::DataType::Fp32),
            kind,
        ))),
    }
}
