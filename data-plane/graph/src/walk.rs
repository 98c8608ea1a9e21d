//! One request on its way down the tree and up again.

mod aggregate;
mod branch;
mod call;
mod children;
mod feedback;
mod fit;
mod input;
mod onlooker;
mod optional;
mod output;
mod route;
mod span;
mod visits;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use hari_core::{Asked, BoxFuture, Context, Message, Method, Stage, Target};
use hari_error::Result;
use tracing::Instrument as _;

use crate::tree::Step;
use branch::ALL;
use onlooker::Onlooker;
use visits::Visits;

pub(crate) use call::itself;
pub(crate) use feedback::feedback;
pub(crate) use fit::fit;
pub use optional::SKIPPED_TAG;

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
    let mut reply = routed(parcel, walk.visits.routing(entry));
    optional::tell(&mut reply, walk.visits.skipped(entry));
    Ok(reply)
}

/// [`predict`] where it is one call at most, as most graphs are.
pub(crate) fn alone<'a>(
    entry: &'a Step,
    mut message: Message,
    context: &'a Context,
) -> impl Future<Output = Result<Message>> + Send + 'a {
    message.meta.routing.clear();
    let first = aim(entry, context);
    let onlooker = looking_on(entry, &message, context);
    async move {
        let reply = input::stage(entry, Parcel::sent(message), &first).await;
        let parcel = seen(reply, onlooker)?;
        Ok(routed(parcel, BTreeMap::from([(entry.name.clone(), ALL)])))
    }
}

fn looking_on<'a>(step: &'a Step, asked: &Message, context: &'a Context) -> Option<Onlooker<'a>> {
    let stage = Stage::Node(Method::Predict);
    Onlooker::at(step, stage, Asked::One(asked), context)
}

/// `reply`, once it was shown to whom looks on.
fn seen(reply: Result<Parcel>, onlooker: Option<Onlooker<'_>>) -> Result<Parcel> {
    if let Some(onlooker) = onlooker {
        onlooker.told(reply.as_ref().map(|parcel| &parcel.message));
    }
    reply
}

fn routed(Parcel { mut message, .. }: Parcel, routing: BTreeMap<String, i32>) -> Message {
    message.meta.routing = routing;
    message
}

impl Walk<'_> {
    fn node<'w>(&'w self, step: &'w Step, parcel: Parcel) -> BoxFuture<'w, Result<Parcel>> {
        self.visits.record(step, ALL);
        let onlooker = looking_on(step, &parcel.message, self.context(step));
        if step.is_one_call() && !step.optional {
            let reply = input::stage(step, parcel, self.context(step));
            return Box::pin(async move { seen(reply.await, onlooker) });
        }
        let span = span::node(step, Method::Predict);
        let reply = self.stages(step, parcel);
        let own = span.clone();
        let told = async move {
            let reply = seen(reply.await, onlooker);
            reply.inspect_err(|error| span::failed(&own, error))
        };
        Box::pin(told.instrument(span))
    }

    async fn stages(&self, step: &Step, parcel: Parcel) -> Result<Parcel> {
        let spare = self.spare(step, Method::TransformInput, &parcel);
        let reply = input::stage(step, parcel, self.context(step)).await;
        let parcel = self.or_spare(step, reply, spare)?;
        let parcel = children::stage(self, step, parcel).await?;
        let spare = self.spare(step, Method::TransformOutput, &parcel);
        let reply = output::stage(step, parcel, &self.onward).await;
        self.or_spare(step, reply, spare)
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
