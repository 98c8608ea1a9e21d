//! The feedback walk: children first, along the branches that the answer took.

use futures_util::future::join_all;
use hari_core::{Asked, BoxFuture, Context, Feedback, Input, Message, Method, Stage};
use hari_error::{Error, Result};
use tracing::{Instrument as _, Span};

use super::branch::{ALL, Branch};
use super::onlooker::Onlooker;
use super::{call, span};
use crate::tree::Step;

/// Hands `feedback` to every node that the answer came by and that learns. The reply is the
/// entry's own; if the entry does not learn, an empty message with the meta of the answer. The
/// failure of an optional node below the entry is passed over.
///
/// # Errors
/// `InvalidInput` for a routing that names a branch that is not there; else what a unit says.
pub(crate) async fn feedback(
    entry: &Step,
    feedback: Box<Feedback>,
    context: &Context,
) -> Result<Message> {
    if let Some(reply) = node(entry, &feedback, context).await? {
        return Ok(reply);
    }
    let meta = feedback
        .response
        .map(|response| response.meta)
        .unwrap_or_default();
    Ok(Message {
        meta,
        ..Message::default()
    })
}

fn node<'w>(
    step: &'w Step,
    feedback: &'w Feedback,
    context: &'w Context,
) -> BoxFuture<'w, Result<Option<Message>>> {
    let (method, asked) = (Method::SendFeedback, Asked::Feedback(feedback));
    let onlooker = Onlooker::at(step, Stage::Node(method), asked, context);
    let reply = async move {
        children(step, feedback, context).await?;
        own(step, feedback, context).await
    };
    let span = if !step.children.is_empty() {
        span::node(step, method)
    } else {
        Span::none()
    };
    Box::pin(
        async move {
            let reply = reply.await;
            if let Some(onlooker) = onlooker {
                let none = Message::default();
                let told = reply.as_ref().map(|own| own.as_ref().unwrap_or(&none));
                onlooker.told(told);
            }
            reply
        }
        .instrument(span),
    )
}

/// Every child gets its reward even if another fails; the lowest child's failure counts.
async fn children(step: &Step, feedback: &Feedback, context: &Context) -> Result<()> {
    if step.children.is_empty() {
        return Ok(());
    }
    let number = taken(step, feedback);
    let refused = |words| step.blame(Error::invalid(format!("response.meta.routing: {words}")));
    match Branch::of(step, number).map_err(refused)? {
        Branch::None => {}
        Branch::One(child) => below(child, feedback, context).await?,
        Branch::All => {
            let children = step
                .children
                .iter()
                .map(|child| below(child, feedback, context));
            join_all(children)
                .await
                .into_iter()
                .collect::<Result<()>>()?;
        }
    }
    Ok(())
}

async fn below(child: &Step, feedback: &Feedback, context: &Context) -> Result<()> {
    match node(child, feedback, context).await {
        Err(error) if child.optional => {
            tracing::debug!(node = child.name, %error, "an optional node got no feedback");
            Ok(())
        }
        reply => reply.map(drop),
    }
}

/// The branch that the answer took at `step`; all if it does not say.
fn taken(step: &Step, feedback: &Feedback) -> i32 {
    let routing = feedback
        .response
        .as_ref()
        .map(|response| &response.meta.routing);
    routing
        .and_then(|routing| routing.get(&step.name))
        .copied()
        .unwrap_or(ALL)
}

async fn own(step: &Step, feedback: &Feedback, context: &Context) -> Result<Option<Message>> {
    let Some(unit) = step.unit_for(Method::SendFeedback) else {
        return Ok(None);
    };
    let input = Input::Feedback(Box::new(feedback.clone()));
    let reply = call::raw(step, (unit, Method::SendFeedback), input, context).await?;
    Ok(Some(reply))
}
