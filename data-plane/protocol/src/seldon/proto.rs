//! The Seldon protocol as protocol buffers.
//!
//! Numbers of `tensor`, `ndarray`, `jsonData` and tags are doubles on this wire. The element type
//! of a tensor is therefore inferred, unless it comes as `tftensor`.

mod array;
mod meta;
mod metadata;
pub mod value;

use hari_core::{Any, Feedback, Limits, Message, NamedTensor, Payload, Representation};
use hari_error::{Error, Result};
use hari_proto::seldon;
use hari_proto::seldon::default_data::DataOneof as Array;
use hari_proto::seldon::seldon_message::DataOneof as Wire;
use prost_types::{ListValue, Value};

use super::data::{
    self, Direction, Names, bad_data, counted_name, member_name, no_elements, no_payload, shaped,
    typed,
};
use crate::tensorflow::tensor::{from_tensor, to_tensor};
pub use metadata::{from_graph_metadata, from_metadata};

/// Reads a request, which must have a payload.
///
/// # Errors
/// `InvalidInput` with reason `MICROSERVICE_BAD_DATA` that names the field; `TooLarge` beyond
/// `limits`.
pub fn to_message(message: seldon::SeldonMessage, limits: &Limits) -> Result<Message> {
    match message.data_oneof {
        Some(_) => to_reply(message, limits),
        None => Err(bad_data(no_payload("none of them"))),
    }
}

/// Reads the reply of a unit. Unlike a request it may come without a payload.
///
/// # Errors
/// As [`to_message`].
pub fn to_reply(message: seldon::SeldonMessage, limits: &Limits) -> Result<Message> {
    let meta = message.meta.map(meta::to_meta).unwrap_or_default();
    let (payload, representation) = payload(message.data_oneof, limits).map_err(bad_data)?;
    Ok(Message {
        payload,
        meta,
        representation,
    })
}

/// Reads the messages for a combiner.
///
/// # Errors
/// As [`to_message`].
pub fn to_messages(list: seldon::SeldonMessageList, limits: &Limits) -> Result<Vec<Message>> {
    if list.seldon_messages.len() > limits.inputs {
        return Err(Error::too_large(format!(
            "more than {} messages",
            limits.inputs
        )));
    }
    let message = |(index, message)| {
        to_message(message, limits)
            .map_err(|error| error.context(format!("seldonMessages[{index}]")))
    };
    list.seldon_messages
        .into_iter()
        .enumerate()
        .map(message)
        .collect()
}

/// Reads feedback.
///
/// # Errors
/// As [`to_message`].
pub fn to_feedback(feedback: seldon::Feedback, limits: &Limits) -> Result<Feedback> {
    let read = |message: Option<seldon::SeldonMessage>, field: &'static str| {
        let message = message.map(|message| to_reply(message, limits));
        message.transpose().map_err(|error| error.context(field))
    };
    Ok(Feedback {
        request: read(feedback.request, "request")?,
        response: read(feedback.response, "response")?,
        truth: read(feedback.truth, "truth")?,
        reward: feedback.reward,
    })
}

/// Makes a reply. Its form and names follow the rules of [`crate::seldon`]; `meta` is always
/// there.
///
/// # Errors
/// `Model` if `ndarray` has to hold bytes that are no text.
pub fn from_message(message: &Message) -> Result<seldon::SeldonMessage> {
    wire(message, Direction::Reply)
}

/// Makes a message that goes on to a unit, with the names that it has.
///
/// # Errors
/// As [`from_message`].
pub fn from_request(message: &Message) -> Result<seldon::SeldonMessage> {
    wire(message, Direction::Request)
}

/// Makes feedback that goes on to a unit.
///
/// # Errors
/// As [`from_message`].
pub fn from_feedback(feedback: &Feedback) -> Result<seldon::Feedback> {
    let write = |message: &Option<Message>| message.as_ref().map(from_request).transpose();
    Ok(seldon::Feedback {
        request: write(&feedback.request)?,
        response: write(&feedback.response)?,
        truth: write(&feedback.truth)?,
        reward: feedback.reward,
    })
}

