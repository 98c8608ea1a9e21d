//! The Kubernetes controller: it watches `SeldonDeployment`s, admits them, applies what they ask
//! for, takes away what they no longer ask for, and says how they are.
//!
//! ```text
//! watch ─► scope ─► plan ─► rollout ─► render ─► apply ─► prune ─► status
//!          (scope)  (spec)  (rollout)  (render)  (apply)  (prune)  (status)
//! ```
//!
//! [`run`] is the whole of it: metrics, webhook, lease, and the controller while the lease is held.

mod client;
mod configuration;
mod controller;
mod manager;
mod scope;

pub use client::connect;
pub use kube::Client;
pub use manager::{LeaseOptions, Options, WebhookOptions, run};
pub use scope::Scope;
