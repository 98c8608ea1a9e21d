//! tar: headers one by one, with the extensions for long names that GNU tar and Python write.
//!
//! Extensions are read here, within a limit, rather than by the tar crate, which reads them whole.

use std::io::{self, Read};

use hari_error::{Error, Result};
use tar::{Archive, Entry, EntryType, Header, PaxExtensions};

use super::damaged;
use super::name::EntryName;
use super::unpack::Unpacker;

const BLOCK: u64 = 512;
/// Most bytes of an extension header.
const MAX_EXTENSION: u64 = 64 << 10;

/// Whether these bytes are a tar header: 512 of them, with the right checksum.
pub(super) fn is_header(block: &[u8]) -> bool {
    let Ok(bytes) = <[u8; BLOCK as usize]>::try_from(block) else {
        return false;
    };
    let mut header = Header::new_old();
    header.as_mut_bytes().copy_from_slice(&bytes);
    let sum: u32 = bytes
        .iter()
        .enumerate()
        .map(|(at, byte)| {
            if (148..156).contains(&at) {
                32
            } else {
                u32::from(*byte)
            }
        })
        .sum();
    header.cksum().is_ok_and(|expected| expected == sum)
}

/// Unpacks a whole stream, to its last byte, so that checksums of the compression are checked.
pub(super) fn unpack(reader: impl Read, to: &mut Unpacker<'_>) -> Result<()> {
    let mut stream = Metered::new(reader, to.stream_limit(), to.too_many_bytes());
    let end = entries(&mut stream, to)?;
    if stream.count < end + BLOCK {
        return Err(Error::invalid(
            "the archive is damaged: it ends before its end mark",
        ));
    }
    io::copy(&mut stream, &mut io::sink()).map_err(damaged)?;
    Ok(())
}

/// Unpacks the entries; returns where the last one ends.
fn entries(stream: &mut impl Read, to: &mut Unpacker<'_>) -> Result<u64> {
    let mut archive = Archive::new(stream);
    let mut long_name = None;
    let mut end = 0;
    for entry in archive.entries().map_err(damaged)?.raw(true) {
        let mut entry = entry.map_err(damaged)?;
        end = end_of(&entry)?;
        match entry.header().entry_type() {
            EntryType::GNULongName => long_name = Some(gnu_name(&mut entry)?),
            EntryType::XHeader => long_name = pax_name(&mut entry)?.or(long_name),
            EntryType::XGlobalHeader => drop(extension(&mut entry)?),
            kind => {
                let name = long_name
                    .take()
                    .unwrap_or_else(|| entry.path_bytes().into_owned());
                one(kind, &name, &mut entry, to)?;
            }
        }
    }
    if long_name.is_some() {
        return Err(Error::invalid(
            "the archive is damaged: a name without its entry",
        ));
    }
    Ok(end)
}

fn one<R: Read>(
    kind: EntryType,
    name: &[u8],
    entry: &mut Entry<'_, R>,
    to: &mut Unpacker<'_>,
) -> Result<()> {
    let name = EntryName::parse(name)?;
    if !to.wants(&name) {
        return Ok(());
    }
    match kind {
        EntryType::Directory => to.folder(&name),
        EntryType::Regular | EntryType::Continuous => {
            let size = entry.header().entry_size().map_err(damaged)?;
            to.file(&name, size, entry)
        }
        EntryType::Symlink | EntryType::Link | EntryType::GNULongLink => Err(refused(
            &name,
            "a link; archive it with links followed (tar --dereference)",
        )),
        EntryType::GNUSparse => Err(refused(&name, "a sparse file; archive it without --sparse")),
        EntryType::Block | EntryType::Char | EntryType::Fifo => {
            Err(refused(&name, "a device or pipe"))
        }
        _ => Err(refused(&name, "of a kind that is not known")),
    }
}

fn refused(name: &EntryName, what: &str) -> Error {
    Error::invalid(format!(
        "archive entry `{name}`: expected a regular file or folder, found {what}"
    ))
}

fn end_of<R: Read>(entry: &Entry<'_, R>) -> Result<u64> {
    let size = entry.header().entry_size().map_err(damaged)?;
    let padded = size.checked_next_multiple_of(BLOCK);
    let end = padded.and_then(|padded| padded.checked_add(entry.raw_file_position()));
    end.filter(|end| *end < u64::MAX / 2)
        .ok_or_else(|| Error::invalid("the archive is damaged: an entry of impossible size"))
}

fn extension<R: Read>(entry: &mut Entry<'_, R>) -> Result<Vec<u8>> {
    let size = entry.header().entry_size().map_err(damaged)?;
    if size > MAX_EXTENSION {
        return Err(Error::too_large(format!(
            "the archive has an extension header of {size} bytes; the limit is {MAX_EXTENSION}"
        )));
    }
    let mut bytes = Vec::new();
    entry.take(size).read_to_end(&mut bytes).map_err(damaged)?;
    Ok(bytes)
}

fn gnu_name<R: Read>(entry: &mut Entry<'_, R>) -> Result<Vec<u8>> {
    let mut name = extension(entry)?;
    if name.last() == Some(&0) {
        name.pop();
    }
    Ok(name)
}

/// The name in a PAX header, if it has one. A PAX header that changes a file's size or layout is
/// refused: readers disagree on those.
fn pax_name<R: Read>(entry: &mut Entry<'_, R>) -> Result<Option<Vec<u8>>> {
    let bytes = extension(entry)?;
    let mut name = None;
    for record in PaxExtensions::new(&bytes) {
        let record = record.map_err(damaged)?;
        match record.key_bytes() {
            b"path" => name = Some(record.value_bytes().to_vec()),
            b"size" => {
                return Err(Error::invalid(
                    "the archive holds a file over 8 GiB in the PAX format; \
                     archive it with tar --format=gnu",
                ));
            }
            key if key.starts_with(b"GNU.sparse") => {
                return Err(Error::invalid(
                    "the archive holds a sparse file; archive it without --sparse",
                ));
            }
            _ => {}
        }
    }
    Ok(name)
}

/// Counts what is read, and fails past a limit.
struct Metered<R> {
    inner: R,
    count: u64,
    limit: u64,
    /// Taken when the limit is passed.
    refusal: Option<Error>,
}

impl<R: Read> Metered<R> {
    fn new(inner: R, limit: u64, refusal: Error) -> Self {
        Self {
            inner,
            count: 0,
            limit,
            refusal: Some(refusal),
        }
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count = self.count.saturating_add(read as u64);
        if self.count <= self.limit {
            return Ok(read);
        }
        Err(self
            .refusal
            .take()
            .map_or_else(|| io::Error::other("too large"), io::Error::other))
    }
}
