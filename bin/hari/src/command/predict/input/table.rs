//! Rows of numbers from CSV. A first row that is not all numbers is a header.

use hari_core::Tensor;
use hari_error::{Error, Result};

use super::Input;

/// Reads a table.
///
/// # Errors
/// With line and column of the first cell that is no number, or of a row of another length.
pub(crate) fn read(text: &[u8]) -> Result<Input> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .from_reader(text);
    let mut columns: Vec<String> = Vec::new();
    let (mut values, mut rows) = (Vec::new(), 0_usize);
    for record in reader.records() {
        let record = record.map_err(|error| Error::invalid(format!("not CSV: {error}")))?;
        if rows == 0 && columns.is_empty() && record.iter().any(|cell| number(cell).is_none()) {
            columns = record.iter().map(str::to_owned).collect();
            continue;
        }
        append(&record, &columns, &mut values)?;
        rows += 1;
    }
    if rows == 0 {
        return Err(Error::invalid("expected rows of numbers, found no rows"));
    }
    let width = values.len() / rows;
    Ok(Input::Array {
        tensor: Tensor::from_vec([rows, width], values)?,
        columns,
    })
}

fn number(cell: &str) -> Option<f64> {
    cell.parse().ok()
}

fn append(record: &csv::StringRecord, columns: &[String], values: &mut Vec<f64>) -> Result<()> {
    for (at, cell) in record.iter().enumerate() {
        let value = number(cell).ok_or_else(|| {
            let line = record.position().map_or(0, csv::Position::line);
            let column = match columns.get(at) {
                Some(name) => format!("column `{name}`"),
                None => format!("column {}", at + 1),
            };
            Error::invalid(format!(
                "line {line}, {column}: expected a number, found `{cell}`"
            ))
        })?;
        values.push(value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> (Vec<usize>, Vec<f64>, Vec<String>) {
        let Input::Array { tensor, columns } = read(text.as_bytes()).unwrap() else {
            panic!("no table")
        };
        (tensor.shape().to_vec(), tensor.to_vec().unwrap(), columns)
    }

    #[test]
    fn rows_are_read_with_and_without_a_header() {
        let (shape, values, columns) = table("1,2\n3, 4.5\n");
        assert_eq!((shape, columns.len()), (vec![2, 2], 0));
        assert_eq!(values, [1.0, 2.0, 3.0, 4.5]);
        let (shape, values, columns) = table("length,width\n# a note\n-1e3,2\n");
        assert_eq!((shape, values), (vec![1, 2], vec![-1000.0, 2.0]));
        assert_eq!(columns, ["length", "width"]);
    }

    #[test]
    fn the_cell_at_fault_is_named() {
        for (text, expected) in [
            (
                "a,b\n1,2\n3,x\n",
                "line 3, column `b`: expected a number, found `x`",
            ),
            ("1,2\n3,\n", "line 2, column 2: expected a number, found ``"),
            ("a,b\n", "expected rows of numbers, found no rows"),
        ] {
            assert_eq!(read(text.as_bytes()).unwrap_err().message(), expected);
        }
        let error = read(b"1,2\n3\n").unwrap_err();
        assert!(error.message().contains("line: 2"), "{error}");
    }
}
