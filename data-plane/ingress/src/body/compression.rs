//! gzip and zstd, both ways. What a body may grow to is bounded in size and in ratio.

use std::io::{Read, Write as _};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use flate2::write::GzEncoder;
use hari_core::Limits;
use hari_error::{Error, Kind, Result};
use http::HeaderValue;

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Identity,
    Gzip,
    Deflate,
    Zstd,
}

/// Replies under this size are not worth compressing.
const WORTHWHILE: usize = 1024;

impl Encoding {
    /// What a `Content-Encoding` says.
    ///
    /// # Errors
    /// `UnsupportedMediaType`, naming what was found and what there is.
    pub(crate) fn of(header: Option<&HeaderValue>) -> Result<Self> {
        let Some(header) = header else {
            return Ok(Self::Identity);
        };
        match header
            .to_str()
            .unwrap_or("?")
            .trim()
            .to_ascii_lowercase()
            .as_str()
        {
            "" | "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "deflate" => Ok(Self::Deflate),
            "zstd" => Ok(Self::Zstd),
            other => Err(Error::new(
                Kind::UnsupportedMediaType,
                format!("header Content-Encoding: found `{other}`, use gzip, deflate or zstd"),
            )),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Zstd => "zstd",
        }
    }
}

/// The body as it was before compression.
pub(crate) fn decompress(encoding: Encoding, raw: Bytes, limits: &Limits) -> Result<Bytes> {
    let expand = |reader: &mut dyn Read| bounded(encoding, reader, raw.len(), limits);
    match encoding {
        Encoding::Identity => Ok(raw),
        Encoding::Gzip => expand(&mut MultiGzDecoder::new(&*raw)),
        Encoding::Deflate => expand(&mut ZlibDecoder::new(&*raw)),
        Encoding::Zstd => {
            let decoder = zstd::stream::read::Decoder::with_buffer(&*raw);
            let mut decoder = decoder.map_err(|error| broken(encoding, error))?;
            // A frame may ask for a window of gigabytes; 64 MiB is what our own limits allow.
            decoder
                .window_log_max(26)
                .map_err(|error| broken(encoding, error))?;
            expand(&mut decoder)
        }
    }
}

fn bounded(
    encoding: Encoding,
    reader: &mut dyn Read,
    raw: usize,
    limits: &Limits,
) -> Result<Bytes> {
    let limit = limits
        .decompressed
        .min(raw.saturating_mul(limits.ratio).max(64 << 10));
    let mut whole = Vec::with_capacity(raw.saturating_mul(4).min(limit));
    let mut reader = reader.take(limit as u64 + 1);
    reader
        .read_to_end(&mut whole)
        .map_err(|error| broken(encoding, error))?;
    if whole.len() > limit {
        hari_telemetry::metric::rejected("decompression");
        return Err(Error::too_large(format!(
            "the {} body expands beyond {limit} bytes (at most {} bytes and {} times its size)",
            encoding.name(),
            limits.decompressed,
            limits.ratio
        )));
    }
    Ok(whole.into())
}

fn broken(encoding: Encoding, error: std::io::Error) -> Error {
    Error::invalid(format!("the body is not valid {}", encoding.name())).with_source(error)
}

/// What a reply of `len` bytes should be compressed with, going by `Accept-Encoding`.
pub(crate) fn preferred(accept: Option<&HeaderValue>, len: usize) -> Encoding {
    let Some(accept) = accept.and_then(|accept| accept.to_str().ok()) else {
        return Encoding::Identity;
    };
    if len < WORTHWHILE {
        return Encoding::Identity;
    }
    let accepts = |name: &str| {
        accept.split(',').any(|item| {
            let (coding, weight) = item.split_once(';').unwrap_or((item, ""));
            let refused = weight
                .trim()
                .strip_prefix("q=")
                .is_some_and(|q| q.trim() == "0");
            coding.trim().eq_ignore_ascii_case(name) && !refused
        })
    };
    if accepts("zstd") {
        Encoding::Zstd
    } else if accepts("gzip") {
        Encoding::Gzip
    } else {
        Encoding::Identity
    }
}

/// The body compressed, at the fastest level.
pub(crate) fn compress(encoding: Encoding, body: &Bytes) -> Result<Bytes> {
    let failed = |error| Error::internal("cannot compress the reply").with_source(error);
    match encoding {
        Encoding::Zstd => Ok(zstd::bulk::compress(body, 1).map_err(failed)?.into()),
        Encoding::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(body).map_err(failed)?;
            Ok(encoder.finish().map_err(failed)?.into())
        }
        Encoding::Identity | Encoding::Deflate => Ok(body.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise() -> Bytes {
        let mut random = fastrand::Rng::with_seed(7);
        (0..100_000)
            .map(|_| random.u8(0..16))
            .collect::<Vec<_>>()
            .into()
    }

    #[test]
    fn what_is_compressed_comes_back() {
        for encoding in [Encoding::Gzip, Encoding::Zstd] {
            let packed = compress(encoding, &noise()).unwrap();
            assert!(packed.len() < 100_000);
            assert_eq!(
                decompress(encoding, packed, &Limits::default()).unwrap(),
                noise()
            );
        }
    }

    #[test]
    fn a_bomb_is_refused_by_ratio_and_by_size() {
        for encoding in [Encoding::Gzip, Encoding::Zstd] {
            let bomb = compress(encoding, &Bytes::from(vec![0; 32 << 20])).unwrap();
            let error = decompress(encoding, bomb, &Limits::default()).unwrap_err();
            assert_eq!(error.kind(), Kind::TooLarge, "{error}");
            let limits = Limits {
                decompressed: 1000,
                ..Limits::default()
            };
            let packed = compress(encoding, &noise()).unwrap();
            assert_eq!(
                decompress(encoding, packed, &limits).unwrap_err().kind(),
                Kind::TooLarge
            );
        }
    }

    #[test]
    fn garbage_is_the_callers_fault() {
        for encoding in [Encoding::Gzip, Encoding::Deflate, Encoding::Zstd] {
            let error = decompress(encoding, noise(), &Limits::default()).unwrap_err();
            assert_eq!(error.kind(), Kind::InvalidInput);
            assert!(error.message().contains(encoding.name()));
        }
    }

    #[test]
    fn the_caller_chooses_the_encoding_of_the_reply() {
        let accept = |text: &'static str| preferred(Some(&HeaderValue::from_static(text)), 5000);
        assert_eq!(accept("gzip, deflate, br, zstd"), Encoding::Zstd);
        assert_eq!(accept("gzip, deflate"), Encoding::Gzip);
        assert_eq!(accept("gzip;q=0"), Encoding::Identity);
        assert_eq!(accept("br"), Encoding::Identity);
        let small = preferred(Some(&HeaderValue::from_static("gzip")), 100);
        assert_eq!(small, Encoding::Identity);
        assert_eq!(preferred(None, 5000), Encoding::Identity);
    }

    #[test]
    fn an_unknown_encoding_is_named() {
        let error = Encoding::of(Some(&HeaderValue::from_static("br"))).unwrap_err();
        assert_eq!(error.kind(), Kind::UnsupportedMediaType);
        assert!(error.message().contains("`br`"));
    }
}
