//! Tensors, numbers and strings straight into JSON text.
//!
//! Floats are written in the shortest form that reads back as the same value of their type, and a
//! whole float keeps its `.0`, so that the reader can tell it from an integer.

mod cells;

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use half::{bf16, f16};
use hari_core::{DataType, Element, Tensor, is_missing_text};
use hari_error::{Error, Result};
use serde::Serialize;
use serde_json::ser::Formatter;

use super::nest::writable;
pub use cells::mixed;

/// Which characters of strings are written as escapes beyond those that JSON demands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Escape {
    /// No others.
    #[default]
    Plain,
    /// `<`, `>`, `&`, U+2028 and U+2029 too, so that the text is harmless within HTML and scripts.
    Html,
}

/// How the elements of a `BYTES` tensor are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ByteStrings {
    /// As strings; an element that is not UTF-8 is refused.
    #[default]
    Text,
    /// As `{"b64": "..."}`.
    Base64,
    /// As strings where they are UTF-8, else as `{"b64": "..."}`.
    TextOrBase64,
}

/// How elements are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Escapes in strings.
    pub escape: Escape,
    /// Byte strings.
    pub bytes: ByteStrings,
}

/// Writes a tensor as nested lists; a scalar as a single value.
///
/// # Errors
/// `Model` if a byte string is not UTF-8 and has to be written as text; `TooLarge` for a tensor
/// that is nothing but tens of thousands of empty lists.
pub fn nested(out: &mut Vec<u8>, tensor: &Tensor, style: Style) -> Result<()> {
    writable(tensor.shape())?;
    elements(out, tensor, style, tensor.shape())
}

/// Writes the elements of a tensor as one flat list, whatever the shape.
///
/// # Errors
/// `Model` if a byte string is not UTF-8 and has to be written as text.
pub fn flat(out: &mut Vec<u8>, tensor: &Tensor, style: Style) -> Result<()> {
    elements(out, tensor, style, &[tensor.len()])
}

fn elements(out: &mut Vec<u8>, tensor: &Tensor, style: Style, shape: &[usize]) -> Result<()> {
    match tensor.dtype() {
        DataType::Bool => fixed(out, tensor, shape, |out, v: u8| boolean(out, v != 0)),
        DataType::Uint8 => fixed(out, tensor, shape, integer::<u8>),
        DataType::Uint16 => fixed(out, tensor, shape, integer::<u16>),
        DataType::Uint32 => fixed(out, tensor, shape, integer::<u32>),
        DataType::Uint64 => fixed(out, tensor, shape, integer::<u64>),
        DataType::Int8 => fixed(out, tensor, shape, integer::<i8>),
        DataType::Int16 => fixed(out, tensor, shape, integer::<i16>),
        DataType::Int32 => fixed(out, tensor, shape, integer::<i32>),
        DataType::Int64 => fixed(out, tensor, shape, integer::<i64>),
        DataType::Fp16 => fixed(out, tensor, shape, |out, v: f16| float(out, v.to_f32())),
        DataType::Bf16 => fixed(out, tensor, shape, |out, v: bf16| float(out, v.to_f32())),
        DataType::Fp32 => fixed(out, tensor, shape, float::<f32>),
        DataType::Fp64 => fixed(out, tensor, shape, float::<f64>),
        DataType::Bytes => {
            let element = |out: &mut Vec<u8>, bytes: &Bytes| match is_missing_text(bytes) {
                true => {
                    out.extend_from_slice(b"null");
                    Ok(())
                }
                false => byte_string(out, bytes, style),
            };
            lists(out, shape, tensor.strings()?, &element)
        }
    }
}

fn fixed<T: Element>(
    out: &mut Vec<u8>,
    tensor: &Tensor,
    shape: &[usize],
    element: impl Fn(&mut Vec<u8>, T),
) -> Result<()> {
    let values = tensor.values::<T>()?;
    out.reserve(values.len().saturating_mul(size_of::<T>() + 2));
    let element = |out: &mut Vec<u8>, value: &T| {
        element(out, *value);
        Ok(())
    };
    lists(out, shape, &values, &element)
}

