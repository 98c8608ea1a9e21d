//! One request on its way down the tree and up again.

mod aggregate;
mod branch;
mod call;
mod children;
mod feedback;
mod fit;
mod input;
mod output;
mod route;
mod visits;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use hari_core::{BoxFuture, Context, Message, Target};
use hari_error::Result;

use crate::tree::Step;
use branch::ALL;
use visits::Visits;

pub(crate) use call::itself;
pub(crate) use feedback::feedback;

/// A walk that starts at one node.
struct Walk<'a> {
    entry: &'a Step,
    /// For the input stage of the entry.
    first: Cow<'a, Context>,
    /// For everything after it: aimed at nothing.
    onward: Context,
    visits: Visits,
}

/// A message between two stages.
#[derive(Clone)]
struct Parcel {
    message: Message,
    /// Whether a unit of this walk made it; else it is as the caller sent it.
    made: bool,
}

impl Parcel {
    fn sent(message: Message) -> Self {
        Self {
            message,
            made: false,
        }
    }
}

/// Asks the graph from `entry` down for a prediction. The reply's `routing` is this walk's alone.
///
/// # Errors
/// What a unit says, under the name of its node; `DeadlineExceeded` before a call that is too
/// late; `Model` for a branch that is not there.
pub(crate) async fn predict(
    entry: &Step,
    mut message: Message,
    context: &Context,
) -> Result<Message> {
    message.meta.routing.clear();
    let onward = Context {
        target: Arc::default(),
        ..context.clone()
    };
    let walk = Walk {
        entry,
        first: aim(entry, context),
        onward,
        visits: Visits::of(entry),
    };
    let parcel = walk.node(entry, Parcel::sent(message)).await?;
    Ok(routed(parcel, walk.visits.routing(entry)))
}

/// [`predict`] where it is one call at most, as most graphs are.
pub(crate) fn alone<'a>(
    entry: &'a Step,
    mut message: Message,
    context: &'a Context,
) -> impl Future<Output = Result<Message>> + Send + 'a {
    message.meta.routing.clear();
    let first = aim(entry, context);
    async move {
        let parcel = input::stage(entry, Parcel::sent(message), &first).await?;
        Ok(routed(parcel, BTreeMap::from([(entry.name.clone(), ALL)])))
    }
}

fn routed(Parcel { mut message, .. }: Parcel, routing: BTreeMap<String, i32>) -> Message {
    message.meta.routing = routing;
    message
}

impl Walk<'_> {
    fn node<'w>(&'w self, step: &'w Step, parcel: Parcel) -> BoxFuture<'w, Result<Parcel>> {
        self.visits.record(step, ALL);
        if step.is_one_call() {
            return Box::pin(input::stage(step, parcel, self.context(step)));
        }
        Box::pin(async move {
            let parcel = input::stage(step, parcel, self.context(step)).await?;
            let parcel = children::stage(self, step, parcel).await?;
            output::stage(step, parcel, &self.onward).await
        })
    }

    fn context(&self, step: &Step) -> &Context {
        if step.index == self.entry.index {
            &self.first
        } else {
            &self.onward
        }
    }
}

/// The context for the entry's first call. A version, a label and a signature belong to the node
/// that the caller named; a model's name has done its work by then and never replaces a node's
/// own; outputs are the entry's only if nothing comes after it (else they are chosen from the
/// graph's reply, by whoever writes it down).
fn aim<'a>(entry: &Step, context: &'a Context) -> Cow<'a, Context> {
    let target = &context.target;
    let own_name = target
        .model
        .as_ref()
        .is_none_or(|model| *model == entry.name);
    let own_outputs = target.outputs.is_empty() || entry.is_one_call();
    if own_name && own_outputs {
        return Cow::Borrowed(context);
    }
    let outputs = if own_outputs {
        target.outputs.clone()
    } else {
        Vec::new()
    };
    let target = Target {
        model: None,
        outputs,
        ..(**target).clone()
    };
    Cow::Owned(context.clone().aimed(target))
}
