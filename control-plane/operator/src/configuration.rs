//! What this installation sets: environment and the ConfigMap `seldon-config`, as the plan and the
//! renderer take them. Changes of the ConfigMap hold from the next reconcile on.

mod another;
mod config_map;
mod environment;
mod images;
mod watched;

use hari_error::Result;
use hari_plan::Installation;
use hari_render::Settings;
use hari_settings::Setting;

pub(crate) use another::of_another;
pub(crate) use watched::{Current, Watched};

use environment::Environment;
use images::Images;

/// What this installation sets.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Configuration {
    /// Servers and ports, for the plan.
    pub(crate) installation: Installation,
    /// Images, ingresses and the rest, for the renderer.
    pub(crate) render: Settings,
}

/// What holds whatever the ConfigMap says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Base {
    configuration: Configuration,
    images: Images,
}

impl Base {
    /// Reads the environment.
    ///
    /// # Errors
    /// Names the first variable that cannot be read.
    pub(crate) fn from_env() -> Result<Self> {
        let (configuration, images) = Environment(&Setting::given).read()?;
        Ok(Self {
            configuration,
            images,
        })
    }
}
