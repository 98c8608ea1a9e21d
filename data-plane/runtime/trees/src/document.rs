//! A tree of values with their names, as JSON and UBJSON have it, over the bytes of the file.
//!
//! Arrays of numbers, which are nearly all of a model, stay where they are in the file: they are
//! looked through once when the file is read, and become numbers when they are asked for. So
//! float32 is read from its decimals in one rounding, and a file takes no memory a second time.

mod json;
mod numbers;
mod ubjson;

use std::borrow::Cow;

use hari_error::{Error, Result};

pub(crate) use json::{read as read_json, read_dense as read_dense_json};
pub(crate) use numbers::Numbers;
pub(crate) use ubjson::read as read_ubjson;

/// No document is nested deeper.
const MAX_DEPTH: usize = 64;

/// Any value.
#[derive(Clone, Debug)]
pub(crate) enum Value<'a> {
    Null,
    Text(Cow<'a, str>),
    /// One number or truth value.
    Number(Numbers<'a>),
    /// An array of numbers or truth values; an empty array too.
    Numbers(Numbers<'a>),
    /// An array of numbers of which some, from the first on, stand in quotes: as in the file.
    Hashed(&'a str),
    List(Vec<Value<'a>>),
    Object(Vec<(Cow<'a, str>, Value<'a>)>),
}

impl<'a> Value<'a> {
    /// The member of this name.
    pub(crate) fn find(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => {
                let member = members.iter().find(|(key, _)| key == name);
                member.map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// The member of this name, which has to be there.
    pub(crate) fn get(&self, name: &str) -> Result<&Self> {
        let found = self.find(name);
        found.ok_or_else(|| Error::model(format!("`{name}` is missing")))
    }

    /// The text of this name.
    pub(crate) fn text(&self, name: &str) -> Result<&str> {
        match self.get(name)? {
            Self::Text(text) => Ok(text),
            other => Err(other.unlike(name, "text")),
        }
    }

    /// The values of this name; none if it is not there.
    pub(crate) fn list(&self, name: &str) -> Result<&[Self]> {
        match self.find(name) {
            None | Some(Self::Null) => Ok(&[]),
            Some(Self::List(list)) => Ok(list),
            Some(Self::Numbers(numbers)) if numbers.is_empty() => Ok(&[]),
            Some(other) => Err(other.unlike(name, "a list")),
        }
    }

    /// The texts of this name; none if it is not there.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<String>> {
        let texts = self.list(name)?.iter().map(|value| match value {
            Self::Text(text) => Ok(text.clone().into_owned()),
            other => Err(other.unlike(name, "a list of texts")),
        });
        texts.collect()
    }

    /// The texts of a list that is this value.
    pub(crate) fn all_texts(&self) -> Result<Vec<&str>> {
        let wrong = || Error::model("expected a list of texts, or one of numbers");
        let Self::List(list) = self else {
            return Err(wrong());
        };
        let texts = list.iter().map(|value| match value {
            Self::Text(text) => Ok(&**text),
            _ => Err(wrong()),
        });
        texts.collect()
    }

    /// Whether it is an empty list.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Numbers(numbers) => numbers.is_empty(),
            Self::List(list) => list.is_empty(),
            _ => false,
        }
    }

    /// The numbers of this name.
    pub(crate) fn numbers(&self, name: &str) -> Result<&Numbers<'a>> {
        match self.get(name)? {
            Self::Numbers(numbers) => Ok(numbers),
            other => Err(other.unlike(name, "a list of numbers")),
        }
    }

    /// The numbers of this name as float32.
    pub(crate) fn floats(&self, name: &str) -> Result<Vec<f32>> {
        let floats = self.numbers(name)?.floats();
        floats.map_err(|error| error.context(format!("`{name}`")))
    }

    /// The numbers of this name as float64.
    pub(crate) fn doubles(&self, name: &str) -> Result<Vec<f64>> {
        let doubles = self.numbers(name)?.doubles();
        doubles.map_err(|error| error.context(format!("`{name}`")))
    }

    /// The numbers of this name as integers.
    pub(crate) fn ints(&self, name: &str) -> Result<Vec<i64>> {
        let ints = self.numbers(name)?.ints();
        ints.map_err(|error| error.context(format!("`{name}`")))
    }

    /// The whole number of this name, which XGBoost writes as text; `default` if it is not there.
    pub(crate) fn count_or(&self, name: &str, default: usize) -> Result<usize> {
        let wrong = |found: &str| {
            Error::model(format!(
                "`{name}`: expected a number from 0, found `{found}`"
            ))
        };
        match self.find(name) {
            None => Ok(default),
            Some(Self::Text(text)) => text.parse().map_err(|_| wrong(text)),
            Some(Self::Number(number)) => {
                let first = number.ints()?.first().copied().unwrap_or_default();
                usize::try_from(first).map_err(|_| wrong(&first.to_string()))
            }
            Some(other) => Err(other.unlike(name, "a number")),
        }
    }

    /// The number of this name as float32; `default` if it is not there.
    pub(crate) fn float_or(&self, name: &str, default: f32) -> Result<f32> {
        self.one(name, default, Numbers::floats)
    }

    /// The whole number of this name; `default` if it is not there.
    pub(crate) fn int_or(&self, name: &str, default: i64) -> Result<i64> {
        self.one(name, default, Numbers::ints)
    }

    fn one<T: Copy>(
        &self,
        name: &str,
        default: T,
        read: impl Fn(&Numbers<'a>) -> Result<Vec<T>>,
    ) -> Result<T> {
        match self.find(name) {
            None => Ok(default),
            Some(Self::Number(number)) => {
                let read = read(number).map_err(|error| error.context(format!("`{name}`")))?;
                Ok(read.first().copied().unwrap_or(default))
            }
            Some(other) => Err(other.unlike(name, "a number")),
        }
    }

    fn unlike(&self, name: &str, expected: &str) -> Error {
        let found = match self {
            Self::Null => "null",
            Self::Text(_) => "text",
            Self::Number(_) => "a number",
            Self::Numbers(_) => "a list of numbers",
            Self::Hashed(_) => "a list of numbers in quotes and others",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        };
        Error::model(format!("`{name}`: expected {expected}, found {found}"))
    }
}

/// How many values there may be yet: a share of the file's length, so that brackets alone cannot
/// take many times the file's memory.
#[derive(Debug)]
struct Budget(usize);

impl Budget {
    fn of(length: usize) -> Self {
        Self((1 << 19) + length / 24)
    }

    /// For documents whose values take a line each, or a few bytes.
    fn dense(length: usize) -> Self {
        Self((1 << 19) + length / 12)
    }

    fn spend(&mut self) -> Result<()> {
        let left = self.0.checked_sub(1);
        self.0 = left.ok_or_else(|| Error::model("it has too many values for its size"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
