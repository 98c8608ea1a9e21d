//! Opcodes that hold a value themselves: numbers, text and bytes.

use bytes::Bytes;
use hari_error::Result;

use super::{Machine, text};
use crate::opcode as op;
use crate::value::{Id, Text, Value, heap};

impl Machine<'_> {
    pub(super) fn number(&mut self, code: u8) -> Result<()> {
        let value = match code {
            op::BININT1 => Value::Int(i64::from(self.source.byte()?)),
            op::BININT2 => Value::Int(i64::from(u16::from_le_bytes(self.source.array()?))),
            op::BININT => Value::Int(i64::from(i32::from_le_bytes(self.source.array()?))),
            op::BINFLOAT => Value::Float(f64::from_be_bytes(self.source.array()?)),
            _ => text::integer(&self.sized(code)?),
        };
        self.add(value)
    }

    /// The bytes after a length of 1, 4 or 8 bytes.
    fn sized(&mut self, code: u8) -> Result<Bytes> {
        let length = self.length_of(code)?;
        self.source.bytes(length)
    }

    fn length_of(&mut self, code: u8) -> Result<u64> {
        Ok(match code {
            op::LONG1 | op::SHORT_BINSTRING | op::SHORT_BINUNICODE | op::SHORT_BINBYTES => {
                u64::from(self.source.byte()?)
            }
            op::BINUNICODE8 | op::BINBYTES8 | op::BYTEARRAY8 => {
                u64::from_le_bytes(self.source.array()?)
            }
            _ => u64::from(u32::from_le_bytes(self.source.array()?)),
        })
    }

    pub(super) fn unicode(&mut self, code: u8) -> Result<()> {
        let length = self.length_of(code)?;
        let text = self.source.text(length)?;
        self.add(Value::Str(text))
    }

    pub(super) fn old_string(&mut self, code: u8) -> Result<()> {
        let bytes = self.sized(code)?;
        self.add_old_string(&bytes)
    }

    pub(super) fn blob(&mut self, code: u8) -> Result<()> {
        let bytes = Box::new(self.sized(code)?);
        self.add(Value::Bytes(bytes))
    }

    /// Text that has bytes of its own.
    fn add_text(&mut self, text: String) -> Result<()> {
        self.arena.charge(Text::weight_of_own(text.len()))?;
        self.add(Value::Str(Text::from(text)))
    }

    fn add_old_string(&mut self, bytes: &[u8]) -> Result<()> {
        match str::from_utf8(bytes) {
            Ok(text) if text.is_ascii() => self.add_text(text.to_owned()),
            _ => {
                self.arena.charge(heap(bytes.len()))?;
                self.add(Value::Bytes(Box::new(Bytes::copy_from_slice(bytes))))
            }
        }
    }

    pub(super) fn text_literal(&mut self, code: u8) -> Result<()> {
        if code == op::UNICODE
            && let Some(text) = self.source.plain_line()
        {
            return self.add(Value::Str(text));
        }
        let line = self.source.line()?;
        let value = match (code, line) {
            (op::INT, b"00") => return self.push(Id::FALSE),
            (op::INT, b"01") => return self.push(Id::TRUE),
            (op::INT, _) => text::decimal(line)?,
            (op::LONG, _) => text::decimal(line.strip_suffix(b"L").unwrap_or(line))?,
            (op::FLOAT, _) => text::float(line)?,
            (op::STRING, _) => {
                let bytes = text::quoted(line)?;
                return self.add_old_string(&bytes);
            }
            _ => {
                let text = text::raw_unicode(line)?;
                return self.add_text(text);
            }
        };
        self.add(value)
    }
}
