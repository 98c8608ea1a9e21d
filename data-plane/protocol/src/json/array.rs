//! Nested JSON lists straight into one tensor.
//!
//! Without a declared type the elements decide:
//!
//! | Elements | Tensor |
//! |---|---|
//! | integers | `INT64`; `UINT64` if one is beyond that and none is negative; else `FP64` |
//! | any number with a point or an exponent | `FP64` |
//! | `true`, `false` | `BOOL`; among numbers they count as 1 and 0 |
//! | strings | `BYTES`; numbers among strings become the text they were written as |
//! | none | `FP64` of that shape |
//!
//! Where `null` is taken ([`read_cells`]), it is NaN among numbers and [`hari_core::missing_text`]
//! among strings, and a [`Cell`](hari_core::Cell) for each element says what it was written as.

use half::{bf16, f16};
use hari_core::{Cells, DataType, Limits, Tensor};
use hari_error::{Kind, Result};

use super::nest::Nest;
use super::sink::{
    Bools, Declared, FromNumber, Inferred, Mixed, Nullable, Refusal, Sink, Strings, Taken,
};
use super::{Reader, What};

/// Which elements an array may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Elements {
    dtype: Option<DataType>,
    base64: bool,
    quoted: bool,
}

impl Elements {
    /// The type follows from the elements.
    pub const INFERRED: Self = Self {
        dtype: None,
        base64: false,
        quoted: false,
    };

    /// All elements are of this type and fit it.
    #[must_use]
    pub const fn declared(dtype: DataType) -> Self {
        Self {
            dtype: Some(dtype),
            base64: false,
            quoted: false,
        }
    }

    /// `{"b64": "..."}` stands for bytes, as in TensorFlow Serving.
    #[must_use]
    pub const fn with_base64(self) -> Self {
        Self {
            base64: true,
            ..self
        }
    }

    /// Numbers of a declared type may be quoted, as in the JSON form of protocol buffers.
    #[must_use]
    pub const fn with_quoted_numbers(self) -> Self {
        Self {
            quoted: true,
            ..self
        }
    }
}

/// Reads a single value (shape `[]`) or nested lists into one tensor.
///
/// # Errors
/// `InvalidInput` with the path of the element at fault: rows of different lengths, a value that
/// does not fit the declared type, `null`, an object. `TooLarge` beyond `limits.tensor` bytes or
/// `limits.rank` dimensions.
pub fn read(reader: &mut Reader<'_>, elements: Elements, limits: &Limits) -> Result<Tensor> {
    let array = Array {
        elements,
        missing: false,
        limits,
    };
    array.tensor(reader).map(|(tensor, _)| tensor)
}

/// As [`read`], where `null` stands for what is missing; numbers with a `null` among them are
/// `FP64`, whatever their declared type. The cells are there if elements are not alike.
///
/// # Errors
/// As [`read`], but for `null`.
pub fn read_cells(
    reader: &mut Reader<'_>,
    elements: Elements,
    limits: &Limits,
) -> Result<(Tensor, Cells)> {
    let array = Array {
        elements,
        missing: true,
        limits,
    };
    array.tensor(reader)
}

struct Array<'l> {
    elements: Elements,
    /// Whether `null` is taken.
    missing: bool,
    limits: &'l Limits,
}

