//! JSON Lines: one event on each line, in CloudEvents' structured mode.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};

use crate::attributes;
use crate::event::Event;

pub(super) struct Lines {
    file: BufWriter<File>,
    length: u64,
}

impl Lines {
    pub(super) fn new(file: File) -> Self {
        Self {
            file: BufWriter::new(file),
            length: 0,
        }
    }

    /// The operating system has them when this returns.
    pub(super) fn append(&mut self, events: &[Event]) -> io::Result<()> {
        let mut line = Vec::new();
        for event in events {
            line.clear();
            attributes::structured(&mut line, event)?;
            line.push(b'\n');
            self.file.write_all(&line)?;
            self.length += line.len() as u64;
        }
        self.file.flush()
    }

    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn close(self) -> io::Result<File> {
        self.file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)
    }
}
