//! What an operator is, and how those with graphs inside them run those graphs.

use hari_core::Tensor;
use hari_error::{Error, Result};
use hari_proto::onnx::GraphProto;

use crate::{Type, Value};

/// A node, ready to run.
pub trait Operator: Send + Sync {
    /// The types of the outputs for inputs of these types; an absent optional input is none. What
    /// depends on more than types is none too.
    ///
    /// # Errors
    /// `Model` if the operator takes no such inputs.
    fn types(&self, inputs: &[Option<Type>]) -> Result<Vec<Option<Type>>>;

    /// Computes all outputs, in the node's order. An absent optional input is none. Values of
    /// outer graphs that [`crate::Compiled::captures`] names follow the node's own inputs.
    ///
    /// # Errors
    /// `InvalidInput` if the values are at fault, `Model` if the model is.
    fn run(&self, inputs: Inputs<'_>) -> Result<Vec<Value>>;
}

/// The inputs of one run of an operator.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a>(pub &'a [Option<Value>]);

impl<'a> Inputs<'a> {
    /// The input at `at`, if it was given.
    #[must_use]
    pub fn get(self, at: usize) -> Option<&'a Value> {
        self.0.get(at).and_then(Option::as_ref)
    }

    /// The input at `at`.
    ///
    /// # Errors
    /// `Model` if it was left out.
    pub fn value(self, at: usize) -> Result<&'a Value> {
        self.get(at)
            .ok_or_else(|| Error::model(format!("input {at} is missing")))
    }

    /// The tensor at `at`.
    ///
    /// # Errors
    /// `Model` if it was left out or is no tensor.
    pub fn tensor(self, at: usize) -> Result<&'a Tensor> {
        self.value(at)?.tensor()
    }

    /// The tensor at `at`, if it was given.
    ///
    /// # Errors
    /// `Model` if it is no tensor.
    pub fn optional(self, at: usize) -> Result<Option<&'a Tensor>> {
        self.get(at).map(Value::tensor).transpose()
    }
}

/// Compiles the graphs inside `If`, `Loop`, `Scan` and `SequenceMap`. The caller of
/// [`crate::compile`] brings it, because only it knows which engine runs what.
pub trait Bodies {
    /// Makes `graph` ready to run. Its inputs are the graph's own inputs, followed by the values
    /// of outer graphs that [`Body::captures`] names.
    ///
    /// # Errors
    /// `Model` if the graph holds what cannot be run.
    fn body(&self, graph: &GraphProto) -> Result<Box<dyn Body>>;
}

/// A graph inside a node.
pub trait Body: Send + Sync {
    /// Names of the values of outer graphs that the graph uses, in the order in which
    /// [`Body::run`] wants them.
    fn captures(&self) -> &[String];

    /// Types of the outputs, as far as they are known.
    fn types(&self) -> &[Option<Type>];

    /// Runs the graph.
    ///
    /// # Errors
    /// As [`Operator::run`].
    fn run(&self, inputs: Vec<Value>) -> Result<Vec<Value>>;
}
