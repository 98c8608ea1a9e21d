//! The built-in engine.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hari_core::{Tensor, TensorSpec};
use hari_error::{Error, Result, catch};
use hari_operators::{Type, Value as Any};
use hari_proto::onnx::tensor_proto::DataLocation;
use hari_proto::onnx::{GraphProto, ModelProto, StringStringEntryProto, TensorProto};
use prost::Message;
use rten::{
    ModelOptions, NodeId, RunError, RunErrorKind, RunOptions, ThreadPool, Value, ValueOrView,
};

use super::{Part, Segment, Segments, Takes};
use crate::place::crosses;
use crate::{Options, threads, value};

/// Weights of at least so many bytes are kept once, however many parts use them.
const SHARED: usize = 1024;

/// Bytes of a graph that is loaded a second time if need be.
const SMALL: usize = 1 << 20;

/// The engine's words for values and shapes that an operator does not take.
const VALUES: [&str; 2] = [
    " failed: incompatible input shapes",
    " failed: input or attribute has invalid value",
];

/// A model, or a part of one, on the engine.
pub(crate) struct Rten {
    model: rten::Model,
    pool: Option<Arc<ThreadPool>>,
    /// Whether a run has succeeded: the graph can be computed.
    answered: AtomicBool,
}

impl Rten {
    /// Loads a model from the bytes of its file. The engine fails to improve a few graphs; those
    /// that are small are loaded again, to run as they are.
    pub(crate) fn load(
        options: &ModelOptions,
        bytes: Vec<u8>,
        pool: Option<Arc<ThreadPool>>,
    ) -> Result<Self> {
        let again = (bytes.len() <= SMALL).then(|| bytes.clone());
        let plain = || options.clone().enable_optimization(false).clone();
        let model = match (load(options, bytes), again) {
            (Err(error), Some(again)) => load(&plain(), again).map_err(|_| error)?,
            (loaded, _) => loaded?,
        };
        Ok(Self {
            model,
            pool,
            answered: AtomicBool::new(false),
        })
    }

    /// The engine's ids of the inputs, in the graph's order.
    pub(crate) fn inputs(&self) -> &[NodeId] {
        self.model.input_ids()
    }

    /// The engine's ids of the outputs, in the graph's order.
    pub(crate) fn outputs(&self) -> &[NodeId] {
        self.model.output_ids()
    }

    /// Computes the values of `outputs`.
    pub(crate) fn compute(
        &self,
        inputs: Vec<(NodeId, ValueOrView<'_>)>,
        outputs: &[NodeId],
    ) -> Result<Vec<Value>> {
        let pool = self.pool.clone().unwrap_or_else(threads::own);
        let options = RunOptions::default().with_thread_pool(Some(pool));
        let ran = catch("the engine failed while running the model", || {
            self.model.run(inputs, outputs, Some(options))
        })?;
        match ran {
            Ok(values) => {
                self.answered.store(true, Ordering::Relaxed);
                Ok(values)
            }
            Err(error) => Err(refusal(&error, self.answered.load(Ordering::Relaxed))),
        }
    }
}

/// The engine's refusal of a run. Once the graph has `answered`, values and shapes that an operator
/// does not take are those of the request: an index beyond its table, inputs of lengths that do not
/// fit. Before, the graph may be one that no request gets through.
fn refusal(error: &RunError, answered: bool) -> Error {
    let said = error.to_string();
    let said = said.replace("operator \"\" failed", "an operator failed");
    let of_values = |words: &str| said.contains(words);
    match error.kind() {
        RunErrorKind::InvalidInput => Error::invalid(said),
        RunErrorKind::OperatorError if answered && VALUES.into_iter().any(of_values) => {
            Error::invalid(format!(
                "the model does not take these values or shapes: {said}"
            ))
        }
        _ => Error::model(said),
    }
}

/// A part, and the types at its border.
struct OnRten {
    engine: Rten,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
}

struct Port {
    id: NodeId,
    spec: TensorSpec,
    saturated: bool,
}

impl Segment for OnRten {
    fn run(&self, inputs: &[(usize, &Any)], outputs: &[usize]) -> Result<Vec<Any>> {
        let given: Result<Vec<_>> = inputs
            .iter()
            .map(|&(at, value)| self.give(at, value))
            .collect();
        let wanted: Vec<&Port> = outputs
            .iter()
            .filter_map(|&at| self.outputs.get(at))
            .collect();
        let ids: Vec<NodeId> = wanted.iter().map(|port| port.id).collect();
        let values = self.engine.compute(given?, &ids)?;
        let specs = wanted.into_iter().map(|port| &port.spec);
        let tensors = specs
            .zip(values)
            .map(|(spec, value)| value::output(spec, value));
        tensors.map(|tensor| Ok(Any::Tensor(tensor?))).collect()
    }
}

impl OnRten {
    fn give<'a>(&self, at: usize, value: &'a Any) -> Result<(NodeId, ValueOrView<'a>)> {
        let port = self
            .inputs
            .get(at)
            .ok_or_else(|| Error::internal(format!("no input {at} of a part")))?;
        let tensor: &Tensor = value
            .tensor()
            .map_err(|error| error.context(port.spec.name.clone()))?;
        let given = match port.saturated {
            true => value::saturated(&port.spec, tensor)?,
            false => value::input(&port.spec, tensor)?,
        };
        Ok((port.id, given))
    }
}

