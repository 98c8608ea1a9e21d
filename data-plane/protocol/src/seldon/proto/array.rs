//! `ndarray` as a protocol buffer: nested lists to one tensor and back.

use bytes::Bytes;
use hari_core::{DataType, Limits, Tensor};
use hari_error::{Error, Result};
use prost_types::value::Kind;
use prost_types::{ListValue, Value};

use super::value;
use crate::json::nest::{Nest, writable};
use crate::json::write;
use crate::seldon::data;

/// Reads nested lists: numbers become doubles, booleans stay or count among numbers, and numbers
/// among strings become text.
pub(super) fn to_tensor(list: &ListValue, limits: &Limits) -> Result<Tensor> {
    let mut nest = Nest::new("data.ndarray".to_owned(), limits);
    let mut leaves = Leaves {
        found: Vec::new(),
        limit: limits.tensor / size_of::<Value>(),
    };
    leaves.walk(list, &mut nest)?;
    let shape = nest.shape();
    let all = |wanted: fn(&Kind) -> bool| leaves.found.iter().all(|&kind| wanted(kind));
    if leaves.found.is_empty()
        || all(|kind| !matches!(kind, Kind::StringValue(_) | Kind::BoolValue(_)))
    {
        return Tensor::from_vec(shape, leaves.doubles());
    }
    if all(|kind| matches!(kind, Kind::BoolValue(_))) {
        return Tensor::from_bools(shape, &leaves.booleans());
    }
    if all(|kind| !matches!(kind, Kind::StringValue(_))) {
        return Tensor::from_vec(shape, leaves.doubles());
    }
    Tensor::from_strings(shape, leaves.strings())
}

/// The single values within lists, in order.
struct Leaves<'a> {
    found: Vec<&'a Kind>,
    limit: usize,
}

impl<'a> Leaves<'a> {
    fn walk(&mut self, list: &'a ListValue, nest: &mut Nest) -> Result<()> {
        nest.open()?;
        for value in &list.values {
            match &value.kind {
                Some(Kind::ListValue(inner)) => self.walk(inner, nest)?,
                Some(kind @ (Kind::NumberValue(_) | Kind::StringValue(_) | Kind::BoolValue(_))) => {
                    nest.scalar()?;
                    self.push(kind)?;
                }
                Some(Kind::StructValue(_)) => {
                    return Err(
                        nest.error("expected a number, a string or a boolean, found an object")
                    );
                }
                Some(Kind::NullValue(_)) | None => {
                    return Err(nest
                        .error("null is no element of a tensor; a missing number is sent as NaN"));
                }
            }
            nest.complete();
        }
        nest.close()
    }

    fn push(&mut self, kind: &'a Kind) -> Result<()> {
        if self.found.len() >= self.limit {
            let message = format!("data.ndarray: more than {} elements", self.limit);
            return Err(Error::too_large(message));
        }
        self.found.push(kind);
        Ok(())
    }

    fn doubles(&self) -> Vec<f64> {
        let double = |&kind: &&Kind| match kind {
            Kind::NumberValue(value) => *value,
            other => f64::from(u8::from(matches!(other, Kind::BoolValue(true)))),
        };
        self.found.iter().map(double).collect()
    }

    fn booleans(&self) -> Vec<bool> {
        self.found
            .iter()
            .map(|kind| matches!(kind, Kind::BoolValue(true)))
            .collect()
    }

    fn strings(&self) -> Vec<Bytes> {
        let string = |&kind: &&Kind| match kind {
            Kind::StringValue(text) => Bytes::copy_from_slice(text.as_bytes()),
            Kind::NumberValue(value) => {
                let mut text = Vec::new();
                write::float(&mut text, *value);
                text.into()
            }
            other => {
                let truth = matches!(other, Kind::BoolValue(true));
                Bytes::from_static(if truth { b"True" } else { b"False" })
            }
        };
        self.found.iter().map(string).collect()
    }
}

/// The most elements that are written one by one: so many take 256 MiB, and as numbers they are
/// over the limit of any message.
const MAX_ELEMENTS: usize = 8 << 20;

/// Writes nested lists; a single value becomes a list of one.
pub(super) fn from_tensor(tensor: &Tensor) -> Result<ListValue> {
    writable(tensor.shape())?;
    if tensor.len() > MAX_ELEMENTS {
        return Err(Error::too_large(format!(
            "data.ndarray: {} elements, at most {MAX_ELEMENTS} are written as a list",
            tensor.len()
        )));
    }
    let elements: Vec<Value> = match tensor.dtype() {
        DataType::Bytes => {
            let string = |bytes: &Bytes| Ok(value::string(data::text(bytes)?.to_owned()));
            tensor
                .strings()?
                .iter()
                .map(string)
                .collect::<Result<_>>()?
        }
        DataType::Bool => {
            let values = tensor.values::<u8>()?;
            values
                .iter()
                .map(|&truth| value::of(Kind::BoolValue(truth != 0)))
                .collect()
        }
        _ => tensor.to_f64()?.into_iter().map(value::number).collect(),
    };
    let shape = if tensor.shape().is_empty() {
        &[1][..]
    } else {
        tensor.shape()
    };
    Ok(ListValue {
        values: lists(shape, &mut elements.into_iter()),
    })
}

/// The elements of a list of `shape`, each of which is taken from `elements`.
fn lists(shape: &[usize], elements: &mut impl Iterator<Item = Value>) -> Vec<Value> {
    match shape {
        [] => Vec::new(),
        &[length] => elements.by_ref().take(length).collect(),
        [length, inner @ ..] => (0..*length)
            .map(|_| value::list(lists(inner, elements)))
            .collect(),
    }
}
