//! Arrays that NumPy saved: the format of `numpy.save`, versions 1 to 3.
//!
//! Magic, version, the length of a header, the header as a Python dictionary, then the elements.
//! Source: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.

use bytes::Bytes;
use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

const MAGIC: &[u8] = b"\x93NUMPY";

/// What a header says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Header {
    dtype: DataType,
    big_endian: bool,
    fortran: bool,
    shape: Vec<usize>,
}

/// Reads an array.
///
/// # Errors
/// If it is none, holds other than numbers and booleans, or is cut short.
pub(crate) fn read(file: &Bytes) -> Result<Tensor> {
    let (text, data) = split(file)?;
    let header = Header::parse(text)?;
    let size = header.dtype.size().unwrap_or(1);
    let needed = header
        .shape
        .iter()
        .try_fold(size, |bytes, &dim| bytes.checked_mul(dim));
    let found = data.len();
    let needed = needed.filter(|&needed| needed <= found).ok_or_else(|| {
        Error::invalid(format!(
            "the array {:?} is cut short at {found} bytes",
            header.shape
        ))
    })?;
    let mut data = data.slice(..needed);
    if header.big_endian {
        data = data
            .chunks_exact(size)
            .flat_map(|one| one.iter().rev().copied())
            .collect();
    }
    if header.fortran {
        data = row_major(&data, size, &header.shape);
    }
    Tensor::from_bytes(header.dtype, header.shape, data)
}

fn cut() -> Error {
    Error::invalid("expected an array that NumPy saved (.npy), found something else")
}

/// The text of the header, and the elements.
fn split(file: &Bytes) -> Result<(&str, Bytes)> {
    let rest = file.strip_prefix(MAGIC).ok_or_else(cut)?;
    let (length, at) = match rest {
        [1, _, a, b, ..] => (u32::from(u16::from_le_bytes([*a, *b])), 4),
        [2 | 3, _, a, b, c, d, ..] => (u32::from_le_bytes([*a, *b, *c, *d]), 6),
        _ => return Err(cut()),
    };
    let start = MAGIC.len() + at;
    let end = usize::try_from(length)
        .ok()
        .and_then(|length| start.checked_add(length));
    let end = end.filter(|&end| end <= file.len()).ok_or_else(cut)?;
    let text = std::str::from_utf8(&file[start..end]).map_err(|_| cut())?;
    Ok((text, file.slice(end..)))
}

impl Header {
    /// Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`.
    fn parse(text: &str) -> Result<Self> {
        let after = |key: &str| {
            let (_, rest) = text.split_once(&format!("'{key}':"))?;
            Some(rest.trim_start())
        };
        let descr = after("descr").and_then(|rest| rest.strip_prefix('\''));
        let (descr, _) = descr
            .and_then(|rest| rest.split_once('\''))
            .ok_or_else(unreadable)?;
        let (order, kind) = descr.split_at_checked(1).ok_or_else(unreadable)?;
        let shape = after("shape").and_then(|rest| rest.strip_prefix('('));
        let (shape, _) = shape
            .and_then(|rest| rest.split_once(')'))
            .ok_or_else(unreadable)?;
        let sizes = shape
            .split(',')
            .map(str::trim)
            .filter(|size| !size.is_empty());
        Ok(Self {
            dtype: dtype(kind).ok_or_else(|| not_numbers(descr))?,
            big_endian: order == ">",
            fortran: after("fortran_order").is_some_and(|rest| rest.starts_with("True")),
            shape: sizes
                .map(str::parse)
                .collect::<Result<_, _>>()
                .map_err(|_| unreadable())?,
        })
    }
}

fn unreadable() -> Error {
    Error::invalid("expected the header of an array that NumPy saved, found something else")
}

fn not_numbers(descr: &str) -> Error {
    Error::invalid(format!(
        "expected an array of numbers or booleans, found `{descr}`"
    ))
}

fn dtype(kind: &str) -> Option<DataType> {
    Some(match kind {
        "b1" => DataType::Bool,
        "u1" => DataType::Uint8,
        "u2" => DataType::Uint16,
        "u4" => DataType::Uint32,
        "u8" => DataType::Uint64,
        "i1" => DataType::Int8,
        "i2" => DataType::Int16,
        "i4" => DataType::Int32,
        "i8" => DataType::Int64,
        "f2" => DataType::Fp16,
        "f4" => DataType::Fp32,
        "f8" => DataType::Fp64,
        _ => return None,
    })
}

