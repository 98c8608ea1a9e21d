//! `UnicodeDecode`, `UnicodeEncode` and `UnicodeTranscode`.

use bytes::Bytes;
use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use crate::attributes::Attributes;
use crate::compile::Node;
use crate::constant::data_type;
use crate::families::kernel::{Elements, Kernel, each, integers, operator, unsigned};
use crate::{Inputs, Operator};

/// What becomes of bytes that are no character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Faults {
    Replace,
    Ignore,
    Strict,
}

/// An encoding of characters in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Utf16,
    Utf32,
    Ascii,
    Latin1,
}

impl Encoding {
    fn of(attributes: Attributes<'_>, name: &str) -> Result<Self> {
        let given = attributes.text(name)?.unwrap_or("UTF-8");
        Ok(match given.to_ascii_uppercase().as_str() {
            "UTF-8" | "UTF8" => Self::Utf8,
            "UTF-16-BE" | "UTF-16BE" => Self::Utf16,
            "UTF-32-BE" | "UTF-32BE" => Self::Utf32,
            "US-ASCII" | "ASCII" => Self::Ascii,
            "ISO-8859-1" | "LATIN1" => Self::Latin1,
            _ => {
                return Err(Error::model(format!(
                    "attribute `{name}`: expected UTF-8, UTF-16-BE, UTF-32-BE, US-ASCII or \
                     ISO-8859-1, found {given}"
                )));
            }
        })
    }

    /// The characters of `text`, each with the byte at which it starts; none where there is none.
    fn decode(self, text: &[u8]) -> Vec<(usize, Option<char>)> {
        match self {
            Self::Utf8 => utf8(text),
            Self::Latin1 => single(text, |byte| Some(char::from(byte))),
            Self::Ascii => single(text, |byte| byte.is_ascii().then_some(char::from(byte))),
            Self::Utf32 => text.chunks(4).enumerate().map(utf32).collect(),
            Self::Utf16 => utf16(text),
        }
    }

