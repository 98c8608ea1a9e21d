//! The sorted table that indexes a tensor bundle: footer, index block, data blocks.
//!
//! The format is LevelDB's table format: a 48-byte footer points at an index block whose values
//! point at data blocks; keys share prefixes with the key before them; each block ends in its
//! restart points and is followed by a byte for its compression and a masked CRC-32C.

use std::collections::BTreeMap;

use hari_error::{Error, Result};

use super::checksum;

const FOOTER: usize = 48;
const MAGIC: u64 = 0xdb47_7524_8b80_fb57;
const TRAILER: usize = 5;
const MAX_BLOCK: usize = 256 << 20;
const MAX_TOTAL: usize = 1 << 30;
/// A block in Snappy is at most this many times shorter than its contents: a copy of 64 bytes takes
/// three (`format_description.txt` of google/snappy).
const SNAPPY_RATIO: usize = 22;
/// What the keys of a block share is at most this many times longer than the block. Names that
/// share long beginnings stay below a fifth of it.
const PREFIX_RATIO: usize = 100;

/// Reads every pair of the table.
///
/// # Errors
/// If the file is not a table, is cut short, or a checksum does not match.
pub(crate) fn read(file: &[u8]) -> Result<BTreeMap<Vec<u8>, Vec<u8>>> {
    let mut pairs = BTreeMap::new();
    let mut budget = MAX_TOTAL;
    for (_, value) in entries(&block(file, index_handle(file)?, &mut budget)?)? {
        let mut handle = value.as_slice();
        let handle = Handle::read(&mut handle)?;
        pairs.extend(entries(&block(file, handle, &mut budget)?)?);
    }
    Ok(pairs)
}

#[derive(Clone, Copy)]
struct Handle {
    offset: u64,
    size: u64,
}

impl Handle {
    fn read(bytes: &mut &[u8]) -> Result<Self> {
        Ok(Self {
            offset: varint(bytes)?,
            size: varint(bytes)?,
        })
    }
}

fn broken(what: &str) -> Error {
    Error::model(format!(
        "the variables' index is broken: {what}; export the model again"
    ))
}

fn index_handle(file: &[u8]) -> Result<Handle> {
    let footer = file
        .last_chunk::<FOOTER>()
        .ok_or_else(|| broken("it has no footer"))?;
    let (handles, magic) = footer.split_at(FOOTER - 8);
    if magic != MAGIC.to_le_bytes() {
        return Err(broken("its footer is not that of a table"));
    }
    let mut handles = handles;
    Handle::read(&mut handles)?;
    Handle::read(&mut handles)
}

fn block(file: &[u8], handle: Handle, budget: &mut usize) -> Result<Vec<u8>> {
    let out_of_range = || broken("a block lies outside the file");
    let start = usize::try_from(handle.offset).map_err(|_| out_of_range())?;
    let size = usize::try_from(handle.size).map_err(|_| out_of_range())?;
    let end = start.checked_add(size).ok_or_else(out_of_range)?;
    let contents = file.get(start..end).ok_or_else(out_of_range)?;
    let trailer = end
        .checked_add(TRAILER)
        .and_then(|after| file.get(end..after))
        .and_then(<[u8]>::first_chunk::<TRAILER>)
        .ok_or_else(out_of_range)?;
    let [compression, crc @ ..] = *trailer;
    let found = crc32c::crc32c_append(crc32c::crc32c(contents), &[compression]);
    if checksum::mask(found) != u32::from_le_bytes(crc) {
        return Err(broken("a block does not match its checksum"));
    }
    decompress(contents, compression, budget)
}

fn decompress(contents: &[u8], compression: u8, budget: &mut usize) -> Result<Vec<u8>> {
    let length = match compression {
        0 => contents.len(),
        1 => snap::raw::decompress_len(contents).map_err(|_| broken("a block is not Snappy"))?,
        _ => return Err(broken("a block has an unknown compression")),
    };
    if length > contents.len().saturating_mul(SNAPPY_RATIO) {
        return Err(broken("a block is not Snappy"));
    }
    if length > MAX_BLOCK || length > *budget {
        return Err(Error::model(
            "the variables' index is too large when decompressed",
        ));
    }
    *budget -= length;
    if compression == 0 {
        return Ok(contents.to_vec());
    }
    snap::raw::Decoder::new()
        .decompress_vec(contents)
        .map_err(|_| broken("a block is not Snappy"))
}

fn entries(block: &[u8]) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut rest = without_restarts(block)?;
    let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let mut room = block.len().saturating_mul(PREFIX_RATIO).min(MAX_TOTAL);
    while !rest.is_empty() {
        let [shared, unshared, value] =
            [varint(&mut rest)?, varint(&mut rest)?, varint(&mut rest)?];
        let previous = pairs.last().map_or(&[][..], |(key, _)| key);
        let prefix = usize::try_from(shared)
            .ok()
            .and_then(|shared| previous.get(..shared));
        let mut key = prefix
            .ok_or_else(|| broken("a key shares too much"))?
            .to_vec();
        room = room
            .checked_sub(key.len())
            .ok_or_else(|| broken("its keys are too long"))?;
        key.extend_from_slice(take(&mut rest, unshared)?);
        let value = take(&mut rest, value)?.to_vec();
        pairs.push((key, value));
    }
    Ok(pairs)
}

