//! From any element type to any other, as `Cast` does it: numbers are rounded or cut, never
//! refused; texts are read and written.

use bytes::Bytes;
use half::{bf16, f16};
use hari_core::{DataType, Element, Tensor};
use hari_error::{Error, Result};

/// The elements in another type. Floats are cut towards zero to integers and held at the limits;
/// integers keep their low bits; everything but zero is true.
///
/// # Errors
/// `InvalidInput` if a text is not a number.
pub(crate) fn convert(tensor: &Tensor, to: DataType) -> Result<Tensor> {
    let from = tensor.dtype();
    if from == to {
        return Ok(tensor.clone());
    }
    if from == DataType::Bytes {
        return parsed(tensor, to);
    }
    if to == DataType::Bytes {
        return written(tensor);
    }
    if from.is_float() {
        let values = tensor.to_f64()?;
        return of_doubles(tensor.shape(), to, values);
    }
    let values = whole(tensor)?;
    of_integers(tensor.shape(), to, &values)
}

/// Integers or booleans, every one of them exactly.
fn whole(tensor: &Tensor) -> Result<Vec<i128>> {
    fn wide<T: Element + Into<i128>>(tensor: &Tensor) -> Result<Vec<i128>> {
        Ok(tensor.values::<T>()?.iter().map(|&v| v.into()).collect())
    }
    match tensor.dtype() {
        DataType::Bool | DataType::Uint8 => wide::<u8>(tensor),
        DataType::Uint16 => wide::<u16>(tensor),
        DataType::Uint32 => wide::<u32>(tensor),
        DataType::Uint64 => wide::<u64>(tensor),
        DataType::Int8 => wide::<i8>(tensor),
        DataType::Int16 => wide::<i16>(tensor),
        DataType::Int32 => wide::<i32>(tensor),
        DataType::Int64 => wide::<i64>(tensor),
        other => Err(crate::number::unfit(other)),
    }
}

fn of_integers(shape: &[usize], to: DataType, values: &[i128]) -> Result<Tensor> {
    fn cut<T: Element>(shape: &[usize], values: &[i128], one: fn(i128) -> T) -> Result<Tensor> {
        Tensor::from_vec(shape, values.iter().map(|&v| one(v)).collect())
    }
    match to {
        DataType::Bool => {
            Tensor::from_bools(shape, &values.iter().map(|&v| v != 0).collect::<Vec<_>>())
        }
        DataType::Uint8 => cut(shape, values, |v| v as u8),
        DataType::Uint16 => cut(shape, values, |v| v as u16),
        DataType::Uint32 => cut(shape, values, |v| v as u32),
        DataType::Uint64 => cut(shape, values, |v| v as u64),
        DataType::Int8 => cut(shape, values, |v| v as i8),
        DataType::Int16 => cut(shape, values, |v| v as i16),
        DataType::Int32 => cut(shape, values, |v| v as i32),
        DataType::Int64 => cut(shape, values, |v| v as i64),
        DataType::Fp32 => cut(shape, values, |v| v as f32),
        DataType::Fp64 => cut(shape, values, |v| v as f64),
        DataType::Fp16 => cut(shape, values, |v| f16::from_f64(v as f64)),
        DataType::Bf16 => cut(shape, values, |v| bf16::from_f64(v as f64)),
        DataType::Bytes => Err(crate::number::unfit(to)),
    }
}

/// A tensor of `to` with the nearest values; towards zero for integers.
pub(crate) fn of_doubles(shape: &[usize], to: DataType, values: Vec<f64>) -> Result<Tensor> {
    fn cut<T: Element>(shape: &[usize], values: &[f64], one: fn(f64) -> T) -> Result<Tensor> {
        Tensor::from_vec(shape, values.iter().map(|&v| one(v)).collect())
    }
    match to {
        DataType::Bool => {
            Tensor::from_bools(shape, &values.iter().map(|&v| v != 0.0).collect::<Vec<_>>())
        }
        DataType::Uint8 => cut(shape, &values, |v| v as u8),
        DataType::Uint16 => cut(shape, &values, |v| v as u16),
        DataType::Uint32 => cut(shape, &values, |v| v as u32),
        DataType::Uint64 => cut(shape, &values, |v| v as u64),
        DataType::Int8 => cut(shape, &values, |v| v as i8),
        DataType::Int16 => cut(shape, &values, |v| v as i16),
        DataType::Int32 => cut(shape, &values, |v| v as i32),
        DataType::Int64 => cut(shape, &values, |v| v as i64),
        DataType::Fp32 => cut(shape, &values, |v| v as f32),
        DataType::Fp64 => Tensor::from_vec(shape, values),
        DataType::Fp16 => cut(shape, &values, f16::from_f64),
        DataType::Bf16 => cut(shape, &values, bf16::from_f64),
        DataType::Bytes => Err(crate::number::unfit(to)),
    }
}

/// Texts as numbers: plain or with an exponent, `INF`, `-inf`, `NaN`.
fn parsed(tensor: &Tensor, to: DataType) -> Result<Tensor> {
    let texts = tensor.strings()?.iter().map(text);
    if to.is_float() {
        let values: Result<Vec<f64>> = texts.map(|text| number(text?, to)).collect();
        return of_doubles(tensor.shape(), to, values?);
    }
    let values: Result<Vec<i128>> = texts.map(|text| integer(text?, to)).collect();
    of_integers(tensor.shape(), to, &values?)
}

fn text(bytes: &Bytes) -> Result<&str> {
    std::str::from_utf8(bytes)
        .map(str::trim)
        .map_err(|_| Error::invalid("a text that should be a number is not UTF-8"))
}

