//! Hashes of strings into buckets.

mod farm;
mod sip;

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use crate::compile::Node;
use crate::families::kernel::{Elements, Kernel, operator};
use crate::{Inputs, Operator};

pub(in crate::families) use farm::{fingerprint, together};

/// The remainder by the number of buckets of what a hash makes of a string.
struct Buckets<H> {
    count: u64,
    hash: H,
}

fn buckets(
    node: &Node<'_>,
    hash: impl Fn(&[u8]) -> u64 + Send + Sync + 'static,
) -> Result<Box<dyn Operator>> {
    let count = node.attributes.int_or("num_buckets", 0)?;
    let count = u64::try_from(count).ok().filter(|&count| count > 0);
    let count = count.ok_or_else(|| {
        Error::model("attribute `num_buckets`: expected a positive number".to_owned())
    })?;
    operator(Buckets { count, hash })
}

pub(super) fn fast(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    buckets(node, fingerprint)
}

pub(super) fn strong(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let &[first, second] = node.attributes.ints("key")?.unwrap_or(&[]) else {
        return Err(Error::model("attribute `key`: expected two integers"));
    };
    buckets(node, move |text| {
        sip::hash((first as u64, second as u64), text)
    })
}

pub(super) fn old(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    buckets(node, murmur)
}

impl<H: Fn(&[u8]) -> u64 + Send + Sync> Kernel for Buckets<H> {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        inputs.one_of(0, &[DataType::Bytes])?;
        Ok(vec![Some(DataType::Int64)])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let x = inputs.tensor(0)?;
        let hashes = x.strings()?.iter();
        let hashes = hashes.map(|text| ((self.hash)(text) % self.count) as i64);
        let hashes = hashes.collect();
        Ok(vec![Tensor::from_vec::<i64>(x.shape().to_vec(), hashes)?])
    }
}

/// Eight bytes, the first lowest; missing ones are zero.
fn word(bytes: &[u8]) -> u64 {
    let bytes = bytes.iter().take(8).rev();
    bytes.fold(0, |word, &byte| word << 8 | u64::from(byte))
}

/// Austin Appleby's `MurmurHash64A` with TensorFlow's seed.
fn murmur(text: &[u8]) -> u64 {
    const SEED: u64 = 0x00DE_CAFC_AFFE;
    const M: u64 = 0xc6a4_a793_5bd1_e995;
    let mut hash = SEED ^ (text.len() as u64).wrapping_mul(M);
    let blocks = text.chunks_exact(8);
    let tail = blocks.remainder();
    for block in blocks {
        let mixed = word(block).wrapping_mul(M);
        let mixed = (mixed ^ mixed >> 47).wrapping_mul(M);
        hash = (hash ^ mixed).wrapping_mul(M);
    }
    if !tail.is_empty() {
        hash = (hash ^ word(tail)).wrapping_mul(M);
    }
    hash = (hash ^ hash >> 47).wrapping_mul(M);
    hash ^ hash >> 47
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `StringToHashBucketFast`, `Strong` with the key 1, 2, and the old one of TensorFlow 2.21, with
    /// 2^62 buckets; all other lengths are among its cases.
    #[test]
    fn hashes_are_those_of_tensorflow() {
        let vectors = [
            (
                "",
                [1936946117179621455, 443797209252341627, 105434511174508091],
            ),
            (
                "abc",
                [
                    2640714258260161385,
                    1250540936487842205,
                    1046625677629754806,
                ],
            ),
            (
                "hello world",
                [1769834696496558107, 1015233985318741638, 936430787915428847],
            ),
        ];
        for (text, expected) in vectors {
            let text = text.as_bytes();
            let found = [fingerprint(text), sip::hash((1, 2), text), murmur(text)];
            assert_eq!(found.map(|hash| hash % (1 << 62)), expected);
        }
    }
}
