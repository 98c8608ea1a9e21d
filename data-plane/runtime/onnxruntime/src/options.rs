//! How a model is loaded.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::Device;

/// How a model is loaded and run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Threads of one run; none for those that the model pool has ([`hari_settings::threads`]), shared
    /// out among the instances. One computes on the calling thread; more give the session a pool of its own, of one thread less,
    /// because the calling thread takes part.
    pub threads: Option<usize>,
    /// How many runs may be computed at once. Each has a copy of the weights; a run beyond them
    /// waits. At least one.
    pub instances: usize,
    /// Where to compute.
    pub device: Device,
    /// Files with weights outside the model, by the name that the model gives. A model that names
    /// any other file is refused.
    pub files: BTreeMap<String, Arc<[u8]>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            threads: None,
            instances: 1,
            device: Device::Auto,
            files: BTreeMap::new(),
        }
    }
}
