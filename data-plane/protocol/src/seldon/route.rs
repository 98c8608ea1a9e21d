//! Which branch a router chose.

use hari_core::{Limits, Message, Payload};
use hari_error::{Error, Result};
use serde_json::Value;

use super::json::decode_reply;

/// The branch in the reply of a router: the first element of its array, or of a `jsonData` that
/// is a list of numbers.
///
/// # Errors
/// `Model` if there is none or it is no whole number: the router is at fault.
pub fn decode_route(message: &Message) -> Result<i32> {
    let branch = match &message.payload {
        Payload::Tensors(tensors) => tensors
            .first()
            .and_then(|named| first(named.tensor.to_f64().ok()?)),
        Payload::Json(Value::Array(items)) => items.first().and_then(Value::as_f64).and_then(whole),
        _ => None,
    };
    branch.ok_or_else(|| not_a_branch(message.payload.kind()))
}

/// The branch in the body that a router answered: a message, or a bare array such as `[1]`.
///
/// # Errors
/// `Model` if there is none.
pub fn decode_route_reply(body: &[u8], limits: &Limits) -> Result<i32> {
    if body.trim_ascii_start().starts_with(b"[") {
        let items: Option<Vec<f64>> = serde_json::from_slice(body).ok();
        return items
            .and_then(first)
            .ok_or_else(|| not_a_branch("another list"));
    }
    let reply = decode_reply(body, limits);
    let reply =
        reply.map_err(|error| not_a_branch("a reply that cannot be read").with_source(error))?;
    decode_route(&reply)
}

fn first(values: Vec<f64>) -> Option<i32> {
    values.into_iter().next().and_then(whole)
}

fn whole(value: f64) -> Option<i32> {
    let fits = value.fract() == 0.0 && (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&value);
    fits.then_some(value as i32)
}

fn not_a_branch(found: &str) -> Error {
    Error::model(format!(
        "expected a branch number as the router's answer, found {found}"
    ))
}

#[cfg(test)]
mod tests {
    use hari_error::Kind;

    use super::*;

    fn route(body: &str) -> Result<i32> {
        decode_route_reply(body.as_bytes(), &Limits::default())
    }

    #[test]
    fn every_form_of_an_answer_is_read() {
        for body in [
            r#"{"data":{"ndarray":[[1]]}}"#,
            r#"{"data":{"ndarray":[1]},"meta":{"tags":{"a":1}}}"#,
            r#"{"data":{"tensor":{"shape":[1,1],"values":[1.0]}}}"#,
            r#"{"data":{"tftensor":{"dtype":"DT_INT32","tensorShape":{"dim":[{"size":"1"}]},"intVal":[1]}}}"#,
            r#"{"jsonData":[1]}"#,
            " [1]",
        ] {
            assert_eq!(route(body).unwrap(), 1, "{body}");
        }
        assert_eq!(route("[-2]").unwrap(), -2);
    }

    #[test]
    fn what_is_no_branch_is_the_routers_fault() {
        for body in [
            "",
            "[]",
            "[0.5]",
            "[1e10]",
            r#"["a"]"#,
            "{}",
            r#"{"strData":"1"}"#,
            r#"{"data":{"ndarray":[]}}"#,
            r#"{"data":{"ndarray":["a"]}}"#,
        ] {
            let error = route(body).unwrap_err();
            assert_eq!(error.kind(), Kind::Model, "{body}");
            assert!(
                error.message().contains("expected a branch number"),
                "{error}"
            );
        }
    }
}
