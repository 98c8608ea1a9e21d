//! The output stage: transform-output, on the way up.

use futures_util::future::{Either, ready};
use hari_core::{Context, Method};
use hari_error::Result;

use super::{Parcel, call};
use crate::tree::Step;

pub(super) fn stage<'a>(
    step: &'a Step,
    parcel: Parcel,
    context: &'a Context,
) -> impl Future<Output = Result<Parcel>> + Send + 'a {
    let method = Method::TransformOutput;
    match step.unit_for(method) {
        Some(unit) => Either::Left(call::one(step, (unit, method), parcel, context)),
        None => Either::Right(ready(Ok(parcel))),
    }
}
