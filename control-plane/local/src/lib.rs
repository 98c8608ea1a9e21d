//! A plan made to run on this machine: launch, watch, swap without dropping a request.

mod bare;
mod launch;
mod source;
mod watch;

pub use bare::{BareModel, deployment_of};
pub use launch::{Failure, Launched, launch, launch_component};
pub use source::{Source, folder, gather, plan};
pub use watch::watch;
