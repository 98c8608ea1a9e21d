//! SipHash-2-4 of Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012).

use super::word;

struct State([u64; 4]);

impl State {
    fn round(&mut self) {
        let [a, b, c, d] = self.0;
        let (a, c) = (a.wrapping_add(b), c.wrapping_add(d));
        let (b, d) = (b.rotate_left(13) ^ a, d.rotate_left(16) ^ c);
        let a = a.rotate_left(32);
        let (c, a) = (c.wrapping_add(b), a.wrapping_add(d));
        let (b, d) = (b.rotate_left(17) ^ c, d.rotate_left(21) ^ a);
        self.0 = [a, b, c.rotate_left(32), d];
    }

    fn take(&mut self, word: u64) {
        self.0[3] ^= word;
        self.round();
        self.round();
        self.0[0] ^= word;
    }
}

/// The hash of `text` under a key of two words.
pub(super) fn hash((first, second): (u64, u64), text: &[u8]) -> u64 {
    let mut state = State([
        first ^ 0x736f_6d65_7073_6575,
        second ^ 0x646f_7261_6e64_6f6d,
        first ^ 0x6c79_6765_6e65_7261,
        second ^ 0x7465_6462_7974_6573,
    ]);
    let blocks = text.chunks_exact(8);
    let tail = blocks.remainder();
    for block in blocks {
        state.take(word(block));
    }
    state.take(word(tail) | (text.len() as u64) << 56);
    state.0[2] ^= 0xff;
    for _ in 0..4 {
        state.round();
    }
    state.0.into_iter().fold(0, |hash, part| hash ^ part)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example in appendix A of the paper.
    #[test]
    fn the_example_of_the_paper() {
        let key = (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908);
        let text: Vec<u8> = (0..15).collect();
        assert_eq!(hash(key, &text), 0xa129_ca61_49be_45e5);
    }
}
