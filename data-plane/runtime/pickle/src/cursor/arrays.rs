//! Arrays of numpy, by their element type.

use hari_error::Result;

use super::Cursor;
use crate::array::{Array, Element, Typed};
use crate::value::Value;

impl<'d> Cursor<'d> {
    /// A numpy array of any dtype.
    ///
    /// # Errors
    ///
    /// Another kind of value.
    pub fn any_array(&self) -> Result<&'d Array> {
        match self.value() {
            Value::Array(array) | Value::Scalar(array) => Ok(array),
            _ => Err(self.expected("an array")),
        }
    }

    /// An array that is about to be copied: a small file may refer to a large array often.
    fn copied(&self) -> Result<Option<&'d Array>> {
        let Ok(array) = self.any_array() else {
            return Ok(None);
        };
        let bytes = array.len().saturating_mul(array.dtype().size.max(8));
        match self.document.charge(bytes as u64) {
            true => Ok(Some(array)),
            false => Err(self.refuse(
                "the file refers to the same arrays so often that they would fill the memory",
            )),
        }
    }

    /// An array of exactly this element type.
    ///
    /// # Errors
    ///
    /// No array, or one of another dtype.
    pub fn array<T: Element>(&self) -> Result<Typed<T>> {
        let found = self.copied()?.and_then(Array::typed);
        found.ok_or_else(|| self.expected(&format!("a {} array", T::NAME)))
    }

    /// The values of an array where they lie in the file, in C order: [`Array::view`].
    #[must_use]
    pub fn view<T: Element>(&self) -> Option<&'d [T]> {
        self.any_array().ok().and_then(Array::view)
    }

    /// [`Self::array`] of this rank.
    ///
    /// # Errors
    ///
    /// Also another rank.
    pub fn array_of_rank<T: Element>(&self, rank: usize) -> Result<Typed<T>> {
        let found = self.copied()?.and_then(Array::typed);
        let found = found.filter(|typed: &Typed<T>| typed.shape.len() == rank);
        found.ok_or_else(|| self.expected(&format!("a {} array of rank {rank}", T::NAME)))
    }

    /// A field of an array of records.
    ///
    /// # Errors
    ///
    /// No array of records, no such field, or one of another dtype.
    pub fn column<T: Element>(&self, field: &str) -> Result<Typed<T>> {
        let found = self.copied()?.and_then(|array| array.column(field));
        found.ok_or_else(|| {
            self.expected(&format!(
                "an array of records with a {} field `{field}`",
                T::NAME
            ))
        })
    }

    /// An array of numbers of any size, as 64-bit floats.
    ///
    /// # Errors
    ///
    /// No array of numbers, or integers that a float does not hold exactly.
    pub fn numbers(&self) -> Result<Typed<f64>> {
        let found = self.copied()?.and_then(Array::numbers);
        found.ok_or_else(|| self.expected("an array of numbers"))
    }

    /// An array of integers or booleans of any size, as 64-bit integers.
    ///
    /// # Errors
    ///
    /// No such array.
    pub fn integers(&self) -> Result<Typed<i64>> {
        let found = self.copied()?.and_then(Array::integers);
        found.ok_or_else(|| self.expected("an array of integers"))
    }

    /// Texts: an array of `U`, `S` or objects, a list or a tuple.
    ///
    /// # Errors
    ///
    /// None of these, or an element that is no text.
    pub fn strings(&self) -> Result<Vec<String>> {
        if let Some(texts) = self.any_array().ok().and_then(Array::texts) {
            return Ok(texts.values);
        }
        let items = self
            .items()
            .map_err(|_| self.expected("an array of text"))?;
        items.iter().map(Self::text).collect()
    }
}
