//! What is not rendered, by rule.

/// A unit has no image that could serve it in a cluster.
pub(crate) const NO_IMAGE: &str = "no-image";
/// The annotation of a header cannot be read.
pub(crate) const AMBASSADOR_HEADER: &str = "ambassador-header";
/// An Ingress cannot do what the predictors need.
pub(crate) const INGRESS: &str = "ingress-cannot-split";
