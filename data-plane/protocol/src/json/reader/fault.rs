//! Errors of the reader: where it is, what it found, what it wanted.

use std::fmt::{Display, Write as _};

use hari_error::Error;

use super::{Reader, Step};

impl Reader<'_> {
    /// An error about the value that the reader is at, with its path in front.
    #[must_use]
    pub fn error(&self, message: impl Display) -> Error {
        let path = self.path();
        if path.is_empty() {
            return Error::invalid(message.to_string());
        }
        Error::invalid(format!("{path}: {message}"))
    }

    /// Where the reader is: `data.ndarray[3]`; empty at the top.
    #[must_use]
    pub fn path(&self) -> String {
        let mut path = String::new();
        for step in &self.path {
            match step {
                Step::Root(name) => path.push_str(name),
                Step::Key(key) if path.is_empty() => path.push_str(key),
                Step::Key(key) => path.extend([".", key]),
                // Writing to a string cannot fail.
                Step::Index(index) => _ = write!(path, "[{index}]"),
            }
        }
        path
    }

    /// An error for a value of another kind than `wanted`.
    #[must_use]
    pub fn expected(&mut self, wanted: &str) -> Error {
        match self.peek() {
            Ok(found) => self.error(format!("expected {wanted}, found {found}")),
            Err(error) => error,
        }
    }

    /// An error for text that is no JSON, with line and column.
    pub(in crate::json) fn syntax(&self, wanted: &str) -> Error {
        let before = self.text.get(..self.at).unwrap_or(self.text);
        let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
        let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
        let found = match self
            .text
            .get(self.at..)
            .and_then(|rest| rest.chars().next())
        {
            Some(found) => format!("`{}`", found.escape_default()),
            None => "the end".to_owned(),
        };
        self.error(format!(
            "invalid JSON at line {line} column {column}: expected {wanted}, found {found}"
        ))
    }

    pub(super) fn too_deep(&self) -> Error {
        let path = self.path();
        let at = if path.is_empty() { "the JSON" } else { &*path };
        Error::too_large(format!(
            "{at}: nested deeper than {} levels",
            self.max_depth
        ))
    }
}
