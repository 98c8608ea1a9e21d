//! JSON bodies to messages and feedback.

use hari_core::{Feedback, Limits, Message, Meta, NamedTensor, Payload, Representation};
use hari_error::{Error, Result};

use super::meta;
use crate::json::records::{self, First, Names};
use crate::json::{Elements, Reader, What, array};
use crate::seldon::data::{bad_data, no_elements, no_payload, shaped, typed};
use crate::tensorflow::{base64, tensor_json};

/// Reads a request: an object with one of `data`, `jsonData`, `strData` and `binData`; of
/// several, the first in this order. Unknown members are passed over.
///
/// # Errors
/// `InvalidInput` with reason `MICROSERVICE_BAD_DATA` that names the field; `TooLarge` beyond
/// `limits`.
pub fn decode_message(body: &[u8], limits: &Limits) -> Result<Message> {
    document(body, limits, |reader| request(reader, limits))
}

/// Reads the reply of a unit. Unlike a request it may come without a payload.
///
/// # Errors
/// As [`decode_message`].
pub fn decode_reply(body: &[u8], limits: &Limits) -> Result<Message> {
    document(body, limits, |reader| Ok(parts(reader, limits)?.message()))
}

/// Reads the messages for a combiner: an array, or an object with `seldonMessages`.
///
/// # Errors
/// As [`decode_message`].
pub fn decode_messages(body: &[u8], limits: &Limits) -> Result<Vec<Message>> {
    document(body, limits, |reader| {
        if reader.peek()? != What::Object {
            return messages(reader, limits);
        }
        let mut list = None;
        reader.object(|reader, key| {
            match key {
                "seldonMessages" => list = Some(messages(reader, limits)?),
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        list.ok_or_else(|| Error::invalid("expected an array of messages or seldonMessages"))
    })
}

/// Reads feedback: `request`, `response`, `reward` and `truth`, each of which may be missing.
///
/// # Errors
/// As [`decode_message`].
pub fn decode_feedback(body: &[u8], limits: &Limits) -> Result<Feedback> {
    document(body, limits, |reader| {
        let mut feedback = Feedback::default();
        reader.object(|reader, key| {
            match key {
                _ if reader.null()? => {}
                "request" => feedback.request = Some(parts(reader, limits)?.message()),
                "response" => feedback.response = Some(parts(reader, limits)?.message()),
                "truth" => feedback.truth = Some(parts(reader, limits)?.message()),
                "reward" => feedback.reward = meta::single(reader)?,
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        Ok(feedback)
    })
}

fn document<T>(
    body: &[u8],
    limits: &Limits,
    read: impl FnOnce(&mut Reader<'_>) -> Result<T>,
) -> Result<T> {
    let whole = || {
        let mut reader = Reader::new(body, limits)?;
        let value = read(&mut reader)?;
        reader.end()?;
        Ok(value)
    };
    whole().map_err(bad_data)
}

fn request(reader: &mut Reader<'_>, limits: &Limits) -> Result<Message> {
    match reader.peek()? {
        What::Object => finish(parts(reader, limits)?),
        found => Err(no_payload(&found.to_string())),
    }
}

fn messages(reader: &mut Reader<'_>, limits: &Limits) -> Result<Vec<Message>> {
    let mut messages = Vec::new();
    reader.array(|reader, index| {
        if index >= limits.inputs {
            return Err(Error::too_large(format!(
                "more than {} messages",
                limits.inputs
            )));
        }
        let message = request(reader, limits);
        messages.push(message.map_err(|error| at(error, &format!("[{index}]")))?);
        Ok(())
    })?;
    Ok(messages)
}

/// Puts the place in front, unless the message starts with it.
fn at(error: Error, place: &str) -> Error {
    if error.message().starts_with(place) {
        error
    } else {
        error.context(place)
    }
}

/// The message of a request, which must have a payload.
pub(in crate::seldon) fn finish(parts: Parts) -> Result<Message> {
    match parts.payload {
        Some(_) => Ok(parts.message()),
        None => Err(no_payload("none of them")),
    }
}

fn parts(reader: &mut Reader<'_>, limits: &Limits) -> Result<Parts> {
    let mut parts = Parts::default();
    reader.object(|reader, key| parts.member(reader, key, limits))?;
    Ok(parts)
}

/// What was read of a message, member by member.
#[derive(Default)]
pub(in crate::seldon) struct Parts {
    payload: Option<Found>,
    meta: Meta,
}

/// A payload with the place of its key in the order of precedence.
struct Found {
    order: usize,
    payload: Payload,
    representation: Representation,
}

impl Parts {
    /// Reads the value of one member.
    pub(in crate::seldon) fn member(
        &mut self,
        reader: &mut Reader<'_>,
        key: &str,
        limits: &Limits,
    ) -> Result<()> {
        match key {
            "jsonData" => self.offer(1, Payload::Json(reader.value()?)),
            _ if reader.null()? => {}
            "data" => {
                let (tensors, representation) = data(reader, limits)?;
                let payload = Payload::Tensors(tensors);
                self.payload = Some(Found {
                    order: 0,
                    payload,
                    representation,
                });
            }
            "strData" => self.text(reader.string()?.into_owned()),
            "binData" => {
                let bytes = base64::decode(&reader.string()?);
                let bytes = bytes.ok_or_else(|| reader.error("expected base64"))?;
                self.binary(bytes.into());
            }
            "meta" => self.meta = meta::decode(reader)?,
            _ => reader.skip()?,
        }
        Ok(())
    }

    /// Takes `strData`.
    pub(in crate::seldon) fn text(&mut self, text: String) {
        self.offer(2, Payload::Text(text));
    }

    /// Takes `binData`.
    pub(in crate::seldon) fn binary(&mut self, bytes: bytes::Bytes) {
        self.offer(3, Payload::Binary(bytes));
    }

    /// Takes `jsonData`.
    pub(in crate::seldon) fn json(&mut self, value: serde_json::Value) {
        self.offer(1, Payload::Json(value));
    }

    fn offer(&mut self, order: usize, payload: Payload) {
        if self
            .payload
            .as_ref()
            .is_none_or(|found| order <= found.order)
        {
            self.payload = Some(Found {
                order,
                payload,
                representation: Representation::Unspecified,
            });
        }
    }

    fn message(self) -> Message {
        let Self { payload, meta } = self;
        match payload {
            Some(Found {
                payload,
                representation,
                ..
            }) => Message {
                payload,
                meta,
                representation,
            },
            None => Message {
                meta,
                ..Message::default()
            },
        }
    }
}

/// Reads `data`. Of several arrays in it, `tensor` counts before `ndarray` and that before
/// `tftensor`.
fn data(reader: &mut Reader<'_>, limits: &Limits) -> Result<(Vec<NamedTensor>, Representation)> {
    let (mut columns, mut tensor, mut ndarray, mut tftensor) = (Vec::new(), None, None, None);
    reader.object(|reader, key| {
        match key {
            _ if reader.null()? => {}
            "names" => columns = reader.strings()?,
            "tensor" => tensor = Some(flat(reader, limits)?),
            "ndarray" => ndarray = Some(nested(reader, limits)?),
            "tftensor" => tftensor = Some(tensor_json::read(reader, limits)?),
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    let (mut tensors, representation) = match (tensor, ndarray, tftensor) {
        (Some(tensor), ..) => (vec![tensor], Representation::Tensor),
        (_, Some(tensors), _) => (tensors, Representation::Ndarray),
        (.., Some(tensor)) => (vec![typed(tensor)], Representation::Tftensor),
        _ => (
            vec![NamedTensor::inferred("", no_elements()?)],
            Representation::Ndarray,
        ),
    };
    if let [only] = tensors.as_mut_slice() {
        only.columns = columns;
    }
    Ok((tensors, representation))
}

/// Reads `ndarray`: nested lists, or one object for each row.
fn nested(reader: &mut Reader<'_>, limits: &Limits) -> Result<Vec<NamedTensor>> {
    if reader.peek()? != What::Array {
        return Err(reader.expected("an array"));
    }
    if records::first(reader)? == Some(First::Object) {
        return records::read(reader, Elements::INFERRED, Names::Same, limits);
    }
    let (tensor, cells) = array::read_cells(reader, Elements::INFERRED, limits)?;
    Ok(vec![NamedTensor {
        cells,
        ..NamedTensor::inferred("", tensor)
    }])
}

/// Reads `tensor`: flat `values` with a `shape`.
fn flat(reader: &mut Reader<'_>, limits: &Limits) -> Result<NamedTensor> {
    let (mut dims, mut values) = (Vec::new(), None);
    reader.object(|reader, key| {
        match key {
            "shape" => dims = sizes(reader)?,
            "values" if reader.peek()? != What::Array => return Err(reader.expected("an array")),
            "values" => values = Some(array::read_cells(reader, Elements::INFERRED, limits)?),
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    let (values, cells) = match values {
        Some(found) => found,
        None => (no_elements()?, None),
    };
    Ok(NamedTensor {
        cells,
        ..NamedTensor::inferred("", shaped(values, &dims, limits)?)
    })
}

fn sizes(reader: &mut Reader<'_>) -> Result<Vec<i64>> {
    let mut sizes = Vec::new();
    reader.array(|reader, _| {
        let number = reader.number()?;
        let size = number.to_i64();
        sizes.push(size.ok_or_else(|| reader.error("expected a whole number of elements"))?);
        Ok(())
    })?;
    Ok(sizes)
}
