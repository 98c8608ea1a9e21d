//! MurmurHash3 of 32 bits, for x86, with seed 0: Austin Appleby's, in the public domain.

const C1: u32 = 0xcc9e_2d51;
const C2: u32 = 0x1b87_3593;

/// The hash as a signed integer.
pub(super) fn hash(bytes: &[u8]) -> i32 {
    let (blocks, tail) = bytes.as_chunks::<4>();
    let state = blocks.iter().fold(0_u32, |state, block| {
        let state = state ^ scrambled(u32::from_le_bytes(*block));
        state
            .rotate_left(13)
            .wrapping_mul(5)
            .wrapping_add(0xe654_6b64)
    });
    let rest = tail.iter().rev();
    let rest = rest.fold(0_u32, |word, &byte| word << 8 | u32::from(byte));
    finished(state ^ scrambled(rest) ^ bytes.len() as u32).cast_signed()
}

fn scrambled(word: u32) -> u32 {
    word.wrapping_mul(C1).rotate_left(15).wrapping_mul(C2)
}

fn finished(mut state: u32) -> u32 {
    state = (state ^ state >> 16).wrapping_mul(0x85eb_ca6b);
    state = (state ^ state >> 13).wrapping_mul(0xc2b2_ae35);
    state ^ state >> 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_reference() {
        // From the table of test vectors of the reference implementation, and scikit-learn's own.
        assert_eq!(hash(b""), 0);
        assert_eq!(hash(b"foo"), -156_908_512);
        assert_eq!(hash(b"test").cast_unsigned(), 0xba6b_d213);
        assert_eq!(hash(b"Hello, world!").cast_unsigned(), 0xc036_3e43);
    }
}
