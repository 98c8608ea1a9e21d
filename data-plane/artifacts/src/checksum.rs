//! Checksums that stores give, and those of a file that was fetched.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc_fast::{CrcAlgorithm, Digest};
use hari_error::{Error, Result};
use http::HeaderMap;
use md5::{Digest as _, Md5};

use crate::digest::{Hasher, Sha256};

/// What a whole object hashes to, as far as its store says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    sha256: Option<[u8; 32]>,
    md5: Option<[u8; 16]>,
    crc32: Option<u32>,
    crc32c: Option<u32>,
    crc64: Option<u64>,
}

impl Sums {
    /// From the headers of a reply about the object. Sums of parts, and of what a store keeps
    /// encrypted or compressed, are left out: they are not of the bytes that come.
    pub(crate) fn of_headers(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name)?.to_str().ok();
        let mut sums = Self {
            sha256: text("x-amz-checksum-sha256").and_then(decode),
            crc32: text("x-amz-checksum-crc32")
                .and_then(decode)
                .map(u32::from_be_bytes),
            crc32c: text("x-amz-checksum-crc32c")
                .and_then(decode)
                .map(u32::from_be_bytes),
            crc64: text("x-amz-checksum-crc64nvme")
                .and_then(decode)
                .map(u64::from_be_bytes),
            md5: None,
        };
        if text("x-amz-checksum-type").is_some_and(|kind| kind != "FULL_OBJECT") {
            sums = Self::default();
        }
        let transcoded = text("x-goog-stored-content-encoding")
            .is_some_and(|stored| stored != text("content-encoding").unwrap_or("identity"));
        if !transcoded {
            sums.take_google(headers);
        }
        sums.md5 = sums
            .md5
            .or_else(|| azure_md5(headers))
            .or_else(|| s3_md5(headers));
        sums
    }

    /// Of a blob that is named by its digest.
    pub(crate) fn of_sha256(sha256: &Sha256) -> Self {
        Self {
            sha256: Some(sha256.bytes()),
            ..Self::default()
        }
    }

    /// `crc32c=...`, `md5=...`: in one header or several.
    fn take_google(&mut self, headers: &HeaderMap) {
        let values = headers.get_all("x-goog-hash").iter();
        let texts = values.filter_map(|value| value.to_str().ok());
        for pair in texts.flat_map(|text| text.split(',')) {
            match pair.trim().split_once('=') {
                Some(("crc32c", sum)) => self.crc32c = decode(sum).map(u32::from_be_bytes),
                Some(("md5", sum)) => self.md5 = decode(sum),
                _ => {}
            }
        }
    }

    #[cfg(test)]
    fn any(&self) -> bool {
        *self != Self::default()
    }

    /// Refuses a file that does not hash to what its store says.
    fn check(&self, found: &Self) -> Result<()> {
        let differs = |name: &str| {
            Err(Error::invalid(format!(
                "{name}: the bytes that came are not those that the store has"
            )))
        };
        match () {
            () if self.sha256.is_some() && self.sha256 != found.sha256 => differs("sha256"),
            () if self.md5.is_some() && self.md5 != found.md5 => differs("md5"),
            () if self.crc32.is_some() && self.crc32 != found.crc32 => differs("crc32"),
            () if self.crc32c.is_some() && self.crc32c != found.crc32c => differs("crc32c"),
            () if self.crc64.is_some() && self.crc64 != found.crc64 => differs("crc64nvme"),
            () => Ok(()),
        }
    }
}

/// `Content-MD5` is that of the range in a reply to one, `x-ms-blob-content-md5` of the whole.
fn azure_md5(headers: &HeaderMap) -> Option<[u8; 16]> {
    let partial = headers.contains_key("content-range");
    let whole = headers.get("x-ms-blob-content-md5");
    let either = whole.or_else(|| headers.get("content-md5").filter(|_| !partial));
    decode(either?.to_str().ok()?)
}

