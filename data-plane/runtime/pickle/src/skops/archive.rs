//! A zip as Python writes it, read from memory: plain files of one folder, each checked.
//!
//! Format: PKWARE's APPNOTE. Files are stored, deflated or packed with bzip2. What Python does not
//! write is refused: links, folders, encryption, several disks, files of the same name or that
//! share bytes, and Zip64.

use std::collections::HashMap;
use std::io::Read;

use bytes::Bytes;
use flate2::Crc;
use flate2::bufread::DeflateDecoder;
use hari_error::{Error, Result};

use crate::limits::Limits;

const END: &[u8] = b"PK\x05\x06";
const END_SIZE: usize = 22;
const LISTED: &[u8] = b"PK\x01\x02";
const LISTED_SIZE: usize = 46;
const LOCAL: &[u8] = b"PK\x03\x04";
const LOCAL_SIZE: usize = 30;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;
const BZIP2: u16 = 12;

/// Memory that an entry takes here.
pub(super) const ENTRY: usize = 2 * size_of::<(String, Entry)>() + 32;

/// A zip whose list of files was checked.
pub(crate) struct Archive {
    bytes: Bytes,
    entries: HashMap<String, Entry>,
}

/// Where a file lies in a zip.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    method: u16,
    crc: u32,
    start: usize,
    packed: usize,
    size: usize,
}

impl Archive {
    /// Reads the list of files.
    ///
    /// # Errors
    ///
    /// A list that is damaged, or is not what Python writes; more files than the limit; files that
    /// expand to more than the limit for the size of the zip.
    pub(crate) fn open(bytes: &Bytes, limits: &Limits) -> Result<Self> {
        let end = end_of(bytes).ok_or_else(|| damaged("its list of files is missing"))?;
        let record = bytes.get(end..).unwrap_or_default();
        let count = usize::from(word(record, 10));
        let (size, start) = (double(record, 12) as usize, double(record, 16) as usize);
        let one_disk =
            word(record, 4) == 0 && word(record, 6) == 0 && word(record, 8) == word(record, 10);
        if !one_disk || start.checked_add(size) != Some(end) {
            return Err(damaged(
                "its list of files is not where it is said to be, or is Zip64",
            ));
        }
        if count > limits.entries || count * LISTED_SIZE > size {
            return Err(damaged(
                "its list names more files than it has, or than are read",
            ));
        }
        let mut archive = Self {
            bytes: bytes.clone(),
            entries: HashMap::with_capacity(count),
        };
        archive.list(start, end, count)?;
        archive.check(limits)?;
        Ok(archive)
    }

    fn list(&mut self, mut at: usize, end: usize, count: usize) -> Result<()> {
        let bytes = self.bytes.clone();
        for _ in 0..count {
            let record = bytes.get(at..end).unwrap_or_default();
            let length = usize::from(word(record, 28));
            if !record.starts_with(LISTED) || record.len() < LISTED_SIZE {
                return Err(damaged("its list of files ends in the middle"));
            }
            let name = record.get(LISTED_SIZE..LISTED_SIZE + length);
            let name = name.and_then(plain_name).ok_or_else(bad_name)?;
            let entry = self.entry(record, name, at)?;
            if self.entries.insert(name.to_owned(), entry).is_some() {
                return Err(damaged("two files have the same name"));
            }
            at += LISTED_SIZE
                + length
                + usize::from(word(record, 30))
                + usize::from(word(record, 32));
        }
        if at == end {
            return Ok(());
        }
        Err(damaged("its list of files is longer than it says"))
    }

    /// What the list says of a file, held against what stands in front of it.
    fn entry(&self, record: &[u8], name: &str, list: usize) -> Result<Entry> {
        let local = double(record, 42) as usize;
        let header = self.bytes.get(local..list).unwrap_or_default();
        let length = usize::from(word(header, 26));
        let named = header.get(LOCAL_SIZE..LOCAL_SIZE + length);
        let same = header.starts_with(LOCAL)
            && named == Some(name.as_bytes())
            && word(header, 8) == word(record, 10);
        if !same {
            return Err(damaged("a file is not where its list says"));
        }
        if word(record, 8) & 1 != 0 {
            return Err(damaged("a file is encrypted"));
        }
        let entry = Entry {
            method: word(record, 10),
            crc: double(record, 16),
            start: local + LOCAL_SIZE + length + usize::from(word(header, 28)),
            packed: double(record, 20) as usize,
            size: double(record, 24) as usize,
        };
        // The upper half of the attributes is a mode of Unix: none, or that of a plain file.
        let mode = double(record, 38) >> 28;
        if mode != 0 && mode != 8 {
            return Err(damaged("it holds something that is no plain file"));
        }
        Ok(entry)
    }

