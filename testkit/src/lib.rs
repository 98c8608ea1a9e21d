//! Test doubles and the conformance suite that every Unit passes.
//!
//! * [`Identity`], [`Constant`], [`Failing`], [`Slow`] and [`Gated`] are units that do one thing;
//! * [`conformance`] puts any unit to the test: a node, a remote node, a whole graph or a double.

mod conformance;
mod gated;
mod units;

pub use conformance::{Violation, conformance};
pub use gated::Gated;
pub use units::{Constant, Failing, Identity, Slow, metadata};
