//! The bytes of a file, in order, with their offsets; a claimed length is held against what is there.

use std::io::{BufRead, ErrorKind, Read};

use hari_error::{Error, Result};

/// Bytes are taken from the reader in pieces of this size, so that memory follows what arrives.
const PIECE: u64 = 1 << 20;

/// A stream of bytes that knows where it is and how much it may give.
pub(crate) struct Source<'r> {
    reader: Box<dyn BufRead + 'r>,
    offset: u64,
    limit: Limit,
}

/// How many bytes a source has, at most.
#[derive(Clone, Copy)]
pub(crate) enum Limit {
    /// Exactly so many are there.
    Length(u64),
    /// A compressed file: more than this is refused.
    Expanded(u64),
}

impl<'r> Source<'r> {
    pub(crate) fn new(reader: Box<dyn BufRead + 'r>, limit: Limit) -> Self {
        Self {
            reader,
            offset: 0,
            limit,
        }
    }

    /// Bytes read so far.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next byte.
    pub(crate) fn byte(&mut self) -> Result<u8> {
        let found = self.reader.fill_buf().map_err(damaged)?.first().copied();
        let byte = found.ok_or_else(ended)?;
        self.reader.consume(1);
        self.advance(1)?;
        Ok(byte)
    }

    /// The next `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes).map_err(damaged)?;
        self.advance(N as u64)?;
        Ok(bytes)
    }

    /// The next `length` bytes; memory is taken as they arrive.
    pub(crate) fn bytes(&mut self, length: u64) -> Result<Vec<u8>> {
        self.claim(length)?;
        let mut bytes = Vec::new();
        if matches!(self.limit, Limit::Length(_)) {
            bytes.reserve_exact(usize::try_from(length).map_err(|_| ended())?);
        }
        let mut left = length;
        while left > 0 {
            let piece = left.min(PIECE);
            let mut part = self.reader.by_ref().take(piece);
            let read = part.read_to_end(&mut bytes).map_err(damaged)? as u64;
            if read < piece {
                return Err(ended());
            }
            left -= piece;
        }
        self.advance(length)?;
        Ok(bytes)
    }

    /// The bytes before the next newline, which is taken too.
    pub(crate) fn line(&mut self) -> Result<Vec<u8>> {
        let room = self.room();
        let mut line = Vec::new();
        let mut part = self.reader.by_ref().take(room);
        let read = part.read_until(b'\n', &mut line).map_err(damaged)? as u64;
        self.advance(read)?;
        match line.pop() {
            Some(b'\n') => Ok(line),
            _ => Err(ended()),
        }
    }

    /// Reads what is left, so that the checksums of a compressed file are compared.
    pub(crate) fn finish(mut self) -> Result<()> {
        if matches!(self.limit, Limit::Length(_)) {
            return Ok(());
        }
        loop {
            let read = self.reader.fill_buf().map_err(damaged)?.len();
            if read == 0 {
                return Ok(());
            }
            self.reader.consume(read);
            self.advance(read as u64)?;
        }
    }

    /// Refuses a length that the file cannot hold.
    pub(crate) fn claim(&self, length: u64) -> Result<()> {
        let room = self.room();
        if length <= room {
            return Ok(());
        }
        Err(match self.limit {
            Limit::Length(_) => Error::model(format!(
                "{length} bytes are claimed, {room} are left: the file is cut or damaged"
            )),
            Limit::Expanded(limit) => too_long(limit),
        })
    }

    fn room(&self) -> u64 {
        let (Limit::Length(limit) | Limit::Expanded(limit)) = self.limit;
        limit.saturating_sub(self.offset)
    }

    fn advance(&mut self, by: u64) -> Result<()> {
        self.offset += by;
        match self.limit {
            Limit::Expanded(limit) if self.offset > limit => Err(too_long(limit)),
            Limit::Expanded(_) | Limit::Length(_) => Ok(()),
        }
    }
}

fn too_long(limit: u64) -> Error {
    Error::model(format!(
        "the file expands to more than {limit} bytes, which is the limit for its size: \
         save it with less compression"
    ))
}

fn ended() -> Error {
    Error::model("the file ends in the middle: it is cut, copy or export it again")
}

fn damaged(error: std::io::Error) -> Error {
    if error.kind() == ErrorKind::UnexpectedEof {
        return ended();
    }
    Error::model("the file cannot be read: its compressed data is damaged").with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> Source<'_> {
        Source::new(Box::new(bytes), Limit::Length(bytes.len() as u64))
    }

    #[test]
    fn pieces_come_in_order_with_their_offset() {
        let mut source = of(b"a\x01\x02line\nrest");
        assert_eq!(source.byte().unwrap(), b'a');
        assert_eq!(source.array::<2>().unwrap(), [1, 2]);
        assert_eq!(source.line().unwrap(), b"line");
        assert_eq!(source.offset(), 8);
        assert_eq!(source.bytes(4).unwrap(), b"rest");
        assert!(source.byte().is_err());
    }

    #[test]
    fn a_length_that_is_not_there_takes_no_memory() {
        let error = of(b"abc").bytes(u64::MAX).unwrap_err();
        assert!(error.message().contains("3 are left"), "{error}");
    }

    #[test]
    fn a_line_needs_its_end() {
        assert!(of(b"no end").line().is_err());
    }

    #[test]
    fn an_expanded_source_stops_at_its_limit() {
        let endless = || Box::new(std::io::BufReader::new(std::io::repeat(0)));
        let mut source = Source::new(endless(), Limit::Expanded(100));
        assert!(source.bytes(101).is_err());
        assert_eq!(source.bytes(100).unwrap().len(), 100);
        assert!(source.byte().unwrap_err().message().contains("100 bytes"));
        assert!(Source::new(endless(), Limit::Expanded(9)).finish().is_err());
    }
}
