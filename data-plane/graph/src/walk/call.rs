//! One call of one unit: in time, with the meta kept, its failure under the node's name.

use std::mem::take;

use hari_core::{Asked, Context, Input, Message, Meta, Method, Representation, Stage, Unit};
use hari_error::{Error, Kind, Result};
use tracing::Instrument as _;

use super::onlooker::Onlooker;
use super::{Parcel, span};
use crate::tree::Step;

/// Calls `unit` with a message. The reply carries the message's meta and the unit's own.
///
/// Not an `async fn`: the unit has the message before anything waits, so that what waits for the
/// reply, and is kept on the heap meanwhile, has no room for a message of its own.
pub(super) fn one<'a>(
    step: &'a Step,
    asked: (&'a dyn Unit, Method),
    parcel: Parcel,
    context: &'a Context,
) -> impl Future<Output = Result<Parcel>> + Send + 'a {
    let mut message = parcel.fitted(step, context).message;
    let kept = Kept::of(&mut message);
    let reply = raw(step, asked, Input::One(message), context);
    async move {
        Ok(Parcel {
            message: kept.given_to(reply.await?, step),
            made: true,
        })
    }
}

/// Lets `unit` make one reply of the children's. It carries the meta of all, the later child's
/// tags winning; the form and the id are the first child's.
pub(super) async fn many(
    step: &Step,
    unit: &dyn Unit,
    mut replies: Vec<Message>,
    context: &Context,
) -> Result<Message> {
    let mut all = Kept::default();
    for reply in &mut replies {
        all.meta.merge(Kept::of(reply).meta);
    }
    let reply = raw(
        step,
        (unit, Method::Aggregate),
        Input::Many(replies),
        context,
    )
    .await?;
    Ok(all.given_to(reply, step))
}

/// Asks the unit of `step` for one method, without a walk.
///
/// # Errors
/// `Unimplemented` if the node is not one for `method`.
pub(crate) async fn itself(
    step: &Step,
    method: Method,
    input: Input,
    context: &Context,
) -> Result<Message> {
    let unit = step.unit_for(method).ok_or_else(|| {
        let words = format!("node `{}` is not called for {}", step.name, method.path());
        step.blame(Error::unimplemented(words))
    })?;
    match input {
        Input::One(message) => {
            let parcel = Parcel::sent(message);
            Ok(one(step, (unit, method), parcel, context).await?.message)
        }
        Input::Many(replies) => many(step, unit, replies, context).await,
        feedback @ Input::Feedback(_) => raw(step, (unit, method), feedback, context).await,
    }
}

/// The call itself, if there is time for it. A unit that does not know feedback accepts it, with an
/// empty reply: a model gets feedback by its type, whether or not it learns.
pub(super) fn raw<'a>(
    step: &'a Step,
    (unit, method): (&'a dyn Unit, Method),
    input: Input,
    context: &'a Context,
) -> impl Future<Output = Result<Message>> + Send + 'a {
    let span = span::call(step, method);
    let form = form(&input);
    let begun = context.remaining().map(|_| {
        let onlooker = Onlooker::at(step, Stage::Call(method), Asked::from(&input), context);
        let reply = span.in_scope(|| unit.call(method, input, context));
        (reply, onlooker)
    });
    let own = span.clone();
    let reply = async move {
        let (reply, onlooker) = begun.map_err(|late| step.blame(late))?;
        let reply = match reply.await {
            Err(error) if accepts(method, &error) => Ok(Message::default()),
            reply => reply.map_err(|error| step.blame(error)),
        };
        let reply = reply.map(|reply| in_form(reply, form));
        if let Some(onlooker) = onlooker {
            onlooker.told(reply.as_ref());
        }
        reply.inspect_err(|error| span::failed(&own, error))
    };
    reply.instrument(span)
}

/// The form that a reply takes where it says nothing: the message's, or the first child's.
fn form(input: &Input) -> Representation {
    match input {
        Input::One(message) => message.representation,
        Input::Many(replies) => {
            let first = replies.first().map(|reply| reply.representation);
            first.unwrap_or_default()
        }
        Input::Feedback(_) => Representation::Unspecified,
    }
}

fn in_form(mut reply: Message, form: Representation) -> Message {
    if reply.representation == Representation::Unspecified {
        reply.representation = form;
    }
    reply
}

fn accepts(method: Method, error: &Error) -> bool {
    method == Method::SendFeedback && error.kind() == Kind::Unimplemented
}

/// What a message keeps whatever a unit does with it.
#[derive(Default)]
struct Kept {
    meta: Meta,
}

impl Kept {
    /// Metrics are moved out of the message, the rest is copied: a unit that hands on the tags
    /// it got changes nothing, but metrics that came back would be counted twice.
    fn of(message: &mut Message) -> Self {
        let metrics = take(&mut message.meta.metrics);
        let meta = Meta {
            metrics,
            ..message.meta.clone()
        };
        Self { meta }
    }

    /// `reply` with this and with the node on its request path.
    fn given_to(self, mut reply: Message, step: &Step) -> Message {
        let mut meta = self.meta;
        meta.merge(take(&mut reply.meta));
        if !step.image.is_empty() && !meta.request_path.contains_key(&step.name) {
            meta.request_path
                .insert(step.name.clone(), step.image.clone());
        }
        Message { meta, ..reply }
    }
}
