//! Runs a graph node by node, on the operators alone.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, ensure};
use hari_core::DataType;
use hari_operators::{Bodies, Body, Inputs, Key, Type, Value, compile, constant};
use hari_proto::onnx::{GraphProto, NodeProto, TensorProto, ValueInfoProto};

use crate::file::Case;

type Values = HashMap<String, Value>;

/// The version of each domain that a model declares.
#[derive(Clone)]
struct Versions(Arc<HashMap<String, i64>>);

/// The values of the case's model, by name.
pub(crate) fn run(case: &Case) -> Result<Values> {
    let graph = case.model.graph.as_ref().context("a graph")?;
    let imports = case.model.opset_import.iter();
    let versions = imports.map(|import| (import.domain().to_owned(), import.version()));
    let versions = Versions(Arc::new(versions.collect()));
    let given = case.inputs.iter().map(|(k, v)| (k.clone(), v.clone()));
    versions.run(graph, given.collect())
}

impl Versions {
    fn run(&self, graph: &GraphProto, mut values: Values) -> Result<Values> {
        for one in &graph.initializer {
            values.insert(one.name().to_owned(), constant(one)?.into());
        }
        for node in &graph.node {
            let made = self.node(node, &values);
            let made = made.with_context(|| format!("`{}`", node.op_type()))?;
            values.extend(node.output.iter().cloned().zip(made));
        }
        Ok(values)
    }

    /// The outputs of a node, whose types must be those that it promised.
    fn node(&self, node: &NodeProto, values: &Values) -> Result<Vec<Value>> {
        let version = self.0.get(node.domain()).copied().unwrap_or(1);
        let compiled = compile(node, version, self).map_err(|refusal| anyhow!("{refusal}"))?;
        let names = node.input.iter().chain(&compiled.captures);
        let inputs: Vec<_> = names.map(|name| values.get(name).cloned()).collect();
        let types: Vec<_> = inputs
            .iter()
            .map(|value| value.as_ref().map(kind))
            .collect();
        let promised = compiled.operator.types(&types)?;
        let made = compiled.operator.run(Inputs(&inputs))?;
        for (promised, value) in promised.iter().zip(&made) {
            let found = kind(value);
            ensure!(
                promised.as_ref().is_none_or(|promised| *promised == found),
                "promised {promised:?}, made {found}"
            );
        }
        Ok(made)
    }
}

impl Bodies for Versions {
    fn body(&self, graph: &GraphProto) -> hari_error::Result<Box<dyn Body>> {
        Ok(Box::new(Inner {
            versions: self.clone(),
            captures: captures(graph).into_iter().collect(),
            graph: graph.clone(),
        }))
    }
}

/// A graph inside a node.
struct Inner {
    versions: Versions,
    captures: Vec<String>,
    graph: GraphProto,
}

/// Names that a graph uses and does not make.
fn captures(graph: &GraphProto) -> BTreeSet<String> {
    let mut made: BTreeSet<&str> = graph.input.iter().map(ValueInfoProto::name).collect();
    made.extend(graph.initializer.iter().map(TensorProto::name));
    made.extend(
        graph
            .node
            .iter()
            .flat_map(|node| node.output.iter().map(String::as_str)),
    );
    let outputs = graph.output.iter().map(ValueInfoProto::name);
    let used = graph
        .node
        .iter()
        .flat_map(|node| node.input.iter().map(String::as_str));
    let free = used
        .chain(outputs)
        .filter(|name| !name.is_empty() && !made.contains(name));
    free.map(str::to_owned).collect()
}

impl Body for Inner {
    fn captures(&self) -> &[String] {
        &self.captures
    }

    fn types(&self) -> &[Option<Type>] {
        &[]
    }

    fn run(&self, inputs: Vec<Value>) -> hari_error::Result<Vec<Value>> {
        let own = self.graph.input.iter().map(|input| input.name().to_owned());
        let names = own.chain(self.captures.iter().cloned());
        let failed = |error: anyhow::Error| hari_error::Error::model(format!("{error:#}"));
        let mut values = self
            .versions
            .run(&self.graph, names.zip(inputs).collect())
            .map_err(failed)?;
        let outputs = self.graph.output.iter().map(|output| {
            let value = values.remove(output.name());
            value.ok_or_else(|| hari_error::Error::model("an output is missing"))
        });
        outputs.collect()
    }
}

/// The type of a value that is there.
fn kind(value: &Value) -> Type {
    let single = Type::Tensor(DataType::Fp32);
    match value {
        Value::Tensor(tensor) => Type::Tensor(tensor.dtype()),
        Value::Sequence(values) => Type::Sequence(Box::new(values.first().map_or(single, kind))),
        Value::Optional(inner) => Type::Optional(Box::new(inner.as_deref().map_or(single, kind))),
        Value::Map(map) => {
            let key = match map.first() {
                Some((Key::String(_), _)) => DataType::Bytes,
                _ => DataType::Int64,
            };
            Type::Map(
                key,
                Box::new(map.first().map_or(single, |entry| kind(&entry.1))),
            )
        }
    }
}
