//! Where the elements of an array go while it is read: typed vectors, one per kind of array.

use bytes::Bytes;
use half::{bf16, f16};
use hari_core::{Cells, DataType, Element, Tensor};
use hari_error::{Error, Result};

mod mixed;

pub(super) use mixed::{Mixed, Nullable};

use super::Number;
use crate::tensorflow::base64;

/// Why an element was not taken.
pub(super) enum Refusal {
    /// Elements that are not alike, numbers beside strings or `null`: the array has to be read
    /// again, by a sink that takes them.
    Mixed,
    /// The element, in words.
    Element(String),
    /// More elements than the limit allows.
    TooLarge,
    /// The text itself.
    Error(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

pub(super) type Taken = Result<(), Refusal>;

/// Takes the elements of an array one by one.
pub(super) trait Sink {
    fn number(&mut self, number: &Number<'_>) -> Taken;
    fn string(&mut self, text: &str) -> Taken;
    fn boolean(&mut self, value: bool) -> Taken;
    /// Base64 text of bytes.
    fn base64(&mut self, text: &str) -> Taken;
    /// `null`.
    fn missing(&mut self) -> Taken {
        Err(Refusal::Mixed)
    }
    /// The tensor of all elements taken, with the cells if they are not alike.
    fn finish(self, shape: Vec<usize>) -> Result<(Tensor, Cells)>;
}

/// Adds one element, unless that is more than `limit` bytes.
#[inline]
fn push<T>(values: &mut Vec<T>, value: T, limit: usize) -> Taken {
    if values.len() >= limit / size_of::<T>() {
        return Err(Refusal::TooLarge);
    }
    values.push(value);
    Ok(())
}

fn refuse(expected: &str, found: &str) -> Taken {
    Err(Refusal::Element(format!(
        "expected {expected}, found {found}"
    )))
}

/// What does not fit, cut to a length that can be read.
fn misfit(text: &str, dtype: DataType) -> Refusal {
    let shown: String = text.chars().take(32).collect();
    let more = if shown.len() < text.len() { "..." } else { "" };
    Refusal::Element(format!("{shown}{more} does not fit {dtype}"))
}

/// Strings, kept in one piece.
#[derive(Default)]
pub(super) struct Strings {
    joined: Vec<u8>,
    ends: Vec<usize>,
    limit: usize,
}

impl Strings {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    fn end(&mut self) -> Taken {
        self.ends.push(self.joined.len());
        let size = self.joined.len() + self.ends.len() * size_of::<Bytes>();
        if size > self.limit {
            Err(Refusal::TooLarge)
        } else {
            Ok(())
        }
    }

    fn push(&mut self, text: &str) -> Taken {
        self.push_bytes(text.as_bytes())
    }

    fn push_bytes(&mut self, bytes: &[u8]) -> Taken {
        self.joined.extend_from_slice(bytes);
        self.end()
    }

    fn tensor(self, shape: Vec<usize>) -> Result<Tensor> {
        Tensor::from_strings(shape, self.all())
    }

    /// All of them, sharing one piece.
    fn all(self) -> Vec<Bytes> {
        let joined = Bytes::from(self.joined);
        let starts = std::iter::once(&0).chain(&self.ends);
        let strings = starts
            .zip(&self.ends)
            .map(|(&start, &end)| joined.slice(start..end));
        strings.collect()
    }
}

impl Sink for Strings {
    fn number(&mut self, _: &Number<'_>) -> Taken {
        refuse("a string", "a number")
    }

    fn string(&mut self, text: &str) -> Taken {
        self.push(text)
    }

    fn boolean(&mut self, _: bool) -> Taken {
        refuse("a string", "a boolean")
    }

    fn base64(&mut self, text: &str) -> Taken {
        let bytes = base64::decode(text);
        let bytes = bytes.ok_or_else(|| Refusal::Element("expected base64".to_owned()))?;
        self.push_bytes(&bytes)
    }

    fn finish(self, shape: Vec<usize>) -> Result<(Tensor, Cells)> {
        Ok((self.tensor(shape)?, None))
    }
}

/// Elements whose type follows from what they are.
pub(super) struct Inferred {
    values: Values,
    limit: usize,
}

enum Values {
    None,
    Bools(Vec<u8>),
    Ints(Vec<i64>),
    Uints(Vec<u64>),
    Floats(Vec<f64>),
    Strings(Strings),
}

impl Inferred {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            values: Values::None,
            limit,
        }
    }

    /// Makes room for a number that the present type does not hold.
    fn widen(&mut self, number: &Number<'_>) -> Taken {
        let unsigned = number.to_u64().is_some();
        self.values = match std::mem::replace(&mut self.values, Values::None) {
            Values::None => Values::Ints(Vec::new()),
            Values::Bools(bools) => Values::Ints(bools.into_iter().map(i64::from).collect()),
            Values::Ints(ints) if unsigned && ints.iter().all(|&value| value >= 0) => {
                Values::Uints(ints.into_iter().map(i64::cast_unsigned).collect())
            }
            // The nearest double, as in the arrays of other languages.
            Values::Ints(ints) => Values::Floats(ints.into_iter().map(|v| v as f64).collect()),
            Values::Uints(ints) => Values::Floats(ints.into_iter().map(|v| v as f64).collect()),
            Values::Floats(_) => return Err(misfit(number.text(), DataType::Fp64)),
            Values::Strings(_) => return Err(Refusal::Mixed),
        };
        self.number(number)
    }

    fn strings(&mut self) -> Result<&mut Strings, Refusal> {
        if matches!(self.values, Values::None) {
            self.values = Values::Strings(Strings::new(self.limit));
        }
        match &mut self.values {
            Values::Strings(strings) => Ok(strings),
            _ => Err(Refusal::Mixed),
        }
    }
}

impl Sink for Inferred {
    #[inline]
    fn number(&mut self, number: &Number<'_>) -> Taken {
        match &mut self.values {
            Values::Floats(values) => {
                if let Some(value) = number.to_f64() {
                    return push(values, value, self.limit);
                }
            }
            Values::Ints(values) => {
                if let Some(value) = number.to_i64() {
                    return push(values, value, self.limit);
                }
            }
            Values::Uints(values) => {
                if let Some(value) = number.to_u64() {
                    return push(values, value, self.limit);
                }
            }
            Values::None | Values::Bools(_) | Values::Strings(_) => {}
        }
        self.widen(number)
    }

