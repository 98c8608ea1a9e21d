//! Whole graphs run node by node, bodies too: what stands in for an engine here.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use hari_error::{Error, Result};
use hari_operators::{Bodies, Body, Compiled, Inputs, Type, Value, compile, constant};
use hari_proto::onnx::{GraphProto, ModelProto, NodeProto};

type Versions = Arc<HashMap<String, i64>>;

/// A graph, ready to run.
pub(crate) struct Graph {
    steps: Vec<Step>,
    constants: HashMap<String, Value>,
    inputs: Vec<String>,
    outputs: Vec<String>,
    captures: Vec<String>,
    types: Vec<Option<Type>>,
}

struct Step {
    compiled: Compiled,
    node: NodeProto,
}

struct Inside(Versions);

impl Bodies for Inside {
    fn body(&self, graph: &GraphProto) -> Result<Box<dyn Body>> {
        Ok(Box::new(Graph::of(graph, &self.0)?))
    }
}

/// The model's graph.
pub(crate) fn model(model: &ModelProto) -> Result<Graph> {
    let versions = model.opset_import.iter();
    let versions = versions.map(|set| (set.domain().to_owned(), set.version()));
    let graph = model.graph.as_ref();
    Graph::of(
        graph.ok_or_else(|| Error::model("no graph"))?,
        &Arc::new(versions.collect()),
    )
}

impl Graph {
    fn of(graph: &GraphProto, versions: &Versions) -> Result<Self> {
        let mut constants = HashMap::new();
        for tensor in &graph.initializer {
            constants.insert(tensor.name().to_owned(), constant(tensor)?.into());
        }
        let mut steps = Vec::new();
        for node in &graph.node {
            let version = versions.get(node.domain()).copied().unwrap_or(1);
            let compiled = compile(node, version, &Inside(versions.clone()));
            let compiled = compiled
                .map_err(|refusal| Error::model(format!("{}: {refusal}", node.op_type())))?;
            steps.push(Step {
                compiled,
                node: node.clone(),
            });
        }
        let names = |list: &[hari_proto::onnx::ValueInfoProto]| {
            list.iter().map(|value| value.name().to_owned()).collect()
        };
        let mut made = Self {
            steps,
            constants,
            inputs: names(&graph.input),
            outputs: names(&graph.output),
            captures: Vec::new(),
            types: vec![None; graph.output.len()],
        };
        made.captures = made.free();
        Ok(made)
    }

    /// Names that are used and not made here.
    fn free(&self) -> Vec<String> {
        let mut known: Vec<&String> = self.constants.keys().chain(&self.inputs).collect();
        let mut free: Vec<String> = Vec::new();
        let outputs = self.outputs.iter();
        for step in &self.steps {
            for name in step.node.input.iter().chain(&step.compiled.captures) {
                if !name.is_empty() && !known.contains(&name) && !free.contains(name) {
                    free.push(name.clone());
                }
            }
            known.extend(&step.node.output);
        }
        let missing = outputs.filter(|name| !known.contains(name));
        let missing: Vec<String> = missing.cloned().collect();
        free.extend(missing);
        free
    }

    /// Runs the graph on its inputs, some of which may be left out.
    pub(crate) fn run_all(&self, given: Vec<Option<Value>>) -> Result<Vec<Value>> {
        let names = self.inputs.iter().chain(&self.captures);
        let mut values: HashMap<&str, Rc<Value>> = HashMap::new();
        for (name, value) in &self.constants {
            values.insert(name, Rc::new(value.clone()));
        }
        for (name, value) in names.zip(given) {
            if let Some(value) = value {
                values.insert(name, Rc::new(value));
            }
        }
        for step in &self.steps {
            let names = step.node.input.iter().chain(&step.compiled.captures);
            let inputs: Vec<Option<Value>> = names
                .map(|name| values.get(name.as_str()).map(|value| (**value).clone()))
                .collect();
            let made = step.compiled.operator.run(Inputs(&inputs));
            let made = made.map_err(|error| error.context(step.node.op_type()))?;
            for (name, value) in step.node.output.iter().zip(made) {
                values.insert(name, Rc::new(value));
            }
        }
        let take = |name: &String| {
            let value = values.get(name.as_str());
            let value = value.ok_or_else(|| Error::model(format!("no output `{name}`")))?;
            Ok((**value).clone())
        };
        self.outputs.iter().map(take).collect()
    }
}

impl Body for Graph {
    fn captures(&self) -> &[String] {
        &self.captures
    }

    fn types(&self) -> &[Option<Type>] {
        &self.types
    }

    fn run(&self, inputs: Vec<Value>) -> Result<Vec<Value>> {
        self.run_all(inputs.into_iter().map(Some).collect())
    }
}
