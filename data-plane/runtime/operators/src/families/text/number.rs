//! `StringToNumber` and `DecodeRaw`: numbers from strings.

use bytes::Bytes;
use hari_core::{DataType, Element, Tensor};
use hari_error::{Error, Result};

use super::case::is_space;
use crate::compile::Node;
use crate::constant::data_type;
use crate::families::kernel::{Elements, Kernel, operator};
use crate::{Inputs, Operator};

/// The attribute `to`.
fn target(node: &Node<'_>, default: i64) -> Result<DataType> {
    let to = node.attributes.int_or("to", default)?;
    let found = i32::try_from(to).ok().and_then(data_type);
    found.ok_or_else(|| Error::model(format!("attribute `to`: {to} is no element type")))
}

struct Parse {
    to: DataType,
}

pub(super) fn string_to_number(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let to = target(node, 1)?;
    if !matches!(
        to,
        DataType::Fp32
            | DataType::Fp64
            | DataType::Int32
            | DataType::Int64
            | DataType::Uint32
            | DataType::Uint64
    ) {
        return Err(Error::model(format!("strings do not become {to}")));
    }
    operator(Parse { to })
}

impl Kernel for Parse {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        inputs.one_of(0, &[DataType::Bytes])?;
        Ok(vec![Some(self.to)])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let x = inputs.tensor(0)?;
        Ok(vec![match self.to {
            DataType::Fp32 => parsed::<f32>(x, float)?,
            DataType::Fp64 => parsed::<f64>(x, float)?,
            DataType::Int32 => parsed::<i32>(x, whole)?,
            DataType::Int64 => parsed::<i64>(x, whole)?,
            DataType::Uint32 => parsed::<u32>(x, whole)?,
            _ => parsed::<u64>(x, whole)?,
        }])
    }
}

fn parsed<T: Element>(x: &Tensor, one: impl Fn(&str) -> Option<T>) -> Result<Tensor> {
    let values = x.strings()?.iter().map(|text| {
        let plain = std::str::from_utf8(text).ok();
        let plain =
            plain.map(|plain| plain.trim_matches(|c: char| c.is_ascii() && is_space(c as u8)));
        plain.and_then(&one).ok_or_else(|| {
            Error::invalid(format!(
                "`{}` is not a number of {}",
                text.escape_ascii(),
                T::DTYPE
            ))
        })
    });
    Tensor::from_vec(x.shape().to_vec(), values.collect::<Result<_>>()?)
}

fn whole<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

/// Decimal, with `inf` and `nan`, or hexadecimal behind `0x`.
fn float<T: std::str::FromStr + FromDouble>(text: &str) -> Option<T> {
    let (sign, plain) = match text.as_bytes().first()? {
        b'-' => (-1.0, text.get(1..)?),
        b'+' => (1.0, text.get(1..)?),
        _ => (1.0, text),
    };
    match plain.strip_prefix("0x").or(plain.strip_prefix("0X")) {
        Some(digits) => Some(T::from_double(sign * hexadecimal(digits)?)),
        None if plain.starts_with(['+', '-']) => None,
        None => text.parse().ok(),
    }
}

/// A number that is made of a double.
trait FromDouble {
    fn from_double(value: f64) -> Self;
}

impl FromDouble for f32 {
    fn from_double(value: f64) -> Self {
        value as Self
    }
}

impl FromDouble for f64 {
    fn from_double(value: f64) -> Self {
        value
    }
}

/// Hexadecimal digits with a point and a power of two behind `p`.
fn hexadecimal(digits: &str) -> Option<f64> {
    let (digits, power) = digits.split_once(['p', 'P']).unwrap_or((digits, "0"));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && part.is_empty() {
        return None;
    }
    let mut value = 0.0;
    for digit in whole.chars().chain(part.chars()) {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let power: i32 = power.parse().ok()?;
    let shift = i32::try_from(part.len()).ok()?.checked_mul(4)?;
    Some(value * 2.0_f64.powi(power.checked_sub(shift)?))
}

struct Raw {
    to: DataType,
    swap: bool,
}

pub(super) fn decode_raw(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let to = target(node, 0)?;
    if to.size().is_none() {
        return Err(Error::model("attribute `to`: BYTES have no fixed size"));
    }
    let swap = !node.attributes.flag("little_endian", true)?;
    operator(Raw { to, swap })
}

impl Kernel for Raw {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        inputs.one_of(0, &[DataType::Bytes])?;
        Ok(vec![Some(self.to)])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let x = inputs.tensor(0)?;
        let texts = x.strings()?;
        let (length, size) = (
            texts.first().map_or(0, Bytes::len),
            self.to.size().unwrap_or(1),
        );
        if texts.iter().any(|text| text.len() != length) || length % size != 0 {
            return Err(Error::invalid(format!(
                "expected strings of one length that {size} divides"
            )));
        }
        let mut bytes = texts.concat();
        if self.swap {
            bytes.chunks_mut(size).for_each(<[u8]>::reverse);
        }
        let mut shape = x.shape().to_vec();
        shape.push(length / size);
        Ok(vec![Tensor::from_bytes(self.to, shape, bytes)?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What TensorFlow 2.21 takes and what it refuses.
    #[test]
    fn numbers_are_read_as_by_tensorflow() {
        let taken = [
            ("1.5", 1.5),
            ("0x10", 16.0),
            ("inf", f64::INFINITY),
            ("-Inf", f64::NEG_INFINITY),
            ("infinity", f64::INFINITY),
            ("+3", 3.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("1e400", f64::INFINITY),
            ("0x1.8p1", 3.0),
        ];
        for (text, value) in taken {
            assert_eq!(float::<f64>(text), Some(value), "{text}");
        }
        assert!(float::<f64>("nan").is_some_and(f64::is_nan));
        for text in ["", "abc", "1_0", "1.5f", "1e", "+-3", "0x", "+"] {
            assert_eq!(float::<f64>(text), None, "{text}");
        }
        assert_eq!(whole::<i32>("-5"), Some(-5));
        assert_eq!(whole::<i32>("+3"), Some(3));
        for text in ["0x10", "99999999999", "", "1.0"] {
            assert_eq!(whole::<i32>(text), None, "{text}");
        }
        assert_eq!(whole::<u32>("-5"), None);
    }

    #[test]
    fn white_space_around_numbers_is_left_out() {
        let texts = Tensor::from_strings([2], vec![" 2 ".into(), "\t7\n".into()]).unwrap();
        let read = parsed::<i64>(&texts, whole).unwrap();
        assert_eq!(read.to_vec::<i64>().unwrap(), [2, 7]);
    }
}
