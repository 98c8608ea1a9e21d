//! Operators that the engine does not have.
//!
//! The engine's own loader stops at the first. So each node is shown to it alone: a model of that
//! one node, without weights, is loaded and thrown away. Nodes that differ in name only are shown
//! once. This asks the engine itself, rather than a list that would have to be kept.

use std::collections::{BTreeMap, HashMap};
use std::error::Error as _;

use hari_error::{Result, catch};
use hari_proto::onnx::{AttributeProto, GraphProto, ModelProto, NodeProto};
use prost::Message;
use rten::{LoadError, ModelOptions};

use super::Problem;

/// One problem for each operator and reason, with the number of nodes and the first of them.
/// `refused` are an operator's title, the reason and the node's title.
pub(crate) fn problems(refused: Vec<(String, String, String)>) -> Vec<Problem> {
    let mut grouped: BTreeMap<(String, String), (usize, String)> = BTreeMap::new();
    for (operator, why, node) in refused {
        grouped.entry((operator, why)).or_insert((0, node)).0 += 1;
    }
    grouped.into_iter().map(problem).collect()
}

fn problem(((operator, why), (count, first)): ((String, String), (usize, String))) -> Problem {
    let where_ = if count == 1 {
        first
    } else {
        format!("{count} nodes, the first is {first}")
    };
    let hint = "replace it before the export, or export for another version of the operators";
    Problem::new(format!("{operator} ({where_})"), why, hint)
}

/// An operator by its name, and its domain if it is not of ONNX's own.
pub(crate) fn title(node: &NodeProto) -> String {
    match node.domain() {
        "" | "ai.onnx" => format!("operator `{}`", node.op_type()),
        domain => format!("operator `{}` of `{domain}`", node.op_type()),
    }
}

/// Shows nodes to the engine and remembers what it said.
pub(crate) struct Probe {
    engine: ModelOptions,
    empty: ModelProto,
    answers: HashMap<Vec<u8>, Option<String>>,
}

impl Probe {
    pub(crate) fn new(model: &ModelProto) -> Self {
        let engine = ModelOptions::with_all_ops()
            .enable_optimization(false)
            .clone();
        let empty = ModelProto {
            ir_version: model.ir_version,
            opset_import: model.opset_import.clone(),
            ..ModelProto::default()
        };
        Self {
            engine,
            empty,
            answers: HashMap::new(),
        }
    }

    /// Why the engine refuses the node, if it does.
    pub(crate) fn ask(&mut self, node: &NodeProto) -> Result<Option<String>> {
        let Some(alone) = alone(node) else {
            return Ok(None);
        };
        let graph = GraphProto {
            node: vec![alone],
            ..GraphProto::default()
        };
        let bytes = ModelProto {
            graph: Some(graph),
            ..self.empty.clone()
        }
        .encode_to_vec();
        if let Some(answer) = self.answers.get(&bytes) {
            return Ok(answer.clone());
        }
        let loaded = catch("the engine failed while reading an operator", || {
            self.engine.load(bytes.clone())
        })?;
        let answer = loaded.err().map(|error| reason(&error));
        self.answers.insert(bytes, answer.clone());
        Ok(answer)
    }
}

fn reason(error: &LoadError) -> String {
    let words = error
        .source()
        .map_or_else(|| error.to_string(), ToString::to_string);
    if words.ends_with("not supported or not enabled") || words.contains("\" feature") {
        "is not built in".to_owned()
    } else {
        format!("is not taken: {words}")
    }
}

/// The node by itself, its graphs empty; none for a constant tensor, which is no operator.
fn alone(node: &NodeProto) -> Option<NodeProto> {
    if node.op_type() == "Constant" && node.attribute.iter().any(|value| value.t.is_some()) {
        return None;
    }
    Some(NodeProto {
        op_type: node.op_type.clone(),
        domain: node.domain.clone(),
        input: numbered("i", &node.input),
        output: numbered("o", &node.output),
        attribute: node.attribute.iter().map(without_graphs).collect(),
        ..NodeProto::default()
    })
}

fn numbered(prefix: &str, names: &[String]) -> Vec<String> {
    let number = |(at, name): (usize, &String)| {
        if name.is_empty() {
            String::new()
        } else {
            format!("{prefix}{at}")
        }
    };
    names.iter().enumerate().map(number).collect()
}

fn without_graphs(attribute: &AttributeProto) -> AttributeProto {
    let empty = attribute.g.as_ref().map(|_| GraphProto::default());
    let mut copy = AttributeProto {
        g: empty,
        graphs: Vec::new(),
        ..attribute.clone()
    };
    copy.doc_string = None;
    copy
}
