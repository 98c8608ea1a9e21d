//! Any variables under the graph of a fixture.

use std::sync::OnceLock;

use hari_error::Result;
use hari_tensorflow::Inspection;

use super::folder::Parts;
use super::{graph, table};

/// Its variables are read by the smallest graph that does so.
const PLAIN: Parts<'_> = fixture!("tf1_resource_variables");
const NAMES: [&str; 4] = ["conv/bias", "conv/kernel", "logits/bias", "logits/kernel"];

/// Its variables are found by the objects they belong to, which are among the variables.
const OBJECTS: Parts<'_> = fixture!("keras3_savedmodel_save");

static SMALL: OnceLock<Vec<u8>> = OnceLock::new();

/// In the first byte: the variables, whether the index block is given, and what the bytes are.
const WITH_OBJECTS: u8 = 0x80;
const OWN_INDEX: u8 = 0x40;
const KIND: u8 = 0x03;

/// Reads the bytes as one of these, by the first byte:
///
/// * 0: the index as a file, behind its length as two bytes; the rest is the shard;
/// * 1: blocks of the index, each as its compression, its length as two bytes, and its contents;
/// * 2: pairs of the index, each key and value behind its length as two bytes. The values get the
///   checksum of what they point at.
///
/// Where no shard is given, it is that of the fixture.
pub fn read(data: &[u8]) -> Option<Result<Inspection>> {
    let (&choice, mut rest) = data.split_first()?;
    let graph = SMALL.get_or_init(|| graph::of_variables(&NAMES));
    let fixture = match choice & WITH_OBJECTS {
        0 => Parts { graph, ..PLAIN },
        _ => OBJECTS,
    };
    let mut shard = fixture.shard;
    let index = match choice & KIND {
        0 => {
            let index = take(&mut rest)?.to_vec();
            if !rest.is_empty() {
                shard = rest;
            }
            index
        }
        1 => table::write(&blocks(rest), choice & OWN_INDEX != 0),
        _ => table::write(&[(0, table::plain_block(&pairs(rest, shard)))], false),
    };
    Some(
        Parts {
            index: &index,
            shard,
            ..fixture
        }
        .inspect(),
    )
}

/// Takes as many bytes as the two in front say, or as there are.
fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, behind) = rest.split_first_chunk::<2>()?;
    let length = usize::from(u16::from_le_bytes(*length)).min(behind.len());
    let (taken, behind) = behind.split_at(length);
    *rest = behind;
    Some(taken)
}

fn blocks(mut rest: &[u8]) -> Vec<table::Block> {
    let mut blocks = Vec::new();
    while let Some((&compression, behind)) = rest.split_first() {
        rest = behind;
        let Some(contents) = take(&mut rest) else {
            break;
        };
        blocks.push((compression, contents.to_vec()));
    }
    blocks
}

fn pairs(mut rest: &[u8], shard: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut pairs = Vec::new();
    while let Some(key) = take(&mut rest) {
        let value = take(&mut rest).unwrap_or_default();
        let is_header = key.is_empty();
        let value = if is_header {
            value.to_vec()
        } else {
            table::with_checksum(value, shard)
        };
        pairs.push((key.to_vec(), value));
    }
    pairs
}
