//! ONNX models on the built-in engine, [rten](https://docs.rs/rten), on ONNX Runtime where its
//! library is there, and on our own operators ([`hari_operators`]).
//!
//! [`OnnxModel`] loads a `.onnx` file, or a graph that another loader made in memory, and
//! implements [`hari_core::Model`]. The built-in engine computes in fewer element types than ONNX
//! has:
//!
//! | Declared | Computed as | Consequence |
//! |---|---|---|
//! | FP32, INT32, INT8, UINT8 | the same | inputs are borrowed, outputs moved |
//! | INT64, BOOL | INT32 | only where 32 bits surely hold the values, see below |
//! | FP16 | FP32 | more precise than declared; outputs are rounded back |
//! | FP64 and all others | not at all | our own operators compute them |
//!
//! The way from a file to a [`hari_core::Model`]:
//!
//! 1. `check`: the file is well-formed;
//! 2. `boundary`: sequences and maps at the border become tensors;
//! 3. `place`: each node goes to the engine if the engine holds all it touches exactly and computes
//!    it as ONNX says, else to our own operators, else it is a [`Problem`], told with all others;
//! 4. a graph that is wholly the engine's runs on it as one piece; any other is a `program`: parts
//!    for the engine, single steps for our own operators (`levels`).
//!
//! INT64 inputs of a graph that is wholly the engine's are refused beyond 32 bits, by name. In any
//! other graph they are computed by our own operators, except as indices.

mod body;
mod boundary;
mod check;
mod element;
mod engine;
mod extent;
mod external;
#[cfg(test)]
mod fixture;
mod inspect;
mod levels;
mod lift;
mod load;
mod model;
mod place;
mod program;
mod rewrite;
mod scope;
mod signature;
mod tensors;
mod threads;
mod types;
mod value;

pub use check::Problem;
pub use hari_onnxruntime::Device;
pub use inspect::{Inspection, inspect, inspect_with};
pub use model::{BoundSignature, EngineChoice, OnnxModel, Options};
pub use threads::host;
