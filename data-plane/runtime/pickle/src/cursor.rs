//! A typed view of a document that knows its path, so that errors say where.

use std::fmt;

use hari_error::{Error, Result};

use crate::array::Array;
use crate::document::Document;
use crate::value::{Id, Object, Value};

mod arrays;
mod sparse;

pub use sparse::{Sparse, SparseFormat};

/// A place in a document: `steps[1].coef_`.
#[derive(Clone)]
pub struct Cursor<'d> {
    document: &'d Document,
    id: Id,
    path: String,
}

impl<'d> Cursor<'d> {
    pub(crate) fn new(document: &'d Document, id: Id) -> Self {
        let path = String::new();
        Self { document, id, path }
    }

    fn at(&self, id: Id, path: String) -> Self {
        let document = self.document;
        Self { document, id, path }
    }

    /// The number of the value: equal for what the file holds once and refers to often.
    #[must_use]
    pub fn id(&self) -> Id {
        self.id
    }

    /// The value itself.
    #[must_use]
    pub fn value(&self) -> &'d Value {
        self.document.value(self.id)
    }

    /// Where it lies, from the root of the file: empty for the root.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// An error about this value.
    #[must_use]
    pub fn refuse(&self, what: impl fmt::Display) -> Error {
        let place = if self.path.is_empty() {
            "the model"
        } else {
            &self.path
        };
        Error::model(format!("{place}: {what}"))
    }

    fn expected(&self, what: &str) -> Error {
        self.refuse(format_args!("expected {what}, found {}", self.describe()))
    }

    /// What it is, with class, dtype and shape where it has them.
    #[must_use]
    pub fn describe(&self) -> String {
        match self.value() {
            Value::Object(object) => format!("an object of `{}`", object.class.path()),
            Value::Name(class) => format!("the name `{}`", class.path()),
            Value::Array(array) => {
                format!("a {} array of shape {:?}", array.dtype(), array.shape())
            }
            Value::Scalar(array) => format!("a {} scalar", array.dtype()),
            other => other.kind().to_owned(),
        }
    }

    // Objects.

    /// The object.
    ///
    /// # Errors
    ///
    /// Another kind of value; so below.
    pub fn object(&self) -> Result<&'d Object> {
        match self.value() {
            Value::Object(object) => Ok(object),
            _ => Err(self.expected("an object")),
        }
    }

    /// Module and name of an object's class, or of a class or function that is named.
    ///
    /// # Errors
    ///
    /// Neither of them.
    pub fn class(&self) -> Result<String> {
        match self.value() {
            Value::Object(object) => Ok(object.class.path()),
            Value::Name(class) => Ok(class.path()),
            _ => Err(self.expected("an object")),
        }
    }

    /// The attribute of an object.
    ///
    /// # Errors
    ///
    /// No object, or no such attribute.
    pub fn attribute(&self, name: &str) -> Result<Self> {
        let found = self.find_attribute(name)?;
        found.ok_or_else(|| self.refuse(format_args!("there is no attribute `{name}`")))
    }

    /// The attribute of an object, if it has it.
    ///
    /// # Errors
    ///
    /// No object.
    pub fn find_attribute(&self, name: &str) -> Result<Option<Self>> {
        let object = self.object()?;
        let Some(state) = object.state else {
            return Ok(None);
        };
        // With `__slots__` the state is a pair of dictionaries.
        let found = match self.document.value(state) {
            Value::Tuple(parts) => parts.iter().find_map(|part| self.entry(*part, name)),
            _ => self.entry(state, name),
        };
        Ok(found.map(|id| self.at(id, self.child(name))))
    }

    /// What an object was given as its state, where that is no dictionary of attributes.
    ///
    /// # Errors
    ///
    /// No object, or none with a state.
    pub fn state(&self) -> Result<Self> {
        let state = self.object()?.state;
        let id = state.ok_or_else(|| self.refuse("there is no state"))?;
        Ok(self.at(id, self.child("state")))
    }

    /// An argument that an object was made with.
    ///
    /// # Errors
    ///
    /// No object, or fewer arguments.
    pub fn argument(&self, index: usize) -> Result<Self> {
        let found = self.object()?.args.get(index).copied();
        let id = found.ok_or_else(|| self.refuse(format_args!("there is no argument {index}")))?;
        Ok(self.at(id, self.child(&format!("args[{index}]"))))
    }

    fn child(&self, name: &str) -> String {
        if self.path.is_empty() {
            return name.to_owned();
        }
        format!("{}.{name}", self.path)
    }

    // Containers.

    fn entry(&self, dict: Id, name: &str) -> Option<Id> {
        let Value::Dict(entries) = self.document.value(dict) else {
            return None;
        };
        let mut entries = entries.iter().rev();
        let is_named = |id| matches!(self.document.value(id), Value::Str(text) if **text == *name);
        entries.find(|(key, _)| is_named(*key)).map(|(_, id)| *id)
    }

    /// The entry of a dictionary, or of an object that is one.
    ///
    /// # Errors
    ///
    /// No dictionary, or no such key.
    pub fn get(&self, key: &str) -> Result<Self> {
        let pairs = self.pairs()?.iter().rev();
        let is_key = |id| match self.document.value(id) {
            Value::Str(text) => **text == *key,
            Value::Scalar(_) => self.at(id, String::new()).text().is_ok_and(|n| n == key),
            _ => false,
        };
        let found = pairs.copied().find(|(name, _)| is_key(*name));
        let (_, id) = found.ok_or_else(|| self.refuse(format_args!("there is no key `{key}`")))?;
        Ok(self.at(id, format!("{}[{:?}]", self.path, shortened(key))))
    }

    /// Keys and values of a dictionary, in the order written.
    ///
    /// # Errors
    ///
    /// No dictionary.
    pub fn entries(&self) -> Result<Vec<(Self, Self)>> {
        let pair = |(index, (key, value)): (usize, &(Id, Id))| {
            let key = self.at(*key, format!("{}.keys()[{index}]", self.path));
            let path = match key.value() {
                Value::Str(name) => format!("{}[{:?}]", self.path, shortened(name)),
                _ => format!("{}.values()[{index}]", self.path),
            };
            (key, self.at(*value, path))
        };
        Ok(self.pairs()?.iter().enumerate().map(pair).collect())
    }

    /// A dictionary of text to integers, as vectorisers keep their vocabulary, in the order written.
    ///
    /// # Errors
    ///
    /// No dictionary, or one of other keys or values.
    pub fn numbering(&self) -> Result<Vec<(String, i64)>> {
        let plain = |id| self.at(id, String::new());
        let pair = |(key, value): &(Id, Id)| {
            Some((plain(*key).text().ok()?, plain(*value).integer().ok()?))
        };
        let found: Option<Vec<_>> = self.pairs()?.iter().map(pair).collect();
        found.ok_or_else(|| self.refuse("expected text as keys and integers as values"))
    }

    fn pairs(&self) -> Result<&'d [(Id, Id)]> {
        match self.value() {
            Value::Dict(entries) => Ok(entries),
            Value::Object(object) => Ok(&object.entries),
            _ => Err(self.expected("a dict")),
        }
    }

    /// The elements of a list, a tuple, a set or an array of objects (in C order).
    ///
    /// # Errors
    ///
    /// None of these.
    pub fn items(&self) -> Result<Vec<Self>> {
        let ids = self.ids()?;
        let each = ids.iter().enumerate();
        Ok(each
            .map(|(index, id)| self.at(*id, format!("{}[{index}]", self.path)))
            .collect())
    }

    /// One of [`Self::items`].
    ///
    /// # Errors
    ///
    /// Also fewer elements.
    pub fn item(&self, index: usize) -> Result<Self> {
        let ids = self.ids()?;
        let id = ids.get(index).copied();
        let id = id.ok_or_else(|| {
            self.refuse(format_args!(
                "there are {} elements, none is number {index}",
                ids.len()
            ))
        })?;
        Ok(self.at(id, format!("{}[{index}]", self.path)))
    }

    /// How many elements or entries there are.
    ///
    /// # Errors
    ///
    /// Nothing that holds elements.
    pub fn count(&self) -> Result<usize> {
        match self.value() {
            Value::Dict(entries) => Ok(entries.len()),
            _ => Ok(self.ids()?.len()),
        }
    }

    fn ids(&self) -> Result<&'d [Id]> {
        match self.value() {
            Value::List(ids) | Value::Tuple(ids) | Value::Set(ids) => Ok(ids),
            Value::Array(array) => array.objects().ok_or_else(|| self.expected("a list")),
            Value::Object(object) if !object.items.is_empty() => Ok(&object.items),
            _ => Err(self.expected("a list")),
        }
    }

    // Single values; numpy's scalars and arrays of rank 0 count as Python's.

    /// Whether it is `None`.
    #[must_use]
    pub fn is_none(&self) -> bool {
        matches!(self.value(), Value::None)
    }

    /// The value, or nothing for `None`.
    #[must_use]
    pub fn optional(self) -> Option<Self> {
        Some(self).filter(|cursor| !cursor.is_none())
    }

    fn single(&self) -> Option<&'d Array> {
        match self.value() {
            Value::Scalar(array) => Some(array),
            Value::Array(array) if array.shape().is_empty() => Some(array),
            _ => None,
        }
    }

    /// A bool.
    ///
    /// # Errors
    ///
    /// Another kind of value; so below.
    pub fn boolean(&self) -> Result<bool> {
        if let Value::Bool(value) = self.value() {
            return Ok(*value);
        }
        let found = self.single().and_then(Array::typed::<bool>);
        let found = found.and_then(|typed| typed.values.first().copied());
        found.ok_or_else(|| self.expected("a bool"))
    }

    /// An integer of up to 64 bits.
    ///
    /// # Errors
    ///
    /// Also a longer one.
    pub fn integer(&self) -> Result<i64> {
        if let Value::Int(value) = self.value() {
            return Ok(*value);
        }
        let found = self
            .single()
            .filter(|array| array.dtype().kind != crate::Kind::Bool);
        let found = found.and_then(Array::integers);
        let found = found.and_then(|typed| typed.values.first().copied());
        found.ok_or_else(|| self.expected("an integer of 64 bits"))
    }

    /// A float, or an integer that a float holds exactly.
    ///
    /// # Errors
    ///
    /// As above.
    pub fn float(&self) -> Result<f64> {
        match self.value() {
            Value::Float(value) => return Ok(*value),
            Value::Int(value) if value.unsigned_abs() <= 1 << 53 => return Ok(*value as f64),
            _ => {}
        }
        let found = self.single().and_then(Array::numbers);
        let found = found.and_then(|typed| typed.values.first().copied());
        found.ok_or_else(|| self.expected("a number"))
    }

    /// Text: a `str` or numpy's.
    ///
    /// # Errors
    ///
    /// As above.
    pub fn text(&self) -> Result<String> {
        if let Value::Str(text) = self.value() {
            return Ok(text.to_string());
        }
        let found = self.single().and_then(Array::texts);
        let found = found.and_then(|typed| typed.values.into_iter().next());
        found.ok_or_else(|| self.expected("a str"))
    }

    /// Bytes.
    ///
    /// # Errors
    ///
    /// As above.
    pub fn bytes(&self) -> Result<&'d [u8]> {
        match self.value() {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(self.expected("bytes")),
        }
    }
}

impl fmt::Debug for Cursor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.describe())
    }
}

fn shortened(name: &str) -> String {
    name.chars().take(40).collect()
}
