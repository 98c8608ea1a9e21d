//! The bytes of a file, in order, with their offsets; a claimed length is held against what is there.

use std::sync::Arc;

use bytes::Bytes;
use hari_error::{Error, Result};

use crate::value::Text;

/// The bytes of a file, expanded if it was compressed; parts of it are shared, not copied.
pub(crate) struct Source {
    data: Arc<Bytes>,
    at: usize,
}

impl Source {
    pub(crate) fn new(data: Bytes) -> Self {
        Self {
            data: Arc::new(data),
            at: 0,
        }
    }

    /// Bytes read so far.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    /// The next byte.
    pub(crate) fn byte(&mut self) -> Result<u8> {
        let byte = self.data.get(self.at).copied().ok_or_else(ended)?;
        self.at += 1;
        Ok(byte)
    }

    /// The next `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let found = self.left().first_chunk::<N>().copied().ok_or_else(ended)?;
        self.at += N;
        Ok(found)
    }

    /// The next `length` bytes.
    pub(crate) fn bytes(&mut self, length: u64) -> Result<Bytes> {
        let length = self.claim(length)?;
        let start = self.at;
        self.at += length;
        Ok(self.data.slice(start..self.at))
    }

    /// The next `length` bytes, which are text.
    pub(crate) fn text(&mut self, length: u64) -> Result<Text> {
        let length = self.claim(length)?;
        let text = Text::part(&self.data, self.at, length)?;
        self.at += length;
        Ok(text)
    }

    /// The bytes before the next newline, which is taken too.
    pub(crate) fn line(&mut self) -> Result<&[u8]> {
        let start = self.at;
        let end = self.left().iter().position(|byte| *byte == b'\n');
        let length = end.ok_or_else(ended)?;
        self.at += length + 1;
        Ok(self.data.get(start..start + length).unwrap_or_default())
    }

    /// [`Self::line`] as text, where its bytes stand for themselves; else nothing is taken.
    pub(crate) fn plain_line(&mut self) -> Option<Text> {
        let length = self.left().iter().position(|byte| *byte == b'\n')?;
        let line = self.left().get(..length)?;
        if !line.is_ascii() || line.contains(&b'\\') {
            return None;
        }
        let text = Text::part(&self.data, self.at, length).ok()?;
        self.at += length + 1;
        Some(text)
    }

    /// Refuses a length that the file cannot hold.
    pub(crate) fn claim(&self, length: u64) -> Result<usize> {
        let room = self.left().len();
        let claimed = usize::try_from(length).ok();
        claimed.filter(|length| *length <= room).ok_or_else(|| {
            Error::model(format!(
                "{length} bytes are claimed, {room} are left: the file is cut or damaged"
            ))
        })
    }

    fn left(&self) -> &[u8] {
        self.data.get(self.at..).unwrap_or_default()
    }
}

pub(crate) fn ended() -> Error {
    Error::model("the file ends in the middle: it is cut, copy or export it again")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &'static [u8]) -> Source {
        Source::new(Bytes::from_static(bytes))
    }

    #[test]
    fn pieces_come_in_order_with_their_offset() {
        let mut source = of(b"a\x01\x02line\nrest\xc3\xa9");
        assert_eq!(source.byte().unwrap(), b'a');
        assert_eq!(source.array::<2>().unwrap(), [1, 2]);
        assert_eq!(source.line().unwrap(), b"line");
        assert_eq!(source.offset(), 8);
        assert_eq!(source.bytes(4).unwrap(), &b"rest"[..]);
        assert_eq!(&*source.text(2).unwrap(), "é");
        assert!(source.byte().is_err());
    }

    #[test]
    fn a_length_that_is_not_there_takes_no_memory() {
        let error = of(b"abc").bytes(u64::MAX).unwrap_err();
        assert!(error.message().contains("3 are left"), "{error}");
        assert!(of(b"abc").text(4).is_err());
        assert!(of(b"abc").array::<4>().is_err());
    }

    #[test]
    fn a_line_needs_its_end() {
        assert!(of(b"no end").line().is_err());
        assert_eq!(of(b"no end").plain_line(), None);
    }

    #[test]
    fn a_line_with_escapes_is_left_where_it_is() {
        let mut source = of(b"a\\u00e9\nb\n");
        assert_eq!(source.plain_line(), None);
        assert_eq!(source.line().unwrap(), b"a\\u00e9");
        assert_eq!(source.plain_line().as_deref(), Some("b"));
    }
}
