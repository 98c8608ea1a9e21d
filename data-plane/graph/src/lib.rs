//! Walks the tree of units of one predictor.
//!
//! A [`Graph`] is built of [`Node`]s and is a [`Unit`](hari_core::Unit) itself. What a node is
//! called for is in its [`Calls`]; the walk goes down and up again:
//!
//! ```text
//! input      predict or transform-input        walk/input.rs
//! children   route: all, one or none of them   walk/{route,children}.rs
//! aggregate  or the first child's reply        walk/aggregate.rs
//! output     transform-output                  walk/output.rs
//! ```
//!
//! A request goes on without a node that is optional and fails (`walk/optional.rs`).
//!
//! Feedback goes the other way, children first (`walk/feedback.rs`). The units that are part of
//! the engine are in [`builtin`].

pub mod builtin;
mod describe;
mod graph;
mod neighbours;
mod node;
#[cfg(test)]
mod tests;
mod tree;
mod walk;

pub use graph::Graph;
pub use neighbours::{Known, Misfit};
pub use node::{Calls, Node};
pub use walk::SKIPPED_TAG;
