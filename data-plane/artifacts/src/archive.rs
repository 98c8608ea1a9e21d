//! Archives: recognised by content and name, unpacked within limits, never beyond their folder.

mod name;
mod tar;
#[cfg(test)]
mod tests;
mod unpack;
mod zip;

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use hari_error::{Error, Result};

pub(crate) use self::name::EntryName;
use self::unpack::Unpacker;

/// What an archive may unpack to. Past a limit it is refused as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchiveLimits {
    /// Most files and folders.
    pub entries: u64,
    /// Most bytes of all files; of a download too, archive or not.
    pub bytes: u64,
    /// Most bytes unpacked for each byte of the archive...
    pub ratio: u64,
    /// ...where an archive counts as at least so many bytes.
    pub ratio_floor: u64,
}

impl Default for ArchiveLimits {
    /// 10,000 entries, 16 GiB, 100:1 where less than 1 MiB counts as 1 MiB.
    fn default() -> Self {
        Self {
            entries: 10_000,
            bytes: 16 << 30,
            ratio: 100,
            ratio_floor: 1 << 20,
        }
    }
}

impl ArchiveLimits {
    /// Most bytes that an archive of `packed` bytes may unpack to.
    fn allowance(&self, packed: u64) -> u64 {
        self.bytes
            .min(self.ratio.saturating_mul(packed.max(self.ratio_floor)))
    }
}

/// The forms of archive that are unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Tar,
    TarGzip,
    TarZstd,
    Zip,
}

/// How names of archives end.
const ENDINGS: [&str; 6] = [".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst", ".zip"];

/// How far an unpacking has come: entries and bytes.
pub(crate) type Watch<'a> = &'a dyn Fn(u64, u64);

/// The form of the archive at `path`, or none if it is another kind of file.
///
/// Content decides. A zip needs the name of an archive or one without an extension, for `.keras`,
/// `.npz` and `.pt` files are zips as well.
///
/// # Errors
/// If it cannot be read, or is named as an archive and is none.
pub(crate) fn recognise(path: &Path, name: &str) -> Result<Option<Form>> {
    let unreadable = |error| Error::invalid(format!("`{name}` cannot be read")).with_source(error);
    let form = sniff(path).map_err(unreadable)?;
    let lower = name.to_ascii_lowercase();
    let named = ENDINGS.iter().any(|ending| lower.ends_with(ending));
    match form {
        Some(Form::Zip) if !named && lower.contains('.') => Ok(None),
        None if named => Err(Error::invalid(format!(
            "`{name}` is named as an archive, but its content is no tar or zip; \
                 is it whole, or the page of an error?"
        ))),
        form => Ok(form),
    }
}

fn sniff(path: &Path) -> io::Result<Option<Form>> {
    let mut file = File::open(path)?;
    let head = read_head(&mut file)?;
    file.rewind()?;
    Ok(match head.as_slice() {
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Form::Zip),
        [0x1f, 0x8b, ..] => {
            is_tar(flate2::read::MultiGzDecoder::new(file)).then_some(Form::TarGzip)
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => match zstd_reader(BufReader::new(file)) {
            Ok(reader) => is_tar(reader).then_some(Form::TarZstd),
            Err(_) => None,
        },
        block => tar::is_header(block).then_some(Form::Tar),
    })
}

/// Whether the file is a tar without entries, packed or not: blocks of zeros alone at its start.
pub(crate) fn is_blank(path: &Path) -> Result<bool> {
    let head = || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let packed = read_head(&mut file)?.starts_with(&[0x1f, 0x8b]);
        file.rewind()?;
        match packed {
            true => read_head(&mut flate2::read::MultiGzDecoder::new(file)),
            false => read_head(&mut file),
        }
    };
    let head = head().map_err(damaged)?;
    Ok(head.len() == 512 && head.iter().all(|byte| *byte == 0))
}

fn is_tar(mut reader: impl Read) -> bool {
    read_head(&mut reader).is_ok_and(|block| tar::is_header(&block))
}

fn read_head(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(512);
    reader.take(512).read_to_end(&mut head)?;
    Ok(head)
}

/// A decoder whose window is at most 128 MiB.
fn zstd_reader<'a, R: io::BufRead>(reader: R) -> io::Result<zstd::Decoder<'a, R>> {
    let mut decoder = zstd::Decoder::with_buffer(reader)?;
    decoder.window_log_max(27)?;
    Ok(decoder)
}

/// Unpacks the archive at `path` into `into`, an empty folder that no one else writes to. Returns
/// the bytes of its files.
///
/// # Errors
/// `InvalidInput` with the entry that is not a plain file or folder below `into`, or if the archive
/// is damaged; `TooLarge` with the limit that was passed. What was unpacked till then is left.
pub(crate) fn unpack(
    path: &Path,
    form: Form,
    into: &Path,
    limits: &ArchiveLimits,
    watch: Watch<'_>,
) -> Result<u64> {
    let packed = fs::metadata(path).map_err(damaged)?.len();
    let mut to = Unpacker::new(into, limits, packed, watch);
    read(path, form, &mut to)?;
    to.finish()
}

/// As [`unpack`], but of the archive's entries only those below the folder `only`, if one is named;
/// an archive without files is no error.
///
/// # Errors
/// As [`unpack`].
pub(crate) fn unpack_below(
    path: &Path,
    form: Form,
    into: &Path,
    limits: &ArchiveLimits,
    (only, watch): (Option<&str>, Watch<'_>),
) -> Result<()> {
    let packed = fs::metadata(path).map_err(damaged)?.len();
    let mut to = Unpacker::new(into, limits, packed, watch).only(only);
    read(path, form, &mut to)
}

fn read(path: &Path, form: Form, to: &mut Unpacker<'_>) -> Result<()> {
    let file = File::open(path).map_err(damaged)?;
    match form {
        Form::Tar => tar::unpack(BufReader::new(file), to),
        Form::TarGzip => tar::unpack(
            flate2::bufread::MultiGzDecoder::new(BufReader::new(file)),
            to,
        ),
        Form::TarZstd => tar::unpack(zstd_reader(BufReader::new(file)).map_err(damaged)?, to),
        Form::Zip => zip::unpack(file, to),
    }
}

/// An archive whose bytes make no sense, or a limit that a reader reported through `io`.
fn damaged(error: io::Error) -> Error {
    let error = match error.downcast::<Error>() {
        Ok(limit) => return limit,
        Err(error) => error,
    };
    match error.kind() {
        io::ErrorKind::StorageFull
        | io::ErrorKind::QuotaExceeded
        | io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem => unwritable(error),
        _ => Error::invalid(format!("the archive is damaged: {error}")).with_source(error),
    }
}

/// A file or folder that the machine does not let us write.
fn unwritable(error: io::Error) -> Error {
    Error::internal(format!("the archive cannot be unpacked: {error}")).with_source(error)
}
