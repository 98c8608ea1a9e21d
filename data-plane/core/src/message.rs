//! What travels between units: a payload and its meta.

use bytes::Bytes;
use hari_error::Result;
use serde_json::{Map, Value};

use crate::missing::refuse_missing;
use crate::{Cells, Meta, Tensor};

/// A payload with its meta, and how the caller wrote it down.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    /// What is computed on.
    pub payload: Payload,
    /// What travels beside it.
    pub meta: Meta,
    /// The form the request came in; the reply takes the same.
    pub representation: Representation,
}

/// What is computed on.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Payload {
    /// Nothing.
    #[default]
    Empty,
    /// Tensors, each with a name.
    Tensors(Vec<NamedTensor>),
    /// `strData`.
    Text(String),
    /// `binData`.
    Binary(Bytes),
    /// `jsonData`: any JSON value.
    Json(Value),
    /// `customData`: a protocol buffer that is not looked into.
    Any(Any),
}

/// A protocol buffer message of any type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Any {
    /// Which type it is.
    pub type_url: String,
    /// The encoded message.
    pub value: Bytes,
}

/// The form in which tensors are written in the Seldon protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Representation {
    /// Not said: the protocol's own default.
    #[default]
    Unspecified,
    /// `data.ndarray`: nested lists.
    Ndarray,
    /// `data.tensor`: shape and flat values.
    Tensor,
    /// `data.tftensor`: TensorFlow's `TensorProto`.
    Tftensor,
}

/// Whether the caller declared the element type, or it was read off the numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Typing {
    /// Declared on the wire: it must be the model's type, or widen to it without loss.
    #[default]
    Declared,
    /// Read off JSON numbers or sent as `double` because the wire has nothing else: any numeric
    /// type that holds every value exactly will do, and any float type rounds.
    Inferred,
}

/// A tensor with its name.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    /// The model's name for it; empty if the caller gave none.
    pub name: String,
    /// The elements.
    pub tensor: Tensor,
    /// Whether the element type was declared.
    pub typing: Typing,
    /// Names of the columns (`data.names` of the Seldon protocol).
    pub columns: Vec<String>,
    /// What each element was written as, where they are not alike or one is `null`.
    pub cells: Cells,
    /// Parameters of the open inference protocol.
    pub parameters: Map<String, Value>,
}

impl NamedTensor {
    /// A tensor of declared type, without columns and parameters.
    pub fn new(name: impl Into<String>, tensor: Tensor) -> Self {
        Self {
            name: name.into(),
            tensor,
            typing: Typing::Declared,
            columns: Vec::new(),
            cells: None,
            parameters: Map::new(),
        }
    }

    /// The same, with the element type read off the numbers.
    pub fn inferred(name: impl Into<String>, tensor: Tensor) -> Self {
        Self {
            typing: Typing::Inferred,
            ..Self::new(name, tensor)
        }
    }
}

impl NamedTensor {
    /// Checks that no element is `null`.
    ///
    /// # Errors
    /// `InvalidInput` with the place of the first one.
    pub fn complete(&self) -> Result<()> {
        refuse_missing(&self.name, self.tensor.shape(), &self.cells)
    }
}

impl Message {
    /// A message of one tensor.
    pub fn tensor(name: impl Into<String>, tensor: Tensor) -> Self {
        Self::tensors(vec![NamedTensor::new(name, tensor)])
    }

    /// A message of tensors.
    #[must_use]
    pub fn tensors(tensors: Vec<NamedTensor>) -> Self {
        Self {
            payload: Payload::Tensors(tensors),
            ..Self::default()
        }
    }

    /// The tensors; none for any other payload.
    #[must_use]
    pub fn as_tensors(&self) -> Option<&[NamedTensor]> {
        match &self.payload {
            Payload::Tensors(tensors) => Some(tensors),
            _ => None,
        }
    }
}

impl Payload {
    /// The Seldon protocol's word for this kind of payload, for errors.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Empty => "an empty message",
            Self::Tensors(_) => "data",
            Self::Text(_) => "strData",
            Self::Binary(_) => "binData",
            Self::Json(_) => "jsonData",
            Self::Any(_) => "customData",
        }
    }
}
