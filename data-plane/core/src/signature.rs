//! What a model takes and gives: names, element types and shapes.

use std::collections::BTreeMap;
use std::fmt;

use crate::DataType;

/// One dimension of a tensor that is not there yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Dim {
    /// Always this.
    Fixed(usize),
    /// Any, with the name that the model gives it, if any.
    Dynamic(Option<String>),
}

impl Dim {
    /// The size, or -1 as the wire protocols write a dynamic one.
    #[must_use]
    pub fn to_wire(&self) -> i64 {
        match self {
            Self::Fixed(size) => i64::try_from(*size).unwrap_or(i64::MAX),
            Self::Dynamic(_) => -1,
        }
    }

    /// Whether a tensor's dimension of `size` will do.
    #[must_use]
    pub fn admits(&self, size: usize) -> bool {
        match self {
            Self::Fixed(fixed) => *fixed == size,
            Self::Dynamic(_) => true,
        }
    }

    /// Whether any size will do.
    #[must_use]
    pub fn is_dynamic(&self) -> bool {
        matches!(self, Self::Dynamic(_))
    }
}

/// Name, element type and shape of one input or output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorSpec {
    /// The name callers use.
    pub name: String,
    /// The element type.
    pub dtype: DataType,
    /// The dimensions; none if the model does not know its rank.
    pub shape: Option<Vec<Dim>>,
}

impl TensorSpec {
    /// The shape with -1 for a dynamic dimension; `[-1]` if the rank is not known.
    #[must_use]
    pub fn wire_shape(&self) -> Vec<i64> {
        match &self.shape {
            Some(shape) => shape.iter().map(Dim::to_wire).collect(),
            None => vec![-1],
        }
    }

    /// Whether the first dimension is dynamic, so that rows can be batched.
    #[must_use]
    pub fn has_dynamic_rows(&self) -> bool {
        matches!(self.shape.as_deref(), Some([Dim::Dynamic(_), ..]))
    }
}

impl fmt::Display for TensorSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {} ", self.name, self.dtype)?;
        match &self.shape {
            Some(_) => write!(f, "{:?}", self.wire_shape()),
            None => f.write_str("of any shape"),
        }
    }
}

/// What a signature is for; TensorFlow's method names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// Tensors in, tensors out.
    #[default]
    Predict,
    /// Examples in, classes and scores out.
    Classify,
    /// Examples in, one value each out.
    Regress,
}

/// One way to call a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// `serving_default`, if the model has only one.
    pub name: String,
    /// What it is for.
    pub method: Method,
    /// Inputs, in the model's order.
    pub inputs: Vec<TensorSpec>,
    /// Outputs, in the model's order.
    pub outputs: Vec<TensorSpec>,
}

impl Signature {
    /// The name of the signature that is used if the caller names none.
    pub const DEFAULT: &'static str = "serving_default";

    /// Whether rows of several calls can be put together: the first dimension of every input and
    /// every output is dynamic.
    #[must_use]
    pub fn batchable(&self) -> bool {
        !self.inputs.is_empty()
            && self
                .inputs
                .iter()
                .chain(&self.outputs)
                .all(TensorSpec::has_dynamic_rows)
    }
}

/// What a unit says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelMetadata {
    /// The unit's name.
    pub name: String,
    /// The versions that are served, newest first.
    pub versions: Vec<String>,
    /// `tensorflow_savedmodel`, `onnx_rten`, ...
    pub platform: String,
    /// Every way to call it; the first is the default.
    pub signatures: Vec<Signature>,
    /// Names of the columns that it was trained with, in order; none if it takes no table, or one
    /// without names.
    pub columns: Vec<String>,
    /// Label to version (`stable` to `2`), as TensorFlow Serving names versions.
    pub labels: BTreeMap<String, String>,
    /// Free text, as the Seldon protocol's `custom`.
    pub custom: BTreeMap<String, String>,
}

impl ModelMetadata {
    /// The platform of a unit that has models inside and is none itself.
    pub const REPOSITORY: &str = "repository";

    /// The signature of this name, or the default if none is named.
    #[must_use]
    pub fn signature(&self, name: Option<&str>) -> Option<&Signature> {
        match name {
            None | Some("") => self.signatures.first(),
            Some(name) => self
                .signatures
                .iter()
                .find(|signature| signature.name == name),
        }
    }
}