    fn string(&mut self, text: &str) -> Taken {
        self.strings()?.push(text)
    }

    fn boolean(&mut self, value: bool) -> Taken {
        let limit = self.limit;
        match &mut self.values {
            Values::None => {
                self.values = Values::Bools(vec![value.into()]);
                Ok(())
            }
            Values::Bools(values) => push(values, value.into(), limit),
            Values::Ints(values) => push(values, value.into(), limit),
            Values::Uints(values) => push(values, value.into(), limit),
            Values::Floats(values) => push(values, f64::from(u8::from(value)), limit),
            Values::Strings(_) => Err(Refusal::Mixed),
        }
    }

    fn base64(&mut self, text: &str) -> Taken {
        self.strings()?.base64(text)
    }

    fn finish(self, shape: Vec<usize>) -> Result<(Tensor, Cells)> {
        let tensor = match self.values {
            // No element says what it is: doubles, as in the arrays of other languages.
            Values::None => Tensor::from_vec(shape, Vec::<f64>::new()),
            Values::Bools(values) => Tensor::from_bytes(DataType::Bool, shape, values),
            Values::Ints(values) => Tensor::from_vec(shape, values),
            Values::Uints(values) => Tensor::from_vec(shape, values),
            Values::Floats(values) => Tensor::from_vec(shape, values),
            Values::Strings(strings) => strings.tensor(shape),
        };
        Ok((tensor?, None))
    }
}

/// Elements of a declared type.
pub(super) struct Declared<T> {
    values: Vec<T>,
    limit: usize,
    quoted: bool,
}

impl<T> Declared<T> {
    pub(super) fn new(limit: usize, quoted: bool) -> Self {
        Self {
            values: Vec::new(),
            limit,
            quoted,
        }
    }
}

impl<T: FromNumber> Sink for Declared<T> {
    #[inline]
    fn number(&mut self, number: &Number<'_>) -> Taken {
        match T::from_number(number) {
            Some(value) => push(&mut self.values, value, self.limit),
            None => Err(misfit(number.text(), T::DTYPE)),
        }
    }

