//! Where the entries of every form of archive go: each limit and each refusal is here once.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use hari_error::{Error, Result};

use super::name::EntryName;
use super::{ArchiveLimits, Watch, damaged, unwritable};

/// Bytes of headers and padding that a tar may have for each entry, beside its files.
const OVERHEAD: u64 = 4096;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    /// A folder with an entry of its own.
    Folder,
    /// A folder that another entry lies in.
    Implied,
}

/// Writes entries below a folder that is its own.
pub(super) struct Unpacker<'a> {
    root: &'a Path,
    limits: &'a ArchiveLimits,
    /// Most bytes of all files.
    allowance: u64,
    bytes: u64,
    seen: HashMap<EntryName, Kind>,
    /// The folder whose entries alone are wanted.
    only: Option<&'a str>,
    watch: Watch<'a>,
}

impl<'a> Unpacker<'a> {
    /// For an archive of `packed` bytes.
    pub(super) fn new(
        root: &'a Path,
        limits: &'a ArchiveLimits,
        packed: u64,
        watch: Watch<'a>,
    ) -> Self {
        let allowance = limits.allowance(packed);
        Self {
            root,
            limits,
            allowance,
            bytes: 0,
            seen: HashMap::new(),
            only: None,
            watch,
        }
    }

    /// Passes over all entries but those below this folder.
    pub(super) fn only(mut self, folder: Option<&'a str>) -> Self {
        self.only = folder;
        self
    }

    /// Whether an entry is wanted; the mark of a layer that the folder is gone is.
    pub(super) fn wants(&self, name: &EntryName) -> bool {
        let first = name.parts().first().map(String::as_str);
        let plain = first.map(|first| first.strip_prefix(".wh.").unwrap_or(first));
        self.only.is_none_or(|only| plain == Some(only))
    }

    /// Refuses an archive that says it has more entries than it may.
    pub(super) fn expect_entries(&self, entries: u64) -> Result<()> {
        if entries <= self.limits.entries {
            return Ok(());
        }
        Err(Error::too_large(format!(
            "the archive holds more than {} files and folders, the limit",
            self.limits.entries
        )))
    }

    /// Most bytes of a decompressed stream with headers and padding.
    pub(super) fn stream_limit(&self) -> u64 {
        self.allowance
            .saturating_add(self.limits.entries.saturating_mul(OVERHEAD))
    }

    /// Most bytes that describe the entries, rather than being their content.
    pub(super) fn directory_limit(&self) -> u64 {
        self.limits
            .entries
            .saturating_mul(OVERHEAD)
            .saturating_add(1 << 20)
    }

    pub(super) fn too_many_bytes(&self) -> Error {
        Error::too_large(format!(
            "the archive unpacks to more than {} bytes, the limit for its size",
            self.allowance
        ))
    }

    /// A folder of the archive.
    pub(super) fn folder(&mut self, name: &EntryName) -> Result<()> {
        if name.is_root() {
            return Ok(());
        }
        self.make_parents(name)?;
        match self.seen.get(name) {
            Some(Kind::Implied) => {
                self.seen.insert(name.clone(), Kind::Folder);
                Ok(())
            }
            Some(Kind::File | Kind::Folder) => Err(twice(name)),
            None => self.make_folder(name, Kind::Folder),
        }
    }

    /// A file of the archive, with exactly `declared` bytes in `content`.
    pub(super) fn file(
        &mut self,
        name: &EntryName,
        declared: u64,
        content: &mut dyn Read,
    ) -> Result<()> {
        if name.is_root() {
            return Err(Error::invalid("archive entry: a file has no name"));
        }
        self.make_parents(name)?;
        if self.seen.contains_key(name) {
            return Err(twice(name));
        }
        self.note(name, Kind::File)?;
        let total = self
            .bytes
            .checked_add(declared)
            .filter(|total| *total <= self.allowance);
        let total = total.ok_or_else(|| self.too_many_bytes())?;
        let written = write(&name.below(self.root), declared, content).map_err(damaged)?;
        if written != declared {
            return Err(Error::invalid(format!(
                "archive entry `{name}`: expected {declared} bytes, found {}",
                if written > declared {
                    "more".to_owned()
                } else {
                    written.to_string()
                }
            )));
        }
        self.bytes = total;
        (self.watch)(self.entries(), self.bytes);
        Ok(())
    }

    /// The bytes of all files. An archive without files is refused.
    pub(super) fn finish(self) -> Result<u64> {
        if self.seen.values().any(|kind| *kind == Kind::File) {
            return Ok(self.bytes);
        }
        Err(Error::invalid("the archive holds no file"))
    }

    fn entries(&self) -> u64 {
        self.seen.len() as u64
    }

    fn make_parents(&mut self, name: &EntryName) -> Result<()> {
        for parent in name.parents() {
            match self.seen.get(&parent) {
                Some(Kind::File) => {
                    return Err(Error::invalid(format!(
                        "archive entry `{name}`: `{parent}` is a file and cannot hold it"
                    )));
                }
                Some(Kind::Folder | Kind::Implied) => {}
                None => self.make_folder(&parent, Kind::Implied)?,
            }
        }
        Ok(())
    }

    fn make_folder(&mut self, name: &EntryName, kind: Kind) -> Result<()> {
        self.note(name, kind)?;
        fs::create_dir(name.below(self.root))
            .map_err(|error| unwritable(error).context(format!("archive entry `{name}`")))
    }

    fn note(&mut self, name: &EntryName, kind: Kind) -> Result<()> {
        self.seen.insert(name.clone(), kind);
        self.expect_entries(self.entries())
    }
}

/// Writes at most one byte more than `declared`, and returns how many there were.
fn write(path: &Path, declared: u64, content: &mut dyn Read) -> io::Result<u64> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).open(path)?;
    let written = io::copy(&mut content.take(declared.saturating_add(1)), &mut file)?;
    file.sync_all()?;
    Ok(written)
}

fn twice(name: &EntryName) -> Error {
    Error::invalid(format!(
        "archive entry `{name}`: the archive holds this name twice"
    ))
}
