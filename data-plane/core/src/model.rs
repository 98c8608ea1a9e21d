//! A model: synchronous, batched, CPU-bound.

use hari_error::Result;

use crate::{Signature, Tensor};

/// One call of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Index into [`Model::signatures`].
    pub signature: usize,
    /// One tensor per input of the signature, in its order, already conformed to it.
    pub inputs: Vec<Tensor>,
    /// Indices into the signature's outputs, in the wanted order; empty for all.
    pub outputs: Vec<usize>,
}

/// A loaded model. `hari-batch` calls it, on the threads of its pool; where its runs have shown to
/// take microseconds, on the thread that the request is on.
pub trait Model: Send + Sync + 'static {
    /// The ways to call it, at least one; the first is the default.
    fn signatures(&self) -> &[Signature];

    /// Computes the outputs, in the order of `call.outputs`. Types and shapes are the signature's.
    ///
    /// # Errors
    /// `InvalidInput` if the values are at fault, `Model` if the model is.
    fn run(&self, call: Call) -> Result<Vec<Tensor>>;

    /// What kind of model it is, in the words of the open inference protocol's `platform`.
    fn platform(&self) -> &str;

    /// What computes it, in words, `onnxruntime 1.31.0 on cpu` say; empty if there is no choice.
    fn engine(&self) -> &str {
        ""
    }

    /// Bytes that the loaded model keeps in memory, as far as it can tell.
    fn memory_bytes(&self) -> u64;

    /// Names of the columns of an output, one for each element of its last dimension; empty if
    /// the model has none. Both are indices, of the signature and of the output in it.
    fn labels(&self, signature: usize, output: usize) -> &[String] {
        let _ = (signature, output);
        &[]
    }

    /// Whether rows of several calls may be put together for this signature.
    fn batchable(&self, signature: usize) -> bool {
        self.signatures()
            .get(signature)
            .is_some_and(Signature::batchable)
    }
}
