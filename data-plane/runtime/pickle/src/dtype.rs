//! numpy dtypes: kind, size, byte order, fields.

use std::fmt;
use std::sync::Arc;

use hari_error::{Error, Result};

use crate::value::heap;

/// The element type of an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dtype {
    /// What one element is.
    pub kind: Kind,
    /// Bytes of one element.
    pub size: usize,
    /// Whether the most significant byte comes first.
    pub big_endian: bool,
    /// Fields of a structured element, in their order.
    pub fields: Vec<Field>,
}

/// What an element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One byte, 0 or 1.
    Bool,
    /// A signed integer of 1, 2, 4 or 8 bytes.
    Int,
    /// An unsigned integer of 1, 2, 4 or 8 bytes.
    Uint,
    /// A float of 2, 4 or 8 bytes.
    Float,
    /// Bytes of a fixed length, filled up with zeros.
    Bytes,
    /// Text of a fixed length: four bytes a character, filled up with zeros.
    Str,
    /// A Python object.
    Object,
    /// Fields at offsets.
    Struct,
}

/// A field of a structured element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Bytes from the start of the element.
    pub offset: usize,
    /// Its own type.
    pub dtype: Arc<Dtype>,
}

impl Dtype {
    /// Reads what `numpy.dtype` is called with: `f8`, `<i4`, `U12`, `O`, `V56`.
    ///
    /// # Errors
    ///
    /// Types that scikit-learn does not store: dates, complex numbers, long doubles.
    pub fn parse(text: &str) -> Result<Self> {
        let (big_endian, rest) = match text.as_bytes().first() {
            Some(b'>') => (true, text.get(1..)),
            Some(b'<' | b'|' | b'=') => (false, text.get(1..)),
            _ => (false, Some(text)),
        };
        let rest = rest.unwrap_or_default();
        let letter = rest.chars().next().unwrap_or_default();
        let number = rest.get(letter.len_utf8()..).unwrap_or_default();
        let (kind, size) = sized(letter, number).ok_or_else(|| unknown(text))?;
        Ok(Self {
            kind,
            size,
            big_endian,
            fields: Vec::new(),
        })
    }

    /// Whether elements are Python objects, which lie in no buffer.
    #[must_use]
    pub fn is_object(&self) -> bool {
        self.kind == Kind::Object
    }

    /// The field of this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Makes it structured, with elements of `size` bytes.
    ///
    /// # Errors
    ///
    /// A field that does not lie within the element, or that holds objects.
    pub(crate) fn with_fields(mut self, fields: Vec<Field>, size: usize) -> Result<Self> {
        for Field {
            name,
            offset,
            dtype,
        } in &fields
        {
            let end = offset.checked_add(dtype.size);
            if end.is_none_or(|end| end > size) {
                return Err(Error::model(format!(
                    "field `{name}` of a dtype ends beyond its {size} bytes"
                )));
            }
            if dtype.is_object() || dtype.kind == Kind::Struct {
                return Err(Error::model(format!(
                    "field `{name}` of a dtype is {dtype}: numbers, bytes and text are expected"
                )));
            }
        }
        self.kind = Kind::Struct;
        self.size = size;
        self.fields = fields;
        Ok(self)
    }

    pub(crate) fn weight(&self) -> usize {
        let names = self.fields.iter().map(|field| heap(field.name.len()));
        let fields = heap(self.fields.len() * size_of::<Field>());
        heap(size_of::<Self>() + 16) + fields + names.sum::<usize>()
    }
}

/// `f8` gives a float of eight bytes.
fn sized(letter: char, number: &str) -> Option<(Kind, usize)> {
    let count = || number.parse::<usize>().ok();
    let whole = |size: usize| matches!(size, 1 | 2 | 4 | 8).then_some(size);
    Some(match letter {
        '?' if number.is_empty() => (Kind::Bool, 1),
        'b' => (Kind::Bool, count().filter(|size| *size == 1)?),
        'i' => (Kind::Int, count().and_then(whole)?),
        'u' => (Kind::Uint, count().and_then(whole)?),
        'f' => (
            Kind::Float,
            count().and_then(whole).filter(|size| *size > 1)?,
        ),
        'S' | 'a' => (Kind::Bytes, count()?),
        'U' => (Kind::Str, count()?.checked_mul(4)?),
        'O' if matches!(number, "" | "8" | "4") => (Kind::Object, 8),
        'V' => (Kind::Struct, count()?),
        _ => return None,
    })
}

fn unknown(text: &str) -> Error {
    let what = match text.trim_start_matches(['<', '>', '|', '=']).chars().next() {
        Some('M' | 'm') => "dates and durations",
        Some('c' | 'F' | 'D' | 'G') => "complex numbers",
        Some('f' | 'g') => "floats of more than 64 bits",
        _ => "such elements",
    };
    let shown: String = text.chars().take(40).collect();
    Error::model(format!(
        "an array has dtype `{shown}`: {what} are not read; booleans, integers, floats of 16 to 64 \
         bits, bytes, text, objects and records are"
    ))
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = self.size.saturating_mul(8);
        match self.kind {
            Kind::Bool => f.write_str("bool"),
            Kind::Int => write!(f, "int{bits}"),
            Kind::Uint => write!(f, "uint{bits}"),
            Kind::Float => write!(f, "float{bits}"),
            Kind::Bytes => write!(f, "bytes of length {}", self.size),
            Kind::Str => write!(f, "text of length {}", self.size / 4),
            Kind::Object => f.write_str("object"),
            Kind::Struct => write!(f, "a record of {} fields", self.fields.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_types_that_scikit_learn_stores_are_read() {
        for (text, name, size) in [
            ("f8", "float64", 8),
            ("<f4", "float32", 4),
            (">i8", "int64", 8),
            ("b1", "bool", 1),
            ("|b1", "bool", 1),
            ("|u1", "uint8", 1),
            ("f2", "float16", 2),
            ("U3", "text of length 3", 12),
            ("S5", "bytes of length 5", 5),
            ("O8", "object", 8),
            ("O", "object", 8),
        ] {
            let dtype = Dtype::parse(text).unwrap();
            assert_eq!((dtype.to_string().as_str(), dtype.size), (name, size));
        }
        assert!(Dtype::parse(">f8").unwrap().big_endian);
    }

    #[test]
    fn others_are_refused_by_name() {
        for (text, word) in [
            ("M8[ns]", "dates"),
            ("<m8[s]", "dates"),
            ("c16", "complex"),
            ("f16", "more than 64"),
            ("", "dtype"),
            ("é", "dtype"),
            (">", "dtype"),
            ("i3", "dtype"),
            ("f1", "dtype"),
            ("U99999999999999999999", "dtype"),
            ("U9223372036854775807", "dtype"),
        ] {
            let error = Dtype::parse(text).unwrap_err();
            assert!(error.message().contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn fields_lie_within_the_element() {
        let field = |offset| Field {
            name: "x".to_owned(),
            offset,
            dtype: Arc::new(Dtype::parse("f8").unwrap()),
        };
        let base = Dtype::parse("V16").unwrap();
        let whole = base.clone().with_fields(vec![field(8)], 16).unwrap();
        assert_eq!(whole.field("x").map(|field| field.offset), Some(8));
        assert!(base.clone().with_fields(vec![field(9)], 16).is_err());
        assert!(base.with_fields(vec![field(usize::MAX)], 16).is_err());
    }
}
