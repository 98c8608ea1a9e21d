//! Case and white space: `StringLower`, `StringUpper`, `StringStrip`.

use bytes::Bytes;
use hari_error::{Error, Result};

use crate::Operator;
use crate::compile::Node;
use crate::families::kernel::each;

/// A change of letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    Lower,
    Upper,
}

impl Case {
    /// Every letter of ASCII.
    pub(super) fn ascii(self, text: &[u8]) -> Bytes {
        match self {
            Self::Lower => text.to_ascii_lowercase().into(),
            Self::Upper => text.to_ascii_uppercase().into(),
        }
    }

    /// Every letter of Unicode, where one may become several.
    pub(super) fn full(self, text: &str) -> String {
        match self {
            Self::Lower => text.to_lowercase(),
            Self::Upper => text.to_uppercase(),
        }
    }

    /// Every letter of Unicode that becomes one letter; others stay.
    pub(super) fn simple(self, text: &str) -> String {
        text.chars().map(|letter| self.letter(letter)).collect()
    }

    fn letter(self, letter: char) -> char {
        // The only capital whose full small form has a mark behind the letter.
        if self == Self::Lower && letter == '\u{130}' {
            return 'i';
        }
        let only = |letters: &mut dyn Iterator<Item = char>| {
            let first = letters.next()?;
            letters.next().is_none().then_some(first)
        };
        let changed = match self {
            Self::Lower => only(&mut letter.to_lowercase()),
            Self::Upper => only(&mut letter.to_uppercase()),
        };
        changed.unwrap_or(letter)
    }
}

fn changed(node: &mut Node<'_>, case: Case) -> Result<Box<dyn Operator>> {
    match node.attributes.text("encoding")?.unwrap_or("") {
        "" => each(move |text| Ok(case.ascii(text))),
        "utf-8" => each(move |text| Ok(case.full(&String::from_utf8_lossy(text)).into())),
        other => Err(Error::model(format!(
            "attribute `encoding`: expected none or utf-8, found {other}"
        ))),
    }
}

pub(super) fn lower(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    changed(node, Case::Lower)
}

pub(super) fn upper(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    changed(node, Case::Upper)
}

/// The white space of C.
pub(super) fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

pub(super) fn strip(_: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    each(|text| {
        let start = text.iter().position(|&byte| !is_space(byte));
        let end = text.iter().rposition(|&byte| !is_space(byte));
        Ok(match (start, end) {
            (Some(start), Some(end)) => text.slice(start..=end),
            _ => Bytes::new(),
        })
    })
}
