//! The Kubernetes controller: it watches `SeldonDeployment`s, admits them, applies what they ask
//! for, takes away what they no longer ask for, and says how they are.
//!
//! ```text
//! watch ─► scope ─► plan ─► rollout ─► render ─► apply ─► prune ─► status
//!          (scope)  (spec)  (rollout)  (render)  (apply)  (prune)  (status)
//! ```
//!
//! [`run`] is the whole of it: metrics, webhook, lease, and the controller while the lease is held.

mod accounts;
mod apply;
mod cache;
mod certificate;
mod client;
mod configuration;
mod controller;
mod events;
mod fault;
mod install;
mod kinds;
mod lease;
mod listener;
mod manager;
mod probes;
mod prune;
mod reconcile;
mod rollout;
mod routed;
mod scope;
mod span;
mod status;
mod survey;
mod webhook;
mod writes;

pub use client::connect;
pub use kube::Client;
pub use manager::{LeaseOptions, Options, WebhookOptions, run};
pub use rollout::is_available;
pub use scope::Scope;
pub use survey::survey;
