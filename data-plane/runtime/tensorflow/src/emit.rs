//! The ONNX graph under construction: values with what is known of them, and nodes.
//!
//! Each value carries its type, its shape with symbols for unknown sizes, and, if it is an integer
//! of a shape computation, its numbers as far as they are known. What is wholly known becomes a
//! constant at once, so that `Shape`, `StridedSlice` and `Pack` fold away around a symbolic batch.

mod elementwise;
mod indexing;
mod layout;
mod linear;
mod list;
mod model;
mod reduce;
mod subgraph;
mod window;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use hari_core::Tensor;

use crate::constant;
use crate::dtype::{self, DataType};
use crate::refusal::Refusal;
use crate::shape::{self, Dim, MAX_SIZE, Symbols};
use crate::tables::Table;

pub(crate) use indexing::{END, Range, START};
pub(crate) use list::{Content, List, can_hold, element_shape};
pub(crate) use subgraph::Subgraph;
pub(crate) use window::{Padding, Pads, Window};

/// Numbers of a value are followed up to this many.
const MAX_CONTENT: usize = 256;
/// Constants up to this many bytes are kept once.
const MAX_SHARED: usize = 1024;
/// Bytes that computed constants may take together.
const MAX_COMPUTED: usize = 4 << 30;

/// A value of the graph under construction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Id(usize);

/// What is known of a value.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub(crate) dtype: DataType,
    /// None if the rank is not known.
    pub(crate) shape: Option<Vec<Dim>>,
    pub(crate) constant: Option<Tensor>,
    /// The numbers of a small integer value, row-major.
    content: Option<Vec<Dim>>,
    /// Set for inputs of the graph.
    name: Option<String>,
    refused: bool,
    /// Set for handles of lists of tensors.
    list: Option<List>,
    /// Set for handles of lookup tables.
    table: Option<Arc<Table>>,
}

/// An attribute of an ONNX node.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Attr {
    Int(i64),
    Float(f32),
    Ints(Vec<i64>),
    Floats(Vec<f32>),
    Text(String),
    Texts(Vec<Bytes>),
    Tensor(Tensor),
    Graph(Subgraph),
}

/// Attributes by name.
pub(crate) type OnnxAttrs = Vec<(&'static str, Attr)>;

/// An ONNX node. Its inputs were made before it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OnnxNode {
    /// The operator's name, after its domain and a dot where that is not ONNX's own.
    pub(crate) op: &'static str,
    pub(crate) inputs: Vec<Option<Id>>,
    pub(crate) outputs: Vec<Id>,
    pub(crate) attrs: OnnxAttrs,
}

/// The graph under construction.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    values: Vec<Value>,
    pub(crate) nodes: Vec<OnnxNode>,
    inputs: Vec<Id>,
    pub(crate) symbols: Symbols,
    shared: HashMap<(DataType, Vec<usize>, Bytes), Id>,
    /// Bytes of constants that were computed and are not in the file.
    computed: usize,
}

impl Builder {
    /// A value of which no more is known. A shape with an absurd size is not known either.
    fn push(&mut self, dtype: DataType, shape: Option<Vec<Dim>>) -> Id {
        let sane = |dim: &Dim| {
            dim.known()
                .is_none_or(|size| (0..=MAX_SIZE).contains(&size))
        };
        let shape = shape.filter(|shape| shape.iter().all(sane));
        let value = Value {
            dtype,
            shape,
            constant: None,
            content: None,
            name: None,
            refused: false,
            list: None,
            table: None,
        };
        self.values.push(value);
        Id(self.values.len() - 1)
    }

    fn value_mut(&mut self, id: Id) -> Option<&mut Value> {
        self.values.get_mut(id.0)
    }

