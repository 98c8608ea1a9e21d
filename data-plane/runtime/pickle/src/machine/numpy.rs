//! numpy's own reconstructors: dtypes, arrays and scalars from their parts.

use std::sync::Arc;

use hari_error::{Error, Result};

use super::{Machine, expected};
use crate::array::Array;
use crate::dtype::{Dtype, Field, Kind};
use crate::value::{Id, Value};

impl Machine<'_> {
    /// `numpy.dtype('f8', align, copy)`.
    pub(super) fn dtype(&mut self, args: &[Id]) -> Result<Id> {
        let text = args.first().map(|id| self.text(*id));
        let text = text.ok_or_else(|| Error::model("a dtype has no name"))??;
        let dtype = Dtype::parse(text)?;
        self.arena.add(Value::Dtype(Arc::new(dtype)))
    }

    /// `(version, byte order, subarray, names, fields, item size, ...)`.
    pub(super) fn finish_dtype(&mut self, target: Id, state: Id) -> Result<()> {
        let [_, order, sub, names, fields, size, ..] = *self.tuple(state)? else {
            return Err(Error::model("the state of a dtype is not numpy's"));
        };
        let mut dtype = Dtype::clone(&*self.dtype_at(target)?);
        if sub != Id::NONE {
            return Err(Error::model(
                "a dtype is an array itself, which is not read",
            ));
        }
        dtype.big_endian = matches!(self.text(order)?, ">" | "!");
        let size = self.count(size).unwrap_or(dtype.size);
        if names != Id::NONE {
            let fields = self.fields(names, fields)?;
            dtype = dtype.with_fields(fields, size)?;
        } else if matches!(dtype.kind, Kind::Bytes | Kind::Str | Kind::Struct) {
            if dtype.kind == Kind::Str && !size.is_multiple_of(4) {
                return Err(Error::model("text has four bytes a character in numpy"));
            }
            dtype.size = size;
        }
        self.arena.replace(target, Value::Dtype(Arc::new(dtype)))
    }

    fn fields(&mut self, names: Id, fields: Id) -> Result<Vec<Field>> {
        // Reading the same fields again and again is work, too: it counts as memory does.
        let described = match self.arena.get(fields) {
            Value::Dict(entries) => entries.len(),
            other => return Err(expected("a dict of fields", other)),
        };
        let work = 2 * described + self.tuple(names)?.len();
        self.arena.charge(work.saturating_mul(size_of::<Id>()))?;
        let Value::Dict(entries) = self.arena.get(fields) else {
            return Ok(Vec::new());
        };
        let mut parts = std::collections::HashMap::new();
        for (key, part) in entries {
            parts.insert(self.text(*key)?, *part);
        }
        let names = self.tuple(names)?.iter().map(|name| {
            let name = self.text(*name)?;
            let part = parts.get(name);
            let part = part.ok_or_else(|| Error::model(format!("field `{name}` has no dtype")))?;
            self.field(name, *part)
        });
        names.collect()
    }

    fn field(&self, name: &str, part: Id) -> Result<Field> {
        let [dtype, offset, ..] = *self.tuple(part)? else {
            return Err(Error::model(format!("field `{name}` has no offset")));
        };
        Ok(Field {
            name: name.to_owned(),
            offset: self.length(offset)?,
            dtype: self.dtype_at(dtype)?,
        })
    }

    /// `scalar(dtype, bytes)`.
    pub(super) fn scalar(&mut self, args: &[Id]) -> Result<Id> {
        let [dtype, data] = *args else {
            return Err(Error::model("a numpy scalar has a dtype and a value"));
        };
        let dtype = self.dtype_at(dtype)?;
        if dtype.is_object() {
            return Ok(data);
        }
        let array = Array::raw(dtype, Vec::new(), false, self.raw_bytes(data)?)?;
        self.arena.add(Value::Scalar(Arc::new(array)))
    }

    /// `_frombuffer(buffer, dtype, shape, order)`.
    pub(super) fn over_buffer(&mut self, args: &[Id]) -> Result<Id> {
        let [buffer, dtype, shape, order] = *args else {
            return Err(Error::model(
                "an array is given with its axes in another order: save a contiguous copy of it",
            ));
        };
        let fortran = match self.text(order)? {
            "C" => false,
            "F" => true,
            other => return Err(Error::model(format!("order `{other}` is neither C nor F"))),
        };
        let (dtype, shape) = (self.dtype_at(dtype)?, self.shape(shape)?);
        let array = Array::raw(dtype, shape, fortran, self.raw_bytes(buffer)?)?;
        self.arena.add(Value::Array(Arc::new(array)))
    }

    /// The state of an array: `(version, shape, dtype, fortran, data)`.
    pub(super) fn fill_array(&mut self, target: Id, state: Id) -> Result<()> {
        let [_, shape, dtype, fortran, data] = *self.tuple(state)? else {
            return Err(Error::model("the state of an array is not numpy's"));
        };
        let (dtype, shape) = (self.dtype_at(dtype)?, self.shape(shape)?);
        let fortran = self.flag(fortran)?;
        let array = if dtype.is_object() {
            let Value::List(objects) = self.arena.get(data) else {
                return Err(expected("a list of objects", self.arena.get(data)));
            };
            let objects = objects.clone();
            Array::of_objects(dtype, shape, objects)?
        } else {
            Array::raw(dtype, shape, fortran, self.raw_bytes(data)?)?
        };
        self.arena.replace(target, Value::Array(Arc::new(array)))
    }

    pub(super) fn dtype_at(&self, id: Id) -> Result<Arc<Dtype>> {
        match self.arena.get(id) {
            Value::Dtype(dtype) => Ok(dtype.clone()),
            other => Err(expected("a dtype", other)),
        }
    }

    pub(super) fn shape(&self, id: Id) -> Result<Vec<usize>> {
        let lengths = self.tuple(id)?;
        if lengths.len() > 64 {
            return Err(Error::model(format!(
                "an array has rank {}: numpy has at most 64",
                lengths.len()
            )));
        }
        lengths.iter().map(|length| self.length(*length)).collect()
    }

    fn length(&self, id: Id) -> Result<usize> {
        self.count(id)
            .ok_or_else(|| expected("a length", self.arena.get(id)))
    }

    fn count(&self, id: Id) -> Option<usize> {
        match self.arena.get(id) {
            Value::Int(value) => usize::try_from(*value).ok(),
            _ => None,
        }
    }

    /// A bool, or an integer as protocols 0 and 1 may write it.
    fn flag(&self, id: Id) -> Result<bool> {
        match self.arena.get(id) {
            Value::Bool(flag) => Ok(*flag),
            Value::Int(value) => Ok(*value != 0),
            other => Err(expected("a bool", other)),
        }
    }
}
