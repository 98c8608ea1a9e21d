//! `ndarray` as a protocol buffer: nested lists to one tensor and back.

use std::collections::BTreeMap;

use bytes::Bytes;
use hari_core::{
    Cell, Cells, DataType, Limits, NamedTensor, Tensor, is_missing_text, missing_text,
};
use hari_error::{Error, Result};
use prost_types::value::Kind;
use prost_types::{ListValue, Value};

use super::value;
use crate::json::nest::{Nest, writable};
use crate::json::write;
use crate::seldon::data;

/// Reads an array: nested lists, or one object for each row, which is a tensor for each name.
pub(super) fn to_tensors(list: &ListValue, limits: &Limits) -> Result<Vec<NamedTensor>> {
    let objects = matches!(
        list.values.first().and_then(|first| first.kind.as_ref()),
        Some(Kind::StructValue(_))
    );
    if objects {
        return records(list, limits);
    }
    let (tensor, cells) = to_tensor(list, limits)?;
    Ok(vec![NamedTensor {
        cells,
        ..NamedTensor::inferred("", tensor)
    }])
}

/// One object for each row, with the names of the first one.
fn records(list: &ListValue, limits: &Limits) -> Result<Vec<NamedTensor>> {
    let mut columns: BTreeMap<&str, ListValue> = BTreeMap::new();
    for (row, value) in list.values.iter().enumerate() {
        let Some(Kind::StructValue(record)) = &value.kind else {
            return Err(Error::invalid(format!(
                "data.ndarray[{row}]: expected an object as in the first row"
            )));
        };
        let known = record
            .fields
            .keys()
            .all(|name| columns.contains_key(&**name));
        if row > 0 && (record.fields.len() != columns.len() || !known) {
            let names: Vec<_> = columns.keys().map(|name| format!("`{name}`")).collect();
            return Err(Error::invalid(format!(
                "data.ndarray[{row}]: expected the names of the first row, {}, and no others",
                names.join(", ")
            )));
        }
        for (name, value) in &record.fields {
            columns.entry(name).or_default().values.push(value.clone());
        }
    }
    if columns.len() > limits.inputs {
        let message = format!("data.ndarray: more than {} names", limits.inputs);
        return Err(Error::too_large(message));
    }
    let column = |(name, list): (&str, ListValue)| {
        let (tensor, cells) =
            to_tensor(&list, limits).map_err(|error| error.context(format!("column `{name}`")))?;
        Ok(NamedTensor {
            cells,
            ..NamedTensor::inferred(name, tensor)
        })
    };
    columns.into_iter().map(column).collect()
}

/// Reads nested lists: numbers become doubles, booleans stay or count among numbers, and numbers
/// among strings become text. What is `null` is missing.
fn to_tensor(list: &ListValue, limits: &Limits) -> Result<(Tensor, Cells)> {
    let mut nest = Nest::new("data.ndarray".to_owned(), limits);
    let mut leaves = Leaves {
        found: Vec::new(),
        limit: limits.tensor / size_of::<Value>(),
    };
    leaves.walk(list, &mut nest)?;
    let shape = nest.shape();
    let any = |wanted: Cell| leaves.cells().any(|cell| cell == wanted);
    let text = any(Cell::Text);
    let unlike = any(Cell::Missing) || (text && leaves.cells().any(|cell| cell != Cell::Text));
    let cells: Cells = unlike.then(|| leaves.cells().collect());
    let truths = !leaves.found.is_empty() && leaves.cells().all(|cell| cell == Cell::Bool);
    let tensor = match () {
        () if text => Tensor::from_strings(shape, leaves.strings()),
        () if truths => Tensor::from_bools(shape, &leaves.booleans()),
        () => Tensor::from_vec(shape, leaves.doubles()),
    };
    Ok((tensor?, cells))
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
                Some(
                    kind @ (Kind::NumberValue(_)
                    | Kind::StringValue(_)
                    | Kind::BoolValue(_)
                    | Kind::NullValue(_)),
                ) => {
                    nest.scalar()?;
                    self.push(kind)?;
                }
                Some(Kind::StructValue(_)) => {
                    return Err(
                        nest.error("expected a number, a string or a boolean, found an object")
                    );
                }
                None => {
                    return Err(nest.error("expected a number, a string, a boolean or null"));
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

    fn cells(&self) -> impl Iterator<Item = Cell> {
        self.found.iter().map(|kind| match kind {
            Kind::NumberValue(_) => Cell::Number,
            Kind::BoolValue(_) => Cell::Bool,
            Kind::StringValue(_) => Cell::Text,
            _ => Cell::Missing,
        })
    }

    fn doubles(&self) -> Vec<f64> {
        let double = |&kind: &&Kind| match kind {
            Kind::NumberValue(value) => *value,
            Kind::NullValue(_) => f64::NAN,
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
            Kind::NullValue(_) => missing_text(),
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

/// Writes nested lists, in which mixed rows are what they were; a single value becomes a list of one.
pub(super) fn from_named(named: &NamedTensor) -> Result<ListValue> {
    let mut list = from_tensor(&named.tensor)?;
    if let Some(cells) = &named.cells {
        restore(&mut list.values, &mut cells.iter());
    }
    Ok(list)
}

/// Makes of texts and numbers what the cells say they were.
fn restore<'a>(values: &mut [Value], cells: &mut impl Iterator<Item = &'a Cell>) {
    for value in values {
        if let Some(Kind::ListValue(inner)) = &mut value.kind {
            restore(&mut inner.values, cells);
            continue;
        }
        let restored = match (cells.next(), &value.kind) {
            (Some(Cell::Missing), _) => Kind::NullValue(0),
            (Some(Cell::Bool), Some(Kind::StringValue(text))) => Kind::BoolValue(text == "True"),
            (Some(Cell::Bool), Some(Kind::NumberValue(number))) => Kind::BoolValue(*number != 0.0),
            (Some(Cell::Number), Some(Kind::StringValue(text))) => match text.parse() {
                Ok(number) => Kind::NumberValue(number),
                Err(_) => continue,
            },
            _ => continue,
        };
        value.kind = Some(restored);
    }
}

/// Writes nested lists; a single value becomes a list of one.
fn from_tensor(tensor: &Tensor) -> Result<ListValue> {
    writable(tensor.shape())?;
    if tensor.len() > MAX_ELEMENTS {
        return Err(Error::too_large(format!(
            "data.ndarray: {} elements, at most {MAX_ELEMENTS} are written as a list",
            tensor.len()
        )));
    }
    let elements: Vec<Value> = match tensor.dtype() {
        DataType::Bytes => {
            let string = |bytes: &Bytes| match is_missing_text(bytes) {
                true => Ok(value::of(Kind::NullValue(0))),
                false => Ok(value::string(data::text(bytes)?.to_owned())),
            };
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
