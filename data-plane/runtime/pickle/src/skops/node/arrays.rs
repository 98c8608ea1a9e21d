//! Nodes that hold arrays: numpy's, masked ones, dtypes and sparse matrices.

use std::sync::Arc;

use hari_error::{Error, Result};

use super::{Head, Reader, not_made};
use crate::array::{Array, count_of};
use crate::dtype::Dtype;
use crate::globals::Role;
use crate::npy;
use crate::skops::json::Node;
use crate::skops::npz;
use crate::value::{Id, Text, Value};

impl Reader<'_> {
    /// An array in a file, or one of objects; numpy's scalars are written the same way.
    pub(super) fn array(&mut self, head: &Head, node: Node) -> Result<Id> {
        let class = self.class(head)?;
        let is_array = class.role == Role::ArrayType;
        let is_scalar = class.role == Role::Name && class.module == "numpy";
        if !is_array && !is_scalar {
            return Err(not_made(head));
        }
        let array = match self.json.raw(self.part(node, "type")?) {
            "numpy" => self.saved(node)?,
            "json" => Arc::new(self.of_objects(node)?),
            _ => return Err(Error::model("an array is neither in a file nor of objects")),
        };
        match (is_scalar, array.objects()) {
            (false, _) => self.arena.add(Value::Array(array)),
            (true, Some([object])) => Ok(*object),
            (true, None) if array.shape().is_empty() => self.arena.add(Value::Scalar(array)),
            (true, _) => Err(Error::model("a numpy scalar has other than one value")),
        }
    }

    /// The array of an `.npy` file, which several nodes may name.
    fn saved(&mut self, node: Node) -> Result<Arc<Array>> {
        let name = self.json.raw(self.part(node, "file")?).to_owned();
        if let Some(array) = self.files.get(&name) {
            return Ok(array.clone());
        }
        let array = Arc::new(npy::read(&self.file(node)?)?);
        self.files.insert(name, array.clone());
        Ok(array)
    }

    /// Values in lists, as deep as the shape is long.
    fn of_objects(&mut self, node: Node) -> Result<Array> {
        let shape = self.shape(self.part(node, "shape")?)?;
        let mut level = self.json.items(self.part(node, "content")?).to_vec();
        for _ in shape.iter().skip(1) {
            let mut next = Vec::new();
            for row in level {
                next.extend_from_slice(self.json.items(self.part(row, "content")?));
            }
            level = next;
        }
        if shape.is_empty() || count_of(&shape)? != level.len() {
            return Err(Error::model(format!(
                "an array of objects with shape {shape:?} holds {} of them",
                level.len()
            )));
        }
        let items = level.into_iter().map(|item| self.read(item));
        let items = items.collect::<Result<Vec<_>>>()?;
        Array::of_objects(Arc::new(Dtype::parse("O")?), shape, items)
    }

    fn shape(&mut self, node: Node) -> Result<Vec<usize>> {
        let lengths = self
            .tuple(node)?
            .into_iter()
            .map(|id| match self.arena.get(id) {
                Value::Int(length) => usize::try_from(*length).ok(),
                _ => None,
            });
        let lengths: Option<Vec<_>> = lengths.collect();
        lengths.ok_or_else(|| Error::model("a shape is no tuple of lengths"))
    }

    pub(super) fn masked(&mut self, head: &Head, node: Node) -> Result<Id> {
        let class = self.inert(head)?;
        let (data, mask) = (self.inner(node, "data")?, self.inner(node, "mask")?);
        let args = vec![self.read(data)?, self.read(mask)?];
        self.make(class, args, None)
    }

    /// The dtype of an array without elements.
    pub(super) fn dtype(&mut self, node: Node) -> Result<Id> {
        let content = self.part(node, "content")?;
        let id = self.read(content)?;
        let Value::Array(array) = self.arena.get(id) else {
            return Err(Error::model("a dtype is no array"));
        };
        let dtype = Arc::new(array.dtype().clone());
        self.arena.add(Value::Dtype(dtype))
    }

    /// An object with the attributes that scipy gives it.
    pub(super) fn sparse(&mut self, head: &Head, node: Node) -> Result<Id> {
        let class = self.inert(head)?;
        let file = self.file(node)?;
        let cost = usize::try_from(npz::cost(&file, self.limits)).unwrap_or(usize::MAX);
        self.arena.charge(cost)?;
        let parts = npz::read(&file, self.limits)?;
        if !class.module.ends_with(&format!("_{}", parts.format)) {
            return Err(Error::model(format!(
                "a `{}` has the format `{}`",
                class.path(),
                parts.format
            )));
        }
        let mut shape = Vec::new();
        for length in parts.shape {
            shape.push(self.arena.add(Value::Int(length))?);
        }
        let shape = self.arena.add(Value::Tuple(shape))?;
        let mut entries = vec![(self.arena.add(name("_shape"))?, shape)];
        for (key, array) in parts.arrays {
            let value = self.arena.add(Value::Array(Arc::new(array)))?;
            entries.push((self.arena.add(name(key))?, value));
        }
        let state = self.arena.add(Value::Dict(entries))?;
        self.make(class, Vec::new(), Some(state))
    }
}

fn name(text: &str) -> Value {
    Value::Str(Text::from(text.to_owned()))
}