fn number<T: std::str::FromStr>(text: &str, to: DataType) -> Result<T> {
    text.parse()
        .map_err(|_| Error::invalid(format!("`{text}` is not a number of type {to}")))
}

fn integer(text: &str, to: DataType) -> Result<i128> {
    match (to, text.to_ascii_lowercase().as_str()) {
        (DataType::Bool, "true") => Ok(1),
        (DataType::Bool, "false") => Ok(0),
        _ => number(text, to),
    }
}

fn written(tensor: &Tensor) -> Result<Tensor> {
    let texts: Vec<String> = match tensor.dtype() {
        DataType::Fp64 => tensor
            .values::<f64>()?
            .iter()
            .map(|&v| decimal(v, v))
            .collect(),
        DataType::Bool => {
            let names = |&v: &u8| if v == 0 { "False" } else { "True" }.to_owned();
            tensor.values::<u8>()?.iter().map(names).collect()
        }
        dtype if dtype.is_float() => {
            let values = tensor.to_f64()?;
            values.iter().map(|&v| shortest(v, dtype)).collect()
        }
        _ => whole(tensor)?.iter().map(ToString::to_string).collect(),
    };
    let texts = texts.into_iter().map(Bytes::from).collect();
    Tensor::from_strings(tensor.shape(), texts)
}

/// A number of a narrow type with no more digits than tell it from its neighbours.
fn shortest(value: f64, dtype: DataType) -> String {
    if dtype == DataType::Fp32 {
        return decimal(value as f32, value);
    }
    let digits = (1..).find(|&digits| {
        let read = format!("{value:.digits$e}").parse().unwrap_or(value);
        digits > 8
            || match dtype {
                DataType::Fp16 => f16::from_f64(read).to_f64() == value,
                _ => bf16::from_f64(read).to_f64() == value,
            }
    });
    let digits = digits.unwrap_or(8);
    let rounded = format!("{value:.digits$e}").parse().unwrap_or(value);
    decimal(rounded, value)
}

/// As NumPy writes it: with an exponent below 1e-4 and from 1e16 on.
fn decimal<T: std::fmt::Display + std::fmt::LowerExp>(shown: T, value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "INF" } else { "-INF" }.to_owned();
    }
    if value != 0.0 && !(1e-4..1e16).contains(&value.abs()) {
        let text = format!("{shown:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let exponent: i32 = exponent.parse().unwrap_or_default();
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    let text = shown.to_string();
    if text.contains('.') {
        text
    } else {
        text + ".0"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(tensor: &Tensor) -> Vec<String> {
        let texts = convert(tensor, DataType::Bytes).unwrap();
        let read = |text: &Bytes| String::from_utf8(text.to_vec()).unwrap();
        texts.strings().unwrap().iter().map(read).collect()
    }

    #[test]
    fn floats_are_held_at_the_limits_of_integers() {
        let floats = Tensor::from_vec([4], vec![-1.9_f32, 300.0, f32::NAN, 2.5]).unwrap();
        let bytes = convert(&floats, DataType::Uint8).unwrap();
        assert_eq!(bytes.to_vec::<u8>().unwrap(), [0, 255, 0, 2]);
        let bools = convert(&floats, DataType::Bool).unwrap();
        assert_eq!(bools.to_vec::<u8>().unwrap(), [1, 1, 1, 1]);
    }

    #[test]
    fn integers_keep_their_low_bits() {
        let wide = Tensor::from_vec([2], vec![-1_i64, 0x1_0000_0005]).unwrap();
        let narrow = convert(&wide, DataType::Uint32).unwrap();
        assert_eq!(narrow.to_vec::<u32>().unwrap(), [u32::MAX, 5]);
        let back = convert(&narrow, DataType::Int64).unwrap();
        assert_eq!(back.to_vec::<i64>().unwrap(), [i64::from(u32::MAX), 5]);
    }

    #[test]
    fn numbers_are_written_as_numpy_writes_them() {
        let values = vec![1.0_f32, 0.42, 1e-7, 1e16, f32::INFINITY, f32::NAN, -0.5];
        let tensor = Tensor::from_vec([7], values).unwrap();
        assert_eq!(
            texts(&tensor),
            ["1.0", "0.42", "1e-07", "1e+16", "INF", "NaN", "-0.5"]
        );
        let halves = Tensor::from_vec([1], vec![f16::from_f32(0.1)]).unwrap();
        assert_eq!(texts(&halves), ["0.1"]);
        let bools = Tensor::from_bools([2], &[true, false]).unwrap();
        assert_eq!(texts(&bools), ["True", "False"]);
    }

    #[test]
    fn texts_are_read_or_refused() {
        let list = |texts: &[&'static str]| {
            let texts: Vec<_> = texts.iter().map(|&text| Bytes::from(text)).collect();
            Tensor::from_strings([texts.len()], texts).unwrap()
        };
        let read = convert(&list(&["1e3", "-INF", " 2.5"]), DataType::Fp64).unwrap();
        assert_eq!(
            read.to_vec::<f64>().unwrap(),
            [1000.0, f64::NEG_INFINITY, 2.5]
        );
        let large = convert(&list(&["9223372036854775807"]), DataType::Int64).unwrap();
        assert_eq!(large.to_vec::<i64>().unwrap(), [i64::MAX]);
        let error = convert(&list(&["one"]), DataType::Int32).unwrap_err();
        assert_eq!(error.message(), "`one` is not a number of type INT32");
    }
}
