//! What a graph is built of.

use std::fmt;
use std::sync::Arc;

use hari_core::{Method, Unit, Watch};

/// Which calls a node gets on the walk: its type and its methods, put together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Predict, on the way down.
    pub predict: bool,
    /// Transform-input, on the way down; instead of predict if both are asked for.
    pub transform_input: bool,
    /// Transform-output, on the way up.
    pub transform_output: bool,
    /// Route, before the children.
    pub route: bool,
    /// Aggregate, after the children.
    pub aggregate: bool,
    /// Send-feedback, after the children's.
    pub feedback: bool,
}

impl Calls {
    /// Whether `method` is among them.
    #[must_use]
    pub const fn has(self, method: Method) -> bool {
        match method {
            Method::Predict => self.predict,
            Method::TransformInput => self.transform_input,
            Method::TransformOutput => self.transform_output,
            Method::Route => self.route,
            Method::Aggregate => self.aggregate,
            Method::SendFeedback => self.feedback,
        }
    }
}

/// One node with what is below it.
#[derive(Clone, Default)]
pub struct Node {
    /// Unique in the graph.
    pub name: String,
    /// What `unit` is called for.
    pub calls: Calls,
    /// What is called; without it the node hands messages on.
    pub unit: Option<Arc<dyn Unit>>,
    /// In order; the index is the branch number of a router.
    pub children: Vec<Self>,
    /// The image or the runtime, for `requestPath`; not reported if empty.
    pub image: String,
    /// Who looks on.
    pub watch: Option<Arc<dyn Watch>>,
    /// Whether the request goes on without the node when it fails: a transformer hands on what it
    /// was given, one of several children is left out. Nothing stands in for any other.
    pub optional: bool,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("name", &self.name)
            .field("calls", &self.calls)
            .field("unit", &self.unit.is_some())
            .field("children", &self.children)
            .field("image", &self.image)
            .field("watch", &self.watch.is_some())
            .field("optional", &self.optional)
            .finish()
    }
}
