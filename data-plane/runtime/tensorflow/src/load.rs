//! The stages in order: folder, signatures, flat graphs, lowering, layout, engine.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use hari_core::{Call, DataType as Element, Model, Signature, Tensor};
use hari_error::{Error, Result};
use hari_onnx::{BoundSignature, OnnxModel, Options};
use hari_proto::onnx::tensor_proto::DataType as OnnxType;
use hari_proto::tensorflow::TensorShapeProto;

use crate::dtype;
use crate::emit::{Attr, Builder, Id};
use crate::function::{Flat, Library, Wanted, flatten};
use crate::graph::{FEED, is_table};
use crate::layout;
use crate::lower::{self, Task};
use crate::refusal::{Refusals, Unsupported};
use crate::saved_model::SavedModel;
use crate::signature::{self, Bound};
use crate::tables::Tables;
use crate::variables::Variables;

/// The name of this kind of model in the open inference protocol.
const PLATFORM: &str = "tensorflow_savedmodel";

/// A SavedModel on the built-in engine.
pub struct TensorflowModel {
    engine: OnnxModel,
}

impl Model for TensorflowModel {
    fn signatures(&self) -> &[Signature] {
        self.engine.signatures()
    }

    fn run(&self, call: Call) -> Result<Vec<Tensor>> {
        self.engine.run(call)
    }

    fn platform(&self) -> &str {
        PLATFORM
    }

    fn engine(&self) -> &str {
        self.engine.engine()
    }

    fn memory_bytes(&self) -> u64 {
        self.engine.memory_bytes()
    }
}

/// Loads the SavedModel in `folder`, the one that holds `saved_model.pb`. All its signatures are
/// served, `serving_default` first. One that uses what has no lowering is left out with a warning,
/// if there is another.
///
/// # Errors
/// `Model` if the folder is not a SavedModel or is damaged, or if every signature uses operators
/// that have no lowering; then all of them are named.
pub fn load(folder: &Path, options: &Options) -> Result<TensorflowModel> {
    let (builder, signatures) = graph(&SavedModel::open(folder)?)?;
    let model = builder.model(&outputs(&signatures))?;
    let bound = signatures.into_iter().map(|made| made.named(&builder));
    let engine = OnnxModel::load_graph(&model, bound.collect(), options)?;
    Ok(TensorflowModel { engine })
}

/// A SavedModel as ONNX: what the engine gets.
#[derive(Clone, Debug)]
pub struct Exported {
    /// The ONNX model, encoded.
    pub model: Vec<u8>,
    /// What callers see, and the names behind it in the ONNX model.
    pub signatures: Vec<BoundSignature>,
}

/// The SavedModel in `folder` as the ONNX model that [`load`] gives to the engine: to be looked at,
/// or run elsewhere.
///
/// # Errors
/// As [`load`], but for what the engine refuses.
pub fn export(folder: &Path) -> Result<Exported> {
    let (builder, signatures) = graph(&SavedModel::open(folder)?)?;
    let model = builder.model(&outputs(&signatures))?;
    let bound = signatures.into_iter().map(|made| made.named(&builder));
    Ok(Exported {
        model: prost::Message::encode_to_vec(&model),
        signatures: bound.collect(),
    })
}

/// The graph that the engine gets.
fn graph(saved: &SavedModel) -> Result<(Builder, Vec<Made>)> {
    let lowered = Lowered::of(saved)?;
    if lowered.signatures.is_empty() {
        return Err(lowered.error());
    }
    for left in &lowered.left_out {
        tracing::warn!(
            signature = left.signature,
            reason = left.reason,
            "signature left out"
        );
    }
    let (mut builder, mut signatures) = (lowered.builder, lowered.signatures);
    let inputs = signatures.iter().flat_map(|made| &made.inputs).copied();
    builder.keep_inputs(&inputs.collect());
    let ends = signatures.iter_mut().flat_map(|made| &mut made.outputs);
    layout::improve(&mut builder, ends);
    builder.prune(&outputs(&signatures));
    Ok((builder, signatures))
}

/// The outputs of all signatures, each once.
fn outputs(signatures: &[Made]) -> Vec<Id> {
    let all: BTreeSet<Id> = signatures
        .iter()
        .flat_map(|made| &made.outputs)
        .copied()
        .collect();
    all.into_iter().collect()
}

/// What a SavedModel holds, whether or not it can be served.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// The tags of every graph in the file.
    pub tags: Vec<Vec<String>>,
    /// The signatures of the graph for serving, whether or not they can be served.
    pub signatures: Vec<Signature>,
    /// Those that cannot be served.
    pub left_out: Vec<LeftOut>,
    /// Operators that the signatures use, and how often, functions inlined.
    pub operators: BTreeMap<String, usize>,
    /// Operators without a lowering.
    pub unsupported: Vec<Unsupported>,
    /// The version of the TensorFlow that wrote it.
    pub tensorflow_version: String,
    /// Bytes of the graph and the variables on disk.
    pub bytes: u64,
}

