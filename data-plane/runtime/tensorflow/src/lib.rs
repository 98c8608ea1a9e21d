//! TensorFlow SavedModel: loaded as data, lowered to ONNX operators, run on the built-in engine.
//!
//! One file for each stage:
//!
//! 1. `saved_model`, `bundle`: the folder is decoded, every size and checksum checked;
//! 2. `signature`, `function`, `graph`: each signature becomes one flat graph;
//! 3. `variables`, `tables`: the saved value of each variable and lookup table is found;
//! 4. `lower`, `emit`, `fold`, `shape`: operators become ONNX operators, shape computations fold
//!    away around a symbolic batch;
//! 5. `layout`: channels come second, and transposes cancel;
//! 6. `load`: the graph goes to the engine of `hari-onnx`.
//!
//! What has no lowering is refused when the model is loaded, all of it in one error.

mod attrs;
mod bundle;
mod constant;
mod coverage;
mod dtype;
mod emit;
mod fold;
mod function;
mod graph;
mod layout;
mod load;
mod lower;
mod refusal;
mod saved_model;
mod shape;
mod signature;
mod tables;
mod variables;

pub use coverage::{Treatment, coverage, covered_version};
pub use hari_onnx::Options;
pub use load::{Exported, Inspection, LeftOut, TensorflowModel, export, inspect, load};
pub use refusal::Unsupported;
