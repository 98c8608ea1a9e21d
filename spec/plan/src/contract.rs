//! What the operator writes and the engine reads: ports, paths, environment and annotations.
//!
//! Users rely on these names, too: dashboards, gateways and their own images read them.

pub mod annotation;
pub mod env;
pub mod path;
pub mod port;
pub mod rollout;
