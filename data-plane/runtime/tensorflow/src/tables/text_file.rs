//! Tables from text files: one key or value on a line, or several in columns.

use bytes::Bytes;
use hari_core::{DataType as Element, Tensor};
use hari_error::{Error, Result};

use super::Table;
use crate::dtype;
use crate::graph::Node;

/// The whole line is meant.
const WHOLE_LINE: i64 = -2;
/// The number of the line is meant.
const LINE_NUMBER: i64 = -1;

/// Which part of a line is a key and which a value.
#[derive(Debug)]
pub(super) struct Columns {
    key: i64,
    value: i64,
    delimiter: u8,
    key_type: Element,
    value_type: Element,
    /// Lines to read; none for all.
    lines: Option<usize>,
    /// Lines to leave out at the beginning.
    skipped: usize,
}

impl Columns {
    /// As the operations that fill and make a table say.
    ///
    /// # Errors
    /// If an attribute is missing or out of range.
    pub(super) fn of(node: &Node<'_>, table: &Node<'_>) -> Result<Self> {
        let element = |name: &str| {
            let dtype = table.attrs.dtype(name)?;
            dtype::element(dtype)
                .ok_or_else(|| Error::model(format!("`{name}` is {}", dtype::name(dtype))))
        };
        let delimiter = node.attrs.text("delimiter").unwrap_or("\t").as_bytes();
        let lines = node.attrs.int("vocab_size").unwrap_or(-1);
        let skipped = node.attrs.int("offset").unwrap_or(0);
        Ok(Self {
            key: node.attrs.int("key_index")?,
            value: node.attrs.int("value_index")?,
            delimiter: delimiter.first().copied().unwrap_or(b'\t'),
            key_type: element("key_dtype")?,
            value_type: element("value_dtype")?,
            lines: usize::try_from(lines).ok(),
            skipped: usize::try_from(skipped)
                .map_err(|_| Error::model("attribute `offset` is negative"))?,
        })
    }

    /// The wanted part of a line.
    fn part(&self, line: &Bytes, number: usize, column: i64) -> Result<Bytes> {
        match column {
            WHOLE_LINE => Ok(line.clone()),
            LINE_NUMBER => Ok(number.to_string().into()),
            _ => {
                let mut parts = line.split(|&byte| byte == self.delimiter);
                let part = usize::try_from(column).ok().and_then(|at| parts.nth(at));
                let part = part.ok_or_else(|| {
                    Error::model(format!("line {}: it has no column {column}", number + 1))
                })?;
                Ok(line.slice_ref(part))
            }
        }
    }
}

/// The table in the file's text.
///
/// # Errors
/// If a line lacks a column or has something else than a number where one is wanted.
pub(super) fn read(text: &Bytes, columns: &Columns) -> Result<Table> {
    let (mut keys, mut values) = (Vec::new(), Vec::new());
    let lines = lines(text).into_iter().skip(columns.skipped).enumerate();
    for (number, line) in lines.take(columns.lines.unwrap_or(usize::MAX)) {
        keys.push(columns.part(&line, number, columns.key)?);
        values.push(columns.part(&line, number, columns.value)?);
    }
    if columns.lines.is_some_and(|wanted| wanted > keys.len()) {
        return Err(Error::model(format!(
            "it has {} lines, fewer than `vocab_size` says",
            keys.len()
        )));
    }
    Ok(Table {
        keys: typed(keys, columns.key_type)?,
        values: typed(values, columns.value_type)?,
    })
}

/// The lines, without what ends them.
fn lines(text: &Bytes) -> Vec<Bytes> {
    let mut lines: Vec<_> = text
        .split(|&byte| byte == b'\n')
        .map(|line| text.slice_ref(line.strip_suffix(b"\r").unwrap_or(line)))
        .collect();
    if lines.last().is_some_and(Bytes::is_empty) {
        lines.pop();
    }
    lines
}

fn typed(texts: Vec<Bytes>, dtype: Element) -> Result<Tensor> {
    match dtype {
        Element::Bytes => Tensor::from_strings([texts.len()], texts),
        Element::Int64 | Element::Int32 => {
            let numbers = parsed::<i64>(&texts)?;
            Tensor::from_vec([numbers.len()], numbers)?.cast(dtype)
        }
        Element::Fp32 => {
            let numbers = parsed::<f32>(&texts)?;
            Tensor::from_vec([numbers.len()], numbers)
        }
        Element::Fp64 => {
            let numbers = parsed::<f64>(&texts)?;
            Tensor::from_vec([numbers.len()], numbers)
        }
        other => Err(Error::model(format!("elements of {other} in a text file"))),
    }
}

fn parsed<T: std::str::FromStr>(texts: &[Bytes]) -> Result<Vec<T>> {
    let number = |(line, text): (usize, &Bytes)| {
        let number = std::str::from_utf8(text).ok();
        let number = number.and_then(|text| text.trim().parse().ok());
        number.ok_or_else(|| Error::model(format!("line {}: it is not a number", line + 1)))
    };
    texts.iter().enumerate().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(key: i64, value: i64) -> Columns {
        Columns {
            key,
            value,
            delimiter: b',',
            key_type: Element::Bytes,
            value_type: Element::Int64,
            lines: None,
            skipped: 0,
        }
    }

    fn words(tensor: &Tensor) -> Vec<&[u8]> {
        tensor
            .strings()
            .unwrap()
            .iter()
            .map(|word| &word[..])
            .collect()
    }

    #[test]
    fn lines_are_keys_and_their_numbers_values() {
        let text = Bytes::from_static(b"red\r\n\ngreen");
        let table = read(&text, &columns(WHOLE_LINE, LINE_NUMBER)).unwrap();
        assert_eq!(words(&table.keys), [&b"red"[..], b"", b"green"]);
        assert_eq!(*table.values.values::<i64>().unwrap(), [0, 1, 2]);
    }

    #[test]
    fn columns_are_picked_and_counted() {
        let text = Bytes::from_static(b"a,7\nb,8\nc,9\n");
        let some = Columns {
            lines: Some(1),
            skipped: 1,
            ..columns(0, 1)
        };
        let table = read(&text, &some).unwrap();
        assert_eq!(words(&table.keys), [b"b"]);
        assert_eq!(*table.values.values::<i64>().unwrap(), [8]);
        let missing = read(&text, &columns(0, 2)).unwrap_err();
        assert!(missing.message().contains("line 1: it has no column 2"));
        let words = read(&text, &columns(1, 0)).unwrap_err();
        assert!(words.message().contains("not a number"), "{words}");
        let short = Columns {
            lines: Some(4),
            ..columns(0, 1)
        };
        assert!(
            read(&text, &short)
                .unwrap_err()
                .message()
                .contains("3 lines")
        );
    }
}
