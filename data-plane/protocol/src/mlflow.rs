//! MLflow's scoring server: what `/invocations` takes and answers.
//!
//! A body is one of `dataframe_split`, `dataframe_records`, `instances` and `inputs`, perhaps with
//! `params`, or CSV. Rows become a matrix with names for its columns, or a tensor for each
//! column.

mod csv;
mod frame;

use bytes::Bytes;
use hari_core::{Limits, Message, NamedTensor, Payload};
use hari_error::{Error, Kind, Result};
use serde_json::{Map, Value, json};

use crate::json::write::{self, ByteStrings, Escape, Style};
use crate::json::{Reader, What};

pub use csv::decode_csv;
pub use frame::read_table;

/// The members that hold rows, of which a body has one.
const FORMS: [&str; 4] = [
    "dataframe_split",
    "dataframe_records",
    "instances",
    "inputs",
];

/// A request for predictions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Invocation {
    /// The rows.
    pub input: Vec<NamedTensor>,
    /// Parameters of the model, for this request.
    pub params: Map<String, Value>,
}

/// Reads a body in JSON.
///
/// # Errors
/// `InvalidInput` with the path of the value at fault, or if there is not exactly one form of
/// rows; `TooLarge` beyond a limit.
pub fn decode_json(body: &[u8], limits: &Limits) -> Result<Invocation> {
    let mut reader = Reader::new(body, limits)?;
    if reader.peek()? != What::Object {
        return Err(reader.error(one_form("something else than an object")));
    }
    let mut found: Vec<String> = Vec::new();
    let mut invocation = Invocation::default();
    reader.object(|reader, key| {
        match key {
            "params" if !reader.null()? => invocation.params = reader.map()?,
            "params" => {}
            form if FORMS.contains(&form) => {
                found.push(form.to_owned());
                invocation.input = frame::read(form, reader, limits)?;
            }
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    reader.end()?;
    match found.len() {
        1 => Ok(invocation),
        0 => Err(Error::invalid(one_form("none"))),
        _ => Err(Error::invalid(one_form(&found.join(", ")))),
    }
}

fn one_form(found: &str) -> String {
    format!(
        "The input must be a JSON dictionary with exactly one of the input fields {}; found {found}",
        FORMS.join(", ")
    )
}

/// Writes a reply. A single output stands bare, several are objects by name.
///
/// # Errors
/// `Unimplemented` for `customData`.
pub fn encode_predictions(message: &Message) -> Result<Bytes> {
    let mut out = Vec::from(*b"{\"predictions\":");
    match &message.payload {
        Payload::Tensors(tensors) => match &**tensors {
            [only] => nested(&mut out, only)?,
            several => members(&mut out, several)?,
        },
        Payload::Json(value) => write::serialize(&mut out, value, Escape::Plain)?,
        Payload::Text(text) => write::string(&mut out, text, Escape::Plain),
        Payload::Binary(bytes) => write::base64(&mut out, bytes),
        Payload::Empty => out.extend_from_slice(b"[]"),
        Payload::Any(_) => {
            return Err(Error::unimplemented(
                "customData has no form in MLflow's protocol; use the Seldon protocol",
            ));
        }
    }
    out.push(b'}');
    Ok(out.into())
}

fn nested(out: &mut Vec<u8>, named: &NamedTensor) -> Result<()> {
    let style = Style {
        bytes: ByteStrings::TextOrBase64,
        ..Style::default()
    };
    write::nested(out, &named.tensor, style)
}

fn members(out: &mut Vec<u8>, tensors: &[NamedTensor]) -> Result<()> {
    out.push(b'{');
    for (at, named) in tensors.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write::string(out, &named.name, Escape::Plain);
        out.push(b':');
        nested(out, named)?;
    }
    out.push(b'}');
    Ok(())
}

/// Writes the body of an error reply, with MLflow's code for it.
#[must_use]
pub fn encode_error(error: &Error) -> Bytes {
    let body = json!({"error_code": code(error.kind()), "message": error.to_string()});
    body.to_string().into()
}

/// The code that MLflow has for a kind of error.
fn code(kind: Kind) -> &'static str {
    match kind {
        Kind::InvalidInput | Kind::UnsupportedMediaType | Kind::MethodNotAllowed => "BAD_REQUEST",
        Kind::NotFound => "RESOURCE_DOES_NOT_EXIST",
        Kind::Unauthenticated => "UNAUTHENTICATED",
        Kind::Forbidden => "PERMISSION_DENIED",
        Kind::TooLarge | Kind::Overloaded => "REQUEST_LIMIT_EXCEEDED",
        Kind::Unavailable | Kind::BadGateway => "TEMPORARILY_UNAVAILABLE",
        Kind::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Kind::Cancelled => "CANCELLED",
        Kind::Unimplemented => "NOT_IMPLEMENTED",
        Kind::Model | Kind::Internal => "INTERNAL_ERROR",
    }
}

#[cfg(test)]
mod tests;