/// A signature that is not served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its name.
    pub signature: String,
    /// Why: every operator without a lowering by name, or what is wrong with an input or output.
    pub reason: String,
}

/// Reads the SavedModel in `folder` without loading it into an engine.
///
/// # Errors
/// If the folder is not a SavedModel or is damaged.
pub fn inspect(folder: &Path) -> Result<Inspection> {
    let saved = SavedModel::open(folder)?;
    let lowered = Lowered::of(&saved)?;
    Ok(Inspection {
        tags: saved.tags.clone(),
        signatures: lowered.all,
        left_out: lowered.left_out,
        operators: lowered.operators,
        unsupported: lowered.refusals.list(),
        tensorflow_version: saved.tensorflow_version().to_owned(),
        bytes: saved.bytes_on_disk(),
    })
}

/// A signature over values of the ONNX graph.
struct Made {
    signature: Signature,
    inputs: Vec<Id>,
    outputs: Vec<Id>,
}

impl Made {
    /// The same computation under another name.
    fn renamed(&self, signature: Signature) -> Self {
        Self {
            signature,
            inputs: self.inputs.clone(),
            outputs: self.outputs.clone(),
        }
    }

    fn named(self, builder: &Builder) -> BoundSignature {
        let names = |ids: &[Id]| ids.iter().map(|&id| builder.name(id)).collect();
        BoundSignature {
            inputs: names(&self.inputs),
            outputs: names(&self.outputs),
            signature: self.signature,
        }
    }
}

/// All signatures in one ONNX graph.
struct Lowered {
    builder: Builder,
    /// Those that can be served.
    signatures: Vec<Made>,
    /// All that were read.
    all: Vec<Signature>,
    left_out: Vec<LeftOut>,
    operators: BTreeMap<String, usize>,
    refusals: Refusals,
}

/// What the variables and tables of a model are, read once.
struct State {
    variables: Variables,
    tables: Tables,
    /// Their values in the graph, by the name of their node.
    values: HashMap<String, Id>,
}

impl Lowered {
    fn of(saved: &SavedModel) -> Result<Self> {
        let library = Library::new(&saved.meta);
        let mut state = State {
            variables: Variables::open(saved, &library)?,
            tables: Tables::open(saved, &library)?,
            values: HashMap::new(),
        };
        let (bound, misfits) = signature::all(&saved.meta)?;
        let mut lowered = Self {
            builder: Builder::default(),
            signatures: Vec::new(),
            all: Vec::new(),
            left_out: misfits,
            operators: BTreeMap::new(),
            refusals: Refusals::default(),
        };
        let mut done = Vec::new();
        for bound in bound {
            lowered.all.push(bound.signature.clone());
            let flat = flatten(&library, &wanted(&bound))?;
            lowered.count(&flat);
            lowered.one(&mut state, &mut done, (flat, bound))?;
        }
        Ok(lowered)
    }

