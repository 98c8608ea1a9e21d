//! From a file or a graph in memory to a loaded model.

mod bind;
mod choose;
mod split;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use hari_error::{Error, Result};
use hari_onnxruntime::Library;
use hari_operators::Type;
use hari_proto::onnx::{GraphProto, ModelProto, OperatorSetIdProto, ValueInfoProto};
use prost::Message;

use crate::boundary::{self, Labels};
use crate::check::Problem;
use crate::engine::Segments;
use crate::engine::onnxruntime::OnOrts;
use crate::engine::rten::{self, OnRtens, Rten};
use crate::external::External;
use crate::model::{Binding, BoundSignature, EngineChoice, OnnxModel, Options, Parts, Runner};
use crate::place::{self, Placer};
use crate::program::{Program, Source};
use crate::scope::Scope;
use crate::{check, lift, signature, tensors, types};
use bind::{Bound, Names};
pub(crate) use choose::{Taken, choose};

/// See [`OnnxModel::load_file`].
pub(crate) fn file(path: &Path, options: &Options) -> Result<OnnxModel> {
    let (bytes, model) = read(path)?;
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    check::graph(&model)?;
    let external = External::read(folder, &model)?;
    let prepared = Prepared::new(model, bytes, external)?;
    check::refuse(&prepared.problems)?;
    prepared.load(None, options)
}

/// See [`OnnxModel::load_graph`].
pub(crate) fn graph(
    model: &ModelProto,
    signatures: Vec<BoundSignature>,
    options: &Options,
) -> Result<OnnxModel> {
    check::graph(model)?;
    let prepared = Prepared::new(model.clone(), None, External::default())?;
    check::refuse(&prepared.damage)?;
    prepared.load(Some(signatures), options)
}

/// Reads and decodes a file. Tensors of the model share the bytes. The bytes are left out if they
/// hold the nodes in another order than the model.
pub(crate) fn read(path: &Path) -> Result<(Option<Bytes>, ModelProto)> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let bytes = fs::read(path)
        .map_err(|error| Error::model(format!("`{name}` cannot be read: {error}")))?;
    let bytes = Bytes::from(bytes);
    let mut model = ModelProto::decode(bytes.clone())
        .map_err(|error| Error::model(format!("`{name}` is not an ONNX model: {error}")))?;
    let moved = model.graph.as_mut().is_some_and(check::order::restore);
    Ok(((!moved).then_some(bytes), model))
}

/// A well-formed model, made ready for the choice of an engine.
pub(crate) struct Prepared {
    /// All of the model but its graph.
    pub(crate) model: ModelProto,
    /// The graph with tensors at its border and all its constants within, as initializers.
    pub(crate) graph: GraphProto,
    /// The bytes of the file, if they are those of this graph.
    file: Option<Bytes>,
    /// The files beside it.
    external: External,
    /// The graph's own signature, if its inputs and outputs allow for one.
    pub(crate) signature: Option<BoundSignature>,
    /// Names of the columns of inputs and outputs.
    pub(crate) labels: Labels,
    /// Tensors that are damaged or that nothing can hold.
    damage: Vec<Problem>,
    /// The same, and inputs and outputs that callers cannot give or get.
    pub(crate) problems: Vec<Problem>,
    /// Bytes of all tensors.
    pub(crate) memory: u64,
}

impl Prepared {
    /// Prepares a model that lies in `file`, with weights in `external`.
    ///
    /// # Errors
    /// `Model` if the graph is not well-formed any more with tensors at its border.
    pub(crate) fn new(
        mut model: ModelProto,
        file: Option<Bytes>,
        external: External,
    ) -> Result<Self> {
        let graph = model.graph.take().unwrap_or_default();
        if check::operator_set(&model).is_none() {
            model.opset_import.push(OperatorSetIdProto {
                domain: None,
                version: Some(check::OWN_OPERATOR_SET),
            });
        }
        let damage = check::numbers::damage(&graph, &external);
        let memory = tensors::memory(&graph);
        let changed = !boundary::is_plain(&graph);
        let (graph, labels) = if changed {
            boundary::simplify(graph)
        } else {
            (graph, Labels::new())
        };
        let (signature, mut problems) = match signature::of(&graph) {
            Ok(bound) => (Some(bound), Vec::new()),
            Err(problems) => (None, problems),
        };
        problems.extend(damage.iter().cloned());
        if damage.is_empty() {
            check::wiring::check(&graph)?;
        }
        Ok(Self {
            model,
            graph: lift::constants(external.inline(graph)),
            file: file.filter(|_| !changed && external.is_as_engines_read()),
            external,
            signature,
            labels,
            damage,
            problems,
            memory,
        })
    }

