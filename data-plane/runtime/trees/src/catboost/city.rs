//! CityHash64 in its first version, as CatBoost hashes categories: the low half of what comes out.
//!
//! Source: "CityHash, a family of hash functions for strings", version 1.0 (Pike, Alakuijala,
//! 2011); CatBoost has it as `util/digest/city.cpp`.

const K0: u64 = 0xc3a5_c85c_97cb_3127;
const K1: u64 = 0xb492_b66f_be98_f273;
const K2: u64 = 0x9ae1_6a3b_2f90_404f;
const K3: u64 = 0xc949_d7c7_509e_6557;
/// The multiplier that two words are put together with.
const MIX: u64 = 0x9ddf_ea08_eb38_2d69;

/// A pair of states of the long form.
type Pair = (u64, u64);

/// The hash of a text.
pub(super) fn hash(text: &[u8]) -> u64 {
    match text.len() {
        0..=16 => short(text),
        17..=32 => middle(text),
        33..=64 => two_blocks(text),
        _ => long(text),
    }
}

/// Eight bytes from `at`, little-endian; zero where the text ends.
fn word(text: &[u8], at: usize) -> u64 {
    let bytes = text.get(at..).and_then(|rest| rest.first_chunk());
    bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// Four bytes from `at`.
fn half(text: &[u8], at: usize) -> u64 {
    let bytes = text.get(at..).and_then(|rest| rest.first_chunk());
    bytes.map_or(0, |bytes| u64::from(u32::from_le_bytes(*bytes)))
}

fn folded(value: u64) -> u64 {
    value ^ (value >> 47)
}

/// Two words in one.
fn both(low: u64, high: u64) -> u64 {
    let first = folded((low ^ high).wrapping_mul(MIX));
    folded((high ^ first).wrapping_mul(MIX)).wrapping_mul(MIX)
}

fn short(text: &[u8]) -> u64 {
    let length = text.len();
    let size = length as u64;
    match (length, text) {
        (9.., _) => {
            let end = word(text, length - 8);
            let turned = end.wrapping_add(size).rotate_right(length as u32);
            both(word(text, 0), turned) ^ end
        }
        (4.., _) => both(
            size.wrapping_add(half(text, 0) << 3),
            half(text, length - 4),
        ),
        (1.., &[first, ..]) => {
            let middle = text.get(length / 2).copied().unwrap_or(first);
            let last = text.last().copied().unwrap_or(first);
            let y = u64::from(first) + (u64::from(middle) << 8);
            let z = size + (u64::from(last) << 2);
            folded(y.wrapping_mul(K2) ^ z.wrapping_mul(K3)).wrapping_mul(K2)
        }
        _ => K2,
    }
}

fn middle(text: &[u8]) -> u64 {
    let length = text.len();
    let a = word(text, 0).wrapping_mul(K1);
    let b = word(text, 8);
    let c = word(text, length - 8).wrapping_mul(K2);
    let d = word(text, length - 16).wrapping_mul(K0);
    let low = a
        .wrapping_sub(b)
        .rotate_right(43)
        .wrapping_add(c.rotate_right(30))
        .wrapping_add(d);
    let high = a
        .wrapping_add((b ^ K3).rotate_right(20))
        .wrapping_sub(c)
        .wrapping_add(length as u64);
    both(low, high)
}

/// Four words from `at` in two, from a start and with the first of them apart.
fn block(text: &[u8], at: usize, start: u64, first: u64) -> Pair {
    let z = word(text, at + 24);
    let mut a = start;
    let mut b = a.wrapping_add(first).rotate_right(52);
    let mut c = a.rotate_right(37);
    a = a.wrapping_add(word(text, at + 8));
    c = c.wrapping_add(a.rotate_right(7));
    a = a.wrapping_add(word(text, at + 16));
    b = b.wrapping_add(a.rotate_right(31)).wrapping_add(c);
    (a.wrapping_add(z), b)
}

fn two_blocks(text: &[u8]) -> u64 {
    let length = text.len();
    let size = length as u64;
    let z = word(text, 24);
    let tail = size.wrapping_add(word(text, length - 16)).wrapping_mul(K0);
    let (v0, v1) = block(text, 0, word(text, 0).wrapping_add(tail), z);
    let start = word(text, 16).wrapping_add(word(text, length - 32));
    let (w0, w1) = block(text, length - 32, start, word(text, length - 8));
    let left = v0.wrapping_add(w1).wrapping_mul(K2);
    let right = w0.wrapping_add(v1).wrapping_mul(K0);
    let r = folded(left.wrapping_add(right));
    folded(r.wrapping_mul(K0).wrapping_add(v1)).wrapping_mul(K2)
}

/// 32 bytes from `at` in two words, with two seeds.
fn weak(text: &[u8], at: usize, a: u64, b: u64) -> Pair {
    let z = word(text, at + 24);
    let start = a.wrapping_add(word(text, at));
    let b = b.wrapping_add(start).wrapping_add(z).rotate_right(21);
    let a = start
        .wrapping_add(word(text, at + 8))
        .wrapping_add(word(text, at + 16));
    let b = b.wrapping_add(a.rotate_right(44));
    (a.wrapping_add(z), b.wrapping_add(start))
}

fn long(text: &[u8]) -> u64 {
    let length = text.len();
    let size = length as u64;
    let mut y = word(text, length - 16) ^ K1;
    let mut z = word(text, length - 56) ^ K0;
    let mut v = weak(text, length - 64, size, y);
    let mut w = weak(text, length - 32, size.wrapping_mul(K1), K0);
    z = z.wrapping_add(folded(v.1).wrapping_mul(K1));
    let mut x = z.wrapping_add(word(text, 0)).rotate_right(39);
    x = x.wrapping_mul(K1);
    y = y.rotate_right(33).wrapping_mul(K1);
    for at in (0..(length - 1) & !63).step_by(64) {
        x = x.wrapping_add(y).wrapping_add(v.0);
        x = x.wrapping_add(word(text, at + 16)).rotate_right(37);
        x = x.wrapping_mul(K1) ^ w.1;
        y = y.wrapping_add(v.1).wrapping_add(word(text, at + 48));
        y = y.rotate_right(42).wrapping_mul(K1) ^ v.0;
        z = (z ^ w.0).rotate_right(33);
        v = weak(text, at, v.1.wrapping_mul(K1), x.wrapping_add(w.0));
        w = weak(text, at + 32, z.wrapping_add(w.1), y);
        std::mem::swap(&mut z, &mut x);
    }
    let low = both(v.0, w.0).wrapping_add(folded(y).wrapping_mul(K1));
    both(low.wrapping_add(z), both(v.1, w.1).wrapping_add(x))
}