    /// No two files share bytes, and all together expand to no more than the limit.
    fn check(&self, limits: &Limits) -> Result<()> {
        let mut entries: Vec<_> = self.entries.values().copied().collect();
        entries.sort_unstable_by_key(|entry| entry.start);
        let mut end = 0;
        let mut expanded = 0_u64;
        for entry in &entries {
            if entry.start < end {
                return Err(damaged("files share bytes"));
            }
            end = entry.start.saturating_add(entry.packed);
            if end > self.bytes.len() {
                return Err(damaged("a file is longer than the archive"));
            }
            if entry.method == STORED && entry.size != entry.packed {
                return Err(damaged("a stored file has two sizes"));
            }
            expanded = expanded.saturating_add(entry.size as u64);
        }
        let limit = limits.expanded_from(self.bytes.len() as u64);
        if expanded <= limit {
            return Ok(());
        }
        Err(Error::model(format!(
            "the archive expands to {expanded} bytes, {limit} is the limit for its size: save it \
             with less compression"
        )))
    }

    /// How many bytes all files have, expanded.
    pub(crate) fn expanded(&self) -> u64 {
        self.entries.values().map(|entry| entry.size as u64).sum()
    }

    /// How many files there are.
    pub(super) fn count(&self) -> usize {
        self.entries.len()
    }

    /// Bytes that [`Self::file`] takes beyond the archive's own.
    pub(super) fn cost(&self, name: &str) -> usize {
        let entry = self.entries.get(name);
        entry.map_or(0, |entry| {
            if entry.method == STORED {
                0
            } else {
                entry.size
            }
        })
    }

    /// The bytes of a file; those of a stored one are the archive's own.
    ///
    /// # Errors
    ///
    /// No such file, damaged data or a wrong checksum.
    pub(crate) fn file(&self, name: &str) -> Result<Bytes> {
        let entry = self.entries.get(name).ok_or_else(|| {
            let shown: String = name.chars().take(60).collect();
            damaged(&format!("there is no file `{}`", shown.escape_debug()))
        })?;
        let packed = self.bytes.slice(entry.start..entry.start + entry.packed);
        let bytes = match entry.method {
            STORED => packed,
            DEFLATED => unpacked(DeflateDecoder::new(&*packed), entry.size)?,
            BZIP2 => unpacked(bzip2::bufread::BzDecoder::new(&*packed), entry.size)?,
            _ => {
                return Err(Error::model(
                    "the archive is packed with LZMA or another method: save it stored or deflated",
                ));
            }
        };
        let mut crc = Crc::new();
        crc.update(&bytes);
        if bytes.len() != entry.size || crc.sum() != entry.crc {
            return Err(damaged("the checksum of a file is wrong"));
        }
        Ok(bytes)
    }
}

fn unpacked(decoder: impl Read, size: usize) -> Result<Bytes> {
    let mut bytes = Vec::new();
    let mut bounded = decoder.take(size as u64 + 1);
    let read = bounded.read_to_end(&mut bytes);
    read.map_err(|error| damaged("its compressed data is damaged").with_source(error))?;
    Ok(Bytes::from(bytes))
}

/// Where the record at the end begins: its comment reaches to the last byte.
fn end_of(bytes: &[u8]) -> Option<usize> {
    let last = bytes.len().checked_sub(END_SIZE)?;
    let first = last.saturating_sub(usize::from(u16::MAX));
    (first..=last).rev().find(|at| {
        let record = bytes.get(*at..).unwrap_or_default();
        record.starts_with(END) && usize::from(word(record, 20)) == last - at
    })
}

/// A name of a file, and not of a place.
fn plain_name(name: &[u8]) -> Option<&str> {
    let name = str::from_utf8(name).ok()?;
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
    let fits = !name.is_empty() && name.len() <= 100 && name.chars().all(plain);
    (fits && !name.starts_with('.')).then_some(name)
}

fn bad_name() -> Error {
    damaged("a file has a name that skops does not write")
}

fn word(bytes: &[u8], at: usize) -> u16 {
    let found = bytes.get(at..).and_then(|rest| rest.first_chunk::<2>());
    u16::from_le_bytes(found.copied().unwrap_or_default())
}

fn double(bytes: &[u8], at: usize) -> u32 {
    let found = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>());
    u32::from_le_bytes(found.copied().unwrap_or_default())
}

fn damaged(what: &str) -> Error {
    Error::model(format!("the archive cannot be read: {what}"))
}
