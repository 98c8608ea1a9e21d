//! Splitting: ONNX's `StringSplit` into padded rows, TensorFlow's into ragged ones.

use bytes::Bytes;
use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use super::case::is_space;
use crate::compile::Node;
use crate::families::kernel::{Elements, Kernel, operator};
use crate::{Inputs, Operator, size};

/// Pieces of `text` between separators, `most` times split at most.
fn by_separator(text: &Bytes, separator: &[u8], most: usize) -> Vec<Bytes> {
    let (mut pieces, mut from) = (Vec::new(), 0);
    while pieces.len() < most {
        let rest = text.get(from..).unwrap_or(&[]);
        let Some(at) = rest
            .windows(separator.len())
            .position(|part| part == separator)
        else {
            break;
        };
        pieces.push(text.slice(from..from + at));
        from += at + separator.len();
    }
    pieces.push(text.slice(from..));
    pieces
}

/// Words of `text`; what is left after `most` of them is one more, without the space before it.
fn by_space(text: &Bytes, most: usize) -> (Vec<Bytes>, Bytes) {
    let (mut words, mut from) = (Vec::new(), 0);
    loop {
        let rest = text.get(from..).unwrap_or(&[]);
        from += rest.iter().take_while(|&&byte| is_space(byte)).count();
        let rest = text.get(from..).unwrap_or(&[]);
        if rest.is_empty() || words.len() == most {
            return (words, text.slice(from..));
        }
        let length = rest.iter().take_while(|&&byte| !is_space(byte)).count();
        words.push(text.slice(from..from + length));
        from += length;
    }
}

/// As many splits as an attribute allows; negative for all.
fn limit(most: i64) -> usize {
    usize::try_from(most).unwrap_or(usize::MAX)
}

struct Padded {
    delimiter: Bytes,
    most: usize,
}

pub(super) fn padded(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let delimiter = node.attributes.text("delimiter")?.unwrap_or("");
    operator(Padded {
        delimiter: Bytes::copy_from_slice(delimiter.as_bytes()),
        most: limit(node.attributes.int_or("maxsplit", -1)?),
    })
}

impl Padded {
    fn split(&self, text: &Bytes) -> Vec<Bytes> {
        if !self.delimiter.is_empty() {
            return match text.is_empty() {
                true => Vec::new(),
                false => by_separator(text, &self.delimiter, self.most),
            };
        }
        let (mut words, rest) = by_space(text, self.most);
        if !rest.is_empty() {
            words.push(rest);
        }
        words
    }
}

impl Kernel for Padded {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        inputs.one_of(0, &[DataType::Bytes])?;
        Ok(vec![Some(DataType::Bytes), Some(DataType::Int64)])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let x = inputs.tensor(0)?;
        let rows: Vec<_> = x.strings()?.iter().map(|text| self.split(text)).collect();
        let counts: Vec<i64> = rows.iter().map(|row| row.len() as i64).collect();
        let width = rows.iter().map(Vec::len).max().unwrap_or(0);
        let mut shape = x.shape().to_vec();
        shape.push(width);
        let mut made = Vec::with_capacity(size::count(&shape, DataType::Bytes)?);
        for mut row in rows {
            row.resize(width, Bytes::new());
            made.extend(row);
        }
        Ok(vec![
            Tensor::from_strings(shape, made)?,
            Tensor::from_vec(x.shape().to_vec(), counts)?,
        ])
    }
}

/// Where the pieces of every text stand, the pieces, and the shape that holds them all.
fn ragged(rows: Vec<Vec<Bytes>>) -> Result<Vec<Tensor>> {
    let (mut places, mut pieces) = (Vec::new(), Vec::new());
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    let count = rows.len();
    for (row, found) in rows.into_iter().enumerate() {
        for (column, piece) in found.into_iter().enumerate() {
            places.extend([row as i64, column as i64]);
            pieces.push(piece);
        }
    }
    Ok(vec![
        Tensor::from_vec([pieces.len(), 2], places)?,
        Tensor::from_strings([pieces.len()], pieces)?,
        Tensor::from_vec([2], vec![count as i64, width as i64])?,
    ])
}

const RAGGED: [Option<DataType>; 3] = [
    Some(DataType::Int64),
    Some(DataType::Bytes),
    Some(DataType::Int64),
];

/// TensorFlow's `StringSplitV2`.
struct Separated {
    most: i64,
}

pub(super) fn separated(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let most = node.attributes.int_or("maxsplit", -1)?;
    operator(Separated { most })
}

impl Separated {
    fn split(&self, text: &Bytes, separator: &[u8]) -> Vec<Bytes> {
        match (separator.is_empty(), self.most) {
            (_, 0) => vec![text.clone()],
            (false, most) => by_separator(text, separator, limit(most)),
            (true, most) => {
                let (mut words, rest) = by_space(text, limit(most));
                // What is left is a piece, if empty too.
                if words.len() == limit(most) {
                    words.push(rest);
                }
                words
            }
        }
    }
}

impl Kernel for Separated {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        inputs.one_of(0, &[DataType::Bytes])?;
        inputs.one_of(1, &[DataType::Bytes])?;
        Ok(RAGGED.to_vec())
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let [separator] = inputs.tensor(1)?.strings()? else {
            return Err(Error::invalid("input 1: expected one separator"));
        };
        let texts = inputs.tensor(0)?.strings()?.iter();
        ragged(texts.map(|text| self.split(text, separator)).collect())
    }
}

/// TensorFlow's first `StringSplit`: every byte of the delimiters is one; without them, every byte
/// is a piece.
struct ByBytes {
    skip_empty: bool,
}

pub(super) fn by_bytes(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let skip_empty = node.attributes.flag("skip_empty", true)?;
    operator(ByBytes { skip_empty })
}

impl ByBytes {
    fn split(&self, text: &Bytes, delimiters: &[u8]) -> Vec<Bytes> {
        if text.is_empty() {
            return Vec::new();
        }
        if delimiters.is_empty() {
            return (0..text.len()).map(|at| text.slice(at..=at)).collect();
        }
        let pieces = text.split(|byte| delimiters.contains(byte));
        let pieces = pieces.filter(|piece| !self.skip_empty || !piece.is_empty());
        pieces.map(|piece| text.slice_ref(piece)).collect()
    }
}

impl Kernel for ByBytes {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        inputs.one_of(0, &[DataType::Bytes])?;
        inputs.one_of(1, &[DataType::Bytes])?;
        Ok(RAGGED.to_vec())
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let [delimiters] = inputs.tensor(1)?.strings()? else {
            return Err(Error::invalid("input 1: expected one string of delimiters"));
        };
        let texts = inputs.tensor(0)?.strings()?.iter();
        ragged(texts.map(|text| self.split(text, delimiters)).collect())
    }
}
