//! The row layout: one item for each row, a value or an object of values by name.

use hari_core::{Limits, NamedTensor, Tensor};
use hari_error::{Error, Result};

use super::{ELEMENTS, name, one, write_object, write_tensor};
use crate::json::records::{self, First, Names};
use crate::json::{Reader, What};

/// Reads `instances`.
pub(super) fn read(reader: &mut Reader<'_>, limits: &Limits) -> Result<Vec<NamedTensor>> {
    if reader.peek()? != What::Array {
        return Err(reader.expected("an array of instances"));
    }
    match records::first(reader)? {
        None => Err(reader.error("expected at least one instance, found none")),
        Some(First::Value) => Ok(vec![one("", reader, limits)?]),
        Some(First::Object) => records::read(reader, ELEMENTS, Names::Same, limits),
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

/// Whether every tensor has rows, and all as many.
pub(super) fn alike(tensors: &[NamedTensor]) -> bool {
    rows(tensors).is_ok()
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
