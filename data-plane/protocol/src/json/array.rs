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

use half::{bf16, f16};
use hari_core::{DataType, Limits, Tensor};
use hari_error::{Kind, Result};

use super::nest::Nest;
use super::sink::{Bools, Declared, Inferred, Refusal, Sink, Strings, Taken, Texts};
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
    let mut array = Array {
        base64: elements.base64,
        limits,
    };
    let (limit, quoted) = (limits.tensor, elements.quoted);
    let Some(dtype) = elements.dtype else {
        return array.inferred(reader);
    };
    match dtype {
        DataType::Bool => array.read(reader, Bools(Declared::new(limit, false))),
        DataType::Uint8 => array.read(reader, Declared::<u8>::new(limit, quoted)),
        DataType::Uint16 => array.read(reader, Declared::<u16>::new(limit, quoted)),
        DataType::Uint32 => array.read(reader, Declared::<u32>::new(limit, quoted)),
        DataType::Uint64 => array.read(reader, Declared::<u64>::new(limit, quoted)),
        DataType::Int8 => array.read(reader, Declared::<i8>::new(limit, quoted)),
        DataType::Int16 => array.read(reader, Declared::<i16>::new(limit, quoted)),
        DataType::Int32 => array.read(reader, Declared::<i32>::new(limit, quoted)),
        DataType::Int64 => array.read(reader, Declared::<i64>::new(limit, quoted)),
        DataType::Fp16 => array.read(reader, Declared::<f16>::new(limit, quoted)),
        DataType::Bf16 => array.read(reader, Declared::<bf16>::new(limit, quoted)),
        DataType::Fp32 => array.read(reader, Declared::<f32>::new(limit, quoted)),
        DataType::Fp64 => array.read(reader, Declared::<f64>::new(limit, quoted)),
        DataType::Bytes => array.read(reader, Strings::new(limit)),
    }
}

struct Array<'l> {
    base64: bool,
    limits: &'l Limits,
}

impl Array<'_> {
    fn inferred(&mut self, reader: &mut Reader<'_>) -> Result<Tensor> {
        let start = reader.offset();
        let mut nest = self.nest(reader);
        let mut sink = Inferred::new(self.limits.tensor);
        match self.fill(reader, &mut nest, &mut sink) {
            Ok(()) => sink.finish(nest.shape()),
            Err(Refusal::Mixed) => {
                reader.rewind(start);
                self.read(reader, Texts(Strings::new(self.limits.tensor)))
            }
            Err(refusal) => Err(self.error(&nest, refusal)),
        }
    }

    fn read<S: Sink>(&mut self, reader: &mut Reader<'_>, mut sink: S) -> Result<Tensor> {
        let mut nest = self.nest(reader);
        match self.fill(reader, &mut nest, &mut sink) {
            Ok(()) => sink.finish(nest.shape()),
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
            What::Object if self.base64 => sink.base64(&base64_object(reader)?),
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
