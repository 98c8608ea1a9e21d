//! Rows in JSON: data frames split or as records, arrays, objects of columns.

use hari_core::{Limits, NamedTensor};
use hari_error::{Error, Result};
use serde_json::Value;

use crate::json::records::{self, First, Names};
use crate::json::{Elements, Reader, What, array, write};

/// Reads the value of one of the members that hold rows.
pub(super) fn read(
    form: &str,
    reader: &mut Reader<'_>,
    limits: &Limits,
) -> Result<Vec<NamedTensor>> {
    match form {
        "dataframe_split" => split(reader, limits),
        "dataframe_records" => items(reader, Names::Any, limits),
        "instances" => items(reader, Names::Same, limits),
        _ => columns(reader, limits),
    }
}

/// Reads a table that came as any JSON: a body of MLflow's, a data frame split or as records, an
/// object with a list for each column, an array.
///
/// # Errors
/// `InvalidInput` with the path of the value at fault, `TooLarge` beyond a limit.
pub fn read_table(value: &Value, limits: &Limits) -> Result<Vec<NamedTensor>> {
    let mut text = Vec::new();
    write::serialize(&mut text, value, write::Escape::Plain)?;
    let mut reader = Reader::of_field(&text, "jsonData", limits)?;
    let Value::Object(members) = value else {
        return items(&mut reader, Names::Any, limits);
    };
    if members.keys().any(|key| super::FORMS.contains(&&**key)) {
        let body = super::decode_json(&text, limits);
        return body
            .map(|body| body.input)
            .map_err(|error| error.context("jsonData"));
    }
    match (members.get("data"), members.get("columns")) {
        (Some(Value::Array(_)), Some(Value::Array(_))) => split(&mut reader, limits),
        _ => columns(&mut reader, limits),
    }
}

/// `{"columns": [...], "data": [[...], ...]}`.
fn split(reader: &mut Reader<'_>, limits: &Limits) -> Result<Vec<NamedTensor>> {
    let (mut names, mut data) = (Vec::new(), None);
    reader.object(|reader, key| {
        match key {
            _ if reader.null()? => {}
            "columns" => names = labels(reader)?,
            "data" => data = Some(array::read_cells(reader, Elements::INFERRED, limits)?),
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    let (tensor, cells) = data.ok_or_else(|| reader.error("`data` is missing"))?;
    if let (&[_, found], false) = (tensor.shape(), names.is_empty())
        && found != names.len()
    {
        let expected = names.len();
        return Err(reader.error(format!("{expected} columns, {found} values in a row")));
    }
    Ok(vec![NamedTensor {
        cells,
        columns: names,
        ..NamedTensor::inferred("", tensor)
    }])
}

/// Names of columns, which pandas may write as numbers.
fn labels(reader: &mut Reader<'_>) -> Result<Vec<String>> {
    let mut names = Vec::new();
    reader.array(|reader, _| {
        names.push(match reader.value()? {
            Value::String(name) => name,
            Value::Number(number) => number.to_string(),
            _ => return Err(reader.error("expected the name of a column")),
        });
        Ok(())
    })?;
    Ok(names)
}

/// An array of rows, each an object of values by name or the values alone.
fn items(reader: &mut Reader<'_>, names: Names, limits: &Limits) -> Result<Vec<NamedTensor>> {
    if reader.peek()? != What::Array {
        return Err(reader.expected("an array of rows"));
    }
    match records::first(reader)? {
        None => Err(reader.error("expected at least one row, found none")),
        Some(First::Object) => records::read(reader, Elements::INFERRED, names, limits),
        Some(First::Value) => Ok(vec![one("", reader, limits)?]),
    }
}

/// An object with an array for each column, or one array.
fn columns(reader: &mut Reader<'_>, limits: &Limits) -> Result<Vec<NamedTensor>> {
    if reader.peek()? != What::Object {
        return Ok(vec![one("", reader, limits)?]);
    }
    let mut tensors: Vec<NamedTensor> = Vec::new();
    reader.object(|reader, name| {
        if tensors.len() >= limits.inputs {
            let message = format!("more than {} columns", limits.inputs);
            return Err(Error::too_large(message));
        }
        tensors.push(one(name, reader, limits)?);
        Ok(())
    })?;
    Ok(tensors)
}

fn one(name: &str, reader: &mut Reader<'_>, limits: &Limits) -> Result<NamedTensor> {
    let (tensor, cells) = array::read_cells(reader, Elements::INFERRED, limits)?;
    Ok(NamedTensor {
        cells,
        ..NamedTensor::inferred(name, tensor)
    })
}
