//! The input stage: predict or transform-input, on the way down.

use futures_util::future::{Either, ready};
use hari_core::{Context, Method};
use hari_error::Result;

use super::{Parcel, call};
use crate::tree::Step;

/// Transform-input goes before predict: a unit that is asked for both is a transformer.
pub(super) fn stage<'a>(
    step: &'a Step,
    parcel: Parcel,
    context: &'a Context,
) -> impl Future<Output = Result<Parcel>> + Send + 'a {
    let method = if step.calls.transform_input {
        Method::TransformInput
    } else {
        Method::Predict
    };
    match step.unit_for(method) {
        Some(unit) => Either::Left(call::one(step, (unit, method), parcel, context)),
        None => Either::Right(ready(Ok(parcel))),
    }
}
