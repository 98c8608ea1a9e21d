//! TensorFlow SavedModel: loaded as data, lowered to ONNX operators.

mod attrs;
mod bundle;
mod constant;
mod dtype;
mod emit;
mod fold;
mod function;
mod graph;
mod refusal;
mod saved_model;
mod shape;
mod variables;
