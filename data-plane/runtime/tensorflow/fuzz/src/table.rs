//! Writes the table of a tensor bundle, so that its checksums are right and what they protect is
//! reached.

use hari_proto::tensorflow::{BundleEntryProto, DataType};
use prost::Message;
use prost::encoding::{decode_varint, encode_varint};

const MAGIC: u64 = 0xdb47_7524_8b80_fb57;
const FOOTER: usize = 48;
const MASK: u32 = 0xa282_ead8;

/// A block as it is stored, with the number of its compression.
pub(crate) type Block = (u8, Vec<u8>);

/// A table of these blocks. The index block is written here, unless `own_index` says that the last
/// block is it.
pub(crate) fn write(blocks: &[Block], own_index: bool) -> Vec<u8> {
    let mut file = Vec::new();
    let handles: Vec<_> = blocks
        .iter()
        .map(|block| push_block(&mut file, block))
        .collect();
    let last = handles.last().cloned().filter(|_| own_index);
    let index = last.unwrap_or_else(|| {
        let keys = (0_u8..).map(|key| vec![key]);
        let pairs: Vec<_> = keys.zip(handles).collect();
        push_block(&mut file, &(0, plain_block(&pairs)))
    });
    let mut footer = [[0, 0].as_slice(), &index].concat();
    footer.resize(FOOTER - size_of::<u64>(), 0);
    [file, footer, MAGIC.to_le_bytes().to_vec()].concat()
}

/// Appends a block with its trailer and gives its place.
fn push_block(file: &mut Vec<u8>, (compression, contents): &Block) -> Vec<u8> {
    let mut handle = Vec::new();
    encode_varint(file.len() as u64, &mut handle);
    encode_varint(contents.len() as u64, &mut handle);
    let start = file.len();
    file.extend_from_slice(contents);
    file.push(*compression);
    let crc = mask(crc32c::crc32c(file.get(start..).unwrap_or_default()));
    file.extend_from_slice(&crc.to_le_bytes());
    handle
}

/// A block of these pairs, no key of which shares anything with the one before it.
pub(crate) fn plain_block(pairs: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (key, value) in pairs {
        for length in [0, key.len(), value.len()] {
            encode_varint(length as u64, &mut block);
        }
        block.extend_from_slice(key);
        block.extend_from_slice(value);
    }
    block.extend_from_slice(&[0, 0, 0, 0, 1, 0, 0, 0]);
    block
}

/// The entry with the checksum of what it points at; any other bytes as they are.
pub(crate) fn with_checksum(value: &[u8], shard: &[u8]) -> Vec<u8> {
    let Ok(mut entry) = BundleEntryProto::decode(value) else {
        return value.to_vec();
    };
    match checksum(&entry, shard) {
        None => value.to_vec(),
        Some(crc) => {
            entry.crc32c = crc;
            entry.encode_to_vec()
        }
    }
}

fn checksum(entry: &BundleEntryProto, shard: &[u8]) -> Option<u32> {
    let start = usize::try_from(entry.offset).ok()?;
    let end = start.checked_add(usize::try_from(entry.size).ok()?)?;
    let data = shard.get(start..end)?;
    if entry.dtype != i32::from(DataType::DtString) {
        return Some(mask(crc32c::crc32c(data)));
    }
    let dims = entry.shape.iter().flat_map(|shape| &shape.dim);
    let count = dims.map(|dim| dim.size).try_fold(1_i64, i64::checked_mul)?;
    strings_checksum(data, count)
}

/// Lengths count as four bytes each, then come the bytes behind them.
fn strings_checksum(mut data: &[u8], count: i64) -> Option<u32> {
    let mut crc = 0;
    for _ in 0..count {
        let length = u32::try_from(decode_varint(&mut data).ok()?).ok()?;
        crc = crc32c::crc32c_append(crc, &length.to_le_bytes());
    }
    Some(mask(crc32c::crc32c_append(crc, data)))
}

fn mask(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(MASK)
}
