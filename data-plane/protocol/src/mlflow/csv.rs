//! Rows in CSV, with the names of the columns in the first line.

use bytes::Bytes;
use hari_core::{Cell, Limits, NamedTensor, Tensor, missing_text};
use hari_error::{Error, Result};

use super::Invocation;

/// What pandas reads as a missing value.
const MISSING: [&str; 19] = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
    "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
];

/// Reads a body in CSV. A column holds numbers if all its values are numbers, booleans if all are,
/// otherwise text; every value keeps the text that it was written as.
///
/// # Errors
/// `InvalidInput` with the line at fault, `TooLarge` beyond a limit.
pub fn decode_csv(body: &[u8], limits: &Limits) -> Result<Invocation> {
    let mut reader = csv::ReaderBuilder::new().from_reader(body);
    let broken = |error: csv::Error| Error::invalid(format!("the CSV cannot be read: {error}"));
    let names = reader.headers().map_err(broken)?.clone();
    if names.len() > limits.inputs {
        let message = format!("more than {} columns", limits.inputs);
        return Err(Error::too_large(message));
    }
    let mut columns: Vec<Vec<String>> = vec![Vec::new(); names.len()];
    let mut size = 0;
    for record in reader.records() {
        let record = record.map_err(broken)?;
        size += record.as_slice().len() + record.len() * size_of::<Bytes>();
        if size > limits.tensor {
            let message = format!("the table is larger than {} bytes", limits.tensor);
            return Err(Error::too_large(message));
        }
        for (column, value) in columns.iter_mut().zip(&record) {
            column.push(value.to_owned());
        }
    }
    let columns = names.iter().zip(columns);
    let input = columns.map(|(name, values)| column(name, values));
    Ok(Invocation {
        input: input.collect::<Result<_>>()?,
        ..Invocation::default()
    })
}

fn column(name: &str, values: Vec<String>) -> Result<NamedTensor> {
    let missing = |value: &String| MISSING.contains(&&**value);
    let all = |is: fn(&str) -> bool| values.iter().all(|value| missing(value) || is(value));
    let kind = match () {
        () if all(|value| value.trim().parse::<f64>().is_ok()) => Cell::Number,
        () if all(|value| truth(value).is_some()) => Cell::Bool,
        () => Cell::Text,
    };
    let read = |value: String| match kind {
        _ if missing(&value) => (Cell::Missing, missing_text()),
        Cell::Bool => (kind, truth(&value).unwrap_or_default().into()),
        Cell::Number => (kind, value.trim().to_owned().into()),
        _ => (kind, value.into()),
    };
    let (cells, texts): (Vec<Cell>, Vec<Bytes>) = values.into_iter().map(read).unzip();
    Ok(NamedTensor {
        cells: Some(cells.into()),
        ..NamedTensor::inferred(name, Tensor::from_strings([texts.len()], texts)?)
    })
}

/// `True` or `False` of the words that pandas reads as such.
fn truth(value: &str) -> Option<&'static str> {
    match value {
        "True" | "TRUE" | "true" => Some("True"),
        "False" | "FALSE" | "false" => Some("False"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use hari_core::is_missing_text;
    use hari_error::Kind;

    use super::*;

    fn read(text: &str) -> Result<Vec<NamedTensor>> {
        decode_csv(text.as_bytes(), &Limits::default()).map(|body| body.input)
    }

    #[test]
    fn columns_have_the_kind_of_their_values() {
        let text = "age,city,\"is \"\"new\"\"\"\n31,\"Rome, Italy\",true\n,007,False\n";
        let columns = read(text).unwrap();
        let names: Vec<_> = columns.iter().map(|one| &*one.name).collect();
        assert_eq!(names, ["age", "city", "is \"new\""]);
        let cells: Vec<_> = columns
            .iter()
            .map(|one| one.cells.as_deref().unwrap())
            .collect();
        assert_eq!(cells[0], [Cell::Number, Cell::Missing]);
        assert_eq!(cells[1], [Cell::Text, Cell::Text]);
        assert_eq!(cells[2], [Cell::Bool, Cell::Bool]);
        assert!(is_missing_text(&columns[0].tensor.strings().unwrap()[1]));
        assert_eq!(columns[1].tensor.strings().unwrap()[1], "007");
        assert_eq!(columns[2].tensor.strings().unwrap()[0], "True");
    }

    #[test]
    fn rows_that_differ_and_tables_that_are_too_large_are_refused() {
        let error = read("a,b\n1,2\n3\n").unwrap_err();
        assert!(error.message().contains("line: 3"), "{error}");
        let limits = Limits {
            tensor: 64,
            ..Limits::default()
        };
        let error = decode_csv(b"a\n1\n2\n3\n", &limits).unwrap_err();
        assert_eq!(error.kind(), Kind::TooLarge);
    }
}
