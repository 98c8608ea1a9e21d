//! The children stage: the children that the route tells, and one reply of theirs.

use futures_util::stream::{FuturesOrdered, TryStreamExt};
use hari_error::{Error, Result};

use super::branch::Branch;
use super::{Parcel, Walk, aggregate, optional, route};
use crate::tree::Step;

pub(super) async fn stage(walk: &Walk<'_>, step: &Step, parcel: Parcel) -> Result<Parcel> {
    if step.children.is_empty() {
        return Ok(parcel);
    }
    let number = route::number(step, &parcel, &walk.onward).await?;
    let branch = Branch::of(step, number).map_err(|words| step.blame(Error::model(words)))?;
    walk.visits.record(step, number);
    let replies = match branch {
        Branch::None => return Ok(parcel),
        Branch::One(child) => vec![walk.node(child, parcel).await?],
        Branch::All => all(walk, step, &parcel).await?,
    };
    aggregate::stage(step, replies, &walk.onward).await
}

/// Asks all children at once. Of several failures the lowest child's counts; once it is known,
/// the work of the others is dropped. Optional children that fail are left out.
async fn all(walk: &Walk<'_>, step: &Step, parcel: &Parcel) -> Result<Vec<Parcel>> {
    let asked = step
        .children
        .iter()
        .map(|child| walk.one_of_several(child, parcel.clone()));
    let replies = asked.collect::<FuturesOrdered<_>>().try_collect().await?;
    optional::answered(replies)
}
