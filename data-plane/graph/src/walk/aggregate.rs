//! The aggregate stage: one reply of the children's.

use hari_core::{Context, Method};
use hari_error::{Error, Result};

use super::{Parcel, call};
use crate::tree::Step;

/// Without a combiner the first child's reply stands for all.
pub(super) async fn stage(step: &Step, replies: Vec<Parcel>, context: &Context) -> Result<Parcel> {
    if let Some(unit) = step.unit_for(Method::Aggregate) {
        let replies = replies.into_iter().map(|reply| reply.message).collect();
        let message = call::many(step, unit, replies, context).await?;
        return Ok(Parcel {
            message,
            made: true,
        });
    }
    let first = replies.into_iter().next();
    first.ok_or_else(|| step.blame(Error::internal("no child answered")))
}
