//! What this installation sets: environment and the ConfigMap `seldon-config`, as the plan and the
//! renderer take them. Changes of the ConfigMap hold from the next reconcile on.

use hari_plan::Installation;
use hari_render::Settings;

/// What this installation sets.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Configuration {
    /// Servers and ports, for the plan.
    pub(crate) installation: Installation,
    /// Images, ingresses and the rest, for the renderer.
    pub(crate) render: Settings,
}
