//! A loaded model, and one run of it.

use std::path::Path;
use std::sync::Arc;

use hari_core::{Call, Model, Signature, Tensor};
use hari_error::{Error, Result};
use hari_proto::onnx::ModelProto;
use rten::{NodeId, RunErrorKind, RunOptions, ThreadPool, Value, ValueOrView};

use crate::{guard, load, threads, value};

/// How a model is loaded and run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Threads of one run. One (the default) computes on the calling thread, see
    /// [`crate::host`]; more give the model a pool of its own, which all its runs share.
    pub threads: usize,
    /// Whether to keep the weights in the layout that multiplications read: faster runs for a
    /// slower load and more memory.
    pub prepack: bool,
    /// What [`Model::platform`] says.
    pub platform: &'static str,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            threads: 1,
            prepack: false,
            platform: "onnx_rten",
        }
    }
}

/// A signature and the values of the graph behind its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundSignature {
    /// What callers see.
    pub signature: Signature,
    /// The graph's name of each input, in the order of `signature.inputs`. Each must be an input
    /// of the graph.
    pub inputs: Vec<String>,
    /// The graph's name of each output, in the order of `signature.outputs`. Each must be an
    /// output of the graph; two may be the same.
    pub outputs: Vec<String>,
}

/// An ONNX graph on the built-in engine.
pub struct OnnxModel {
    pub(crate) engine: rten::Model,
    pub(crate) signatures: Vec<Signature>,
    pub(crate) bindings: Vec<Binding>,
    pub(crate) pool: Option<Arc<ThreadPool>>,
    pub(crate) platform: &'static str,
    pub(crate) memory: u64,
}

/// The engine's ids of a signature's inputs and outputs, in its order.
pub(crate) struct Binding {
    pub(crate) inputs: Vec<NodeId>,
    pub(crate) outputs: Vec<NodeId>,
}

impl OnnxModel {
    /// Loads a `.onnx` file. Its one signature is `serving_default`, with the graph's own names.
    ///
    /// Weights outside the file are read if they lie beside it under a plain file name.
    ///
    /// # Errors
    /// `Model` if the file cannot be read, is not a well-formed model, or needs what the engine
    /// does not have; in the last case every such thing is named.
    pub fn load_file(path: &Path, options: &Options) -> Result<Self> {
        load::file(path, options)
    }

    /// Loads a graph that was made in memory, with nodes in an order in which each follows what
    /// it uses. All signatures share its weights; the first is the default.
    ///
    /// # Errors
    /// As [`OnnxModel::load_file`], and if a signature names what the graph does not have.
    pub fn load_graph(
        model: &ModelProto,
        signatures: Vec<BoundSignature>,
        options: &Options,
    ) -> Result<Self> {
        load::graph(model, signatures, options)
    }

    fn compute(
        &self,
        inputs: Vec<(NodeId, ValueOrView<'_>)>,
        outputs: &[NodeId],
    ) -> Result<Vec<Value>> {
        let pool = self.pool.clone().unwrap_or_else(threads::own);
        let options = RunOptions::default().with_thread_pool(Some(pool));
        let ran = guard::catch("running the model", || {
            self.engine.run(inputs, outputs, Some(options))
        })?;
        ran.map_err(|error| match error.kind() {
            RunErrorKind::InvalidInput => Error::invalid(error.to_string()),
            _ => Error::model(error.to_string()),
        })
    }
}

impl Model for OnnxModel {
    fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    fn run(&self, call: Call) -> Result<Vec<Tensor>> {
        let found = self
            .signatures
            .get(call.signature)
            .zip(self.bindings.get(call.signature));
        let (signature, binding) = found
            .ok_or_else(|| Error::internal(format!("no signature {} to run", call.signature)))?;
        let inputs = feed(signature, binding, &call.inputs)?;
        let wanted = wanted(&call, signature)?;
        let (nodes, places) = distinct(wanted.iter().filter_map(|&at| binding.outputs.get(at)));
        let values = self.compute(inputs, &nodes)?;
        let specs = wanted.iter().filter_map(|&at| signature.outputs.get(at));
        value::outputs(specs.collect(), values, &places)
    }

    fn platform(&self) -> &str {
        self.platform
    }

    fn memory_bytes(&self) -> u64 {
        self.memory
    }
}

fn feed<'a>(
    signature: &Signature,
    binding: &Binding,
    tensors: &'a [Tensor],
) -> Result<Vec<(NodeId, ValueOrView<'a>)>> {
    if tensors.len() != signature.inputs.len() {
        return Err(Error::internal(format!(
            "signature `{}` takes {} inputs, found {}",
            signature.name,
            signature.inputs.len(),
            tensors.len()
        )));
    }
    let specs = signature.inputs.iter().zip(tensors);
    let values = specs.map(|(spec, tensor)| value::input(spec, tensor));
    binding
        .inputs
        .iter()
        .zip(values)
        .map(|(&node, value)| Ok((node, value?)))
        .collect()
}

/// Indices of the outputs to compute, in the wanted order.
fn wanted(call: &Call, signature: &Signature) -> Result<Vec<usize>> {
    let count = signature.outputs.len();
    if let Some(out) = call.outputs.iter().find(|&&at| at >= count) {
        return Err(Error::internal(format!(
            "no output {out} in a signature of {count}"
        )));
    }
    Ok(if call.outputs.is_empty() {
        (0..count).collect()
    } else {
        call.outputs.clone()
    })
}

/// Each node once, and for every wanted one its place among them.
fn distinct<'a>(wanted: impl Iterator<Item = &'a NodeId>) -> (Vec<NodeId>, Vec<usize>) {
    let mut nodes = Vec::new();
    let mut places = Vec::new();
    for &node in wanted {
        let place = nodes
            .iter()
            .position(|&known| known == node)
            .unwrap_or(nodes.len());
        if place == nodes.len() {
            nodes.push(node);
        }
        places.push(place);
    }
    (nodes, places)
}

#[cfg(test)]
mod tests;
