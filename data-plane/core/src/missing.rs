//! Missing values and arrays whose elements are not alike: how tables travel as tensors.
//!
//! A missing number is NaN. A missing text is [`missing_text`], which no caller's text can be. An
//! array that mixes kinds, or holds `null`, keeps a [`Cell`] for each element beside its tensor,
//! so that a model of tables can tell `1` from `"1"` and other models can refuse what is missing.

use std::sync::Arc;

use bytes::Bytes;
use hari_error::{Error, Result};

/// The bytes of a missing text. The first one starts no UTF-8 sequence, so that this is no text.
const MISSING: &[u8] = b"\xff missing";

/// The element of a `BYTES` tensor that stands for a missing text.
#[must_use]
pub fn missing_text() -> Bytes {
    Bytes::from_static(MISSING)
}

/// Whether an element of a `BYTES` tensor stands for a missing text.
#[must_use]
pub fn is_missing_text(bytes: &[u8]) -> bool {
    bytes == MISSING
}

/// The elements of a `BYTES` tensor for a wire that has no `null`: what is missing is empty.
#[must_use]
pub fn wire_texts(tensor: &crate::Tensor) -> Vec<Bytes> {
    let texts = tensor.strings().unwrap_or_default();
    texts.iter().map(|text| wire_text(text).clone()).collect()
}

/// One element for a wire that has no `null`: empty if it is missing.
#[must_use]
pub fn wire_text(text: &Bytes) -> &Bytes {
    static EMPTY: Bytes = Bytes::new();
    if is_missing_text(text) { &EMPTY } else { text }
}

/// What a caller wrote as one element of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cell {
    /// `null`: NaN among numbers, [`missing_text`] among texts.
    Missing,
    /// `true` or `false`: 1 and 0 among numbers, `True` and `False` among texts.
    Bool,
    /// A number; among texts it is the text that it was written as.
    Number,
    /// A text.
    Text,
}

impl Cell {
    /// What the element is, for errors.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "null",
            Self::Bool => "a boolean",
            Self::Number => "a number",
            Self::Text => "a string",
        }
    }
}

/// A cell for each element of an array, in row-major order; none if all are alike and none is
/// missing.
pub type Cells = Option<Arc<[Cell]>>;

/// Refuses an array in which something is missing.
///
/// # Errors
/// `InvalidInput` with the place of the first `null`.
pub(crate) fn refuse_missing(name: &str, shape: &[usize], cells: &Cells) -> Result<()> {
    let missing = |cells: &Arc<[Cell]>| cells.iter().position(|cell| *cell == Cell::Missing);
    let Some(at) = cells.as_ref().and_then(missing) else {
        return Ok(());
    };
    let input = match name {
        "" => "the input".to_owned(),
        name => format!("input `{name}`"),
    };
    Err(Error::invalid(format!(
        "{input}, element {}: null is no element of a tensor; a missing number is sent as NaN",
        place(at, shape)
    )))
}

/// The indices of element `at`: `[2][0]`.
#[must_use]
fn place(at: usize, shape: &[usize]) -> String {
    let mut rest = at;
    let mut indices = Vec::with_capacity(shape.len());
    for &dim in shape.iter().rev() {
        indices.push(format!("[{}]", rest % dim.max(1)));
        rest /= dim.max(1);
    }
    indices.into_iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_text_is_no_text() {
        assert!(std::str::from_utf8(&missing_text()).is_err());
        assert!(is_missing_text(&missing_text()));
        assert!(!is_missing_text(b"missing"));
    }

    #[test]
    fn what_is_missing_is_refused_with_its_place() {
        use Cell::{Missing, Number};
        let cells: Cells = Some([Number, Number, Number, Missing].into());
        let error = refuse_missing("x", &[2, 2], &cells).unwrap_err();
        assert!(
            error
                .message()
                .starts_with("input `x`, element [1][1]: null"),
            "{error}"
        );
        let error = refuse_missing("", &[4], &cells).unwrap_err();
        assert!(
            error.message().starts_with("the input, element [3]"),
            "{error}"
        );
        assert!(refuse_missing("x", &[2], &Some([Number, Cell::Text].into())).is_ok());
        assert!(refuse_missing("x", &[2], &None).is_ok());
    }
}