    fn string(&mut self, text: &str) -> Taken {
        let number = Number::scan(text, 0).filter(|number| number.text().len() == text.len());
        match number {
            Some(number) if self.quoted => self.number(&number),
            _ => refuse(T::DTYPE.name(), "a string"),
        }
    }

    fn boolean(&mut self, _: bool) -> Taken {
        refuse(T::DTYPE.name(), "a boolean")
    }

    fn base64(&mut self, _: &str) -> Taken {
        refuse(T::DTYPE.name(), "base64 text")
    }

    fn finish(self, shape: Vec<usize>) -> Result<(Tensor, Cells)> {
        Ok((Tensor::from_vec(shape, self.values)?, None))
    }
}

/// Booleans, also as 0 and 1.
pub(super) struct Bools(pub(super) Declared<u8>);

impl Sink for Bools {
    fn number(&mut self, number: &Number<'_>) -> Taken {
        match number.to_u64() {
            Some(value @ (0 | 1)) => self.boolean(value == 1),
            _ => Err(misfit(number.text(), DataType::Bool)),
        }
    }

    fn string(&mut self, _: &str) -> Taken {
        refuse("BOOL", "a string")
    }

    fn boolean(&mut self, value: bool) -> Taken {
        push(&mut self.0.values, value.into(), self.0.limit)
    }

    fn base64(&mut self, _: &str) -> Taken {
        refuse("BOOL", "base64 text")
    }

    fn finish(self, shape: Vec<usize>) -> Result<(Tensor, Cells)> {
        let tensor = Tensor::from_bytes(DataType::Bool, shape, self.0.values)?;
        Ok((tensor, None))
    }
}

/// An element that a JSON number may stand for.
pub(super) trait FromNumber: Element {
    /// The value, if the type holds it: integers exactly, floats rounded to the nearest.
    fn from_number(number: &Number<'_>) -> Option<Self>;
}

/// The integer that a number is, also when written as `3.0` or `1e3`.
fn whole(number: &Number<'_>) -> Option<i128> {
    let integer = number
        .to_i64()
        .map(i128::from)
        .or_else(|| number.to_u64().map(i128::from));
    let decimal = || {
        let exact = |value: &f64| value.fract() == 0.0 && value.abs() <= (1_i64 << 53) as f64;
        number.to_f64().filter(exact).map(|value| value as i128)
    };
    if number.is_integer() {
        integer
    } else {
        decimal()
    }
}

macro_rules! integers {
    ($($rust:ty),*) => {
        $(impl FromNumber for $rust {
            #[inline]
            fn from_number(number: &Number<'_>) -> Option<Self> {
                whole(number).and_then(|value| Self::try_from(value).ok())
            }
        })*
    };
}

integers!(u8, u16, u32, u64, i8, i16, i32, i64);

impl FromNumber for f32 {
    #[inline]
    fn from_number(number: &Number<'_>) -> Option<Self> {
        number.to_f32()
    }
}

impl FromNumber for f64 {
    #[inline]
    fn from_number(number: &Number<'_>) -> Option<Self> {
        number.to_f64()
    }
}

macro_rules! halves {
    ($($rust:ty),*) => {
        $(impl FromNumber for $rust {
            fn from_number(number: &Number<'_>) -> Option<Self> {
                let wide = number.to_f64()?;
                let half = Self::from_f64(wide);
                (half.is_finite() == wide.is_finite()).then_some(half)
            }
        })*
    };
}

halves!(f16, bf16);
