//! The input stage: predict or transform-input, on the way down.

use hari_core::{Context, Method};
use hari_error::Result;

use super::{Parcel, call};
use crate::tree::Step;

/// Transform-input goes before predict: a unit that is asked for both is a transformer.
pub(super) async fn stage(step: &Step, parcel: Parcel, context: &Context) -> Result<Parcel> {
    let method = match step.calls {
        calls if calls.transform_input => Method::TransformInput,
        calls if calls.predict => Method::Predict,
        _ => return Ok(parcel),
    };
    match &step.unit {
        Some(unit) => call::one(step, (&**unit, method), parcel, context).await,
        None => Ok(parcel),
    }
}