/// S3's ETag is the MD5 of an object that was put in one piece and is not encrypted with a key of
/// its own.
fn s3_md5(headers: &HeaderMap) -> Option<[u8; 16]> {
    headers.get("x-amz-request-id")?;
    let encryption = headers.get("x-amz-server-side-encryption");
    let plain = encryption.is_none_or(|kind| kind == "AES256");
    let customer = headers.contains_key("x-amz-server-side-encryption-customer-algorithm");
    let etag = headers.get("etag")?.to_str().ok()?.trim_matches('"');
    if !plain || customer || etag.len() != 32 {
        return None;
    }
    let mut bytes = [0; 16];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(etag.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    STANDARD.decode(text.trim()).ok()?.try_into().ok()
}

/// The SHA-256 of a file, which hashes to what its store says of it.
///
/// # Errors
/// `InvalidInput` with the sum that differs.
pub(crate) fn verify(path: &Path, sums: &Sums) -> Result<Sha256> {
    let (sha256, found) = sums_of(path, sums).map_err(crate::place::unwritable)?;
    sums.check(&found)?;
    Ok(sha256)
}

/// The file's sums, of the kinds that are wanted; its SHA-256 always.
fn sums_of(path: &Path, wanted: &Sums) -> io::Result<(Sha256, Sums)> {
    let crc = |wanted: bool, kind| wanted.then(|| Digest::new(kind));
    let mut sha256 = Hasher::default();
    let mut md5 = wanted.md5.is_some().then(Md5::new);
    let mut crc32 = crc(wanted.crc32.is_some(), CrcAlgorithm::Crc32IsoHdlc);
    let mut crc32c = crc(wanted.crc32c.is_some(), CrcAlgorithm::Crc32Iscsi);
    let mut crc64 = crc(wanted.crc64.is_some(), CrcAlgorithm::Crc64Nvme);
    let mut file = File::open(path)?;
    let mut piece = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut piece)?;
        let bytes = piece.get(..read).unwrap_or_default();
        if bytes.is_empty() {
            break;
        }
        sha256.update(bytes);
        if let Some(md5) = &mut md5 {
            md5.update(bytes);
        }
        for crc in [&mut crc32, &mut crc32c, &mut crc64].into_iter().flatten() {
            crc.update(bytes);
        }
    }
    let narrow = |crc: Digest| u32::try_from(crc.finalize()).unwrap_or_default();
    let sha256 = sha256.finish();
    let found = Sums {
        sha256: Some(sha256.bytes()),
        md5: md5.map(|md5| md5.finalize().into()),
        crc32: crc32.map(narrow),
        crc32c: crc32c.map(narrow),
        crc64: crc64.map(|crc| crc.finalize()),
    };
    Ok((sha256, found))
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;
    use crate::testing::folder;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let each = pairs.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        let mut headers = HeaderMap::new();
        for (name, value) in each {
            headers.append(name, value);
        }
        headers
    }

    /// Sums of `123456789` in the forms of the stores. The CRCs are the check values of the
    /// catalogue of parametrised CRC algorithms.
    fn given() -> [(&'static str, HeaderMap); 8] {
        let md5 = "JfnnlDI7RTiF9RgfG2JNCw==";
        let etag = "\"25f9e794323b453885f5181f1b624d0b\"";
        let both = "crc32c=4waSgw==,md5=JfnnlDI7RTiF9RgfG2JNCw==";
        let sha256 = "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=";
        [
            ("crc32c", headers(&[("x-goog-hash", "crc32c=4waSgw==")])),
            ("md5", headers(&[("x-goog-hash", both)])),
            ("md5", headers(&[("content-md5", md5)])),
            (
                "md5",
                headers(&[
                    ("x-ms-blob-content-md5", md5),
                    ("content-range", "bytes 0-1/9"),
                ]),
            ),
            ("md5", headers(&[("x-amz-request-id", "1"), ("etag", etag)])),
            ("crc32", headers(&[("x-amz-checksum-crc32", "y/Q5Jg==")])),
            (
                "crc64nvme",
                headers(&[("x-amz-checksum-crc64nvme", "rosUhgp5mIg=")]),
            ),
            ("sha256", headers(&[("x-amz-checksum-sha256", sha256)])),
        ]
    }

    #[test]
    fn a_file_is_checked_against_what_its_store_says() {
        let root = folder(&[("right", "123456789"), ("wrong", "123456780")]);
        for (name, headers) in given() {
            let sums = Sums::of_headers(&headers);
            assert!(sums.any(), "{headers:?}");
            let right = verify(&root.path().join("right"), &sums).unwrap();
            assert_eq!(right, Sha256::of(b"123456789"));
            let error = verify(&root.path().join("wrong"), &sums).unwrap_err();
            assert!(error.message().contains(name), "{name}: {error}");
        }
    }

    #[test]
    fn sums_that_are_not_of_the_bytes_are_left_out() {
        for pairs in [
            &[("etag", "\"25f9e794323b453885f5181f1b624d0b\"")][..],
            &[
                ("x-amz-request-id", "1"),
                ("etag", "\"25f9e794323b453885f5181f1b624d0b-2\""),
            ],
            &[
                ("x-amz-request-id", "1"),
                ("etag", "\"25f9e794323b453885f5181f1b624d0b\""),
                ("x-amz-server-side-encryption", "aws:kms"),
            ],
            &[
                ("x-amz-checksum-crc32", "y/Q5Jg=="),
                ("x-amz-checksum-type", "COMPOSITE"),
            ],
            &[("x-amz-checksum-crc32", "y/Q5Jg==-3")],
            &[
                ("content-md5", "JfnnlDI7RTiF9RgfGAKNRw=="),
                ("content-range", "bytes 0-1/9"),
            ],
            &[
                ("x-goog-hash", "crc32c=4waSgw=="),
                ("x-goog-stored-content-encoding", "gzip"),
            ],
            &[("x-goog-hash", "crc32c=nonsense")],
        ] {
            assert!(!Sums::of_headers(&headers(pairs)).any(), "{pairs:?}");
        }
    }
}
