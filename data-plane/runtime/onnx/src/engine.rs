//! Engines that compute parts of a graph, or all of it.
//!
//! [`rten`] is built in; [`onnxruntime`] is loaded when a library is there. Both are given parts as
//! models of their own ([`Part`]) and hand back what runs them ([`Segment`]).

pub(crate) mod onnxruntime;
pub(crate) mod rten;

use hari_error::Result;
use hari_operators::{Type, Value};
use hari_proto::onnx::GraphProto;

/// What an engine takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    /// What it computes as ONNX says and holds exactly, see [`crate::check`].
    Exact,
    /// Every operator that is not Hari's own: it checks for itself.
    Foreign,
}

/// A part of a graph, for an engine.
pub(crate) struct Part {
    /// Its nodes and the constants they use. Inputs and outputs are what passes its border.
    pub(crate) graph: GraphProto,
    /// Types of its inputs, as far as they are known.
    pub(crate) inputs: Vec<Option<Type>>,
    /// Whether an INT64 input is only used where its largest values mean "no bound".
    pub(crate) saturated: Vec<bool>,
    /// Types of its outputs.
    pub(crate) outputs: Vec<Option<Type>>,
}

/// A part of a graph, ready to run on an engine.
pub(crate) trait Segment: Send + Sync {
    /// Computes outputs: `inputs` are given by their places among the part's inputs, `outputs` are
    /// wanted by theirs. The inputs that these outputs need have to be there, or all of them, see
    /// [`Segments::prunes`].
    fn run(&self, inputs: &[(usize, &Value)], outputs: &[usize]) -> Result<Vec<Value>>;
}

/// Makes segments of one model.
pub(crate) trait Segments {
    /// Which nodes can be put into a part.
    fn takes(&self) -> Takes;

    /// Whether a run computes no more of a part than is wanted; else it computes all of the part and
    /// wants all inputs.
    fn prunes(&self) -> bool;

    /// The engine's name, with its version if it is not built in.
    fn words(&self) -> String;

    /// Makes a part ready to run.
    ///
    /// # Errors
    /// `Model` if the engine refuses it.
    fn load(&self, part: Part) -> Result<Box<dyn Segment>>;
}
