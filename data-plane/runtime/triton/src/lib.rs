//! Triton's model repositories, read as data: which models there are, what `config.pbtxt` says of
//! each, which versions are served, how an ensemble wires them.
//!
//! Nothing is loaded here. [`Repository::open`] finds the models and refuses what cannot be served,
//! all of it at once; [`agree`] compares a configuration with the model that was loaded for it;
//! [`Wiring`] puts the steps of an ensemble in order.

mod agree;
mod config;
mod ensemble;
mod policy;
mod repository;
mod serve;
mod warm;

pub use agree::agree;
pub use config::parse;
pub use ensemble::{Step, Wiring};
pub use repository::{Entry, Repository, Selection};
pub use serve::{Artifact, Backend, Batching, Served};
pub use warm::{Warmup, warmups};