    fn encode(self, letter: char, made: &mut Vec<u8>) {
        match self {
            Self::Utf16 => {
                let units = letter.encode_utf16(&mut [0; 2]).to_vec();
                made.extend(units.into_iter().flat_map(u16::to_be_bytes));
            }
            Self::Utf32 => made.extend(u32::from(letter).to_be_bytes()),
            _ => made.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

fn single(text: &[u8], one: impl Fn(u8) -> Option<char>) -> Vec<(usize, Option<char>)> {
    text.iter().map(|&byte| one(byte)).enumerate().collect()
}

/// A sequence that is cut off or wrong counts once for its longest part that could be right.
fn utf8(text: &[u8]) -> Vec<(usize, Option<char>)> {
    let (mut made, mut at) = (Vec::with_capacity(text.len()), 0);
    for chunk in text.utf8_chunks() {
        made.extend(
            chunk
                .valid()
                .char_indices()
                .map(|(from, c)| (at + from, Some(c))),
        );
        at += chunk.valid().len();
        if !chunk.invalid().is_empty() {
            made.push((at, None));
        }
        at += chunk.invalid().len();
    }
    made
}

fn utf32((at, unit): (usize, &[u8])) -> (usize, Option<char>) {
    let unit: Option<[u8; 4]> = unit.try_into().ok();
    (
        at * 4,
        unit.and_then(|unit| char::from_u32(u32::from_be_bytes(unit))),
    )
}

fn utf16(text: &[u8]) -> Vec<(usize, Option<char>)> {
    let units = text.chunks_exact(2).map(|unit| match *unit {
        [high, low] => u16::from_be_bytes([high, low]),
        _ => 0,
    });
    let (mut made, mut at) = (Vec::new(), 0);
    for letter in char::decode_utf16(units) {
        let letter = letter.ok();
        made.push((at, letter));
        at += letter.map_or(2, |letter| letter.len_utf16() * 2);
    }
    if text.len() % 2 == 1 {
        made.push((at, None));
    }
    made
}

/// What characters become on the way.
#[derive(Clone, Copy, Debug)]
struct Policy {
    faults: Faults,
    replacement: char,
    controls: bool,
}

impl Policy {
    fn of(attributes: Attributes<'_>) -> Result<Self> {
        let faults = match attributes.text("errors")?.unwrap_or("replace") {
            "replace" => Faults::Replace,
            "ignore" => Faults::Ignore,
            "strict" => Faults::Strict,
            other => {
                return Err(Error::model(format!(
                    "attribute `errors`: expected replace, ignore or strict, found {other}"
                )));
            }
        };
        let replacement = attributes.int_or("replacement_char", 0xfffd)?;
        let replacement = u32::try_from(replacement).ok().and_then(char::from_u32);
        Ok(Self {
            faults,
            replacement: replacement.ok_or_else(|| {
                Error::model("attribute `replacement_char` is no character of Unicode")
            })?,
            controls: attributes.flag("replace_control_characters", false)?,
        })
    }

    /// The character that stands for the one that was read, if any does.
    fn settle(self, read: Option<char>) -> Result<Option<char>> {
        match (read, self.faults) {
            (Some(letter), _) if self.controls && letter < ' ' => Ok(Some(self.replacement)),
            (Some(letter), _) => Ok(Some(letter)),
            (None, Faults::Replace) => Ok(Some(self.replacement)),
            (None, Faults::Ignore) => Ok(None),
            (None, Faults::Strict) => {
                Err(Error::invalid("a string has bytes that are no character"))
            }
        }
    }
}

struct Decode {
    encoding: Encoding,
    policy: Policy,
    splits: DataType,
}

pub(super) fn decode(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let attributes = node.attributes;
    operator(Decode {
        encoding: Encoding::of(attributes, "input_encoding")?,
        policy: Policy::of(attributes)?,
        splits: index_type(attributes, DataType::Int64)?,
    })
}

/// The attribute `to`, a type of integers.
pub(in crate::families) fn index_type(
    attributes: Attributes<'_>,
    default: DataType,
) -> Result<DataType> {
    let Some(to) = attributes.int("to")? else {
        return Ok(default);
    };
    let found = i32::try_from(to).ok().and_then(data_type);
    found
        .filter(|dtype| matches!(dtype, DataType::Int32 | DataType::Int64))
        .ok_or_else(|| {
            Error::model(format!(
                "attribute `to`: expected INT32 or INT64, found {to}"
            ))
        })
}

impl Kernel for Decode {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        inputs.one_of(0, &[DataType::Bytes])?;
        Ok(vec![
            Some(self.splits),
            Some(DataType::Int32),
            Some(DataType::Int64),
        ])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let texts = inputs.tensor(0)?.strings()?;
        let mut splits = vec![0_i64];
        let (mut letters, mut starts) = (Vec::new(), Vec::new());
        for text in texts {
            for (start, read) in self.encoding.decode(text) {
                if let Some(letter) = self.policy.settle(read)? {
                    letters.push(u32::from(letter) as i32);
                    starts.push(start as i64);
                }
            }
            splits.push(letters.len() as i64);
        }
        Ok(vec![
            Tensor::from_vec([splits.len()], splits)?.cast(self.splits)?,
            Tensor::from_vec([letters.len()], letters)?,
            Tensor::from_vec([starts.len()], starts)?,
        ])
    }
}

struct Encode {
    encoding: Encoding,
    policy: Policy,
}

pub(super) fn encode(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    operator(Encode {
        encoding: Encoding::of(node.attributes, "output_encoding")?,
        policy: Policy::of(node.attributes)?,
    })
}

impl Kernel for Encode {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        inputs.one_of(0, &[DataType::Int32])?;
        Ok(vec![Some(DataType::Bytes)])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let letters = inputs.tensor(0)?.values::<i32>()?;
        let splits = integers(inputs.tensor(1)?)?;
        let mut made = Vec::with_capacity(splits.len().saturating_sub(1));
        for pair in splits.windows(2) {
            let [from, to] = *pair else { continue };
            let row = letters.get(unsigned(from, "a split")?..unsigned(to, "a split")?);
            let row = row.ok_or_else(|| Error::invalid("splits are not ascending"))?;
            let mut text = Vec::with_capacity(row.len());
            for &letter in row {
                let read = u32::try_from(letter).ok().and_then(char::from_u32);
                if let Some(letter) = self.policy.settle(read)? {
                    self.encoding.encode(letter, &mut text);
                }
            }
            made.push(Bytes::from(text));
        }
        Ok(vec![Tensor::from_strings([made.len()], made)?])
    }
}

pub(super) fn transcode(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let from = Encoding::of(node.attributes, "input_encoding")?;
    let to = Encoding::of(node.attributes, "output_encoding")?;
    let policy = Policy::of(node.attributes)?;
    each(move |text| {
        let mut made = Vec::with_capacity(text.len());
        for (_, read) in from.decode(text) {
            if let Some(letter) = policy.settle(read)? {
                to.encode(letter, &mut made);
            }
        }
        Ok(made.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HARD: [&[u8]; 8] = [
        b"a\xff\xfeb",
        "ünï".as_bytes(),
        b"",
        b"\xe2\x82",
        b"\xed\xa0\x80x",
        "😀".as_bytes(),
        b"\xc0\x80",
        b"a\x01b",
    ];

    /// Lengths and first bytes as `UnicodeDecodeWithOffsets` of TensorFlow 2.21 gives them.
    #[test]
    fn wrong_bytes_count_as_in_tensorflow() {
        let lengths = HARD.map(|text| utf8(text).len());
        assert_eq!(lengths, [4, 3, 0, 1, 4, 1, 2, 3]);
        let starts: Vec<usize> = utf8(HARD[1]).iter().map(|(start, _)| *start).collect();
        assert_eq!(starts, [0, 2, 3]);
    }

    #[test]
    fn encodings_are_read_back() {
        for encoding in [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32] {
            let mut bytes = Vec::new();
            "aü😀".chars().for_each(|c| encoding.encode(c, &mut bytes));
            let read: Option<String> = encoding.decode(&bytes).iter().map(|one| one.1).collect();
            assert_eq!(read.as_deref(), Some("aü😀"), "{encoding:?}");
        }
        assert_eq!(Encoding::Ascii.decode(b"\xe9"), [(0, None)]);
        assert_eq!(Encoding::Latin1.decode(b"\xe9"), [(0, Some('é'))]);
        assert_eq!(Encoding::Utf16.decode(&[0xd8, 0x00, 0x61]).len(), 2);
    }
}
