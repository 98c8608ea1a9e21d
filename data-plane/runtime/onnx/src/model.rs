//! A loaded model, and one run of it.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use hari_core::{Call, Model, Signature, Tensor, TensorSpec};
use hari_error::{Error, Result, catch};
use hari_onnxruntime::Device;
use hari_operators::Value;
use hari_proto::onnx::ModelProto;
use rten::{NodeId, ValueOrView};

use crate::engine::Segment;
use crate::engine::onnxruntime::OnOrt;
use crate::engine::rten::Rten;
use crate::program::{Program, Schedule};
use crate::{boundary, load, value};

/// Which engine computes a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EngineChoice {
    /// The built-in engine if it takes the whole graph; else ONNX Runtime if a library is there
    /// and takes it; else the built-in engine together with our own operators.
    #[default]
    Auto,
    /// The built-in engine, together with our own operators where it needs them.
    Rten,
    /// ONNX Runtime, together with our own operators where the graph has Hari's own.
    OnnxRuntime,
}

impl FromStr for EngineChoice {
    type Err = Error;

    /// `auto`, `rten` or `onnxruntime`.
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "auto" => Ok(Self::Auto),
            "rten" => Ok(Self::Rten),
            "onnxruntime" => Ok(Self::OnnxRuntime),
            other => Err(Error::invalid(format!(
                "unknown engine `{other}`; use `auto`, `rten` or `onnxruntime`"
            ))),
        }
    }
}

impl fmt::Display for EngineChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Rten => "rten",
            Self::OnnxRuntime => "onnxruntime",
        })
    }
}

/// How a model is loaded and run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Threads of one run. One computes on the calling thread, see [`crate::host`]; more give the
    /// model a pool of its own, which all its runs share. By default it is one on the built-in
    /// engine, and on ONNX Runtime all that this process may use, shared out among `instances`.
    pub threads: Option<usize>,
    /// How many runs ONNX Runtime computes at once, each with its own copy of the weights; others
    /// wait. The built-in engine computes as many as there are callers, on one copy.
    pub instances: usize,
    /// Whether to keep the weights in the layout that multiplications read: faster runs for a
    /// slower load and more memory.
    pub prepack: bool,
    /// What [`Model::platform`] says.
    pub platform: &'static str,
    /// Which engine computes.
    pub engine: EngineChoice,
    /// Where ONNX Runtime computes.
    pub device: Device,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            threads: None,
            instances: 1,
            prepack: false,
            platform: "onnx_rten",
            engine: EngineChoice::default(),
            device: Device::default(),
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

/// An ONNX graph, loaded.
pub struct OnnxModel {
    pub(crate) runner: Runner,
    pub(crate) signatures: Vec<Signature>,
    /// For each signature and output, names of its columns.
    pub(crate) labels: Vec<Vec<Vec<String>>>,
    pub(crate) platform: &'static str,
    pub(crate) engine: String,
    pub(crate) memory: u64,
}

/// What computes, with the bindings of each signature.
pub(crate) enum Runner {
    /// The built-in engine alone.
    Rten(Rten, Vec<Binding<NodeId>>),
    /// ONNX Runtime alone, with a graph for each signature.
    OnnxRuntime(Vec<(OnOrt, Binding<usize>)>),
    /// An engine together with our own operators.
    Parts(Parts),
}

/// The inputs and outputs of a signature, in its order, as the engine knows them.
#[derive(Clone, Debug)]
pub(crate) struct Binding<T> {
    pub(crate) inputs: Vec<T>,
    pub(crate) outputs: Vec<T>,
}

/// A program and the places of each signature's inputs and outputs among the graph's.
pub(crate) struct Parts {
    pub(crate) program: Program,
    pub(crate) bindings: Vec<(Binding<usize>, Schedule)>,
    /// Whether each input of the graph is an optional value.
    pub(crate) optional: Vec<bool>,
    /// What computes, in words.
    pub(crate) words: String,
}

impl Runner {
    /// What computes, in words.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Rten(..) => "rten".to_owned(),
            Self::OnnxRuntime(each) => each
                .first()
                .map_or_else(String::new, |(engine, _)| engine.words()),
            Self::Parts(parts) => parts.words.clone(),
        }
    }
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
}

impl Model for OnnxModel {
    fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    fn run(&self, call: Call) -> Result<Vec<Tensor>> {
        let signature = self.signatures.get(call.signature);
        let empty = signature.and_then(|signature| empty(signature, &call.inputs));
        self.compute(call).map_err(|error| match empty {
            Some(words) => Error::invalid(words).with_source(error),
            None => error,
        })
    }

