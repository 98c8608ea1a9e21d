//! [ONNX Runtime](https://onnxruntime.ai), loaded from a shared library when one is there.
//!
//! Nothing of it is linked: [`Library::find`] looks for the library that the user set or
//! installed, [`Library::load`] makes a [`Session`] of a model, [`Session::run`] computes. Values
//! are those of [`hari_operators`]. Inputs are lent without a copy where their bytes are aligned;
//! an output is copied once, out of the engine's memory.
//!
//! | | |
//! |---|---|
//! | library | 1.18 or newer, one for each process |
//! | threads | as [`Options::threads`] says; they never spin |
//! | log | its words go to `tracing` under the target `onnxruntime` |
//! | files | it opens none: weights outside the model are handed to it ([`Options::files`]) |
//! | CUDA | [`Device::Cuda`], if the library was built with it |
//!
//! The library is C++ code of others: what it does wrong is outside of Rust's guarantees. It is
//! loaded only where it is configured or installed.

mod device;
mod external;
mod library;
mod log;
mod options;
mod refusal;
mod session;
mod value;

pub use device::Device;
pub use library::{Library, OLDEST};
pub use options::Options;
pub use session::{Port, Session};
