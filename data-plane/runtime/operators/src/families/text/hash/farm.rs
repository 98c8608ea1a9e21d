//! FarmHash's Fingerprint64, by Geoff Pike, which never changes between versions: a short text is
//! mixed in one step, a long one in blocks of 64 bytes.

use super::word;

const K0: u64 = 0xc3a5_c85c_97cb_3127;
const K1: u64 = 0xb492_b66f_be98_f273;
const K2: u64 = 0x9ae1_6a3b_2f90_404f;

/// Eight bytes from `at` on.
fn at(text: &[u8], at: usize) -> u64 {
    word(text.get(at..).unwrap_or(&[]))
}

/// Four bytes from `at` on.
fn half(text: &[u8], at: usize) -> u64 {
    word(text.get(at..at + 4).unwrap_or(&[]))
}

fn shift(value: u64) -> u64 {
    value ^ value >> 47
}

/// Two words in one.
fn mix(u: u64, v: u64, factor: u64) -> u64 {
    let a = shift((u ^ v).wrapping_mul(factor));
    shift((v ^ a).wrapping_mul(factor)).wrapping_mul(factor)
}

/// Two fingerprints in one, as TensorFlow puts together those of crossed features.
pub(in crate::families) fn together(first: u64, second: u64) -> u64 {
    const M: u64 = 0xc6a4_a793_5bd1_e995;
    let inner = shift(second.wrapping_mul(M)).wrapping_mul(M);
    let mixed = (first ^ M ^ inner).wrapping_mul(M);
    shift(shift(mixed).wrapping_mul(M))
}

/// The fingerprint of a text.
pub(in crate::families) fn fingerprint(text: &[u8]) -> u64 {
    match text.len() {
        0 => K2,
        1..=3 => few(text),
        4..=7 => {
            let length = text.len() as u64;
            let first = length.wrapping_add(half(text, 0) << 3);
            mix(first, half(text, text.len() - 4), factor(text))
        }
        8..=16 => short(text),
        17..=32 => middle(text),
        33..=64 => longer(text),
        _ => long(text),
    }
}

fn factor(text: &[u8]) -> u64 {
    K2.wrapping_add(text.len() as u64 * 2)
}

fn few(text: &[u8]) -> u64 {
    let byte = |at: usize| u64::from(text.get(at).copied().unwrap_or_default());
    let y = byte(0) + (byte(text.len() / 2) << 8);
    let z = text.len() as u64 + (byte(text.len() - 1) << 2);
    shift(y.wrapping_mul(K2) ^ z.wrapping_mul(K0)).wrapping_mul(K2)
}

fn short(text: &[u8]) -> u64 {
    let factor = factor(text);
    let a = at(text, 0).wrapping_add(K2);
    let b = at(text, text.len() - 8);
    let c = b.rotate_right(37).wrapping_mul(factor).wrapping_add(a);
    let d = a.rotate_right(25).wrapping_add(b).wrapping_mul(factor);
    mix(c, d, factor)
}

/// The sum of two, turned, of a third, turned, and of a fourth.
fn turned(a: u64, b: u64, c: u64, d: u64) -> u64 {
    let sum = a.wrapping_add(b).rotate_right(43);
    sum.wrapping_add(c.rotate_right(30)).wrapping_add(d)
}

fn middle(text: &[u8]) -> u64 {
    let factor = factor(text);
    let a = at(text, 0).wrapping_mul(K1);
    let b = at(text, 8);
    let c = at(text, text.len() - 8).wrapping_mul(factor);
    let d = at(text, text.len() - 16).wrapping_mul(K2);
    let second = b.wrapping_add(K2).rotate_right(18);
    let second = a.wrapping_add(second).wrapping_add(c);
    mix(turned(a, b, c, d), second, factor)
}

