//! Keys of slices: the name and the extents in an encoding that sorts as the values do.

use hari_proto::tensorflow::TensorSliceProto;
use hari_proto::tensorflow::tensor_slice_proto::{Extent, extent::HasLength};

/// A whole dimension, as an extent's length.
const ALL: i64 = -1;

/// The key under which a bundle keeps this slice of the tensor.
pub(super) fn slice_key(name: &str, slice: &TensorSliceProto) -> Vec<u8> {
    let mut key = Vec::new();
    push_unsigned(&mut key, 0);
    push_text(&mut key, name.as_bytes());
    push_unsigned(&mut key, slice.extent.len() as u64);
    for extent in &slice.extent {
        push_signed(&mut key, extent.start);
        push_signed(&mut key, length(extent));
    }
    key
}

/// The number of indices of an extent, or -1 for all.
pub(super) fn length(extent: &Extent) -> i64 {
    extent
        .has_length
        .map_or(ALL, |HasLength::Length(length)| length)
}

/// A byte with the number of bytes, then those bytes, the most significant first.
fn push_unsigned(out: &mut Vec<u8>, number: u64) {
    let bytes = number.to_be_bytes();
    let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
    out.push((bytes.len() - zeros) as u8);
    out.extend(bytes.iter().skip(zeros));
}

/// The bytes, with 0x00 and 0xff followed by the other one, and 0x00 0x01 at the end.
fn push_text(out: &mut Vec<u8>, text: &[u8]) {
    for &byte in text {
        out.push(byte);
        if byte == 0x00 || byte == 0xff {
            out.push(!byte);
        }
    }
    out.extend([0x00, 0x01]);
}

/// Two's complement, the most significant byte first, in as few bytes as leave room for one bit a
/// byte: so many leading bits are set (or, for a negative number, cleared).
fn push_signed(out: &mut Vec<u8>, number: i64) {
    let magnitude = if number < 0 { !number } else { number };
    let bits = 64 - magnitude.leading_zeros() as usize;
    let length = bits / 7 + 1;
    let wide = i128::from(number).to_be_bytes();
    let mut bytes = wide.get(wide.len() - length..).unwrap_or_default().to_vec();
    let marks = (u16::MAX << (16 - length.min(16))).to_be_bytes();
    for (byte, mark) in bytes.iter_mut().zip(marks) {
        *byte ^= mark;
    }
    out.extend(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn signed(number: i64) -> Vec<u8> {
        let mut out = Vec::new();
        push_signed(&mut out, number);
        out
    }

    #[test]
    fn small_numbers_take_one_byte() {
        assert_eq!(signed(0), [0x80]);
        assert_eq!(signed(63), [0xbf]);
        assert_eq!(signed(-1), [0x7f]);
        assert_eq!(signed(-64), [0x40]);
        assert_eq!(signed(64), [0xc0, 0x40]);
        assert_eq!(signed(-65), [0x3f, 0xbf]);
    }

    #[test]
    fn text_is_escaped_and_ended() {
        let mut out = Vec::new();
        push_text(&mut out, b"a\x00\xff");
        assert_eq!(out, b"a\x00\xff\xff\x00\x00\x01");
    }

    proptest! {
        #[test]
        fn order_is_kept(a: i64, b: i64) {
            prop_assert_eq!(signed(a).cmp(&signed(b)), a.cmp(&b));
        }

        #[test]
        fn order_of_small_numbers_is_kept(a in -9000_i64..9000, b in -9000_i64..9000) {
            prop_assert_eq!(signed(a).cmp(&signed(b)), a.cmp(&b));
        }
    }
}
