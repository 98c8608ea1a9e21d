//! ONNX models on the built-in engine, [rten](https://docs.rs/rten).
//!
//! [`OnnxModel`] loads a `.onnx` file, or a graph that another loader made in memory, and
//! implements [`hari_core::Model`]. The engine computes in fewer element types than ONNX has:
//!
//! | Declared | Computed as | Consequence |
//! |---|---|---|
//! | FP32, INT32, INT8, UINT8 | the same | inputs are borrowed, outputs moved |
//! | INT64, BOOL | INT32 | inputs beyond 32 bits are refused by name; outputs are cast back |
//! | FP16 | FP32 | more precise than declared; outputs are rounded back |
//! | FP64 and all others | not at all | refused when the model is loaded |
//!
//! What the engine cannot hold exactly, every operator it does not know, and those it computes
//! differently from ONNX and that cannot be written in others, are found at load and reported in
//! one error ([`Problem`]).

mod check;
mod element;
mod external;
#[cfg(test)]
mod fixture;
mod guard;
mod inspect;
mod load;
mod model;
mod rewrite;
mod signature;
mod tensors;
mod threads;
mod value;

pub use check::Problem;
pub use inspect::{Inspection, inspect};
pub use model::{BoundSignature, OnnxModel, Options};
pub use threads::host;
