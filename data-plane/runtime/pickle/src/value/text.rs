//! Text that lies in the bytes of its file: no copy is made of it.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use bytes::Bytes;
use hari_error::{Error, Result};

/// Text as Python wrote it; derefs to `str`.
#[derive(Clone, PartialEq, Eq)]
pub struct Text {
    owner: Arc<Bytes>,
    start: usize,
    length: u32,
}

impl Text {
    /// `length` bytes of `owner`.
    ///
    /// # Errors
    ///
    /// Bytes that are not there, or are not UTF-8.
    pub(crate) fn part(owner: &Arc<Bytes>, start: usize, length: usize) -> Result<Self> {
        let end = start.checked_add(length);
        let bytes = end.and_then(|end| owner.get(start..end));
        let text = bytes.and_then(|bytes| str::from_utf8(bytes).ok());
        let length = u32::try_from(length).ok().filter(|_| text.is_some());
        Ok(Self {
            owner: owner.clone(),
            start,
            length: length.ok_or_else(|| Error::model("a text is not UTF-8"))?,
        })
    }

    /// Memory beside the value, of text that has bytes of its own.
    pub(crate) fn weight_of_own(length: usize) -> usize {
        2 * size_of::<Bytes>() + 16 + super::heap(length)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        let length = u32::try_from(text.len()).unwrap_or_default();
        let owner = Arc::new(Bytes::from(text.into_bytes().into_boxed_slice()));
        Self {
            owner,
            start: 0,
            length,
        }
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        let end = self.start.saturating_add(self.length as usize);
        let bytes = self.owner.get(self.start..end).unwrap_or_default();
        str::from_utf8(bytes).unwrap_or_default()
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_the_text_that_lies_there() {
        let owner = Arc::new(Bytes::from_static("aéb".as_bytes()));
        assert_eq!(&*Text::part(&owner, 1, 2).unwrap(), "é");
        assert_eq!(&*Text::part(&owner, 4, 0).unwrap(), "");
        for (start, length) in [(1, 1), (2, 2), (0, 5), (5, 0), (usize::MAX, 2)] {
            assert!(Text::part(&owner, start, length).is_err(), "{start}");
        }
    }

    #[test]
    fn text_of_its_own_is_whole() {
        let text = Text::from("word".to_owned());
        assert_eq!((&*text, text.to_string().as_str()), ("word", "word"));
        assert_eq!(format!("{text:?}"), "\"word\"");
    }
}
