//! joblib's arrays: a description in the pickle, the raw bytes right behind it.

use std::sync::Arc;

use hari_error::{Error, Result};

use super::{Machine, expected};
use crate::array::{Array, bytes_of};
use crate::dtype::Dtype;
use crate::value::{Id, Value};

/// Entries of a description; joblib writes six. It is searched, so it stays short.
const MAX_DESCRIPTION: usize = 32;

impl Machine<'_> {
    /// The description is complete: reads the array that follows, in its place.
    pub(super) fn array_in_stream(&mut self, target: Id, state: Id) -> Result<()> {
        if self.nested {
            return Err(Error::model(
                "an array inside an array of objects lies in the stream",
            ));
        }
        let dtype = self.dtype_at(self.described(state, "dtype")?)?;
        let shape = self.shape(self.described(state, "shape")?)?;
        let value = if dtype.is_object() {
            self.inner_pickle()?
        } else {
            let order = self.text(self.described(state, "order")?)?;
            let fortran = order == "F";
            self.skip_padding(state)?;
            self.raw_array(dtype, shape, fortran)?
        };
        self.arena.replace(target, value)
    }

    fn raw_array(&mut self, dtype: Arc<Dtype>, shape: Vec<usize>, fortran: bool) -> Result<Value> {
        let length = bytes_of(&dtype, &shape)?;
        let bytes = self.source.bytes(length as u64)?;
        let array = Array::raw(dtype, shape, fortran, bytes)?;
        Ok(Value::Array(Arc::new(array)))
    }

    /// From joblib 1.2 on: a byte that says how many follow before the data.
    fn skip_padding(&mut self, state: Id) -> Result<()> {
        let aligned = self.described(state, "numpy_array_alignment_bytes");
        if !aligned.is_ok_and(|id| id != Id::NONE) {
            return Ok(());
        }
        let length = self.source.byte()?;
        let padding = self.source.bytes(u64::from(length))?;
        if padding.iter().all(|byte| *byte == 0xff) {
            return Ok(());
        }
        Err(Error::model(
            "the bytes in front of an array are not joblib's padding",
        ))
    }

    /// An array of objects is a pickle of its own.
    fn inner_pickle(&mut self) -> Result<Value> {
        let mut inner = Machine::new(self.source, self.arena, self.limits);
        inner.nested = true;
        let root = inner.run()?;
        match self.arena.get(root) {
            Value::Array(array) => Ok(Value::Array(array.clone())),
            other => Err(expected("an array of objects", other)),
        }
    }

    fn described(&self, state: Id, name: &str) -> Result<Id> {
        let Value::Dict(entries) = self.arena.get(state) else {
            return Err(expected("a description of an array", self.arena.get(state)));
        };
        if entries.len() > MAX_DESCRIPTION {
            return Err(Error::model(
                "an array is described by more than joblib writes",
            ));
        }
        let mut found = entries.iter().rev();
        let found = found.find(|(key, _)| self.text(*key).is_ok_and(|key| key == name));
        let found = found.ok_or_else(|| Error::model(format!("an array has no `{name}`")))?;
        Ok(found.1)
    }
}