/// Elements whose first index runs fastest, with the last one running fastest.
fn row_major(data: &[u8], size: usize, shape: &[usize]) -> Bytes {
    let mut strides = Vec::with_capacity(shape.len());
    let mut stride = 1;
    for dim in shape {
        strides.push(stride);
        stride *= dim;
    }
    let count = data.len() / size;
    let mut out = Vec::with_capacity(data.len());
    for at in 0..count {
        let mut rest = at;
        let mut from = 0;
        for (dim, stride) in shape.iter().zip(&strides).rev() {
            from += (rest % dim) * stride;
            rest /= dim;
        }
        out.extend_from_slice(&data[from * size..(from + 1) * size]);
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(version: u8, descr: &str, fortran: &str, shape: &str, data: &[u8]) -> Bytes {
        let header =
            format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&[version, 0]);
        match version {
            1 => out.extend_from_slice(&u16::try_from(header.len()).unwrap().to_le_bytes()),
            _ => out.extend_from_slice(&u32::try_from(header.len()).unwrap().to_le_bytes()),
        }
        out.extend_from_slice(header.as_bytes());
        out.extend_from_slice(data);
        out.into()
    }

    #[test]
    fn each_version_is_read() {
        let data: Vec<u8> = [1.5_f32, -2.0]
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect();
        for version in [1, 2, 3] {
            let tensor = read(&file(version, "<f4", "False", "(2, 1)", &data)).unwrap();
            assert_eq!(
                (tensor.dtype(), tensor.shape()),
                (DataType::Fp32, &[2, 1][..])
            );
            assert_eq!(tensor.to_f64().unwrap(), [1.5, -2.0]);
        }
    }

    #[test]
    fn the_order_of_bytes_and_of_indices_is_followed() {
        let big: Vec<u8> = [258_i16, -1].iter().flat_map(|v| v.to_be_bytes()).collect();
        let tensor = read(&file(1, ">i2", "False", "(2,)", &big)).unwrap();
        assert_eq!(tensor.to_vec::<i16>().unwrap(), [258, -1]);
        // Columns [1, 4], [2, 5], [3, 6] of a 2 by 3 array.
        let tensor = read(&file(1, "|u1", "True", "(2, 3)", &[1, 4, 2, 5, 3, 6])).unwrap();
        assert_eq!(tensor.to_vec::<u8>().unwrap(), [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn a_scalar_has_no_dimensions() {
        let tensor = read(&file(1, "|b1", "False", "()", &[1])).unwrap();
        assert_eq!((tensor.dtype(), tensor.shape()), (DataType::Bool, &[][..]));
    }

    #[test]
    fn what_is_no_array_of_numbers_is_refused() {
        for (file, word) in [
            (Bytes::from_static(b"PK"), "something else"),
            (
                Bytes::from_static(b"\x93NUMPY\x01\x00\xff\xff"),
                "something else",
            ),
            (file(9, "<f4", "False", "()", &[]), "something else"),
            (file(1, "<U4", "False", "(1,)", &[0; 16]), "found `<U4`"),
            (file(1, "|O", "False", "(1,)", &[0; 16]), "found `|O`"),
            (
                file(1, "<f4", "False", "(2,)", &[0; 7]),
                "cut short at 7 bytes",
            ),
            (
                file(1, "<f4", "False", "(99999999999, 99999999999)", &[]),
                "cut short",
            ),
            (file(1, "<f4", "False", "(a,)", &[]), "the header"),
        ] {
            let error = read(&file).unwrap_err();
            assert!(error.message().contains(word), "{error}");
        }
    }

    #[test]
    fn no_prefix_of_a_file_panics() {
        let whole = file(1, "<f4", "True", "(2, 2)", &[0; 16]);
        for end in 0..whole.len() {
            assert!(read(&whole.slice(..end)).is_err(), "{end}");
        }
        assert!(read(&whole).is_ok());
    }
}
