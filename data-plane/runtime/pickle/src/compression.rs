//! The compressed forms that joblib writes, told by their first bytes.

use std::io::{BufRead, BufReader};

use bzip2::bufread::BzDecoder;
use flate2::bufread::{MultiGzDecoder, ZlibDecoder};
use hari_error::{Error, Result};
use lz4_flex::frame::FrameDecoder;
use lzma_rust2::{LzmaReader, XzReader};

use crate::limits::Limits;
use crate::source::{Limit, Source};

/// Buffered between the decompressor and the reader of opcodes.
const BUFFER: usize = 64 << 10;

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Plain,
    Zlib,
    Gzip,
    Bzip2,
    Lzma,
    Xz,
    Lz4,
    /// joblib before 0.10: compressed, with a length in text in front.
    OldJoblib,
}

impl Form {
    /// By first bytes: none is the start of a pickle.
    fn of(start: &[u8]) -> Self {
        match start {
            [0x78, ..] => Self::Zlib,
            [0x1f, 0x8b, ..] => Self::Gzip,
            [b'B', b'Z', b'h', ..] => Self::Bzip2,
            [0x5d, 0x00, ..] => Self::Lzma,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            [0x04, 0x22, 0x4d, 0x18, ..] => Self::Lz4,
            [b'Z', b'F', ..] => Self::OldJoblib,
            _ => Self::Plain,
        }
    }
}

/// The bytes of a file of `length` bytes, expanded if it is compressed.
///
/// # Errors
///
/// A form of joblib that is not made any more, or a header that is damaged.
pub(crate) fn open<'r, R>(mut reader: R, length: u64, limits: &Limits) -> Result<Source<'r>>
where
    R: BufRead + 'r,
{
    let form = Form::of(reader.fill_buf().map_err(unreadable)?);
    if form == Form::Plain {
        return Ok(Source::new(Box::new(reader), Limit::Length(length)));
    }
    let limit = Limit::Expanded(limits.expanded_from(length));
    Ok(Source::new(expand(form, reader, limits)?, limit))
}

fn expand<'r, R>(form: Form, reader: R, limits: &Limits) -> Result<Box<dyn BufRead + 'r>>
where
    R: BufRead + 'r,
{
    Ok(match form {
        Form::Plain => Box::new(reader),
        Form::Zlib => Box::new(buffered(ZlibDecoder::new(reader))),
        Form::Gzip => Box::new(buffered(MultiGzDecoder::new(reader))),
        Form::Bzip2 => Box::new(buffered(BzDecoder::new(reader))),
        Form::Lz4 => Box::new(buffered(FrameDecoder::new(reader))),
        Form::Xz => Box::new(buffered(XzReader::new_mem_limit(
            reader,
            true,
            limits.window_kib,
        ))),
        Form::Lzma => {
            let decoder = LzmaReader::new_mem_limit(reader, limits.window_kib, None);
            Box::new(buffered(decoder.map_err(unreadable)?))
        }
        Form::OldJoblib => {
            return Err(Error::model(
                "the file was written by joblib 0.9 or older: load and save it with a newer joblib",
            ));
        }
    })
}

fn buffered<R: std::io::Read>(reader: R) -> BufReader<R> {
    BufReader::with_capacity(BUFFER, reader)
}

fn unreadable(error: std::io::Error) -> Error {
    Error::model("the file cannot be read: its compressed data is damaged").with_source(error)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn expanded(packed: &[u8], limits: &Limits) -> Result<u64> {
        let mut source = open(packed, packed.len() as u64, limits)?;
        while source.byte().is_ok() {}
        let length = source.offset();
        source.finish().map(|()| length)
    }

    #[test]
    fn forms_are_told_by_their_first_bytes() {
        assert_eq!(Form::of(b"\x80\x04"), Form::Plain);
        assert_eq!(Form::of(b""), Form::Plain);
        assert_eq!(Form::of(b"]\x94."), Form::Plain);
        assert_eq!(Form::of(b"BZh9"), Form::Bzip2);
        assert_eq!(Form::of(b"\x78\x9c"), Form::Zlib);
    }

    #[test]
    fn the_ratio_holds_above_the_floor_alone() {
        let packed = zlib(&vec![0; 100_000]);
        let strict = Limits {
            ratio_floor: 0,
            ..Limits::default()
        };
        assert!(expanded(&packed, &strict).is_err());
        assert_eq!(expanded(&packed, &Limits::default()).unwrap(), 100_000);
    }

    #[test]
    fn a_wrong_checksum_is_noticed() {
        let mut packed = zlib(b"some words");
        *packed.last_mut().unwrap() ^= 1;
        assert!(expanded(&packed, &Limits::default()).is_err());
    }

    #[test]
    fn a_window_that_is_too_large_is_refused_before_it_is_made() {
        let mut header = vec![0x5d];
        header.extend_from_slice(&u32::MAX.to_le_bytes());
        header.extend_from_slice(&[0; 30]);
        header[1] = 0;
        assert!(open(header.as_slice(), 35, &Limits::default()).is_err());
    }
}