    fn labels(&self, signature: usize, output: usize) -> &[String] {
        let labels = self.labels.get(signature).and_then(|all| all.get(output));
        labels.map_or(&[], Vec::as_slice)
    }

    fn platform(&self) -> &str {
        self.platform
    }

    fn engine(&self) -> &str {
        &self.engine
    }

    fn memory_bytes(&self) -> u64 {
        self.memory
    }
}

impl OnnxModel {
    fn compute(&self, call: Call) -> Result<Vec<Tensor>> {
        let at = call.signature;
        let missing = || Error::internal(format!("no signature {at} to run"));
        let signature = self.signatures.get(at).ok_or_else(missing)?;
        let wanted = wanted(&call, signature)?;
        match &self.runner {
            Runner::Rten(engine, bindings) => {
                let binding = bindings.get(at).ok_or_else(missing)?;
                let inputs = feed(signature, binding, &call.inputs)?;
                let (nodes, places) =
                    distinct(wanted.iter().filter_map(|&at| binding.outputs.get(at)));
                let values = engine.compute(inputs, &nodes)?;
                let specs = wanted.iter().filter_map(|&at| signature.outputs.get(at));
                value::outputs(specs.collect(), values, &places)
            }
            Runner::OnnxRuntime(each) => {
                let (engine, binding) = each.get(at).ok_or_else(missing)?;
                let values: Vec<Value> = call.inputs.into_iter().map(Value::Tensor).collect();
                let inputs: Vec<_> = binding.inputs.iter().copied().zip(&values).collect();
                let outputs = wanted
                    .iter()
                    .filter_map(|&at| binding.outputs.get(at).copied());
                let values = engine.run(&inputs, &outputs.collect::<Vec<_>>())?;
                outputs_of(signature, &wanted, values)
            }
            Runner::Parts(parts) => {
                let all = call.outputs.is_empty();
                let values = parts.run(at, call.inputs, (!all).then_some(&wanted))?;
                outputs_of(signature, &wanted, values)
            }
        }
    }
}

/// Words for an input without elements: few graphs compute those.
fn empty(signature: &Signature, inputs: &[Tensor]) -> Option<String> {
    let mut both = signature.inputs.iter().zip(inputs);
    let (spec, tensor) = both.find(|(_, tensor)| tensor.is_empty())?;
    Some(format!(
        "input `{}` has no elements (shape {:?}), and the model cannot compute that: send at least \
         one row",
        spec.name,
        tensor.shape()
    ))
}

impl Parts {
    /// Computes the outputs of a signature, all of them or those that are wanted.
    fn run(
        &self,
        signature: usize,
        inputs: Vec<Tensor>,
        wanted: Option<&Vec<usize>>,
    ) -> Result<Vec<Value>> {
        let (binding, all) = self
            .bindings
            .get(signature)
            .ok_or_else(|| Error::internal(format!("no signature {signature} to run")))?;
        let mut given: Vec<Option<Value>> = vec![None; self.optional.len()];
        for (&at, tensor) in binding.inputs.iter().zip(inputs) {
            let optional = self.optional.get(at).copied().unwrap_or(false);
            let mut value = Value::Tensor(tensor);
            if optional {
                value = Value::Optional(Some(Box::new(value)));
            }
            if let Some(place) = given.get_mut(at) {
                *place = Some(value);
            }
        }
        catch(
            "the engine failed while running the model",
            || match wanted {
                None => self.program.compute(given, all),
                Some(wanted) => {
                    let outputs = wanted
                        .iter()
                        .filter_map(|&at| binding.outputs.get(at).copied());
                    let schedule = self.program.schedule(&outputs.collect::<Vec<_>>());
                    self.program.compute(given, &schedule)
                }
            },
        )?
    }
}

/// Values as the tensors that the signature promises.
fn outputs_of(signature: &Signature, wanted: &[usize], values: Vec<Value>) -> Result<Vec<Tensor>> {
    let specs = wanted.iter().filter_map(|&at| signature.outputs.get(at));
    let one = |(spec, value): (&TensorSpec, Value)| {
        let tensor = boundary::tensor(value)
            .map_err(|error| error.context(format!("output `{}`", spec.name)))?;
        value::check(spec, &tensor)?;
        Ok(tensor)
    };
    specs.zip(values).map(one).collect()
}

fn feed<'a>(
    signature: &Signature,
    binding: &Binding<NodeId>,
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
