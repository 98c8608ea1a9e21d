//! Predictions in JSON: row layout (`instances`) and column layout (`inputs`).

mod rows;

use bytes::Bytes;
use hari_core::{Limits, Message, NamedTensor, Payload, Tensor};
use hari_error::{Error, Result};
use std::borrow::Cow;

use super::{Layout, PredictRequest};
use crate::json::array::{self, Elements};
use crate::json::records::is_base64;
use crate::json::write::{self, ByteStrings, Escape, Style};
use crate::json::{Reader, What};

/// What an element of a tensor may be: a number, a boolean, a string, `{"b64": "..."}`.
pub(super) const ELEMENTS: Elements = Elements::INFERRED.with_base64();

/// Reads a request. A single tensor comes without a name; several come as an object, or as one
/// object for each row.
///
/// # Errors
/// `InvalidInput` with the path of the value, what was expected and what was found; `TooLarge`
/// beyond a limit.
pub fn decode_predict(body: &[u8], limits: &Limits) -> Result<PredictRequest> {
    let mut reader = Reader::new(body, limits)?;
    let mut signature_name = None;
    let mut found: Option<(Layout, Vec<NamedTensor>)> = None;
    reader.object(|reader, key| {
        let layout = match key {
            "signature_name" if !reader.null()? => {
                signature_name = Some(reader.string()?.into_owned());
                return Ok(());
            }
            "instances" => Layout::Row,
            "inputs" => Layout::Column,
            "signature_name" => return Ok(()),
            _ => return reader.skip(),
        };
        if found.as_ref().is_some_and(|(other, _)| *other != layout) {
            return Err(Error::invalid(
                "expected either `instances` or `inputs`, found both",
            ));
        }
        let tensors = match layout {
            Layout::Row => rows::read(reader, limits)?,
            Layout::Column => columns(reader, limits)?,
        };
        found = Some((layout, tensors));
        Ok(())
    })?;
    reader.end()?;
    let missing = || Error::invalid("expected `instances` or `inputs`, found neither");
    let (layout, tensors) = found.ok_or_else(missing)?;
    Ok(PredictRequest {
        signature_name,
        layout,
        message: Message::tensors(tensors),
    })
}

