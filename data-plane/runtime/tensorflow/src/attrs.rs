//! Attributes of an operation, by name and type.

use std::collections::BTreeMap;

use bytes::Bytes;
use hari_error::{Error, Result};
use hari_proto::tensorflow::attr_value::{ListValue, Value};
use hari_proto::tensorflow::{AttrValue, DataType, NameAttrList, TensorProto, TensorShapeProto};

use crate::dtype;

/// The attributes of one operation, defaults filled in. They stay where they were decoded: a
/// function that is called often does not multiply them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Attrs<'a>(BTreeMap<&'a str, &'a AttrValue>);

impl<'a> Attrs<'a> {
    /// Those of a message.
    pub(crate) fn of(attrs: &'a BTreeMap<String, AttrValue>) -> Self {
        Self(
            attrs
                .iter()
                .map(|(name, attr)| (name.as_str(), attr))
                .collect(),
        )
    }

    /// Sets an attribute.
    pub(crate) fn set(&mut self, name: &'a str, attr: &'a AttrValue) {
        self.0.insert(name, attr);
    }

    /// The attribute as it was written.
    pub(crate) fn get(&self, name: &str) -> Option<&'a AttrValue> {
        self.0.get(name).copied()
    }

    /// Whether both say the same; functions may be left out, since their names are arbitrary and
    /// their bodies are compared elsewhere.
    pub(crate) fn same_as(&self, other: &Attrs<'_>, without_functions: bool) -> bool {
        let counts = |attr: &&AttrValue| !(without_functions && is_function(attr));
        let (own, others) = (self.0.iter(), other.0.iter());
        own.filter(|(_, attr)| counts(attr))
            .eq(others.filter(|(_, attr)| counts(attr)))
    }

    /// The attribute's value, if it is set.
    fn value(&self, name: &str) -> Option<&'a Value> {
        self.get(name).and_then(|attr| attr.value.as_ref())
    }

    fn wrong(name: &str, expected: &str) -> Error {
        Error::model(format!("attribute `{name}` is missing or not {expected}"))
    }

    pub(crate) fn int(&self, name: &str) -> Result<i64> {
        match self.value(name) {
            Some(Value::I(value)) => Ok(*value),
            _ => Err(Self::wrong(name, "an integer")),
        }
    }

    pub(crate) fn float(&self, name: &str) -> Result<f32> {
        match self.value(name) {
            Some(Value::F(value)) => Ok(*value),
            _ => Err(Self::wrong(name, "a float")),
        }
    }

    pub(crate) fn bool(&self, name: &str) -> Result<bool> {
        match self.value(name) {
            Some(Value::B(value)) => Ok(*value),
            _ => Err(Self::wrong(name, "a boolean")),
        }
    }

    pub(crate) fn text(&self, name: &str) -> Result<&'a str> {
        match self.value(name) {
            Some(Value::S(value)) => std::str::from_utf8(value).ok(),
            _ => None,
        }
        .ok_or_else(|| Self::wrong(name, "text"))
    }

    pub(crate) fn dtype(&self, name: &str) -> Result<DataType> {
        match self.value(name) {
            Some(Value::Type(number)) => Ok(dtype::from_number(*number)),
            _ => Err(Self::wrong(name, "an element type")),
        }
    }

    pub(crate) fn shape(&self, name: &str) -> Result<&'a TensorShapeProto> {
        match self.value(name) {
            Some(Value::Shape(shape)) => Ok(shape),
            _ => Err(Self::wrong(name, "a shape")),
        }
    }

    pub(crate) fn tensor(&self, name: &str) -> Result<&'a TensorProto> {
        match self.value(name) {
            Some(Value::Tensor(tensor)) => Ok(tensor),
            _ => Err(Self::wrong(name, "a tensor")),
        }
    }

    pub(crate) fn function(&self, name: &str) -> Result<&'a NameAttrList> {
        match self.value(name) {
            Some(Value::Func(function)) => Ok(function),
            _ => Err(Self::wrong(name, "a function")),
        }
    }

    /// The functions of a list, none if the attribute is left out.
    pub(crate) fn functions(&self, name: &str) -> &'a [NameAttrList] {
        self.list(name).map_or(&[], |list| list.func.as_slice())
    }

    fn list(&self, name: &str) -> Option<&'a ListValue> {
        match self.value(name) {
            Some(Value::List(list)) => Some(list),
            _ => None,
        }
    }

    /// The integers of a list, none if the attribute is left out.
    pub(crate) fn ints(&self, name: &str) -> Vec<i64> {
        self.list(name)
            .map(|list| list.i.clone())
            .unwrap_or_default()
    }

    /// The floats of a list, none if the attribute is left out.
    pub(crate) fn floats(&self, name: &str) -> Vec<f32> {
        self.list(name)
            .map(|list| list.f.clone())
            .unwrap_or_default()
    }

    /// The byte strings of a list.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<Bytes>> {
        let list = self.list(name);
        list.map(|list| list.s.clone())
            .ok_or_else(|| Self::wrong(name, "a list of texts"))
    }

    /// The number of tensors that an argument stands for: an integer attribute, or the length of a
    /// list of types.
    pub(crate) fn count(&self, number: &str, types: &str) -> Result<usize> {
        if !types.is_empty() {
            return Ok(self.list(types).map_or(0, |list| list.r#type.len()));
        }
        if number.is_empty() {
            return Ok(1);
        }
        let count = self.int(number)?;
        usize::try_from(count).map_err(|_| Self::wrong(number, "a number of tensors"))
    }
}

fn is_function(attr: &AttrValue) -> bool {
    match &attr.value {
        Some(Value::Func(_)) => true,
        Some(Value::List(list)) => !list.func.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attrs(name: &str, value: Value) -> BTreeMap<String, AttrValue> {
        BTreeMap::from([(name.to_owned(), AttrValue { value: Some(value) })])
    }

    #[test]
    fn a_value_of_another_type_is_named() {
        let attrs = attrs("alpha", Value::F(0.5));
        let attrs = Attrs::of(&attrs);
        assert_eq!(attrs.float("alpha").unwrap(), 0.5);
        assert!(
            attrs
                .int("alpha")
                .unwrap_err()
                .message()
                .contains("`alpha`")
        );
        assert!(attrs.text("beta").unwrap_err().message().contains("`beta`"));
        assert!(attrs.ints("alpha").is_empty());
    }

    #[test]
    fn counts_are_one_a_number_or_a_list() {
        let list = ListValue {
            r#type: vec![1, 3],
            ..ListValue::default()
        };
        assert_eq!(
            Attrs::of(&attrs("T", Value::List(list)))
                .count("", "T")
                .unwrap(),
            2
        );
        assert_eq!(
            Attrs::of(&attrs("N", Value::I(3))).count("N", "").unwrap(),
            3
        );
        assert_eq!(Attrs::default().count("", "").unwrap(), 1);
        assert!(Attrs::of(&attrs("N", Value::I(-3))).count("N", "").is_err());
    }
}
