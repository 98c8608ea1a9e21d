//! What flows between operators: tensors, sequences, maps and optional values, and their types.

use std::fmt;

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

/// A value of an ONNX graph. Cloning shares the elements of tensors.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A dense array.
    Tensor(Tensor),
    /// Values of one type, in order.
    Sequence(Vec<Value>),
    /// Keys, each with a value.
    Map(Map),
    /// A value that may be absent.
    Optional(Option<Box<Value>>),
}

/// The entries of a map, in the order in which the operator made them. No key occurs twice.
pub type Map = Vec<(Key, Value)>;

/// A key of a map.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// Any integer type.
    Int(i64),
    /// A byte string.
    String(bytes::Bytes),
}

/// The type of a value, as far as it is known before it is there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// A tensor of these elements.
    Tensor(DataType),
    /// A sequence of values of this type.
    Sequence(Box<Type>),
    /// A map: type of the keys ([`DataType::Int64`] or [`DataType::Bytes`]) and of the values.
    Map(DataType, Box<Type>),
    /// A value that may be absent.
    Optional(Box<Type>),
}

impl Value {
    /// The tensor.
    ///
    /// # Errors
    /// `Model` if the value is something else.
    pub fn tensor(&self) -> Result<&Tensor> {
        match self {
            Self::Tensor(tensor) => Ok(tensor),
            other => Err(Error::model(format!(
                "expected a tensor, found {}",
                other.kind()
            ))),
        }
    }

    /// The tensor, moved out.
    ///
    /// # Errors
    /// `Model` if the value is something else.
    pub fn into_tensor(self) -> Result<Tensor> {
        match self {
            Self::Tensor(tensor) => Ok(tensor),
            other => Err(Error::model(format!(
                "expected a tensor, found {}",
                other.kind()
            ))),
        }
    }

    /// The sequence.
    ///
    /// # Errors
    /// `Model` if the value is something else.
    pub fn sequence(&self) -> Result<&[Value]> {
        match self {
            Self::Sequence(values) => Ok(values),
            other => Err(Error::model(format!(
                "expected a sequence, found {}",
                other.kind()
            ))),
        }
    }

    /// What it is, in a word, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Tensor(_) => "a tensor",
            Self::Sequence(_) => "a sequence",
            Self::Map(_) => "a map",
            Self::Optional(_) => "an optional value",
        }
    }
}

impl From<Tensor> for Value {
    fn from(tensor: Tensor) -> Self {
        Self::Tensor(tensor)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tensor(dtype) => write!(f, "tensor({dtype})"),
            Self::Sequence(inner) => write!(f, "seq({inner})"),
            Self::Map(key, value) => write!(f, "map({key}, {value})"),
            Self::Optional(inner) => write!(f, "optional({inner})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_written_as_onnx_writes_them() {
        let map = Type::Map(DataType::Bytes, Box::new(Type::Tensor(DataType::Fp32)));
        let maps = Type::Sequence(Box::new(map));
        assert_eq!(maps.to_string(), "seq(map(BYTES, tensor(FP32)))");
    }

    #[test]
    fn another_kind_is_named() {
        let error = Value::Sequence(vec![]).tensor().unwrap_err();
        assert_eq!(error.message(), "expected a tensor, found a sequence");
    }
}
