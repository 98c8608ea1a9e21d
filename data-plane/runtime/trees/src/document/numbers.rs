//! Numbers that lie in the file, as decimals or as bytes, and are read when they are asked for.

use hari_error::{Error, Result};

/// Some numbers or truth values.
#[derive(Clone, Debug)]
pub(crate) enum Numbers<'a> {
    /// Separated by commas, with whitespace around them.
    Decimals(&'a str),
    /// Big-endian, all of one kind.
    Packed(Kind, &'a [u8]),
    /// Big-endian, each with a kind of its own.
    Mixed(Vec<(Kind, &'a [u8])>),
}

/// What packed numbers are; the letters are UBJSON's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Int8,
    Uint8,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
}

impl Kind {
    /// The kind that a letter stands for.
    pub(super) fn of(letter: u8) -> Option<Self> {
        Some(match letter {
            b'i' => Self::Int8,
            b'U' => Self::Uint8,
            b'I' => Self::Int16,
            b'l' => Self::Int32,
            b'L' => Self::Int64,
            b'd' => Self::Float32,
            b'D' => Self::Float64,
            _ => return None,
        })
    }

    /// Bytes of one.
    pub(super) fn size(self) -> usize {
        match self {
            Self::Int8 | Self::Uint8 => 1,
            Self::Int16 => 2,
            Self::Int32 | Self::Float32 => 4,
            Self::Int64 | Self::Float64 => 8,
        }
    }

    fn int(self, bytes: &[u8]) -> Option<i64> {
        Some(match self {
            Self::Int8 => i8::from_be_bytes(bytes.try_into().ok()?).into(),
            Self::Uint8 => u8::from_be_bytes(bytes.try_into().ok()?).into(),
            Self::Int16 => i16::from_be_bytes(bytes.try_into().ok()?).into(),
            Self::Int32 => i32::from_be_bytes(bytes.try_into().ok()?).into(),
            Self::Int64 => i64::from_be_bytes(bytes.try_into().ok()?),
            Self::Float32 | Self::Float64 => return None,
        })
    }

    fn float(self, bytes: &[u8]) -> Option<f32> {
        Some(match self {
            Self::Float32 => f32::from_be_bytes(bytes.try_into().ok()?),
            Self::Float64 => f64::from_be_bytes(bytes.try_into().ok()?) as f32,
            _ => self.int(bytes)? as f32,
        })
    }

    fn double(self, bytes: &[u8]) -> Option<f64> {
        Some(match self {
            Self::Float64 => f64::from_be_bytes(bytes.try_into().ok()?),
            Self::Float32 => f64::from(self.float(bytes)?),
            _ => self.int(bytes)? as f64,
        })
    }
}

impl Numbers<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Decimals(text) => text.trim_ascii().is_empty(),
            Self::Packed(_, bytes) => bytes.is_empty(),
            Self::Mixed(numbers) => numbers.is_empty(),
        }
    }

    /// As float32, each rounded once.
    pub(crate) fn floats(&self) -> Result<Vec<f32>> {
        self.read(|text| text.parse().ok(), Kind::float)
    }

    /// As float64, each rounded once.
    pub(crate) fn doubles(&self) -> Result<Vec<f64>> {
        self.read(|text| text.parse().ok(), Kind::double)
    }

    /// As integers; truth values are 0 and 1.
    pub(crate) fn ints(&self) -> Result<Vec<i64>> {
        let decimal = |text: &str| match text {
            "true" => Some(1),
            "false" => Some(0),
            text => text.parse().ok(),
        };
        self.read(decimal, Kind::int)
    }

    fn read<T>(
        &self,
        decimal: impl Fn(&str) -> Option<T>,
        packed: impl Fn(Kind, &[u8]) -> Option<T>,
    ) -> Result<Vec<T>> {
        match self {
            Self::Decimals(_) if self.is_empty() => Ok(Vec::new()),
            Self::Decimals(text) => {
                let all = text.split(',').map(|text| {
                    let text = text.trim_ascii();
                    decimal(text).ok_or_else(|| unlike(text))
                });
                all.collect()
            }
            Self::Packed(kind, bytes) => {
                let all = bytes.chunks_exact(kind.size());
                all.map(|bytes| packed(*kind, bytes).ok_or_else(|| unlike("a fraction")))
                    .collect()
            }
            Self::Mixed(all) => {
                let all = all.iter().map(|&(kind, bytes)| packed(kind, bytes));
                all.map(|one| one.ok_or_else(|| unlike("a fraction")))
                    .collect()
            }
        }
    }
}

fn unlike(found: &str) -> Error {
    let found: String = found.chars().take(40).collect();
    Error::model(format!("`{found}` is no number that fits here"))
}