fn longer(text: &[u8]) -> u64 {
    let (factor, end) = (factor(text), text.len());
    let a = at(text, 0).wrapping_mul(K2);
    let b = at(text, 8);
    let c = at(text, end - 8).wrapping_mul(factor);
    let d = at(text, end - 16).wrapping_mul(K2);
    let y = turned(a, b, c, d);
    let second = b.wrapping_add(K2).rotate_right(18);
    let z = mix(y, a.wrapping_add(second).wrapping_add(c), factor);
    let e = at(text, 16).wrapping_mul(factor);
    let f = at(text, 24);
    let g = y.wrapping_add(at(text, end - 32)).wrapping_mul(factor);
    let h = z.wrapping_add(at(text, end - 24)).wrapping_mul(factor);
    let second = f.wrapping_add(a).rotate_right(18);
    let second = e.wrapping_add(second).wrapping_add(g);
    mix(turned(e, f, g, h), second, factor)
}

/// Two words.
type Pair = (u64, u64);

/// What a block is mixed into.
struct State {
    x: u64,
    y: u64,
    z: u64,
    v: Pair,
    w: Pair,
}

/// 32 bytes and two words, weakly mixed.
fn weak(text: &[u8], a: u64, b: u64) -> Pair {
    let [w, x, y, z] = [0, 8, 16, 24].map(|from| at(text, from));
    let a = a.wrapping_add(w);
    let b = b.wrapping_add(a).wrapping_add(z).rotate_right(21);
    let sum = a.wrapping_add(x).wrapping_add(y);
    let b = b.wrapping_add(sum.rotate_right(44));
    (sum.wrapping_add(z), b.wrapping_add(a))
}

impl State {
    /// One block of 64 bytes. The last block has factors of its own: `factor` for the products and
    /// `nine` for two sums.
    fn block(&mut self, block: &[u8], factor: u64, nine: u64) {
        let Self { x, y, z, v, w } = self;
        let sum = x.wrapping_add(*y).wrapping_add(v.0);
        let sum = sum.wrapping_add(at(block, 8)).rotate_right(37);
        let mut new_x = sum.wrapping_mul(factor);
        let sum = y.wrapping_add(v.1).wrapping_add(at(block, 48));
        let mut new_y = sum.rotate_right(42).wrapping_mul(factor);
        new_x ^= w.1.wrapping_mul(nine);
        new_y = new_y.wrapping_add(v.0.wrapping_mul(nine));
        new_y = new_y.wrapping_add(at(block, 40));
        let new_z = z.wrapping_add(w.0).rotate_right(33).wrapping_mul(factor);
        *v = weak(block, v.1.wrapping_mul(factor), new_x.wrapping_add(w.0));
        let second = new_y.wrapping_add(at(block, 16));
        *w = weak(
            block.get(32..).unwrap_or(&[]),
            new_z.wrapping_add(w.1),
            second,
        );
        (*x, *y, *z) = (new_z, new_y, new_x);
    }
}

fn long(text: &[u8]) -> u64 {
    const SEED: u64 = 81;
    let y = SEED.wrapping_mul(K1).wrapping_add(113);
    let z = shift(y.wrapping_mul(K2).wrapping_add(113)).wrapping_mul(K2);
    let mut state = State {
        x: SEED.wrapping_mul(K2).wrapping_add(at(text, 0)),
        y,
        z,
        v: (0, 0),
        w: (0, 0),
    };
    let blocks = (text.len() - 1) / 64;
    for block in text.chunks(64).take(blocks) {
        state.block(block, K1, 1);
    }
    let factor = K1.wrapping_add((state.z & 0xff) << 1);
    let rest = (text.len() - 1) & 63;
    state.w.0 = state.w.0.wrapping_add(rest as u64);
    state.v.0 = state.v.0.wrapping_add(state.w.0);
    state.w.0 = state.w.0.wrapping_add(state.v.0);
    let last = text.get(text.len() - 64..).unwrap_or(&[]);
    state.block(last, factor, 9);
    let State { x, y, z, v, w } = state;
    let first = mix(v.0, w.0, factor);
    let first = first
        .wrapping_add(shift(y).wrapping_mul(K0))
        .wrapping_add(z);
    mix(first, mix(v.1, w.1, factor).wrapping_add(x), factor)
}
