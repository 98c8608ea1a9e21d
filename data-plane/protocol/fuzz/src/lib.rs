//! What must hold for any bytes, one module for each fuzz target.
//!
//! The decoder gives an error or a value, and never panics. What was decoded can be written, and
//! what was written reads back: the elements of tensors at once, all the rest from the second time
//! on, for what a wire form cannot say is gone after the first. The replay of the corpus in
//! `tests/corpus.rs` goes through the same functions.

pub mod oip_json_binary;
pub mod protobuf;
pub mod replies;
mod same;
pub mod seldon_json;
pub mod tf_json;

use hari_core::Limits;

/// The default limits, with little room for a tensor: memory that a small body can claim must
/// stay small.
pub(crate) fn limits() -> Limits {
    Limits {
        tensor: 1 << 20,
        ..Limits::default()
    }
}

/// More room: the forms of a tensor count its size differently.
pub(crate) fn wide(limits: &Limits) -> Limits {
    Limits {
        tensor: limits.tensor * 64,
        ..*limits
    }
}
