//! What a file holds: values in one arena, referring to each other by number. Nothing here acts.

use std::sync::Arc;

use bytes::Bytes;
use hari_error::{Error, Result};

use crate::array::Array;
use crate::dtype::Dtype;
use crate::globals::Class;

/// The number of a value in its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Id(pub(crate) u32);

impl Id {
    /// `None`, which is in every arena.
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const FALSE: Self = Self(1);
    pub(crate) const TRUE: Self = Self(2);
    pub(crate) const EMPTY_TUPLE: Self = Self(3);

    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// A value as Python wrote it.
#[derive(Clone, Debug)]
pub enum Value {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// An integer of 64 bits.
    Int(i64),
    /// A longer integer: two's complement, little-endian.
    BigInt(Box<[u8]>),
    /// A float of 64 bits.
    Float(f64),
    /// `bytes` or `bytearray`.
    Bytes(Bytes),
    /// Text.
    Str(Box<str>),
    /// A tuple.
    Tuple(Vec<Id>),
    /// A list.
    List(Vec<Id>),
    /// A dictionary, in the order written; of equal keys the last one counts.
    Dict(Vec<(Id, Id)>),
    /// A set or a frozen set.
    Set(Vec<Id>),
    /// A class, a function or a ufunc, by name alone.
    Name(Arc<Class>),
    /// An object, as what it was made from.
    Object(Box<Object>),
    /// A numpy array.
    Array(Arc<Array>),
    /// A numpy scalar: an array of rank 0.
    Scalar(Arc<Array>),
    /// A numpy dtype.
    Dtype(Arc<Dtype>),
}

impl Value {
    /// The kind, in Python's words.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "a bool",
            Self::Int(_) | Self::BigInt(_) => "an int",
            Self::Float(_) => "a float",
            Self::Bytes(_) => "bytes",
            Self::Str(_) => "a str",
            Self::Tuple(_) => "a tuple",
            Self::List(_) => "a list",
            Self::Dict(_) => "a dict",
            Self::Set(_) => "a set",
            Self::Name(_) => "a class or function",
            Self::Object(_) => "an object",
            Self::Array(_) => "an array",
            Self::Scalar(_) => "a numpy scalar",
            Self::Dtype(_) => "a dtype",
        }
    }

    /// Bytes beside the value itself that hold references.
    fn weight(&self) -> usize {
        match self {
            Self::BigInt(bytes) => bytes.len(),
            Self::Str(text) => text.len(),
            Self::Tuple(ids) | Self::List(ids) | Self::Set(ids) => size_of_val(ids.as_slice()),
            Self::Dict(pairs) => size_of_val(pairs.as_slice()),
            Self::Object(_) => size_of::<Object>(),
            Self::Array(_) | Self::Scalar(_) => size_of::<Array>(),
            Self::Dtype(dtype) => dtype.weight(),
            Self::None
            | Self::Bool(_)
            | Self::Int(_)
            | Self::Float(_)
            | Self::Bytes(_)
            | Self::Name(_) => 0,
        }
    }
}

/// An object: its class, what it was made with and the state it was given. Nothing was called.
#[derive(Clone, Debug)]
pub struct Object {
    /// The class, or the function that would have made it.
    pub class: Arc<Class>,
    /// Arguments by position.
    pub args: Vec<Id>,
    /// Arguments by name: a dictionary.
    pub kwargs: Option<Id>,
    /// What `__setstate__` would have been given.
    pub state: Option<Id>,
    /// Elements, of a class that is a list.
    pub items: Vec<Id>,
    /// Entries, of a class that is a dictionary.
    pub entries: Vec<(Id, Id)>,
}

impl Object {
    pub(crate) fn new(class: Arc<Class>, args: Vec<Id>) -> Self {
        Self {
            class,
            args,
            kwargs: None,
            state: None,
            items: Vec::new(),
            entries: Vec::new(),
        }
    }
}

/// All values of a file, and the memory that they may take.
#[derive(Debug)]
pub(crate) struct Arena {
    values: Vec<Value>,
    room: u64,
}

impl Arena {
    /// With the values that every file shares; `room` bytes may be built.
    pub(crate) fn new(room: u64) -> Self {
        let shared = [
            Value::None,
            Value::Bool(false),
            Value::Bool(true),
            Value::Tuple(Vec::new()),
        ];
        Self {
            values: shared.to_vec(),
            room,
        }
    }

    pub(crate) fn get(&self, id: Id) -> &Value {
        self.values.get(id.index()).unwrap_or(&Value::None)
    }

    pub(crate) fn get_mut(&mut self, id: Id) -> Option<&mut Value> {
        self.values.get_mut(id.index())
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    pub(crate) fn add(&mut self, value: Value) -> Result<Id> {
        self.charge(size_of::<Value>() + value.weight())?;
        let id = u32::try_from(self.values.len()).map_err(|_| too_much())?;
        self.values.push(value);
        Ok(Id(id))
    }

    pub(crate) fn replace(&mut self, id: Id, value: Value) -> Result<()> {
        self.charge(value.weight())?;
        if let Some(slot) = self.values.get_mut(id.index()) {
            *slot = value;
        }
        Ok(())
    }

    /// Takes `bytes` off the room for structure.
    pub(crate) fn charge(&mut self, bytes: usize) -> Result<()> {
        let left = self.room.checked_sub(bytes as u64);
        self.room = left.ok_or_else(too_much)?;
        Ok(())
    }

    /// The values that `id` holds directly.
    pub(crate) fn children(&self, id: Id) -> Vec<Id> {
        match self.get(id) {
            Value::Tuple(ids) | Value::List(ids) | Value::Set(ids) => ids.clone(),
            Value::Dict(pairs) => flat(pairs).collect(),
            Value::Object(object) => {
                let one = object.args.iter().chain(&object.items);
                let states = object.kwargs.iter().chain(&object.state);
                let all = one.chain(states).copied();
                all.chain(flat(&object.entries)).collect()
            }
            Value::Array(array) => array.objects().unwrap_or_default().to_vec(),
            _ => Vec::new(),
        }
    }
}

fn flat(pairs: &[(Id, Id)]) -> impl Iterator<Item = Id> {
    pairs.iter().flat_map(|(key, value)| [*key, *value])
}

fn too_much() -> Error {
    Error::model(
        "the file builds more values than its size accounts for: it is damaged, or made to exhaust \
         memory",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_small() {
        assert!(size_of::<Value>() <= 40, "{}", size_of::<Value>());
    }

    #[test]
    fn an_arena_stops_at_its_room() {
        let mut arena = Arena::new(1000);
        let added = (0..1000).take_while(|_| arena.add(Value::Int(1)).is_ok());
        assert!(added.count() <= 1000 / size_of::<Value>());
    }

    #[test]
    fn what_every_file_shares_is_where_it_is_said_to_be() {
        let arena = Arena::new(0);
        assert!(matches!(arena.get(Id::NONE), Value::None));
        assert!(matches!(arena.get(Id::FALSE), Value::Bool(false)));
        assert!(matches!(arena.get(Id::TRUE), Value::Bool(true)));
        assert!(matches!(arena.get(Id::EMPTY_TUPLE), Value::Tuple(items) if items.is_empty()));
    }
}