    /// What is known of a value. Every [`Id`] comes from this builder.
    pub(crate) fn value(&self, id: Id) -> &Value {
        #[expect(
            clippy::indexing_slicing,
            reason = "ids are made by `push` alone and never removed"
        )]
        &self.values[id.0]
    }

    /// An input of the graph.
    pub(crate) fn input(&mut self, name: &str, dtype: DataType, shape: Option<Vec<Dim>>) -> Id {
        let id = self.push(dtype, shape);
        if let Some(value) = self.value_mut(id) {
            value.name = Some(name.to_owned());
        }
        self.inputs.push(id);
        id
    }

    /// Stands for the output of an operation that was refused, so that the rest can be looked at.
    pub(crate) fn refused(&mut self) -> Id {
        let id = self.push(DataType::DtInvalid, None);
        if let Some(value) = self.value_mut(id) {
            value.refused = true;
        }
        id
    }

    /// Stands for a lookup table, which no ONNX value is.
    pub(crate) fn table_handle(&mut self, table: Arc<Table>) -> Id {
        let id = self.push(DataType::DtResource, Some(Vec::new()));
        if let Some(value) = self.value_mut(id) {
            value.table = Some(table);
        }
        id
    }

    /// The lookup table that a handle stands for.
    pub(crate) fn table(&self, handle: Id) -> Option<Arc<Table>> {
        self.value(handle).table.clone()
    }

    pub(crate) fn is_refused(&self, id: Id) -> bool {
        self.value(id).refused
    }

    /// A constant. Small ones that are equal are one.
    pub(crate) fn constant(&mut self, tensor: Tensor) -> Id {
        let dtype = dtype::from_element(tensor.dtype());
        let key = tensor.bytes().filter(|bytes| bytes.len() <= MAX_SHARED);
        let key = key.map(|bytes| (dtype, tensor.shape().to_vec(), bytes.clone()));
        if let Some(id) = key.as_ref().and_then(|key| self.shared.get(key)) {
            return *id;
        }
        let shape = tensor
            .shape()
            .iter()
            .map(|&size| Dim::Known(size as i64))
            .collect();
        let id = self.push(dtype, Some(shape));
        if let Some(value) = self.value_mut(id) {
            value.constant = Some(tensor);
        }
        self.shared.extend(key.map(|key| (key, id)));
        id
    }

    /// A constant that is not in the file: transposed, folded, or made of a few numbers.
    ///
    /// # Errors
    /// If all of them together become too large.
    pub(crate) fn computed(&mut self, tensor: Tensor) -> Result<Id, Refusal> {
        self.computed = self.computed.saturating_add(tensor.byte_len());
        if self.computed > MAX_COMPUTED {
            return Err(Refusal::new(
                "the constants of the model take too much memory",
            ));
        }
        Ok(self.constant(tensor))
    }

    /// A constant vector of 64-bit integers, as ONNX takes shapes, axes and indices.
    pub(crate) fn int64s(&mut self, numbers: &[i64]) -> Result<Id, Refusal> {
        self.integers(DataType::DtInt64, &[numbers.len()], numbers)
    }

    /// A constant of integers or booleans.
    pub(crate) fn integers(
        &mut self,
        dtype: DataType,
        shape: &[usize],
        numbers: &[i64],
    ) -> Result<Id, Refusal> {
        let tensor = Tensor::from_vec(shape, numbers.to_vec())?;
        let tensor = match dtype {
            DataType::DtInt64 => tensor,
            DataType::DtBool => {
                let bools: Vec<bool> = numbers.iter().map(|&number| number != 0).collect();
                Tensor::from_bools(shape, &bools)?
            }
            _ => {
                let element = dtype::element(dtype)
                    .ok_or_else(|| Refusal::new(format!("type {}", dtype::name(dtype))))?;
                tensor.cast(element)?
            }
        };
        self.computed(tensor)
    }

    /// A constant scalar of a numeric type; zero of strings is the empty one.
    pub(crate) fn scalar(&mut self, dtype: DataType, number: f64) -> Result<Id, Refusal> {
        if dtype == DataType::DtString && number == 0.0 {
            return Ok(self.constant(Tensor::from_strings([], vec![Bytes::new()])?));
        }
        if dtype == DataType::DtBool {
            return Ok(self.constant(Tensor::from_bools([], &[number != 0.0])?));
        }
        let element = dtype::element(dtype)
            .ok_or_else(|| Refusal::new(format!("type {}", dtype::name(dtype))))?;
        let tensor = Tensor::from_vec([], vec![number])?.cast(element)?;
        Ok(self.constant(tensor))
    }

    /// A constant of 32-bit floats.
    pub(crate) fn floats(&mut self, shape: &[usize], values: Vec<f32>) -> Result<Id, Refusal> {
        self.computed(Tensor::from_vec(shape, values)?)
    }

    /// A node with one output.
    pub(crate) fn node(
        &mut self,
        op: &'static str,
        inputs: &[Id],
        attrs: OnnxAttrs,
        (dtype, shape): (DataType, Option<Vec<Dim>>),
    ) -> Id {
        let inputs = inputs.iter().copied().map(Some).collect();
        let output = self.push(dtype, shape);
        self.nodes.push(OnnxNode {
            op,
            inputs,
            outputs: vec![output],
            attrs,
        });
        output
    }

    /// A node with several outputs.
    pub(crate) fn node_with_outputs(
        &mut self,
        op: &'static str,
        inputs: Vec<Option<Id>>,
        attrs: OnnxAttrs,
        outputs: Vec<(DataType, Option<Vec<Dim>>)>,
    ) -> Vec<Id> {
        let outputs: Vec<_> = outputs
            .into_iter()
            .map(|(dtype, shape)| self.push(dtype, shape))
            .collect();
        self.nodes.push(OnnxNode {
            op,
            inputs,
            outputs: outputs.clone(),
            attrs,
        });
        outputs
    }

    pub(crate) fn dtype(&self, id: Id) -> DataType {
        self.value(id).dtype
    }

    /// The shape, if the rank is known.
    pub(crate) fn shape(&self, id: Id) -> Option<&[Dim]> {
        self.value(id).shape.as_deref()
    }

    /// The shape.
    ///
    /// # Errors
    /// If the rank is not known.
    pub(crate) fn dims(&self, id: Id) -> Result<Vec<Dim>, Refusal> {
        let dims = self.shape(id).map(<[Dim]>::to_vec);
        dims.ok_or_else(|| Refusal::new("the rank of an input is not known"))
    }

    /// The number of dimensions.
    ///
    /// # Errors
    /// If it is not known.
    pub(crate) fn rank(&self, id: Id) -> Result<usize, Refusal> {
        self.dims(id).map(|dims| dims.len())
    }

    /// Every size of the shape.
    ///
    /// # Errors
    /// If one is not known.
    pub(crate) fn sizes(&self, id: Id) -> Result<Vec<i64>, Refusal> {
        let sizes = shape::all_known(&self.dims(id)?);
        sizes.ok_or_else(|| Refusal::new("the shape of an input is not known"))
    }

    /// The numbers of a small integer value, as far as they are known.
    pub(crate) fn content(&self, id: Id) -> Option<Vec<Dim>> {
        let value = self.value(id);
        if value.content.is_some() {
            return value.content.clone();
        }
        let tensor = value.constant.as_ref()?;
        if tensor.len() > MAX_CONTENT
            || !(dtype::is_integer(value.dtype) || value.dtype == DataType::DtBool)
        {
            return None;
        }
        let numbers = match value.dtype {
            DataType::DtBool => tensor
                .to_vec::<u8>()
                .ok()?
                .into_iter()
                .map(i64::from)
                .collect(),
            _ => tensor
                .cast(hari_core::DataType::Int64)
                .ok()?
                .to_vec::<i64>()
                .ok()?,
        };
        Some(shape::known(&numbers))
    }

    /// The numbers of an integer value.
    ///
    /// # Errors
    /// If they are not known when the model is loaded; `what` names them.
    pub(crate) fn numbers(&self, id: Id, what: &str) -> Result<Vec<i64>, Refusal> {
        let numbers = self
            .content(id)
            .and_then(|content| shape::all_known(&content));
        numbers.ok_or_else(|| Refusal::new(format!("its {what} is not a constant")))
    }

    /// The one number of an integer value.
    ///
    /// # Errors
    /// As [`Builder::numbers`], and if there is not exactly one.
    pub(crate) fn number(&self, id: Id, what: &str) -> Result<i64, Refusal> {
        match self.numbers(id, what)?.as_slice() {
            [number] => Ok(*number),
            _ => Err(Refusal::new(format!("its {what} is not one number"))),
        }
    }

    /// The constant behind a value, if it is one of 32-bit floats.
    pub(crate) fn constant_floats(&self, id: Id) -> Option<&Tensor> {
        let value = self.value(id);
        value
            .constant
            .as_ref()
            .filter(|_| value.dtype == DataType::DtFloat)
    }

    /// Notes the numbers of an integer value; if all are known, it is a constant instead.
    fn settle(&mut self, id: Id, content: Option<Vec<Dim>>) -> Result<Id, Refusal> {
        let Some(content) = content.filter(|content| content.len() <= MAX_CONTENT) else {
            return Ok(id);
        };
        let dtype = self.dtype(id);
        let sizes = self.sizes(id).ok().and_then(|sizes| to_usize(&sizes));
        match (shape::all_known(&content), sizes) {
            (Some(numbers), Some(sizes)) => self.integers(dtype, &sizes, &numbers),
            _ => {
                if let Some(value) = self.value_mut(id) {
                    value.content = Some(content);
                }
                Ok(id)
            }
        }
    }

    /// A constant with its dimensions in another order.
    pub(crate) fn transposed_constant(
        &mut self,
        tensor: &Tensor,
        order: &[usize],
    ) -> Result<Id, Refusal> {
        self.computed(constant::transpose(tensor, order)?)
    }

    /// Forgets all inputs of the graph but these.
    pub(crate) fn keep_inputs(&mut self, kept: &std::collections::HashSet<Id>) {
        self.inputs.retain(|input| kept.contains(input));
    }

    /// Forgets nodes that no output depends on.
    pub(crate) fn prune(&mut self, outputs: &[Id]) {
        let mut needed: std::collections::HashSet<Id> = outputs.iter().copied().collect();
        let mut kept: Vec<_> = std::mem::take(&mut self.nodes)
            .into_iter()
            .rev()
            .filter(|node| {
                let wanted = node.outputs.iter().any(|output| needed.contains(output));
                if wanted {
                    node.each_read(&mut |id| {
                        needed.insert(id);
                    });
                }
                wanted
            })
            .collect();
        kept.reverse();
        self.nodes = kept;
    }
}

/// Sizes as the data plane counts them; none if one is negative.
pub(crate) fn to_usize(sizes: &[i64]) -> Option<Vec<usize>> {
    sizes
        .iter()
        .map(|&size| usize::try_from(size).ok())
        .collect()
}

#[cfg(test)]
mod tests;
