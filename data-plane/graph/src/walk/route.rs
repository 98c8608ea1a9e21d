//! The route of a node with children: which of them get the message.

use hari_core::{Context, Input, Message, Method, Payload};
use hari_error::{Error, Result};
use serde_json::Value;

use super::branch::ALL;
use super::{Parcel, call};
use crate::tree::Step;

/// The number of the branch, not checked yet; all children without a router. Of the router's
/// reply nothing but the number counts: its meta is not the answer's.
pub(super) async fn number(step: &Step, parcel: &Parcel, context: &Context) -> Result<i32> {
    let Some(unit) = step.unit_for(Method::Route) else {
        return Ok(ALL);
    };
    let parcel = parcel.clone().fitted(step, context);
    let input = Input::One(parcel.message);
    let reply = call::raw(step, (unit, Method::Route), input, context).await?;
    read(&reply).map_err(|error| step.blame(error))
}

fn read(reply: &Message) -> Result<i32> {
    let first = first(reply)?;
    let number = first.filter(|number| number.fract() == 0.0 && number.abs() < 1e9);
    number.map(|number| number as i32).ok_or_else(|| {
        let found = first.map_or("no number".to_owned(), |number| number.to_string());
        Error::model(format!(
            "the route: expected the integer of a branch, found {found}"
        ))
    })
}

/// The first number of a reply.
fn first(reply: &Message) -> Result<Option<f64>> {
    match &reply.payload {
        Payload::Tensors(tensors) => match tensors.first() {
            Some(named) if named.tensor.dtype().is_numeric() => {
                Ok(named.tensor.to_f64()?.first().copied())
            }
            _ => Ok(None),
        },
        Payload::Json(value) => Ok(first_of(value)),
        _ => Ok(None),
    }
}

fn first_of(value: &Value) -> Option<f64> {
    match value {
        Value::Array(values) => first_of(values.first()?),
        other => other.as_f64(),
    }
}