/// Reads the reply of another server: `predictions` or `outputs`.
///
/// # Errors
/// Those of [`decode_predict`].
pub fn decode_reply(body: &[u8], limits: &Limits) -> Result<Message> {
    let mut reader = Reader::new(body, limits)?;
    let mut found = None;
    reader.object(|reader, key| {
        match key {
            "predictions" => found = Some(rows::read(reader, limits)?),
            "outputs" => found = Some(columns(reader, limits)?),
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    reader.end()?;
    let missing = || Error::invalid("expected `predictions` or `outputs`, found neither");
    found.map(Message::tensors).ok_or_else(missing)
}

/// Writes a request to another server: in rows where every tensor has as many, which is the form
/// that most servers and proxies know, else in columns.
///
/// # Errors
/// `Unimplemented` for `customData`.
pub fn encode_request(signature: Option<&str>, message: &Message) -> Result<Bytes> {
    let mut json = Vec::with_capacity(64);
    json.push(b'{');
    if let Some(signature) = signature {
        json.extend_from_slice(b"\"signature_name\":");
        write::string(&mut json, signature, Escape::Plain);
        json.push(b',');
    }
    match &message.payload {
        Payload::Tensors(tensors) if rows::alike(tensors) => {
            json.extend_from_slice(b"\"instances\":");
            rows::write(&mut json, tensors)?;
        }
        Payload::Tensors(tensors) => {
            json.extend_from_slice(b"\"inputs\":");
            write_columns(&mut json, tensors)?;
        }
        payload => {
            json.extend_from_slice(b"\"instances\":");
            write_other(&mut json, payload)?;
        }
    }
    json.push(b'}');
    Ok(json.into())
}

/// `inputs`: a value, or an object of values by name.
fn columns(reader: &mut Reader<'_>, limits: &Limits) -> Result<Vec<NamedTensor>> {
    if reader.peek()? != What::Object || is_base64(reader) {
        return Ok(vec![one("", reader, limits)?]);
    }
    let mut tensors: Vec<NamedTensor> = Vec::new();
    reader.object(|reader, name| {
        let tensor = one(name, reader, limits)?;
        tensors.retain(|earlier| earlier.name != name);
        check_count(tensors.len(), limits)?;
        tensors.push(tensor);
        Ok(())
    })?;
    Ok(tensors)
}

/// The tensor that stands next.
fn one(name: &str, reader: &mut Reader<'_>, limits: &Limits) -> Result<NamedTensor> {
    let (tensor, cells) = array::read_cells(reader, ELEMENTS, limits)?;
    Ok(NamedTensor {
        cells,
        ..NamedTensor::inferred(name, tensor)
    })
}

/// Checks that one more input may come after `count`.
fn check_count(count: usize, limits: &Limits) -> Result<()> {
    if count < limits.inputs {
        return Ok(());
    }
    Err(Error::too_large(format!(
        "more than {} inputs",
        limits.inputs
    )))
}

/// Writes a reply in the layout of its request. A single output stands bare, several are
/// objects by name. Byte strings are written as text; as `{"b64": "..."}` where the name ends with
/// `_bytes`, or the bytes are not UTF-8.
///
/// # Errors
/// `InvalidInput` for the row layout if an output has no rows or outputs differ in them;
/// `Unimplemented` for `customData`.
pub fn encode_predict(message: &Message, layout: Layout) -> Result<Bytes> {
    let mut json = Vec::with_capacity(64);
    json.extend_from_slice(match layout {
        Layout::Row => b"{\"predictions\":",
        Layout::Column => b"{\"outputs\":",
    });
    match &message.payload {
        Payload::Tensors(tensors) => match layout {
            Layout::Row => rows::write(&mut json, tensors)?,
            Layout::Column => write_columns(&mut json, tensors)?,
        },
        payload => write_other(&mut json, payload)?,
    }
    json.push(b'}');
    Ok(json.into())
}

fn write_columns(json: &mut Vec<u8>, tensors: &[NamedTensor]) -> Result<()> {
    if let [only] = tensors {
        return write_tensor(json, &only.name, &only.tensor);
    }
    write_object(
        json,
        tensors
            .iter()
            .enumerate()
            .map(|(at, named)| (name(at, named), &named.tensor)),
    )
}

/// An object of tensors by name.
fn write_object<'a>(
    json: &mut Vec<u8>,
    members: impl Iterator<Item = (Cow<'a, str>, &'a Tensor)>,
) -> Result<()> {
    json.push(b'{');
    for (at, (name, tensor)) in members.enumerate() {
        if at > 0 {
            json.push(b',');
        }
        write::string(json, &name, Escape::Plain);
        json.push(b':');
        write_tensor(json, &name, tensor)?;
    }
    json.push(b'}');
    Ok(())
}

/// The name of an output among several.
fn name(at: usize, named: &NamedTensor) -> Cow<'_, str> {
    if named.name.is_empty() {
        format!("output-{at}").into()
    } else {
        Cow::from(&named.name)
    }
}

fn write_tensor(json: &mut Vec<u8>, name: &str, tensor: &Tensor) -> Result<()> {
    let in_base64 = name.ends_with("_bytes");
    let bytes = if in_base64 {
        ByteStrings::Base64
    } else {
        ByteStrings::TextOrBase64
    };
    write::nested(
        json,
        tensor,
        Style {
            bytes,
            ..Style::default()
        },
    )
}

/// What is no tensor: a text or bytes as one row, any JSON as it is.
fn write_other(json: &mut Vec<u8>, payload: &Payload) -> Result<()> {
    let one = |bytes: Bytes| Tensor::from_strings([1], vec![bytes]);
    match payload {
        Payload::Text(text) => write_tensor(json, "", &one(text.clone().into())?),
        Payload::Binary(bytes) => write_tensor(json, "_bytes", &one(bytes.clone())?),
        Payload::Json(value) => write::serialize(json, value, Escape::Plain),
        Payload::Any(_) => Err(Error::unimplemented(
            "customData has no form in TensorFlow Serving's protocol; use the Seldon protocol",
        )),
        Payload::Empty | Payload::Tensors(_) => {
            json.extend_from_slice(b"[]");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
