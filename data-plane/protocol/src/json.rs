//! JSON as the protocols share it: a pull reader that knows where it is, arrays of numbers
//! straight into tensors, and tensors straight into text.
//!
//! * [`Reader`] walks a document without a tree and names the field in every error;
//! * [`array::read`] reads nested lists into one tensor;
//! * [`records::read`] reads rows of values by name into a tensor for each name;
//! * [`write`](mod@write) writes tensors, numbers and strings.
//!
//! Beyond the JSON grammar, `NaN`, `Infinity` and `-Infinity` are read and written as bare words
//! where a number of a tensor may stand, as Python's `json` and TensorFlow Serving do.

pub mod array;
pub(crate) mod nest;
pub mod number;
pub mod reader;
pub mod records;
mod sink;
pub mod write;

pub use array::Elements;
pub use number::Number;
pub use reader::{Reader, What};