/// Writes `values` in lists of `shape`.
fn lists<T>(
    out: &mut Vec<u8>,
    shape: &[usize],
    values: &[T],
    element: &impl Fn(&mut Vec<u8>, &T) -> Result<()>,
) -> Result<()> {
    let Some((&length, inner)) = shape.split_first() else {
        return values.first().map_or(Ok(()), |value| element(out, value));
    };
    // Only a list of none can have elements that are too large to count.
    let size = inner
        .iter()
        .fold(1, |size: usize, &dim| size.saturating_mul(dim));
    out.push(b'[');
    for index in 0..length {
        if index > 0 {
            out.push(b',');
        }
        let row = values
            .get(index * size..index * size + size)
            .unwrap_or_default();
        match row {
            [value] if inner.is_empty() => element(out, value)?,
            _ => lists(out, inner, row, element)?,
        }
    }
    out.push(b']');
    Ok(())
}

/// Writes `true` or `false`.
pub fn boolean(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

/// Writes an integer of any type.
pub fn integer<I: itoa::Integer>(out: &mut Vec<u8>, value: I) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Writes a single or double in its shortest form; what is no number as `NaN`, `Infinity` or
/// `-Infinity`.
pub fn float<F: zmij::Float + Into<f64> + Copy>(out: &mut Vec<u8>, value: F) {
    let wide: f64 = value.into();
    if wide.is_finite() {
        out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
    } else if wide.is_nan() {
        out.extend_from_slice(b"NaN");
    } else {
        out.extend_from_slice(if wide > 0.0 {
            b"Infinity"
        } else {
            b"-Infinity"
        });
    }
}

/// Writes bytes as a string or as an object of base64.
///
/// # Errors
/// `Model` if they are not UTF-8 and have to be written as text.
pub fn byte_string(out: &mut Vec<u8>, bytes: &[u8], style: Style) -> Result<()> {
    match (style.bytes, std::str::from_utf8(bytes)) {
        (ByteStrings::Text | ByteStrings::TextOrBase64, Ok(text)) => {
            string(out, text, style.escape);
            Ok(())
        }
        (ByteStrings::Text, Err(_)) => Err(Error::model(
            "the model answered bytes that are not UTF-8, which a JSON string cannot hold",
        )),
        (ByteStrings::Base64 | ByteStrings::TextOrBase64, _) => {
            out.extend_from_slice(b"{\"b64\":");
            base64(out, bytes);
            out.push(b'}');
            Ok(())
        }
    }
}

/// Writes bytes as a string of base64.
pub fn base64(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    if let Some(space) = out.get_mut(start..) {
        let written = STANDARD.encode_slice(bytes, space).unwrap_or_default();
        out.truncate(start + written);
    }
    out.push(b'"');
}

/// Writes a string in quotes.
pub fn string(out: &mut Vec<u8>, text: &str, escape: Escape) {
    if text.bytes().all(is_plain) {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
        return;
    }
    // Neither writing to a vector nor a string can fail.
    _ = serialize(out, text, escape);
}

/// Whether a byte stands for itself under either [`Escape`].
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'&')
}

/// Writes anything that serde can.
///
/// # Errors
/// `Internal` if the type has no JSON form, a map with keys that are no strings say.
pub fn serialize<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    value: &T,
    escape: Escape,
) -> Result<()> {
    let done = match escape {
        Escape::Plain => value.serialize(&mut serde_json::Serializer::new(out)),
        Escape::Html => value.serialize(&mut serde_json::Serializer::with_formatter(
            out,
            HtmlFormatter,
        )),
    };
    done.map_err(|error| Error::internal("a value has no JSON form").with_source(error))
}

struct HtmlFormatter;

impl Formatter for HtmlFormatter {
    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            let (plain, special) = rest.split_at(at);
            let mut chars = special.chars();
            let code = chars.next().map_or(0, u32::from);
            write!(writer, "{plain}\\u{code:04x}")?;
            rest = chars.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests;
