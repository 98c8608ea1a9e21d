//! Events in files: written under a name of their own, and renamed once they are whole.

mod lines;
mod retention;
mod table;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use hari_error::{Error, Result};
use tokio::time::Instant;
use uuid::Uuid;

use crate::event::Event;
use crate::target::{FileTarget, Format};
use crate::time;

use lines::Lines;
use table::Table;

/// Writes the events of one target.
pub(crate) struct Writer {
    target: FileTarget,
    part: Option<Part>,
}

/// A file that is being written.
struct Part {
    partial: PathBuf,
    closed: PathBuf,
    since: Instant,
    content: Content,
}

enum Content {
    Lines(Lines),
    Table(Box<Table>),
}

impl Writer {
    /// Makes the folder.
    ///
    /// # Errors
    /// If it cannot be made.
    pub(crate) fn new(target: FileTarget) -> Result<Self> {
        fs::create_dir_all(&target.folder)
            .map_err(|error| failed("the folder cannot be made", error))?;
        Ok(Self { target, part: None })
    }

    /// A writer of the same target that has no file open.
    pub(crate) fn another(&self) -> Self {
        Self {
            target: self.target.clone(),
            part: None,
        }
    }

    /// When the open file is so old that it is closed.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.part.as_ref().map(|part| part.since + self.target.age)
    }

    /// Writes events, and closes the file if it is long enough by then.
    ///
    /// # Errors
    /// If the disk does not take them. The next events begin a new file.
    pub(crate) fn append(&mut self, events: &[Event]) -> Result<()> {
        let mut part = match self.part.take() {
            Some(part) => part,
            None => self
                .open()
                .map_err(|error| failed("no file can be made", error))?,
        };
        part.append(events)
            .map_err(|error| failed("the file cannot be written", error))?;
        let full = part.length() >= self.target.size;
        self.part = Some(part);
        if full { self.finish() } else { self.rotate() }
    }

    /// Closes the open file if it is old enough.
    ///
    /// # Errors
    /// As [`Writer::finish`].
    pub(crate) fn rotate(&mut self) -> Result<()> {
        match self.due() {
            Some(due) if due <= Instant::now() => self.finish(),
            _ => Ok(()),
        }
    }

    /// Closes the open file: all of it is on disk, then it gets its name. Removes old ones.
    ///
    /// # Errors
    /// If the disk fails.
    pub(crate) fn finish(&mut self) -> Result<()> {
        let Some(part) = self.part.take() else {
            return Ok(());
        };
        let close = |part: Part| -> io::Result<()> {
            let (partial, closed) = (part.partial, part.closed);
            part.content.close()?.sync_all()?;
            fs::rename(partial, closed)?;
            sync_folder(&self.target.folder)?;
            retention::keep(&self.target)
        };
        close(part).map_err(|error| failed("the file cannot be closed", error))
    }

    fn open(&self) -> io::Result<Part> {
        let extension = match self.target.format {
            Format::JsonLines => "jsonl",
            Format::Parquet => "parquet",
        };
        let unique = Uuid::new_v4().simple().to_string();
        let unique = unique.get(..8).unwrap_or_default();
        let stamp = time::compact(SystemTime::now());
        let name = format!("{}{stamp}-{unique}.{extension}", retention::PREFIX);
        let closed = self.target.folder.join(&name);
        let partial = self.target.folder.join(name + ".partial");
        // Payloads may be private: nobody else reads them.
        let options = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .clone();
        let file = options.open(&partial)?;
        let content = match self.target.format {
            Format::JsonLines => Content::Lines(Lines::new(file)),
            Format::Parquet => Content::Table(Box::new(Table::new(file)?)),
        };
        Ok(Part {
            partial,
            closed,
            since: Instant::now(),
            content,
        })
    }
}

impl Part {
    fn append(&mut self, events: &[Event]) -> io::Result<()> {
        match &mut self.content {
            Content::Lines(lines) => lines.append(events),
            Content::Table(table) => table.append(events),
        }
    }

    /// Bytes so far.
    fn length(&self) -> u64 {
        match &self.content {
            Content::Lines(lines) => lines.length(),
            Content::Table(table) => table.length(),
        }
    }
}

impl Content {
    fn close(self) -> io::Result<File> {
        match self {
            Self::Lines(lines) => lines.close(),
            Self::Table(table) => table.close(),
        }
    }
}

/// A name is safe once its folder is.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn failed(words: &str, error: io::Error) -> Error {
    Error::internal(words).with_source(error)
}

#[cfg(test)]
mod tests;
