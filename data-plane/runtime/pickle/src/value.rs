//! What a file holds: values in one arena, referring to each other by number. Nothing here acts.

use std::sync::Arc;

use bytes::Bytes;
use hari_error::{Error, Result};

use crate::array::Array;
use crate::dtype::Dtype;
use crate::globals::Class;

mod text;

pub use text::Text;

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
    Bytes(Box<Bytes>),
    /// Text.
    Str(Text),
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

    /// Memory beside the value itself.
    fn weight(&self) -> usize {
        match self {
            Self::BigInt(bytes) => heap(bytes.len()),
            Self::Bytes(_) => heap(size_of::<Bytes>()),
            Self::Tuple(ids) | Self::List(ids) | Self::Set(ids) => {
                heap(size_of_val(ids.as_slice()))
            }
            Self::Dict(pairs) => heap(size_of_val(pairs.as_slice())),
            Self::Object(object) => {
                heap(size_of::<Object>()) + heap(size_of_val(object.args.as_slice()))
            }
            Self::Array(array) | Self::Scalar(array) => array.weight(),
            Self::Dtype(dtype) => dtype.weight(),
            Self::None
            | Self::Bool(_)
            | Self::Int(_)
            | Self::Float(_)
            | Self::Str(_)
            | Self::Name(_) => 0,
        }
    }
}

/// What an allocation of so many bytes takes: the allocator's own part, and rounding.
pub(crate) fn heap(bytes: usize) -> usize {
    match bytes {
        0 => 0,
        1..=24 => 32,
        _ => bytes.saturating_add(8 + 15) & !15,
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

/// Values lie in pieces of so many, so that none is moved when there are more.
const PIECE: usize = 1 << 14;

/// All values of a file, and the memory that they may take.
#[derive(Debug)]
pub(crate) struct Arena {
    pieces: Vec<Vec<Value>>,
    room: u64,
}

impl Arena {
    /// With the values that every file shares; `room` bytes may be built.
    pub(crate) fn new(room: u64) -> Self {
        let shared = vec![
            Value::None,
            Value::Bool(false),
            Value::Bool(true),
            Value::Tuple(Vec::new()),
        ];
        Self {
            pieces: vec![shared],
            room,
        }
    }

    pub(crate) fn get(&self, id: Id) -> &Value {
        let piece = self.pieces.get(id.index() / PIECE);
        let value = piece.and_then(|piece| piece.get(id.index() % PIECE));
        value.unwrap_or(&Value::None)
    }

    pub(crate) fn get_mut(&mut self, id: Id) -> Option<&mut Value> {
        let piece = self.pieces.get_mut(id.index() / PIECE)?;
        piece.get_mut(id.index() % PIECE)
    }

    pub(crate) fn len(&self) -> usize {
        let last = self.pieces.last().map_or(0, Vec::len);
        self.pieces.len().saturating_sub(1) * PIECE + last
    }

    pub(crate) fn add(&mut self, value: Value) -> Result<Id> {
        // And a byte for its height, once all are there.
        self.charge(size_of::<Value>() + 1 + value.weight())?;
        let id = u32::try_from(self.len()).ok();
        let id = id.filter(|id| *id != u32::MAX).ok_or_else(too_much)?;
        match self.pieces.last_mut() {
            Some(piece) if piece.len() < PIECE => piece.push(value),
            _ => {
                let mut piece = Vec::with_capacity(PIECE);
                piece.push(value);
                self.pieces.push(piece);
            }
        }
        Ok(Id(id))
    }

    pub(crate) fn replace(&mut self, id: Id, value: Value) -> Result<()> {
        self.charge(value.weight())?;
        if let Some(slot) = self.get_mut(id) {
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

    /// One of the values that `id` holds directly.
    pub(crate) fn child(&self, id: Id, index: usize) -> Option<Id> {
        match self.get(id) {
            Value::Tuple(ids) | Value::List(ids) | Value::Set(ids) => ids.get(index).copied(),
            Value::Dict(pairs) => half(pairs, index),
            Value::Object(object) => object.child(index),
            Value::Array(array) => array.objects()?.get(index).copied(),
            _ => None,
        }
    }
}

impl Object {
    /// Arguments, elements, named arguments, state and entries, in this order.
    fn child(&self, mut index: usize) -> Option<Id> {
        for part in [&self.args, &self.items] {
            match part.get(index) {
                Some(id) => return Some(*id),
                None => index -= part.len(),
            }
        }
        let single = self.kwargs.iter().chain(&self.state);
        match single.clone().nth(index) {
            Some(id) => Some(*id),
            None => half(&self.entries, index - single.count()),
        }
    }
}

/// Keys and values, as one row.
fn half(pairs: &[(Id, Id)], index: usize) -> Option<Id> {
    let (key, value) = pairs.get(index / 2)?;
    Some(if index.is_multiple_of(2) {
        *key
    } else {
        *value
    })
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
        assert!(size_of::<Value>() <= 32, "{}", size_of::<Value>());
    }

    #[test]
    fn an_arena_stops_at_its_room() {
        let mut arena = Arena::new(1000);
        let added = (0..1000).take_while(|_| arena.add(Value::Int(1)).is_ok());
        assert!(added.count() <= 1000 / size_of::<Value>());
    }

    #[test]
    fn values_are_found_in_every_piece() {
        let mut arena = Arena::new(1 << 30);
        let count = 3 * PIECE + 5;
        let ids: Vec<_> = (4..count)
            .map(|n| arena.add(Value::Int(n as i64)).unwrap())
            .collect();
        assert_eq!((arena.len(), ids.len()), (count, count - 4));
        for (id, n) in ids.iter().zip(4..) {
            assert!(matches!(arena.get(*id), Value::Int(found) if *found == n));
        }
        assert!(matches!(arena.get(Id(u32::MAX)), Value::None));
    }

    #[test]
    fn children_of_an_object_come_one_after_the_other() {
        let class = crate::globals::resolve("numpy.random.mtrand", "RandomState").unwrap();
        let mut object = Object::new(class, vec![Id(10), Id(11)]);
        object.items = vec![Id(12)];
        object.state = Some(Id(13));
        object.entries = vec![(Id(14), Id(15))];
        let mut arena = Arena::new(1 << 20);
        let id = arena.add(Value::Object(Box::new(object))).unwrap();
        let found: Vec<_> = (0..).map_while(|n| arena.child(id, n)).collect();
        assert_eq!(found, (10..16).map(Id).collect::<Vec<_>>());
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
