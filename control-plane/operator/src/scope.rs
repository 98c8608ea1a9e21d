//! Which deployments are this controller's: by namespace, and by the label `seldon.io/controller-id`.

/// Which deployments are this controller's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The one namespace that is watched; all if `None`.
    pub namespace: Option<String>,
    /// Value of the label `seldon.io/controller-id` of its deployments; those without if `None`.
    pub controller_id: Option<String>,
}