impl Array<'_> {
    fn tensor(&self, reader: &mut Reader<'_>) -> Result<(Tensor, Cells)> {
        let limit = self.limits.tensor;
        let Some(dtype) = self.elements.dtype else {
            return self.read(reader, Inferred::new(limit), || Mixed::new(limit));
        };
        match dtype {
            DataType::Bool => self.read(reader, Bools(Declared::new(limit, false)), || {
                Nullable::bools(limit)
            }),
            DataType::Uint8 => self.numbers::<u8>(reader),
            DataType::Uint16 => self.numbers::<u16>(reader),
            DataType::Uint32 => self.numbers::<u32>(reader),
            DataType::Uint64 => self.numbers::<u64>(reader),
            DataType::Int8 => self.numbers::<i8>(reader),
            DataType::Int16 => self.numbers::<i16>(reader),
            DataType::Int32 => self.numbers::<i32>(reader),
            DataType::Int64 => self.numbers::<i64>(reader),
            DataType::Fp16 => self.numbers::<f16>(reader),
            DataType::Bf16 => self.numbers::<bf16>(reader),
            DataType::Fp32 => self.numbers::<f32>(reader),
            DataType::Fp64 => self.numbers::<f64>(reader),
            DataType::Bytes => self.read(reader, Strings::new(limit), || Mixed::texts(limit)),
        }
    }

    fn numbers<T: FromNumber>(&self, reader: &mut Reader<'_>) -> Result<(Tensor, Cells)> {
        let limit = self.limits.tensor;
        let sink = Declared::<T>::new(limit, self.elements.quoted);
        self.read(reader, sink, || Nullable::of::<T>(limit))
    }

    /// Reads into the first sink; if the elements are not alike, again into the second.
    fn read<S: Sink, M: Sink>(
        &self,
        reader: &mut Reader<'_>,
        sink: S,
        mixed: impl FnOnce() -> M,
    ) -> Result<(Tensor, Cells)> {
        let start = reader.offset();
        match self.once(reader, sink)? {
            Some(found) => Ok(found),
            None => {
                reader.rewind(start);
                let found = self.once(reader, mixed())?;
                found.ok_or_else(|| reader.error("numbers and strings in one array"))
            }
        }
    }

    /// Reads into a sink; none if its elements are not alike.
    fn once<S: Sink>(
        &self,
        reader: &mut Reader<'_>,
        mut sink: S,
    ) -> Result<Option<(Tensor, Cells)>> {
        let mut nest = self.nest(reader);
        match self.fill(reader, &mut nest, &mut sink) {
            Ok(()) => sink.finish(nest.shape()).map(Some),
            Err(Refusal::Mixed) => Ok(None),
            Err(refusal) => Err(self.error(&nest, refusal)),
        }
    }

    fn nest(&self, reader: &Reader<'_>) -> Nest {
        Nest::new(reader.path(), self.limits)
    }

    fn error(&self, nest: &Nest, refusal: Refusal) -> hari_error::Error {
        match refusal {
            Refusal::Error(error) => error,
            Refusal::Element(message) => nest.error(message),
            Refusal::Mixed => nest.error("numbers and strings in one array"),
            Refusal::TooLarge => {
                let limit = self.limits.tensor;
                nest.error_of(
                    Kind::TooLarge,
                    format!("the tensor is larger than {limit} bytes"),
                )
            }
        }
    }

    fn fill<S: Sink>(&self, reader: &mut Reader<'_>, nest: &mut Nest, sink: &mut S) -> Taken {
        loop {
            match reader.next_byte() {
                Some(b'[') => {
                    reader.eat(b'[');
                    nest.open()?;
                    if !reader.eat(b']') {
                        continue;
                    }
                    nest.close()?;
                }
                Some(b'-' | b'0'..=b'9' | b'N' | b'I') => {
                    nest.scalar()?;
                    sink.number(&reader.number()?)?;
                }
                _ => {
                    nest.scalar()?;
                    self.other(reader, sink)?;
                }
            }
            if !close_all(reader, nest)? {
                return Ok(());
            }
        }
    }

    /// An element that is no number.
    fn other<S: Sink>(&self, reader: &mut Reader<'_>, sink: &mut S) -> Taken {
        match reader.peek()? {
            What::String => sink.string(&reader.string()?),
            What::Bool => sink.boolean(reader.boolean()?),
            What::Object if self.elements.base64 => sink.base64(&base64_object(reader)?),
            What::Null if self.missing => {
                reader.null()?;
                sink.missing()
            }
            What::Null => Err(Refusal::Element(
                "null is no element of a tensor; a missing number is sent as NaN".to_owned(),
            )),
            found => Err(Refusal::Element(format!(
                "expected a number, a string or a boolean, found {found}"
            ))),
        }
    }
}

/// Consumes what follows a value; whether another value has to come.
#[inline]
fn close_all(reader: &mut Reader<'_>, nest: &mut Nest) -> Result<bool, Refusal> {
    while nest.complete() {
        if reader.eat(b',') {
            return Ok(true);
        }
        if !reader.eat(b']') {
            return Err(reader.syntax("`,` or `]`").into());
        }
        nest.close()?;
    }
    Ok(false)
}

fn base64_object(reader: &mut Reader<'_>) -> Result<String> {
    let mut text = None;
    reader.object(|reader, key| match key {
        "b64" => {
            text = Some(reader.string()?.into_owned());
            Ok(())
        }
        _ => Err(reader.error("expected only `b64` in an object within an array")),
    })?;
    text.ok_or_else(|| reader.error("expected {\"b64\": \"...\"}, found an empty object"))
}

#[cfg(test)]
mod tests;
