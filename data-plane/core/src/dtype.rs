//! Element types of tensors, under the names of the open inference protocol.

use std::fmt;
use std::str::FromStr;

use half::{bf16, f16};
use hari_error::Error;

/// The type of one element. The names and sizes are the open inference protocol's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum DataType {
    Bool,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Int8,
    Int16,
    Int32,
    Int64,
    Fp16,
    Bf16,
    Fp32,
    Fp64,
    /// Byte strings, of any length each.
    Bytes,
}

impl DataType {
    /// Every type.
    pub const ALL: [Self; 14] = [
        Self::Bool,
        Self::Uint8,
        Self::Uint16,
        Self::Uint32,
        Self::Uint64,
        Self::Int8,
        Self::Int16,
        Self::Int32,
        Self::Int64,
        Self::Fp16,
        Self::Bf16,
        Self::Fp32,
        Self::Fp64,
        Self::Bytes,
    ];

    /// The protocol's name, `FP32` say.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bool => "BOOL",
            Self::Uint8 => "UINT8",
            Self::Uint16 => "UINT16",
            Self::Uint32 => "UINT32",
            Self::Uint64 => "UINT64",
            Self::Int8 => "INT8",
            Self::Int16 => "INT16",
            Self::Int32 => "INT32",
            Self::Int64 => "INT64",
            Self::Fp16 => "FP16",
            Self::Bf16 => "BF16",
            Self::Fp32 => "FP32",
            Self::Fp64 => "FP64",
            Self::Bytes => "BYTES",
        }
    }

    /// Bytes of one element; none for [`DataType::Bytes`], whose elements vary.
    #[must_use]
    pub const fn size(self) -> Option<usize> {
        match self {
            Self::Bool | Self::Uint8 | Self::Int8 => Some(1),
            Self::Uint16 | Self::Int16 | Self::Fp16 | Self::Bf16 => Some(2),
            Self::Uint32 | Self::Int32 | Self::Fp32 => Some(4),
            Self::Uint64 | Self::Int64 | Self::Fp64 => Some(8),
            Self::Bytes => None,
        }
    }

    /// Whether elements are floating-point numbers.
    #[must_use]
    pub const fn is_float(self) -> bool {
        matches!(self, Self::Fp16 | Self::Bf16 | Self::Fp32 | Self::Fp64)
    }

    /// Whether elements are integers. Booleans are not.
    #[must_use]
    pub const fn is_integer(self) -> bool {
        matches!(
            self,
            Self::Uint8
                | Self::Uint16
                | Self::Uint32
                | Self::Uint64
                | Self::Int8
                | Self::Int16
                | Self::Int32
                | Self::Int64
        )
    }

    /// Whether elements are numbers. Booleans and byte strings are not.
    #[must_use]
    pub const fn is_numeric(self) -> bool {
        self.is_float() || self.is_integer()
    }

    /// Whether every value of `self` is a value of `wider` too.
    #[must_use]
    pub fn widens_to(self, wider: Self) -> bool {
        use DataType::{
            Bf16, Fp16, Fp32, Fp64, Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64,
        };
        if self == wider {
            return true;
        }
        match self {
            Uint8 => matches!(
                wider,
                Uint16 | Uint32 | Uint64 | Int16 | Int32 | Int64 | Fp16 | Bf16 | Fp32 | Fp64
            ),
            Uint16 => matches!(wider, Uint32 | Uint64 | Int32 | Int64 | Fp32 | Fp64),
            Uint32 => matches!(wider, Uint64 | Int64 | Fp64),
            Int8 => matches!(wider, Int16 | Int32 | Int64 | Fp16 | Bf16 | Fp32 | Fp64),
            Int16 => matches!(wider, Int32 | Int64 | Fp32 | Fp64),
            Int32 => matches!(wider, Int64 | Fp64),
            Fp16 | Bf16 => matches!(wider, Fp32 | Fp64),
            Fp32 => wider == Fp64,
            _ => false,
        }
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for DataType {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|dtype| dtype.name() == name)
            .ok_or_else(|| {
                let known: Vec<_> = Self::ALL.iter().map(|dtype| dtype.name()).collect();
                Error::invalid(format!(
                    "unknown datatype `{name}`; use one of {}",
                    known.join(", ")
                ))
            })
    }
}

/// A Rust type that is stored as it is in a tensor.
pub trait Element: bytemuck::Pod + Send + Sync + PartialEq + fmt::Debug {
    /// The type of a tensor of such elements.
    const DTYPE: DataType;
}

macro_rules! element {
    ($($rust:ty => $dtype:ident),*) => {
        $(impl Element for $rust {
            const DTYPE: DataType = DataType::$dtype;
        })*
    };
}

element! {
    u8 => Uint8, u16 => Uint16, u32 => Uint32, u64 => Uint64,
    i8 => Int8, i16 => Int16, i32 => Int32, i64 => Int64,
    f16 => Fp16, bf16 => Bf16, f32 => Fp32, f64 => Fp64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_back() {
        for dtype in DataType::ALL {
            assert_eq!(dtype.name().parse::<DataType>().unwrap(), dtype);
        }
        let error = "FLOAT".parse::<DataType>().unwrap_err();
        assert!(error.message().contains("`FLOAT`") && error.message().contains("FP32"));
    }

    #[test]
    fn widening_never_shrinks_an_element() {
        for from in DataType::ALL {
            for to in DataType::ALL {
                if from.widens_to(to) {
                    assert!(from.size() <= to.size(), "{from} -> {to}");
                }
            }
        }
    }
}