/// Makes parts of a model ready to run on the engine.
pub(crate) struct OnRtens {
    empty: ModelProto,
    pool: Option<Arc<ThreadPool>>,
    /// Holds the weights that parts share.
    options: RefCell<ModelOptions>,
    /// The name of each such weight, by where its bytes lie in the file.
    shared: RefCell<HashMap<(usize, usize), String>>,
}

impl OnRtens {
    /// For parts of `model`.
    pub(crate) fn new(model: &ModelProto, options: &Options) -> Self {
        Self {
            empty: ModelProto {
                ir_version: model.ir_version,
                opset_import: model.opset_import.clone(),
                ..ModelProto::default()
            },
            pool: pool(options),
            options: RefCell::new(engine_options(options)),
            shared: RefCell::default(),
        }
    }

    /// Moves a large weight out of the part, so that others find it too.
    fn share(&self, tensor: &mut TensorProto) {
        let Some(raw) = tensor.raw_data.take_if(|raw| raw.len() >= SHARED) else {
            return;
        };
        let mut shared = self.shared.borrow_mut();
        let count = shared.len();
        let name = shared
            .entry((raw.as_ptr().addr(), raw.len()))
            .or_insert_with(|| {
                let name = format!("hari{count}.data");
                self.options.borrow_mut().external_data(&name, raw.to_vec());
                name
            });
        let entry = |key: &str, value: String| StringStringEntryProto {
            key: Some(key.to_owned()),
            value: Some(value),
        };
        tensor.data_location = Some(DataLocation::External as i32);
        tensor.external_data = vec![
            entry("location", name.clone()),
            entry("offset", "0".to_owned()),
            entry("length", raw.len().to_string()),
        ];
    }

    fn share_all(&self, graph: &mut GraphProto) {
        graph
            .initializer
            .iter_mut()
            .for_each(|tensor| self.share(tensor));
        for attribute in graph.node.iter_mut().flat_map(|node| &mut node.attribute) {
            attribute
                .g
                .iter_mut()
                .for_each(|inner| self.share_all(inner));
        }
    }
}

impl Segments for OnRtens {
    fn takes(&self) -> Takes {
        Takes::Exact
    }

    fn prunes(&self) -> bool {
        true
    }

    fn words(&self) -> String {
        "rten".to_owned()
    }

    fn load(&self, mut part: Part) -> Result<Box<dyn Segment>> {
        self.share_all(&mut part.graph);
        let names = |values: &[hari_proto::onnx::ValueInfoProto]| -> Vec<String> {
            values.iter().map(|value| value.name().to_owned()).collect()
        };
        let (inputs, outputs) = (names(&part.graph.input), names(&part.graph.output));
        let model = ModelProto {
            graph: Some(part.graph),
            ..self.empty.clone()
        };
        let bytes = model.encode_to_vec();
        drop(model);
        let engine = Rten::load(&self.options.borrow(), bytes, self.pool.clone())?;
        let (into, from) = (engine.inputs().to_vec(), engine.outputs().to_vec());
        Ok(Box::new(OnRten {
            inputs: ports(&inputs, &into, &part.inputs, &part.saturated)?,
            outputs: ports(&outputs, &from, &part.outputs, &[])?,
            engine,
        }))
    }
}

fn ports(
    names: &[String],
    ids: &[NodeId],
    kinds: &[Option<Type>],
    saturated: &[bool],
) -> Result<Vec<Port>> {
    if names.len() != ids.len() {
        return Err(Error::internal(format!(
            "a part has {} values at its border, the engine found {}",
            names.len(),
            ids.len()
        )));
    }
    let of = |(at, (name, &id)): (usize, (&String, &NodeId))| {
        let kind = kinds.get(at).and_then(Option::as_ref);
        let Some(Type::Tensor(dtype)) = kind.filter(|kind| crosses(Some(kind))) else {
            return Err(Error::model(format!(
                "the type of `{name}` is not known: run shape inference on the file"
            )));
        };
        let spec = TensorSpec {
            name: name.clone(),
            dtype: *dtype,
            shape: None,
        };
        let saturated = saturated.get(at).copied().unwrap_or(false);
        Ok(Port {
            id,
            spec,
            saturated,
        })
    };
    names.iter().zip(ids).enumerate().map(of).collect()
}

fn load(options: &ModelOptions, bytes: Vec<u8>) -> Result<rten::Model> {
    catch("the engine failed while loading the model", || {
        options.load(bytes)
    })?
    .map_err(|error| Error::model(format!("the engine cannot load the model: {error}")))
}

/// The engine's own options.
pub(crate) fn engine_options(options: &Options) -> ModelOptions {
    let mut engine = ModelOptions::with_all_ops();
    engine.prepack_weights(options.prepack);
    engine
}

/// The threads of a model that wants several.
pub(crate) fn pool(options: &Options) -> Option<Arc<ThreadPool>> {
    let several = options.threads.filter(|&threads| threads > 1)?;
    Some(Arc::new(ThreadPool::with_num_threads(several)))
}
