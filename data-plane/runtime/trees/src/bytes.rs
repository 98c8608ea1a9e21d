//! A cursor over bytes of a file: every read is checked, and no length is believed.

use hari_error::{Error, Result};

/// Bytes that are yet to be read.
#[derive(Clone, Debug)]
pub(crate) struct Bytes<'a> {
    all: &'a [u8],
    at: usize,
}

impl<'a> Bytes<'a> {
    pub(crate) fn new(all: &'a [u8]) -> Self {
        Self { all, at: 0 }
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.all.get(self.at..).unwrap_or(&[])
    }

    /// The next byte, without taking it.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.all.get(self.at).copied()
    }

    /// The next `count` bytes.
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(count);
        let taken = end.and_then(|end| self.all.get(self.at..end));
        let taken = taken.ok_or_else(|| {
            let left = self.rest().len();
            self.wrong(&format!("{count} bytes are wanted, {left} are left"))
        })?;
        self.at += count;
        Ok(taken)
    }

    /// The next byte.
    pub(crate) fn byte(&mut self) -> Result<u8> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    /// The next `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let taken = self.take(N)?;
        taken
            .try_into()
            .map_err(|_| self.wrong("bytes are missing"))
    }

    /// Takes the next byte if it is this one.
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let eaten = self.peek() == Some(byte);
        self.at += usize::from(eaten);
        eaten
    }

    /// Skips bytes for which `skip` holds.
    pub(crate) fn skip(&mut self, skip: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let count = rest.iter().position(|&byte| !skip(byte));
        let (skipped, _) = rest.split_at(count.unwrap_or(rest.len()));
        self.at += skipped.len();
        skipped
    }

    /// An error that names the place.
    pub(crate) fn wrong(&self, what: &str) -> Error {
        Error::model(format!("byte {}: {what}", self.at))
    }
}
