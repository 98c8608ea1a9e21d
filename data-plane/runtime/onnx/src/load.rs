//! From a file or a graph in memory to a loaded model.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use hari_error::{Error, Result};
use hari_proto::onnx::{GraphProto, ModelProto};
use prost::Message;
use rten::{ModelOptions, NodeId, ThreadPool};

use crate::external::External;
use crate::model::{Binding, BoundSignature, OnnxModel, Options};
use crate::{check, guard, rewrite, signature, tensors};

/// See [`OnnxModel::load_file`].
pub(crate) fn file(path: &Path, options: &Options) -> Result<OnnxModel> {
    let (bytes, model) = read(path)?;
    let (plan, external, rewritten) = plan_file(path, &model)?;
    drop(model);
    plan.load(rewritten.unwrap_or_else(|| bytes.into()), external, options)
}

/// See [`OnnxModel::load_graph`].
pub(crate) fn graph(
    model: &ModelProto,
    signatures: Vec<BoundSignature>,
    options: &Options,
) -> Result<OnnxModel> {
    let graph = check::graph(model)?;
    let external = External::default();
    let served = rewrite::rewrite(model);
    check::refuse(&check::problems(&served, &external)?)?;
    Plan::new(graph, signatures).load(served.encode_to_vec(), external, options)
}

/// Reads and decodes a file. Tensors of the model share the bytes.
pub(crate) fn read(path: &Path) -> Result<(Bytes, ModelProto)> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let bytes = fs::read(path)
        .map_err(|error| Error::model(format!("`{name}` cannot be read: {error}")))?;
    let bytes = Bytes::from(bytes);
    let model = ModelProto::decode(bytes.clone())
        .map_err(|error| Error::model(format!("`{name}` is not an ONNX model: {error}")))?;
    Ok((bytes, model))
}

/// Checks a file's model. The bytes are given if the engine is to see others than the file's.
fn plan_file(path: &Path, model: &ModelProto) -> Result<(Plan, External, Option<Vec<u8>>)> {
    let graph = check::graph(model)?;
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let external = External::read(folder, model)?;
    let (bound, mut problems) = match signature::of(graph) {
        Ok(bound) => (vec![bound], Vec::new()),
        Err(problems) => (Vec::new(), problems),
    };
    let served = rewrite::rewrite(model);
    problems.extend(check::problems(&served, &external)?);
    check::refuse(&problems)?;
    let rewritten = matches!(served, Cow::Owned(_)).then(|| served.encode_to_vec());
    Ok((Plan::new(graph, bound), external, rewritten))
}

/// What is known of a checked model, so that its decoded form need not be kept while the engine
/// reads the bytes.
struct Plan {
    signatures: Vec<BoundSignature>,
    inputs: Vec<String>,
    outputs: Vec<String>,
    memory: u64,
}

impl Plan {
    fn new(graph: &GraphProto, signatures: Vec<BoundSignature>) -> Self {
        Self {
            signatures,
            inputs: signature::inputs(graph)
                .map(|value| value.name().to_owned())
                .collect(),
            outputs: graph
                .output
                .iter()
                .map(|value| value.name().to_owned())
                .collect(),
            memory: tensors::memory(graph),
        }
    }

    fn load(self, bytes: Vec<u8>, external: External, options: &Options) -> Result<OnnxModel> {
        let engine = engine(bytes, external, options)?;
        let inputs = ids("input", &self.inputs, engine.input_ids())?;
        let outputs = ids("output", &self.outputs, engine.output_ids())?;
        let bound: Result<Vec<_>> = self
            .signatures
            .into_iter()
            .map(|bound| bind(bound, &inputs, &outputs))
            .collect();
        let (signatures, bindings): (Vec<_>, Vec<_>) = bound?.into_iter().unzip();
        if signatures.is_empty() {
            return Err(Error::model("the model has no signature"));
        }
        let pool =
            (options.threads > 1).then(|| Arc::new(ThreadPool::with_num_threads(options.threads)));
        let (platform, memory) = (options.platform, self.memory);
        Ok(OnnxModel {
            engine,
            signatures,
            bindings,
            pool,
            platform,
            memory,
        })
    }
}

fn engine(bytes: Vec<u8>, external: External, options: &Options) -> Result<rten::Model> {
    let mut engine = ModelOptions::with_all_ops();
    engine.prepack_weights(options.prepack);
    for (name, content) in external.into_files() {
        engine.external_data(&name, content);
    }
    guard::catch("loading the model", || engine.load(bytes))?
        .map_err(|error| Error::model(format!("the engine cannot load the model: {error}")))
}

/// The engine's id of each name. The engine keeps the order of the graph.
fn ids<'a>(role: &str, names: &'a [String], ids: &[NodeId]) -> Result<HashMap<&'a str, NodeId>> {
    if names.len() != ids.len() {
        return Err(Error::model(format!(
            "the graph has {} {role}s, the engine found {}",
            names.len(),
            ids.len()
        )));
    }
    Ok(names
        .iter()
        .map(String::as_str)
        .zip(ids.iter().copied())
        .collect())
}

fn bind(
    bound: BoundSignature,
    inputs: &HashMap<&str, NodeId>,
    outputs: &HashMap<&str, NodeId>,
) -> Result<(hari_core::Signature, Binding)> {
    let BoundSignature {
        signature,
        inputs: from,
        outputs: to,
    } = bound;
    if from.len() != signature.inputs.len() || to.len() != signature.outputs.len() {
        return Err(Error::model(format!(
            "signature `{}` has {} inputs and {} outputs, bound are {} and {}",
            signature.name,
            signature.inputs.len(),
            signature.outputs.len(),
            from.len(),
            to.len()
        )));
    }
    if let Some(twice) = from
        .iter()
        .enumerate()
        .find(|(at, name)| from.iter().take(*at).any(|other| other == *name))
    {
        let (name, at) = (&signature.name, twice.1);
        return Err(Error::model(format!(
            "signature `{name}` binds the input `{at}` twice"
        )));
    }
    let find = |names: &[String], known: &HashMap<&str, NodeId>| {
        let find = |name: &String| {
            known.get(name.as_str()).copied().ok_or_else(|| {
                let signature = &signature.name;
                Error::model(format!(
                    "signature `{signature}` binds `{name}`, which the graph lacks"
                ))
            })
        };
        names.iter().map(find).collect::<Result<Vec<_>>>()
    };
    let binding = Binding {
        inputs: find(&from, inputs)?,
        outputs: find(&to, outputs)?,
    };
    Ok((signature, binding))
}

#[cfg(test)]
mod tests;
