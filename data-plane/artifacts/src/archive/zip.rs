//! zip: the central directory decides; local headers are only walked over.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hari_error::{Error, Result};
use zip::ZipArchive;
use zip::result::ZipError;

use super::damaged;
use super::name::EntryName;
use super::unpack::Unpacker;

/// The bits of a Unix mode that say what kind of file it is, and the two kinds that are taken.
const KIND: u32 = 0o170_000;
const FOLDER: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;

/// Unpacks all entries.
pub(super) fn unpack(file: File, to: &mut Unpacker<'_>) -> Result<()> {
    let budget = Arc::new(AtomicU64::new(to.directory_limit()));
    let reader = Budgeted {
        inner: BufReader::new(file),
        left: Arc::clone(&budget),
    };
    let mut archive = ZipArchive::new(reader).map_err(unreadable)?;
    budget.store(u64::MAX, Ordering::Relaxed);
    to.expect_entries(archive.len() as u64)?;
    if archive.has_duplicate_names() {
        return Err(Error::invalid("the archive holds a name twice"));
    }
    for index in 0..archive.len() {
        one(&mut archive, index, to)?;
    }
    Ok(())
}

fn one<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    index: usize,
    to: &mut Unpacker<'_>,
) -> Result<()> {
    let mut entry = archive.by_index(index).map_err(unreadable)?;
    let name = EntryName::parse(entry.name().map_err(unreadable)?.as_bytes())?;
    let kind = entry.unix_mode().map_or(0, |mode| mode & KIND);
    let folder = entry.is_dir();
    let fits = kind == 0 || kind == if folder { FOLDER } else { REGULAR };
    if !fits {
        return Err(Error::invalid(format!(
            "archive entry `{name}`: expected a regular file or folder, \
             found a link or device; archive it with links followed"
        )));
    }
    if folder {
        return to.folder(&name);
    }
    let declared = entry.size();
    to.file(&name, declared, &mut entry)
}

fn unreadable(error: ZipError) -> Error {
    match error {
        ZipError::Io(error) => damaged(error),
        ZipError::UnsupportedArchive(what) => Error::invalid(format!(
            "the zip cannot be read: {what}; make it with deflate and without a password"
        )),
        other => Error::invalid(format!("the archive is damaged: {other}")).with_source(other),
    }
}

/// Fails when more is read than is left: a directory that does not end cannot fill the memory.
struct Budgeted<R> {
    inner: R,
    left: Arc<AtomicU64>,
}

impl<R: Read> Read for Budgeted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let left = self.left.load(Ordering::Relaxed).checked_sub(read as u64);
        let left = left.ok_or_else(|| {
            io::Error::other(Error::too_large(
                "the directory of the archive is over its limit",
            ))
        })?;
        self.left.store(left, Ordering::Relaxed);
        Ok(read)
    }
}

impl<R: Seek> Seek for Budgeted<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}
