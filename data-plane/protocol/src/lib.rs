//! Bytes to payload and back, for every protocol; no I/O.
//!
//! Each protocol has a module of pure functions between its wire form and the types of
//! `hari_core`. What the JSON protocols share, reading arrays of numbers straight into tensors
//! above all, is in [`json`].

#[cfg(test)]
mod client;
pub mod json;
pub mod mlflow;
pub mod open_inference;
pub mod seldon;
mod shape;
pub mod tensorflow;
