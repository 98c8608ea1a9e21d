//! A plan made to run on this machine: launch, watch, swap without dropping a request.

mod bare;
mod launch;
mod source;
mod watch;

pub use bare::{BareModel, deployment_of};
pub use launch::{Failure, Launched, Pod, launch, launch_component, launch_predictor};
pub use source::{Source, folder, gather, plan, predictor};
pub use watch::watch;
