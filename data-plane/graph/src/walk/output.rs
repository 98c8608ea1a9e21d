//! The output stage: transform-output, on the way up.

use hari_core::{Context, Method};
use hari_error::Result;

use super::{Parcel, call};
use crate::tree::Step;

pub(super) async fn stage(step: &Step, parcel: Parcel, context: &Context) -> Result<Parcel> {
    match step.unit_for(Method::TransformOutput) {
        Some(unit) => call::one(step, (unit, Method::TransformOutput), parcel, context).await,
        None => Ok(parcel),
    }
}
