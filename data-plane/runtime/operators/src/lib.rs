//! ONNX operators computed here, exactly, on every element type of [`hari_core::DataType`], on
//! sequences and on maps.
//!
//! A fast engine runs what it holds exactly; the rest of a graph comes here: byte strings, FP64,
//! 64-bit integers, sequences, maps, `ai.onnx.ml`, text operators, control flow around them. The
//! operators favour being right over being fast.
//!
//! [`compile`] makes an [`Operator`] of a node. Every attribute is checked then; inputs are checked
//! when it runs, and a mistake is an error, never a panic.

mod array;
mod attributes;
mod cell;
mod compile;
mod constant;
mod convert;
mod families;
mod matrix;
mod number;
mod operator;
mod rule;
mod size;
#[cfg(test)]
mod testing;
mod value;
mod view;

pub use compile::{Compiled, Refusal, compile, known};
pub use constant::{constant, data_type};
pub use operator::{Bodies, Body, Inputs, Operator};
pub use value::{Key, Map, Type, Value};
