//! What becomes of a request when a node fails that it can do without.
//!
//! A transformer that fails hands on what it was given. A node that fails is left out of what its
//! parent combines, with all that is below it, as long as another child answers. Nothing stands in
//! for a model, a router or a combiner.

use hari_core::{Message, Method};
use hari_error::{Error, Result};
use serde_json::Value;

use super::{Parcel, Walk};
use crate::tree::Step;

/// The tag of a reply that lists the nodes it was made without, in the order of the graph.
pub const SKIPPED_TAG: &str = "hari-skipped";

impl Walk<'_> {
    /// What goes on if the unit of `step` fails to transform: what it is given.
    pub(super) fn spare(&self, step: &Step, method: Method, parcel: &Parcel) -> Option<Parcel> {
        let transforms = step.optional && step.unit_for(method).is_some();
        transforms.then(|| parcel.clone())
    }

    /// The reply of a transformer, or what stands in for it.
    pub(super) fn or_spare(
        &self,
        step: &Step,
        reply: Result<Parcel>,
        spare: Option<Parcel>,
    ) -> Result<Parcel> {
        match (reply, spare) {
            (Err(error), Some(spare)) if self.goes_on() => {
                self.skip(step, &error);
                Ok(spare)
            }
            (reply, _) => reply,
        }
    }

    /// One of several children: its reply, or its failure if the others can do without it.
    pub(super) async fn one_of_several(
        &self,
        child: &Step,
        parcel: Parcel,
    ) -> Result<Result<Parcel>> {
        match self.node(child, parcel).await {
            Err(error) if child.optional && self.goes_on() => {
                self.skip(child, &error);
                Ok(Err(error))
            }
            reply => reply.map(Ok),
        }
    }

    /// Whether anything can still be answered in time.
    fn goes_on(&self) -> bool {
        self.onward.remaining().is_ok()
    }

    fn skip(&self, step: &Step, error: &Error) {
        tracing::debug!(node = step.name, %error, "the request goes on without the node");
        self.visits.skip(step);
    }
}

/// The replies of those that answered; the first failure if none did.
pub(super) fn answered(replies: Vec<Result<Parcel>>) -> Result<Vec<Parcel>> {
    if replies.iter().any(Result::is_ok) {
        return Ok(replies.into_iter().flatten().collect());
    }
    replies.into_iter().collect()
}

/// Says in the tags of `reply` which nodes it was made without. A node that is a graph itself may
/// have said so of its own: these stay.
pub(super) fn tell(reply: &mut Message, skipped: Vec<String>) {
    if skipped.is_empty() {
        return;
    }
    let skipped = skipped.into_iter().map(Value::from);
    match reply.meta.tags.get_mut(SKIPPED_TAG) {
        Some(Value::Array(said)) => said.extend(skipped),
        _ => {
            let skipped = Value::Array(skipped.collect());
            reply.meta.tags.insert(SKIPPED_TAG.to_owned(), skipped);
        }
    }
}