    /// Loads the model into what is chosen for it, with these signatures or with its own.
    fn load(
        mut self,
        signatures: Option<Vec<BoundSignature>>,
        options: &Options,
    ) -> Result<OnnxModel> {
        let signatures = signatures.unwrap_or_else(|| self.signature.take().into_iter().collect());
        if signatures.is_empty() {
            return Err(Error::model("the model has no signature"));
        }
        let names = Names::of(&self.graph);
        let bound = bind::all(signatures, &names)?;
        let labels = bound.labels(&self.labels);
        let held = self.memory;
        let mut copies = 1;
        let runner = match choose(&self, options)?.taken {
            Taken::Rten(graph) => self.whole(graph.map(|graph| *graph), &bound, options)?,
            Taken::OnnxRuntime(library) => {
                let made = self.foreign(library, &bound, options);
                match made {
                    Err(error) if options.engine == EngineChoice::Auto => {
                        tracing::debug!(%error, "onnx runtime does not take the model");
                        self.parts(&OnRtens::new(&self.model, options), &bound)?
                    }
                    made => made?,
                }
            }
            Taken::Parts(None) => self.parts(&OnRtens::new(&self.model, options), &bound)?,
            Taken::Parts(Some(library)) => {
                copies = options.instances.max(1) as u64;
                let files = BTreeMap::new();
                self.parts(&OnOrts::new(library, &self.model, options, files), &bound)?
            }
        };
        let (memory, platform) = match &runner {
            Runner::OnnxRuntime(each) => {
                let memory = each.iter().map(|(engine, _)| engine.memory()).sum();
                (memory, "onnxruntime_onnx")
            }
            _ => (held.saturating_mul(copies), options.platform),
        };
        Ok(OnnxModel {
            engine: runner.words(),
            runner,
            signatures: bound.signatures,
            labels,
            platform,
            memory,
        })
    }

    /// The whole graph on the built-in engine; `graph` is what it gets if that is another.
    fn whole(self, graph: Option<GraphProto>, bound: &Bound, options: &Options) -> Result<Runner> {
        let mut engine = rten::engine_options(options);
        let Self {
            model,
            graph: prepared,
            file,
            external,
            ..
        } = self;
        let bytes = match file.filter(|_| graph.is_none()) {
            Some(bytes) => {
                // The engine takes the bytes as they are once nothing else holds them.
                drop((model, prepared));
                for (name, content) in external.into_files() {
                    engine.external_data(&name, content);
                }
                bytes.into()
            }
            None => encoded(model, graph.unwrap_or(prepared)),
        };
        let engine = Rten::load(&engine, bytes, rten::pool(options))?;
        let bindings = bound.on(engine.inputs(), engine.outputs())?;
        Ok(Runner::Rten(engine, bindings))
    }

    /// The whole graph on ONNX Runtime, or what each signature needs of it if that is less.
    fn foreign(&self, library: Library, bound: &Bound, options: &Options) -> Result<Runner> {
        let files = self.external.clone().into_files();
        let files = files.map(|(name, content)| (name, Arc::from(content)));
        let engine = OnOrts::new(library, &self.model, options, files.collect());
        let encoded = |graph| Bytes::from(encoded(self.model.clone(), graph));
        if let Some(binding) = bound.whole() {
            let bytes = self.file.clone();
            let bytes = bytes.unwrap_or_else(|| encoded(self.graph.clone()));
            let whole = (engine.whole(&bytes)?, binding.clone());
            return Ok(Runner::OnnxRuntime(vec![whole]));
        }
        let one = |binding| {
            let (part, binding) = split::signature(&self.graph, binding);
            Ok((engine.whole(&encoded(part))?, binding))
        };
        let each = bound.bindings.iter().map(one);
        Ok(Runner::OnnxRuntime(each.collect::<Result<_>>()?))
    }

    /// The graph in parts, on an engine and on our own operators.
    fn parts(&self, segments: &dyn Segments, bound: &Bound) -> Result<Runner> {
        let empty = Scope::default();
        let placer = Placer::new(&self.model, segments);
        let placed = placer.model(&self.graph, &empty)?;
        place::refuse(&placed)?;
        let outputs = |binding: &Binding<usize>| {
            let outputs = binding.outputs.iter();
            let outputs = outputs.filter_map(|&at| self.graph.output.get(at));
            outputs.map(ValueInfoProto::name).collect()
        };
        let source = Source {
            graph: &self.graph,
            inputs: signature::inputs(&self.graph)
                .map(ValueInfoProto::name)
                .collect(),
            signatures: bound.bindings.iter().map(outputs).collect(),
            segments,
        };
        let program = Program::build(&source, placed)?;
        let optional = |value| matches!(types::declared(value), Some(Type::Optional(_)));
        let bindings = bound.bindings.iter();
        let bindings =
            bindings.map(|binding| (binding.clone(), program.schedule(&binding.outputs)));
        Ok(Runner::Parts(Parts {
            bindings: bindings.collect(),
            words: format!("{} and own operators", segments.words()),
            optional: signature::inputs(&self.graph).map(optional).collect(),
            program,
        }))
    }
}

/// The file of a model with this graph.
fn encoded(mut model: ModelProto, graph: GraphProto) -> Vec<u8> {
    model.graph = Some(graph);
    model.encode_to_vec()
}

#[cfg(test)]
mod tests;
