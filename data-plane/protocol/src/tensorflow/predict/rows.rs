//! The row layout: one item for each row, a value or an object of values by name.

use hari_core::{Limits, NamedTensor, Tensor};
use hari_error::{Error, Result};

use super::{ELEMENTS, check_count, is_base64, name, write_object, write_tensor};
use crate::json::array;
use crate::json::{Reader, What};

/// Reads `instances`.
pub(super) fn read(reader: &mut Reader<'_>, limits: &Limits) -> Result<Vec<NamedTensor>> {
    match first(reader)? {
        None => Err(reader.error("expected at least one instance, found none")),
        Some(First::Value) => {
            let tensor = array::read(reader, ELEMENTS, limits)?;
            Ok(vec![NamedTensor::inferred("", tensor)])
        }
        Some(First::Object) => read_objects(reader, limits),
    }
}

enum First {
    Value,
    Object,
}

/// What the first instance is; none if there is none.
fn first(reader: &mut Reader<'_>) -> Result<Option<First>> {
    if reader.peek()? != What::Array {
        return Err(reader.expected("an array of instances"));
    }
    let mut first = None;
    // The error only stops the look ahead; what is wrong is found again by the reading proper.
    let _ = reader.clone().array(|ahead, _| {
        let object = ahead.peek()? == What::Object && !is_base64(ahead);
        first = Some(if object { First::Object } else { First::Value });
        Err(Error::invalid("seen enough"))
    });
    if first.is_none() {
        // Empty, or no JSON.
        reader.clone().skip()?;
    }
    Ok(first)
}

/// The values of one name in every row, put together as one JSON array.
struct Column {
    name: String,
    text: Vec<u8>,
    rows: usize,
}

/// Reads one object for each row. The texts of each name are put together first, so that one
/// rule infers the type and checks the shape of whole tensors.
fn read_objects(reader: &mut Reader<'_>, limits: &Limits) -> Result<Vec<NamedTensor>> {
    let mut columns = Vec::new();
    reader.array(|reader, row| {
        let mut member = 0;
        reader.object(|reader, name| {
            let mut at = position(&columns, name, member);
            member += 1;
            if at.is_none() && row == 0 {
                check_count(columns.len(), limits)?;
                at = Some(columns.len());
                columns.push(Column::new(name));
            }
            add(&mut columns, at, row, reader)
        })?;
        match columns.iter().find(|column| column.rows <= row) {
            None => Ok(()),
            Some(_) => Err(reader.error(differs(&columns))),
        }
    })?;
    columns
        .into_iter()
        .map(|column| column.finish(limits))
        .collect()
}

/// Where the column of this name is; in most rows at the place where the first row has it.
fn position(columns: &[Column], name: &str, likely: usize) -> Option<usize> {
    let there = columns
        .get(likely)
        .is_some_and(|column| column.name == name);
    if there {
        Some(likely)
    } else {
        columns.iter().position(|column| column.name == name)
    }
}

/// Adds the value that stands next to a column, as its element of this row.
fn add(
    columns: &mut [Column],
    at: Option<usize>,
    row: usize,
    reader: &mut Reader<'_>,
) -> Result<()> {
    let text = reader.raw()?;
    match at.and_then(|at| columns.get_mut(at)) {
        None => Err(reader.error(differs(columns))),
        Some(column) if column.rows > row => {
            Err(reader.error(format!("`{}` is given twice", column.name)))
        }
        Some(column) => {
            column.push(text);
            Ok(())
        }
    }
}

fn differs(columns: &[Column]) -> String {
    let names: Vec<_> = columns
        .iter()
        .map(|column| format!("`{}`", column.name))
        .collect();
    format!(
        "expected the names of the first instance, {}, and no others",
        names.join(", ")
    )
}

impl Column {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            text: b"[".to_vec(),
            rows: 0,
        }
    }

    fn push(&mut self, value: &str) {
        if self.rows > 0 {
            self.text.push(b',');
        }
        self.text.extend_from_slice(value.as_bytes());
        self.rows += 1;
    }

    /// The tensor; errors name the row behind the name: `signal[3]`.
    fn finish(mut self, limits: &Limits) -> Result<NamedTensor> {
        self.text.push(b']');
        let mut reader = Reader::of_field(&self.text, &self.name, limits)?;
        let tensor = array::read(&mut reader, ELEMENTS, limits)
            .map_err(|error| error.context("instances, by name"))?;
        Ok(NamedTensor::inferred(self.name, tensor))
    }
}

/// Writes `predictions`.
pub(super) fn write(json: &mut Vec<u8>, tensors: &[NamedTensor]) -> Result<()> {
    let rows = rows(tensors)?;
    if let [only] = tensors {
        return write_tensor(json, &only.name, &only.tensor);
    }
    json.push(b'[');
    for row in 0..rows {
        if row > 0 {
            json.push(b',');
        }
        let cut = tensors
            .iter()
            .map(|named| cut(&named.tensor, row))
            .collect::<Result<Vec<_>>>()?;
        let names = tensors
            .iter()
            .enumerate()
            .map(|(at, named)| name(at, named));
        write_object(json, names.zip(&cut))?;
    }
    json.push(b']');
    Ok(())
}

/// One row, without the dimension of the rows.
fn cut(tensor: &Tensor, row: usize) -> Result<Tensor> {
    let shape = tensor.shape().get(1..).unwrap_or_default();
    tensor.slice_rows(row..row + 1)?.reshape(shape)
}

/// The number of rows that all outputs share.
fn rows(tensors: &[NamedTensor]) -> Result<usize> {
    const HINT: &str = "ask with `inputs` in place of `instances`";
    let mut shared = None;
    for (at, named) in tensors.iter().enumerate() {
        let Some(&rows) = named.tensor.shape().first() else {
            let name = name(at, named);
            return Err(Error::invalid(format!(
                "output `{name}` has no rows: {HINT}"
            )));
        };
        match shared.replace(rows) {
            Some(before) if before != rows => {
                let name = name(at, named);
                return Err(Error::invalid(format!(
                    "output `{name}` has {rows} rows, the one before it {before}: {HINT}"
                )));
            }
            _ => {}
        }
    }
    Ok(shared.unwrap_or(0))
}
