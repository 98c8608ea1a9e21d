//! The nodes of a graph in their places, as the walk sees them.

use std::sync::Arc;

use hari_core::{Method, ModelMetadata, Unit, Watch};
use hari_error::Error;

use crate::{Calls, Node};

/// A node in its place.
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) calls: Calls,
    pub(crate) unit: Option<Arc<dyn Unit>>,
    pub(crate) watch: Option<Arc<dyn Watch>>,
    /// Whether the request goes on without the node when it fails.
    pub(crate) optional: bool,
    pub(crate) children: Vec<Arc<Self>>,
    /// What the unit said of itself when the graph was made, under the node's name.
    pub(crate) metadata: Arc<ModelMetadata>,
    /// The same in the unit's own words, to see whether they change.
    said: Option<Arc<ModelMetadata>>,
    /// Its number: parents come before children, and each child with all below it before the next.
    pub(crate) index: usize,
    /// How many nodes there are from here down, this one included.
    pub(crate) size: usize,
}

impl Step {
    /// Numbers `node` and all below it, from `index` on.
    pub(crate) fn number(node: Node, index: usize) -> Arc<Self> {
        let mut next = index + 1;
        let mut children = Vec::with_capacity(node.children.len());
        for child in node.children {
            let child = Self::number(child, next);
            next += child.size;
            children.push(child);
        }
        let said = node.unit.as_deref().map(Unit::metadata);
        let metadata = own_metadata(&node.name, said.clone());
        let Node {
            name,
            calls,
            unit,
            image,
            watch,
            optional,
            ..
        } = node;
        Arc::new(Self {
            name,
            image,
            calls,
            unit,
            watch,
            optional,
            children,
            metadata,
            said,
            index,
            size: next - index,
        })
    }

    /// What the unit says of itself now: one that is elsewhere may be known late, or change.
    pub(crate) fn described(&self) -> Arc<ModelMetadata> {
        match self.says_anew() {
            Some(now) => own_metadata(&self.name, Some(now)),
            None => self.metadata.clone(),
        }
    }

    /// Whether the node or one below it says something else than when the graph was made.
    pub(crate) fn changed(&self) -> bool {
        self.says_anew().is_some() || self.children.iter().any(|child| child.changed())
    }

    fn says_anew(&self) -> Option<Arc<ModelMetadata>> {
        let (unit, said) = (self.unit.as_deref()?, self.said.as_ref()?);
        let now = unit.metadata();
        (!Arc::ptr_eq(&now, said)).then_some(now)
    }

    /// The unit, if the node is one for `method`.
    pub(crate) fn unit_for(&self, method: Method) -> Option<&dyn Unit> {
        self.unit.as_deref().filter(|_| self.calls.has(method))
    }

    /// Whether a prediction is the input stage and nothing else.
    pub(crate) fn is_one_call(&self) -> bool {
        self.children.is_empty() && !self.calls.transform_output
    }

    /// Whether several children are asked at once.
    pub(crate) fn combines(&self) -> bool {
        self.children.len() > 1 && self.unit_for(Method::Route).is_none()
    }

    /// Whether a request can do without all that the unit is called for.
    pub(crate) fn only_transforms_by_choice(&self) -> bool {
        let calls = self.calls;
        let predicts = calls.predict && !calls.transform_input;
        self.optional && !predicts && !calls.route && !calls.aggregate
    }

    /// Names this node in `error`, unless one is named already.
    pub(crate) fn blame(&self, error: Error) -> Error {
        error.at_node(&*self.name)
    }

    /// Shows `visit` this step and all below it, in the order of their numbers.
    pub(crate) fn each(&self, visit: &mut impl FnMut(&Self)) {
        visit(self);
        for child in &self.children {
            child.each(visit);
        }
    }
}

fn own_metadata(name: &str, said: Option<Arc<ModelMetadata>>) -> Arc<ModelMetadata> {
    let metadata = said.unwrap_or_default();
    if metadata.name == name {
        return metadata;
    }
    Arc::new(ModelMetadata {
        name: name.to_owned(),
        ..(*metadata).clone()
    })
}