    /// Adds a signature: as one that computes the same, in the graph, or to those left out.
    fn one<'a>(
        &mut self,
        state: &mut State,
        done: &mut Vec<(Flat<'a>, Bound, Option<usize>)>,
        (flat, bound): (Flat<'a>, Bound),
    ) -> Result<()> {
        let same = done
            .iter()
            .find(|(other, as_bound, _)| alike(&flat, &bound, other, as_bound));
        let at = match same {
            Some((_, other, at)) => {
                let name = &other.signature.name;
                match at.and_then(|at| self.signatures.get(at)) {
                    Some(made) => Some(made.renamed(bound.signature.clone())),
                    None => {
                        self.leave_out(&bound, format!("it is the same as `{name}`"));
                        None
                    }
                }
            }
            None => {
                self.read(&flat, state)?;
                self.add(&flat, &bound, &state.values)?
            }
        };
        let at = at.map(|made| {
            self.signatures.push(made);
            self.signatures.len() - 1
        });
        done.push((flat, bound, at));
        Ok(())
    }

    fn leave_out(&mut self, bound: &Bound, reason: String) {
        let signature = bound.signature.name.clone();
        self.left_out.push(LeftOut { signature, reason });
    }

    /// Why there is nothing to serve.
    fn error(&self) -> Error {
        self.refusals.error().unwrap_or_else(|| {
            let reason =
                |left: &LeftOut| format!("signature `{}`: {}", left.signature, left.reason);
            let reasons: Vec<_> = self.left_out.iter().map(reason).collect();
            Error::model(reasons.join("; "))
        })
    }

    fn count(&mut self, flat: &Flat<'_>) {
        flat.graph.each(&mut |node| {
            if node.op != FEED {
                *self.operators.entry(node.op.to_owned()).or_default() += 1;
            }
        });
    }

    /// Reads the values of the variables and tables that the graph uses.
    fn read(&mut self, flat: &Flat<'_>, state: &mut State) -> Result<()> {
        for node in lower::state(&flat.graph) {
            if state.values.contains_key(&node.name) {
                continue;
            }
            let value = if is_table(node.op) {
                self.builder.table_handle(state.tables.value(&node.name)?)
            } else {
                let shared = node.attrs.text("shared_name").unwrap_or_default();
                let value = state.variables.value(&node.name, shared)?;
                self.builder.constant(value)
            };
            state.values.insert(node.name.clone(), value);
        }
        Ok(())
    }

    /// Lowers a signature; none if it was refused and left out.
    fn add(
        &mut self,
        flat: &Flat<'_>,
        bound: &Bound,
        weights: &HashMap<String, Id>,
    ) -> Result<Option<Made>> {
        let signature = bound.signature.clone();
        let mut inputs = Vec::new();
        let mut feeds = Vec::new();
        for (spec, (_, shape)) in signature.inputs.iter().zip(&bound.feeds) {
            let name = format!("{}:{}", signature.name, spec.name);
            let (input, feed) = self.input(&name, spec.dtype, shape);
            inputs.push(input);
            feeds.push(feed);
        }
        let task = Task {
            graph: &flat.graph,
            feeds: &feeds,
            fetches: &flat.fetches,
            weights,
            depth: 0,
        };
        let mut refusals = Refusals::default();
        let values = lower::lower(&mut self.builder, &task, &mut refusals);
        let refused = values.iter().any(|&value| self.builder.is_refused(value));
        if refused && refusals.is_empty() {
            return Err(Error::internal(format!(
                "signature `{}` was refused without a reason",
                signature.name
            )));
        }
        if !refusals.is_empty() {
            self.leave_out(bound, refusals.reasons());
            self.refusals.extend(refusals);
            return Ok(None);
        }
        let outputs = values.into_iter().zip(&signature.outputs);
        let outputs = outputs
            .map(|(value, spec)| self.output(value, spec.dtype))
            .collect();
        Ok(Some(Made {
            signature,
            inputs,
            outputs,
        }))
    }

    /// An input of the ONNX graph, and the value that the operations read: bytes are widened.
    fn input(&mut self, name: &str, dtype: Element, shape: &TensorShapeProto) -> (Id, Id) {
        let dtype = dtype::from_element(dtype);
        let dims = self.builder.symbols.shape(shape);
        let input = self.builder.input(name, dtype, dims.clone());
        if !dtype::is_narrow(dtype) {
            return (input, input);
        }
        let attrs = vec![("to", Attr::Int(i64::from(i32::from(OnnxType::Int32))))];
        (
            input,
            self.builder.node("Cast", &[input], attrs, (dtype, dims)),
        )
    }

    /// An output of the ONNX graph: bytes are narrowed, and what is not computed is copied.
    fn output(&mut self, value: Id, dtype: Element) -> Id {
        let narrow = match dtype {
            Element::Uint8 => Some(OnnxType::Uint8),
            Element::Int8 => Some(OnnxType::Int8),
            _ => None,
        };
        let kind = (
            self.builder.dtype(value),
            self.builder.value(value).shape.clone(),
        );
        match narrow {
            Some(narrow) => {
                let attrs = vec![("to", Attr::Int(i64::from(i32::from(narrow))))];
                self.builder.node("Cast", &[value], attrs, kind)
            }
            None => self.builder.node("Identity", &[value], Vec::new(), kind),
        }
    }
}

fn wanted(bound: &Bound) -> Wanted {
    Wanted {
        feeds: bound.feeds.iter().map(|(name, _)| name.clone()).collect(),
        fetches: bound.fetches.clone(),
        targets: Vec::new(),
    }
}

/// Whether two signatures compute the same from the same inputs, under whatever names.
fn alike(flat: &Flat<'_>, bound: &Bound, other: &Flat<'_>, as_bound: &Bound) -> bool {
    let specs = |bound: &Bound| {
        let (inputs, outputs) = (&bound.signature.inputs, &bound.signature.outputs);
        let kinds = inputs
            .iter()
            .chain(outputs)
            .map(|spec| (spec.dtype, spec.shape.clone()));
        kinds.collect::<Vec<_>>()
    };
    flat.fetches == other.fetches
        && specs(bound) == specs(as_bound)
        && flat.graph.same_as(&other.graph)
}

#[cfg(test)]
mod tests;