fn without_restarts(block: &[u8]) -> Result<&[u8]> {
    let short = || broken("a block is cut short");
    let (rest, count) = block.split_last_chunk::<4>().ok_or_else(short)?;
    let restarts = usize::try_from(u32::from_le_bytes(*count)).map_err(|_| short())?;
    let length = restarts
        .checked_mul(4)
        .and_then(|bytes| rest.len().checked_sub(bytes));
    length
        .and_then(|length| rest.get(..length))
        .ok_or_else(short)
}

fn take<'a>(bytes: &mut &'a [u8], length: u64) -> Result<&'a [u8]> {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let (taken, rest) = bytes
        .split_at_checked(length)
        .ok_or_else(|| broken("an entry is cut short"))?;
    *bytes = rest;
    Ok(taken)
}

/// Takes a base-128 number off the front.
pub(super) fn varint(bytes: &mut &[u8]) -> Result<u64> {
    prost::encoding::decode_varint(bytes).map_err(|_| broken("a number is cut short"))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn push_varint(out: &mut Vec<u8>, number: usize) {
        prost::encoding::encode_varint(number as u64, out);
    }

    fn write_block(out: &mut Vec<u8>, pairs: &[(Vec<u8>, Vec<u8>)], snappy: bool) -> Vec<u8> {
        let mut block = Vec::new();
        let mut previous: &[u8] = &[];
        for (key, value) in pairs {
            let shared = key.iter().zip(previous).take_while(|(a, b)| a == b).count();
            push_varint(&mut block, shared);
            push_varint(&mut block, key.len() - shared);
            push_varint(&mut block, value.len());
            block.extend_from_slice(&key[shared..]);
            block.extend_from_slice(value);
            previous = key;
        }
        block.extend_from_slice(&0_u32.to_le_bytes());
        block.extend_from_slice(&1_u32.to_le_bytes());
        if snappy {
            block = snap::raw::Encoder::new().compress_vec(&block).unwrap();
        }
        let mut handle = Vec::new();
        push_varint(&mut handle, out.len());
        push_varint(&mut handle, block.len());
        block.push(u8::from(snappy));
        let crc = checksum::mask(crc32c::crc32c(&block));
        out.extend_from_slice(&block);
        out.extend_from_slice(&crc.to_le_bytes());
        handle
    }

    /// A table of these pairs, one data block for every four of them.
    pub(crate) fn write(pairs: &BTreeMap<Vec<u8>, Vec<u8>>, snappy: bool) -> Vec<u8> {
        let mut out = Vec::new();
        let pairs: Vec<_> = pairs.clone().into_iter().collect();
        let index: Vec<_> = pairs
            .chunks(4)
            .map(|chunk| {
                (
                    chunk.last().unwrap().0.clone(),
                    write_block(&mut out, chunk, snappy),
                )
            })
            .collect();
        let metaindex = write_block(&mut out, &[], false);
        let index = write_block(&mut out, &index, snappy);
        let mut footer = [metaindex, index].concat();
        footer.resize(FOOTER - 8, 0);
        footer.extend_from_slice(&MAGIC.to_le_bytes());
        [out, footer].concat()
    }

    #[test]
    fn a_block_that_claims_to_be_long_is_refused_before_memory_is_taken() {
        let mut contents = Vec::new();
        push_varint(&mut contents, MAX_BLOCK);
        contents.extend_from_slice(&[0; 8]);
        let error = decompress(&contents, 1, &mut MAX_TOTAL.clone()).unwrap_err();
        assert!(error.message().contains("not Snappy"), "{error}");
    }

    #[test]
    fn what_compresses_well_is_read_all_the_same() {
        let contents = vec![7; 1 << 20];
        let short = snap::raw::Encoder::new().compress_vec(&contents).unwrap();
        assert!(contents.len() / short.len() > 15);
        let found = decompress(&short, 1, &mut MAX_TOTAL.clone()).unwrap();
        assert_eq!(found, contents);
    }

    #[test]
    fn a_long_key_cannot_be_shared_without_end() {
        let key = 1 << 16;
        let mut block = Vec::new();
        for length in [0, key, 0] {
            push_varint(&mut block, length);
        }
        block.resize(block.len() + key, b'k');
        for _ in 0..1 << 10 {
            for length in [key, 0, 0] {
                push_varint(&mut block, length);
            }
        }
        block.extend_from_slice(&[0; 4]);
        let error = entries(&block).unwrap_err();
        assert!(error.message().contains("too long"), "{error}");
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            pairs in proptest::collection::btree_map(
                proptest::collection::vec(any::<u8>(), 0..12),
                proptest::collection::vec(any::<u8>(), 0..40), 0..20),
            snappy: bool,
        ) {
            prop_assert_eq!(read(&write(&pairs, snappy)).unwrap(), pairs);
        }

        #[test]
        fn a_damaged_table_is_refused_or_read(
            position: proptest::sample::Index, flip in 1_u8.., cut: proptest::sample::Index,
        ) {
            let pairs = (0..9_u8).map(|n| (vec![b'k', n], vec![n; 5])).collect();
            let mut file = write(&pairs, true);
            let length = cut.index(file.len());
            prop_assert!(read(&file[..length]).is_err());
            let at = position.index(file.len());
            file[at] ^= flip;
            if let Ok(found) = read(&file) {
                prop_assert_eq!(found, pairs);
            }
        }

        #[test]
        fn any_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(read(&bytes).is_err());
        }
    }
}