fn payload(wire: Option<Wire>, limits: &Limits) -> Result<(Payload, Representation)> {
    let payload = match wire {
        None => Payload::Empty,
        Some(Wire::Data(data)) => {
            let (tensors, representation) = tensors(data, limits)?;
            return Ok((Payload::Tensors(tensors), representation));
        }
        Some(Wire::BinData(bytes)) => Payload::Binary(bytes),
        Some(Wire::StrData(text)) => Payload::Text(text),
        Some(Wire::JsonData(tree)) => Payload::Json(value::to_json(tree)),
        Some(Wire::CustomData(any)) => Payload::Any(Any {
            type_url: any.type_url,
            value: any.value.into(),
        }),
    };
    Ok((payload, Representation::Unspecified))
}

fn tensors(
    data: seldon::DefaultData,
    limits: &Limits,
) -> Result<(Vec<NamedTensor>, Representation)> {
    let (mut tensors, representation) = match data.data_oneof {
        Some(Array::Tensor(tensor)) => {
            let values = hari_core::Tensor::from_vec([tensor.values.len()], tensor.values)?;
            let dims: Vec<i64> = tensor.shape.into_iter().map(i64::from).collect();
            let tensor = shaped(values, &dims, limits)?;
            let named = NamedTensor::inferred("", tensor);
            (vec![named], Representation::Tensor)
        }
        Some(Array::Ndarray(list)) => (array::to_tensors(&list, limits)?, Representation::Ndarray),
        Some(Array::Tftensor(proto)) => {
            let tensor =
                to_tensor(proto, limits).map_err(|error| error.context("data.tftensor"))?;
            (vec![typed(tensor)], Representation::Tftensor)
        }
        None => (
            vec![NamedTensor::inferred("", no_elements()?)],
            Representation::Ndarray,
        ),
    };
    if let [only] = tensors.as_mut_slice() {
        only.columns = data.names;
    }
    Ok((tensors, representation))
}

fn wire(message: &Message, direction: Direction) -> Result<seldon::SeldonMessage> {
    let payload = match &message.payload {
        Payload::Empty => None,
        Payload::Tensors(tensors) => Some(match &**tensors {
            [tensor] => Wire::Data(default_data(tensor, message.representation, direction)?),
            tensors => Wire::JsonData(members(tensors)?),
        }),
        Payload::Binary(bytes) => Some(Wire::BinData(bytes.clone())),
        Payload::Text(text) => Some(Wire::StrData(text.clone())),
        Payload::Json(tree) => Some(Wire::JsonData(value::from_json(tree))),
        Payload::Any(any) => Some(Wire::CustomData(prost_types::Any {
            type_url: any.type_url.clone(),
            value: any.value.to_vec(),
        })),
    };
    let meta = Some(meta::from_meta(&message.meta));
    Ok(seldon::SeldonMessage {
        status: None,
        meta,
        data_oneof: payload,
    })
}

fn default_data(
    named: &NamedTensor,
    asked: Representation,
    direction: Direction,
) -> Result<seldon::DefaultData> {
    let tensor = &named.tensor;
    let array = match data::representation(asked, tensor) {
        Representation::Tensor => {
            let dim = |&dim: &usize| {
                i32::try_from(dim).map_err(|_| {
                    Error::too_large(format!("data.tensor.shape: {dim} is over 2147483647"))
                })
            };
            let shape = tensor.shape().iter().map(dim).collect::<Result<_>>()?;
            Array::Tensor(seldon::Tensor {
                shape,
                values: tensor.to_f64()?,
            })
        }
        Representation::Tftensor => Array::Tftensor(from_tensor(tensor)),
        Representation::Ndarray | Representation::Unspecified => {
            Array::Ndarray(array::from_named(named)?)
        }
    };
    let names = match data::names(named, direction) {
        Names::Given(names) => names.to_vec(),
        Names::Counted(columns) => (0..columns).map(counted_name).collect(),
    };
    Ok(seldon::DefaultData {
        names,
        data_oneof: Some(array),
    })
}

/// Several tensors as an object of nested lists.
fn members(tensors: &[NamedTensor]) -> Result<Value> {
    let member = |(index, named): (usize, &NamedTensor)| {
        let ListValue { mut values } = array::from_named(named)?;
        let scalar = if named.tensor.shape().is_empty() {
            values.pop()
        } else {
            None
        };
        let value = scalar.unwrap_or_else(|| value::list(values));
        Ok((member_name(named, index).into_owned(), value))
    };
    let fields = tensors
        .iter()
        .enumerate()
        .map(member)
        .collect::<Result<_>>()?;
    Ok(value::object(fields))
}

#[cfg(test)]
mod tests;
