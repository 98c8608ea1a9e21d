//! Tensors of byte strings in a bundle: lengths, their checksum, then the bytes.

use bytes::Bytes;
use hari_core::Tensor;
use hari_error::{Error, Result};

use super::{checksum, table};

fn broken() -> Error {
    Error::model("the strings do not match their lengths or checksum; copy the model again")
}

/// Decodes the strings and checks both checksums: that of the lengths and that of the whole, which
/// counts each length as a number of four bytes (eight if it needs them).
pub(super) fn decode(shape: &[usize], raw: &Bytes, whole: u32) -> Result<Tensor> {
    let count = shape
        .iter()
        .try_fold(1_usize, |product, &size| product.checked_mul(size));
    let count = count
        .filter(|&count| count <= raw.len())
        .ok_or_else(broken)?;
    let mut rest = &raw[..];
    let mut crc = 0;
    let mut lengths = Vec::with_capacity(count);
    for _ in 0..count {
        let length = table::varint(&mut rest)?;
        crc = match u32::try_from(length) {
            Ok(short) => crc32c::crc32c_append(crc, &short.to_le_bytes()),
            Err(_) => crc32c::crc32c_append(crc, &length.to_le_bytes()),
        };
        lengths.push(usize::try_from(length).map_err(|_| broken())?);
    }
    let (stored, texts) = rest.split_first_chunk::<4>().ok_or_else(broken)?;
    if checksum::mask(crc) != u32::from_le_bytes(*stored) {
        return Err(broken());
    }
    crc = crc32c::crc32c_append(crc32c::crc32c_append(crc, stored), texts);
    if checksum::mask(crc) != whole {
        return Err(broken());
    }
    Tensor::from_strings(shape, split(raw.slice_ref(texts), &lengths)?)
}

fn split(mut texts: Bytes, lengths: &[usize]) -> Result<Vec<Bytes>> {
    let mut strings = Vec::with_capacity(lengths.len());
    for &length in lengths {
        if length > texts.len() {
            return Err(broken());
        }
        strings.push(texts.split_to(length));
    }
    if texts.is_empty() {
        Ok(strings)
    } else {
        Err(broken())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(strings: &[&[u8]]) -> (Bytes, u32) {
        let mut raw = Vec::new();
        let mut crc = 0;
        for string in strings {
            prost::encoding::encode_varint(string.len() as u64, &mut raw);
            crc = crc32c::crc32c_append(crc, &(string.len() as u32).to_le_bytes());
        }
        let stored = checksum::mask(crc).to_le_bytes();
        raw.extend(stored);
        crc = crc32c::crc32c_append(crc, &stored);
        for string in strings {
            raw.extend_from_slice(string);
            crc = crc32c::crc32c_append(crc, string);
        }
        (raw.into(), checksum::mask(crc))
    }

    #[test]
    fn strings_come_back() {
        let (raw, crc) = encode(&[b"one", b"", b"three"]);
        let tensor = decode(&[3], &raw, crc).unwrap();
        assert_eq!(tensor.strings().unwrap(), [&b"one"[..], b"", b"three"]);
    }

    #[test]
    fn damage_is_refused() {
        let (raw, crc) = encode(&[b"one", b"three"]);
        assert!(decode(&[3], &raw, crc).is_err());
        assert!(decode(&[usize::MAX, 2], &raw, crc).is_err());
        for at in 0..raw.len() {
            assert!(decode(&[2], &raw.slice(..at), crc).is_err());
            let mut changed = raw.to_vec();
            changed[at] ^= 4;
            assert!(decode(&[2], &changed.into(), crc).is_err(), "byte {at}");
        }
    }
}
