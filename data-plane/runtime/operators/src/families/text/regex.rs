//! `RegexFullMatch` and `RegexReplace`.

use bytes::Bytes;
use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};
use regex::bytes::{Captures, Regex};

use super::pattern::{pattern, whole};
use crate::compile::Node;
use crate::families::kernel::{Elements, Kernel, operator};
use crate::{Inputs, Operator};

/// The one text of an input.
fn text(inputs: Inputs<'_>, at: usize) -> Result<&str> {
    let [text] = inputs.tensor(at)?.strings()? else {
        return Err(Error::invalid(format!("input {at}: expected one string")));
    };
    std::str::from_utf8(text).map_err(|_| Error::invalid(format!("input {at} is not UTF-8")))
}

struct FullMatch {
    /// None if it is an input.
    pattern: Option<Regex>,
}

pub(super) fn full_match(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let pattern = node.attributes.text("pattern")?.map(whole).transpose()?;
    if pattern.is_none() && node.inputs < 2 {
        return Err(Error::model("attribute `pattern` is missing"));
    }
    operator(FullMatch { pattern })
}

impl Kernel for FullMatch {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        inputs.one_of(0, &[DataType::Bytes])?;
        Ok(vec![Some(DataType::Bool)])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let x = inputs.tensor(0)?;
        let given;
        let pattern = match &self.pattern {
            Some(pattern) => pattern,
            None => {
                given = whole(text(inputs, 1)?)?;
                &given
            }
        };
        let found = x.strings()?.iter().map(|text| pattern.is_match(text));
        let found: Vec<bool> = found.collect();
        Ok(vec![Tensor::from_bools(x.shape().to_vec(), &found)?])
    }
}

/// A piece of what takes the place of a match.
#[derive(Debug)]
enum Piece {
    Text(Vec<u8>),
    Group(usize),
}

/// A pattern and what takes its place.
#[derive(Debug)]
struct Replacement {
    pattern: Regex,
    pieces: Vec<Piece>,
    /// The rewrite ends in what is no escape: it holds up to there, for all matches only.
    broken: bool,
    /// The rewrite names a group that the pattern does not have: nothing is replaced.
    void: bool,
}

impl Replacement {
    fn new(re2: &str, rewrite: &str) -> Result<Self> {
        let pattern = pattern(re2)?;
        let (pieces, broken) = pieces(rewrite.as_bytes());
        let void = pieces.iter().any(|piece| match piece {
            Piece::Group(group) => *group >= pattern.captures_len(),
            Piece::Text(_) => false,
        });
        Ok(Self {
            pattern,
            pieces,
            broken,
            void,
        })
    }

    fn replaced(&self, text: &Bytes, all: bool) -> Bytes {
        if self.void || (self.broken && !all) {
            return text.clone();
        }
        let limit = if all { 0 } else { 1 };
        let made = self.pattern.replacen(text, limit, |found: &Captures<'_>| {
            if inside_character(text, found) {
                Vec::new()
            } else {
                self.written(found)
            }
        });
        match made {
            std::borrow::Cow::Borrowed(_) => text.clone(),
            std::borrow::Cow::Owned(made) => made.into(),
        }
    }

    fn written(&self, found: &Captures<'_>) -> Vec<u8> {
        let mut made = Vec::new();
        for piece in &self.pieces {
            made.extend_from_slice(match piece {
                Piece::Text(text) => text,
                Piece::Group(group) => found.get(*group).map_or(b"", |group| group.as_bytes()),
            });
        }
        made
    }
}

/// Whether nothing is matched between two bytes of one character: RE2 steps over characters.
fn inside_character(text: &[u8], found: &Captures<'_>) -> bool {
    let nothing = found.get(0).filter(regex::bytes::Match::is_empty);
    let next = nothing.and_then(|whole| text.get(whole.start()));
    next.is_some_and(|byte| byte & 0xc0 == 0x80)
}

/// The pieces of a rewrite: `\0` to `\9` are groups, `\\` is a backslash; whether another escape
/// ends it.
fn pieces(rewrite: &[u8]) -> (Vec<Piece>, bool) {
    let mut made = Vec::new();
    let mut plain = Vec::new();
    let mut rest = rewrite.iter();
    let mut broken = false;
    while let Some(&byte) = rest.next() {
        if byte != b'\\' {
            plain.push(byte);
            continue;
        }
        match rest.next() {
            Some(b'\\') => plain.push(b'\\'),
            Some(&digit) if digit.is_ascii_digit() => {
                made.push(Piece::Text(std::mem::take(&mut plain)));
                made.push(Piece::Group(usize::from(digit - b'0')));
            }
            _ => {
                broken = true;
                break;
            }
        }
    }
    made.push(Piece::Text(plain));
    (made, broken)
}

struct Replace {
    /// None if pattern and rewrite are inputs.
    replacement: Option<Replacement>,
    all: bool,
}

pub(super) fn replace(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let attributes = node.attributes;
    let replacement = match attributes.text("pattern")? {
        Some(pattern) => {
            let rewrite = attributes.text("rewrite")?.unwrap_or("");
            Some(Replacement::new(pattern, rewrite)?)
        }
        None if node.inputs >= 3 => None,
        None => return Err(Error::model("attribute `pattern` is missing")),
    };
    operator(Replace {
        replacement,
        all: attributes.flag("replace_global", true)?,
    })
}

impl Kernel for Replace {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        inputs.one_of(0, &[DataType::Bytes])?;
        Ok(vec![Some(DataType::Bytes)])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let x = inputs.tensor(0)?;
        let given;
        let replacement = match &self.replacement {
            Some(replacement) => replacement,
            None => {
                given = Replacement::new(text(inputs, 1)?, text(inputs, 2)?)?;
                &given
            }
        };
        let made = x.strings()?.iter();
        let made = made.map(|text| replacement.replaced(text, self.all));
        Ok(vec![Tensor::from_strings(
            x.shape().to_vec(),
            made.collect(),
        )?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(pattern: &str, rewrite: &str, text: &'static str, all: bool) -> Bytes {
        let replacement = Replacement::new(pattern, rewrite).unwrap();
        replacement.replaced(&Bytes::from_static(text.as_bytes()), all)
    }

    /// Answers of TensorFlow 2.21.
    #[test]
    fn matches_are_replaced_as_tensorflow_does() {
        assert_eq!(replaced("a*", "-", "baac", true), "-b-c-");
        assert_eq!(replaced("a*", "-", "aXbX\n", true), "-X-b-X-\n-");
        assert_eq!(replaced("a*", "-", "é日", true), "-é-日-");
        assert_eq!(
            replaced("(a)(a)", r"[\2\\\1\0]", "baac", true),
            r"b[a\aaa]c"
        );
        assert_eq!(replaced("(a)(a)", r"\3", "baac", true), "baac");
        assert_eq!(replaced("(a)(a)", r"\x", "baac", true), "bc");
        assert_eq!(replaced("a", "X", "baac", false), "bXac");
    }
}
