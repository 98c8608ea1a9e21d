//! The compressed forms that joblib writes, told by their first bytes.

use std::io::{BufRead, ErrorKind, Read};

use bytes::Bytes;
use bzip2::bufread::BzDecoder;
use flate2::bufread::{MultiGzDecoder, ZlibDecoder};
use hari_error::{Error, Result};
use lz4_flex::frame::FrameDecoder;
use lzma_rust2::{LzmaReader, XzReader};

use crate::limits::Limits;
use crate::source::ended;

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Plain,
    Zlib,
    Gzip,
    Bzip2,
    Lzma,
    Xz,
    Lz4,
    /// joblib before 0.10: compressed, with a length in text in front.
    OldJoblib,
    /// skops.
    Zip,
}

impl Form {
    /// By first bytes: none is the start of a pickle.
    pub(crate) fn of(start: &[u8]) -> Self {
        match start {
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Self::Zip,
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

/// What a compressed file of `length` bytes expands to.
///
/// # Errors
///
/// More than the limit for its size; damaged data or a wrong checksum; a form of joblib that is not
/// made any more.
pub(crate) fn expand<R: BufRead>(
    form: Form,
    reader: R,
    length: u64,
    limits: &Limits,
) -> Result<Bytes> {
    let limit = limits.expanded_from(length);
    let mut expanded = Vec::new();
    let mut bounded = decoder(form, reader, limits)?.take(limit.saturating_add(1));
    bounded.read_to_end(&mut expanded).map_err(damaged)?;
    if expanded.len() as u64 > limit {
        return Err(Error::model(format!(
            "the file expands to more than {limit} bytes, which is the limit for its size: save it \
             with less compression"
        )));
    }
    Ok(Bytes::from(expanded))
}

fn decoder<'r, R>(form: Form, reader: R, limits: &Limits) -> Result<Box<dyn Read + 'r>>
where
    R: BufRead + 'r,
{
    Ok(match form {
        Form::Plain | Form::Zip => Box::new(reader),
        Form::Zlib => Box::new(ZlibDecoder::new(reader)),
        Form::Gzip => Box::new(MultiGzDecoder::new(reader)),
        Form::Bzip2 => Box::new(BzDecoder::new(reader)),
        Form::Lz4 => Box::new(FrameDecoder::new(reader)),
        Form::Xz => Box::new(XzReader::new_mem_limit(reader, true, limits.window_kib)),
        Form::Lzma => {
            let decoder = LzmaReader::new_mem_limit(reader, limits.window_kib, None);
            Box::new(decoder.map_err(damaged)?)
        }
        Form::OldJoblib => {
            return Err(Error::model(
                "the file was written by joblib 0.9 or older: load and save it with a newer joblib",
            ));
        }
    })
}

fn damaged(error: std::io::Error) -> Error {
    if error.kind() == ErrorKind::UnexpectedEof {
        return ended();
    }
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

    fn expanded(packed: &[u8], limits: &Limits) -> Result<usize> {
        let form = Form::of(packed);
        expand(form, packed, packed.len() as u64, limits).map(|bytes| bytes.len())
    }

    #[test]
    fn forms_are_told_by_their_first_bytes() {
        assert_eq!(Form::of(b"\x80\x04"), Form::Plain);
        assert_eq!(Form::of(b""), Form::Plain);
        assert_eq!(Form::of(b"]\x94."), Form::Plain);
        assert_eq!(Form::of(b"BZh9"), Form::Bzip2);
        assert_eq!(Form::of(b"\x78\x9c"), Form::Zlib);
        assert_eq!(Form::of(b"PK\x03\x04"), Form::Zip);
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
        assert!(expanded(&header, &Limits::default()).is_err());
    }
}
