//! Whole models on the operators of `hari-operators`, one node after the other.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, anyhow};
use hari_error::Error;
use hari_operators::{Bodies, Body, Inputs, Operator, Type, Value, compile, constant};
use hari_proto::onnx::{GraphProto, ModelProto, NodeProto};

use crate::case::{Loaded, inputs};

/// Runs the case.
pub(super) fn run(case: &Loaded) -> Result<Vec<Value>> {
    let graph = case.model.graph.as_ref().context("no graph")?;
    let versions = Versions::of(&case.model);
    let made = Graph::make(graph, &versions)?;
    if let Some(free) = made.captures.first() {
        return Err(anyhow!("nothing makes `{free}`"));
    }
    Ok(made.run(case.inputs.clone())?)
}

/// The version of each domain that the model declares.
struct Versions(BTreeMap<String, i64>);

impl Versions {
    fn of(model: &ModelProto) -> Self {
        let sets = model.opset_import.iter();
        Self(
            sets.map(|set| (set.domain().to_owned(), set.version()))
                .collect(),
        )
    }
}

impl Bodies for Versions {
    fn body(&self, graph: &GraphProto) -> hari_error::Result<Box<dyn Body>> {
        Ok(Box::new(Graph::make(graph, self)?))
    }
}

/// A graph, ready to run.
struct Graph {
    inputs: Vec<String>,
    captures: Vec<String>,
    constants: Vec<(String, Value)>,
    steps: Vec<Step>,
    outputs: Vec<String>,
    types: Vec<Option<Type>>,
}

struct Step {
    operator: Box<dyn Operator>,
    inputs: Vec<String>,
    outputs: Vec<String>,
}

impl Graph {
    fn make(graph: &GraphProto, versions: &Versions) -> hari_error::Result<Self> {
        let constants = graph.initializer.iter();
        let constants = constants.map(|tensor| {
            let value = Value::Tensor(constant(tensor)?);
            Ok((tensor.name().to_owned(), value))
        });
        let outputs: Vec<_> = graph
            .output
            .iter()
            .map(|port| port.name().to_owned())
            .collect();
        let mut made = Self {
            inputs: inputs(graph).map(|port| port.name().to_owned()).collect(),
            captures: Vec::new(),
            constants: constants.collect::<hari_error::Result<_>>()?,
            steps: Vec::new(),
            types: vec![None; outputs.len()],
            outputs,
        };
        for node in &graph.node {
            made.steps.push(Step::make(node, versions)?);
        }
        made.captures = made.free();
        Ok(made)
    }

    /// Names that the graph uses and does not make.
    fn free(&self) -> Vec<String> {
        let constants = self.constants.iter().map(|(name, _)| name);
        let mut known: BTreeSet<&String> = self.inputs.iter().chain(constants).collect();
        let mut free = BTreeSet::new();
        for step in &self.steps {
            let used = step.inputs.iter().filter(|name| !name.is_empty());
            free.extend(used.filter(|name| !known.contains(name)).cloned());
            known.extend(&step.outputs);
        }
        free.extend(
            self.outputs
                .iter()
                .filter(|name| !known.contains(name))
                .cloned(),
        );
        free.into_iter().collect()
    }
}

impl Step {
    fn make(node: &NodeProto, versions: &Versions) -> hari_error::Result<Self> {
        let domain = node.domain();
        let version = versions.0.get(domain).copied().unwrap_or_default();
        let compiled = compile(node, version, versions)
            .map_err(|refusal| Error::model(format!("operator `{}`: {refusal}", node.op_type())))?;
        let inputs = node.input.iter().cloned().chain(compiled.captures);
        Ok(Self {
            operator: compiled.operator,
            inputs: inputs.collect(),
            outputs: node.output.clone(),
        })
    }
}

impl Body for Graph {
    fn captures(&self) -> &[String] {
        &self.captures
    }

    fn types(&self) -> &[Option<Type>] {
        &self.types
    }

    fn run(&self, inputs: Vec<Value>) -> hari_error::Result<Vec<Value>> {
        let names = self.inputs.iter().chain(&self.captures);
        let mut known: BTreeMap<&str, Value> = names.map(String::as_str).zip(inputs).collect();
        let constants = self.constants.iter();
        known.extend(constants.map(|(name, value)| (name.as_str(), value.clone())));
        for step in &self.steps {
            let given = step
                .inputs
                .iter()
                .map(|name| known.get(name.as_str()).cloned());
            let given: Vec<_> = given.collect();
            let made = step.operator.run(Inputs(&given))?;
            known.extend(step.outputs.iter().map(String::as_str).zip(made));
        }
        let wanted = self.outputs.iter().map(|name| {
            let value = known.get(name.as_str()).cloned();
            value.ok_or_else(|| Error::model(format!("nothing made `{name}`")))
        });
        wanted.collect()
    }
}
