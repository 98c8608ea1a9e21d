//! Rows whose values are of different kinds, as nested lists of JSON.

use bytes::Bytes;
use hari_core::{Cell, Cells, NamedTensor, Tensor, missing_text};
use hari_error::{Error, Result};
use serde_json::{Number, Value};

/// Most lists in one another.
const DEPTH: usize = 32;

/// The elements as they were written, in lists nested as the shape says.
pub(super) fn write(tensor: &Tensor, cells: &[Cell]) -> Value {
    let mut values = leaves(tensor, cells).into_iter();
    nested(tensor.shape(), &mut values)
}

fn nested(shape: &[usize], values: &mut impl Iterator<Item = Value>) -> Value {
    match shape {
        [] => values.next().unwrap_or_default(),
        [dim, rest @ ..] => (0..*dim).map(|_| nested(rest, values)).collect(),
    }
}

fn leaves(tensor: &Tensor, cells: &[Cell]) -> Vec<Value> {
    if let Ok(texts) = tensor.strings() {
        let pairs = texts.iter().zip(cells);
        return pairs.map(|(text, cell)| of_text(text, *cell)).collect();
    }
    if let Ok(integers) = tensor.values::<i64>() {
        let pairs = integers.iter().zip(cells);
        let leaf = |(number, cell): (&i64, &Cell)| match cell {
            Cell::Missing => Value::Null,
            Cell::Bool => Value::Bool(*number != 0),
            Cell::Number | Cell::Text => Value::from(*number),
        };
        return pairs.map(leaf).collect();
    }
    let numbers = tensor.to_f64().unwrap_or_default();
    let leaf = |(number, cell): (&f64, &Cell)| match cell {
        Cell::Missing => Value::Null,
        Cell::Bool => Value::Bool(*number != 0.0),
        Cell::Number | Cell::Text => Value::from(*number),
    };
    numbers.iter().zip(cells).map(leaf).collect()
}

fn of_text(text: &Bytes, cell: Cell) -> Value {
    let words = String::from_utf8_lossy(text);
    match cell {
        Cell::Missing => Value::Null,
        Cell::Bool => Value::Bool(words == "True"),
        Cell::Text => Value::from(words),
        Cell::Number => match words.parse::<Number>() {
            Ok(number) => Value::Number(number),
            Err(_) => Value::from(words),
        },
    }
}

/// A tensor of nested lists: whole numbers are `INT64`, others `FP64`, truths `BOOL`, texts `BYTES`.
/// What is mixed or holds `null` keeps a cell for each element.
///
/// # Errors
/// `Model` if lists side by side are not equally long, or an element is an object.
pub(super) fn read(value: &Value) -> Result<NamedTensor> {
    let mut shape = Vec::new();
    let mut first = value;
    while let Value::Array(values) = first {
        if shape.len() == DEPTH {
            return Err(Error::model(format!(
                "ndarray: more than {DEPTH} lists deep"
            )));
        }
        shape.push(values.len());
        match values.first() {
            Some(next) => first = next,
            None => break,
        }
    }
    let mut leaves = Vec::new();
    collect(value, &shape, &mut leaves)?;
    tensor(shape, &leaves)
}

fn collect<'a>(value: &'a Value, shape: &[usize], leaves: &mut Vec<&'a Value>) -> Result<()> {
    match (value, shape) {
        (Value::Array(values), [dim, rest @ ..]) if values.len() == *dim => values
            .iter()
            .try_for_each(|value| collect(value, rest, leaves)),
        (Value::Array(_), _) | (_, [_, ..]) => Err(Error::model(
            "ndarray: expected lists of equal lengths, found some that differ",
        )),
        (Value::Object(_), []) => Err(Error::model(
            "ndarray: expected numbers, texts, booleans or null, found an object",
        )),
        (leaf, []) => {
            leaves.push(leaf);
            Ok(())
        }
    }
}

fn tensor(shape: Vec<usize>, leaves: &[&Value]) -> Result<NamedTensor> {
    let kinds: Vec<Cell> = leaves.iter().map(|leaf| cell(leaf)).collect();
    let has = |kind| kinds.contains(&kind);
    let all = |kind| !kinds.is_empty() && kinds.iter().all(|one| *one == kind);
    let alike = all(Cell::Bool) || all(Cell::Number) || all(Cell::Text) || kinds.is_empty();
    let tensor = if all(Cell::Bool) {
        let truths: Vec<bool> = leaves
            .iter()
            .map(|leaf| leaf.as_bool() == Some(true))
            .collect();
        Tensor::from_bools(shape, &truths)
    } else if has(Cell::Text) {
        Tensor::from_strings(shape, leaves.iter().map(|leaf| text(leaf)).collect())
    } else if !leaves.is_empty() && leaves.iter().all(|leaf| whole(leaf).is_some()) {
        let numbers: Vec<i64> = leaves.iter().filter_map(|leaf| whole(leaf)).collect();
        Tensor::from_vec(shape, numbers)
    } else {
        Tensor::from_vec(shape, leaves.iter().map(|leaf| number(leaf)).collect())
    };
    let cells: Cells = (!alike).then(|| kinds.into());
    Ok(NamedTensor {
        cells,
        ..NamedTensor::inferred("", tensor?)
    })
}

const fn cell(leaf: &Value) -> Cell {
    match leaf {
        Value::Bool(_) => Cell::Bool,
        Value::Number(_) => Cell::Number,
        Value::String(_) => Cell::Text,
        Value::Null | Value::Array(_) | Value::Object(_) => Cell::Missing,
    }
}

/// A whole number; of a truth 1 or 0.
fn whole(leaf: &Value) -> Option<i64> {
    leaf.as_i64().or_else(|| leaf.as_bool().map(i64::from))
}

/// A number; NaN if it is missing.
fn number(leaf: &Value) -> f64 {
    let truth = || leaf.as_bool().map(|truth| f64::from(u8::from(truth)));
    leaf.as_f64().or_else(truth).unwrap_or(f64::NAN)
}

fn text(leaf: &Value) -> Bytes {
    match leaf {
        Value::String(text) => Bytes::from(text.clone()),
        Value::Bool(true) => Bytes::from_static(b"True"),
        Value::Bool(false) => Bytes::from_static(b"False"),
        Value::Null => missing_text(),
        other => Bytes::from(other.to_string()),
    }
}
