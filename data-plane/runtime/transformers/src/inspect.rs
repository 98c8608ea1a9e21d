//! What a folder holds, without loading its network.

use std::collections::BTreeMap;
use std::path::Path;

use hari_core::Signature;
use hari_error::Result;
use hari_onnx::Problem;
use hari_proto::onnx::ModelProto;

use crate::config::Config;
use crate::folder::Folder;
use crate::graph::{self, Head};
use crate::network;
use crate::pipeline;
use crate::pooling::Modules;
use crate::task::Task;
use crate::weights::Weights;

/// What a folder holds.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// What it does, unless a deployment says otherwise.
    pub task: Task,
    /// `BertForSequenceClassification`, or nothing.
    pub architecture: String,
    /// The version of `transformers` that wrote it, or nothing.
    pub version: String,
    /// The file of the network.
    pub file: String,
    /// Labels that it answers; none for a task without.
    pub labels: Vec<String>,
    /// Bytes of the network.
    pub bytes: u64,
    /// Inputs and outputs.
    pub signatures: Vec<Signature>,
    /// Operators of the network, and how many nodes use each.
    pub operators: BTreeMap<String, usize>,
    /// What keeps the network from being served.
    pub problems: Vec<Problem>,
}

/// Looks into the folder at `path`.
///
/// # Errors
/// As [`crate::Pipeline::load`], as far as files are read.
pub fn inspect(path: &Path) -> Result<Inspection> {
    let root = Folder::new(path);
    let modules = Modules::read(&root)?;
    let folder = root.inside(modules.as_ref().map_or("", |modules| &*modules.transformer))?;
    let config = Config::read(&folder)?;
    let task = if modules.is_some() {
        Task::SentenceEmbeddings
    } else {
        config.task()?
    };
    let file = network::file(&folder, None)?;
    let (operators, problems, bytes) = if file.ends_with(".onnx") {
        let found = hari_onnx::inspect(&folder.path(&file)?)?;
        (found.operators, found.problems, found.weights)
    } else {
        let weights = Weights::read(&folder, &file)?;
        let graph = graph::write(&config, &weights, Head::of(task))?;
        (operators(&graph.model), Vec::new(), weights.bytes())
    };
    let labels = match task {
        Task::TextClassification | Task::TokenClassification => config.labels(),
        _ => Vec::new(),
    };
    Ok(Inspection {
        task,
        architecture: config.architecture().unwrap_or_default().to_owned(),
        version: config
            .text("transformers_version")
            .unwrap_or_default()
            .to_owned(),
        file,
        labels,
        bytes,
        signatures: vec![pipeline::describe(
            task,
            pipeline::width(&config, modules.as_ref()),
        )],
        operators,
        problems,
    })
}

fn operators(model: &ModelProto) -> BTreeMap<String, usize> {
    let mut operators = BTreeMap::new();
    for node in model.graph.iter().flat_map(|graph| &graph.node) {
        *operators.entry(node.op_type().to_owned()).or_insert(0) += 1;
    }
    operators
}
