//! JSON, with `NaN` and `Infinity` as XGBoost writes them.

use std::borrow::Cow;

use hari_error::Result;

use super::{Budget, MAX_DEPTH, Numbers, Value};
use crate::bytes::Bytes;

/// Reads a document.
///
/// # Errors
/// `Model` with the place at which it is none.
pub(crate) fn read(bytes: &[u8]) -> Result<Value<'_>> {
    read_within(bytes, Budget::of(bytes.len()), false)
}

/// Reads a document that is made of small values and of counts under their hashes, as CatBoost's
/// are.
///
/// # Errors
/// As of [`read`].
pub(crate) fn read_dense(bytes: &[u8]) -> Result<Value<'_>> {
    read_within(bytes, Budget::dense(bytes.len()), true)
}

fn read_within(bytes: &[u8], budget: Budget, hashes: bool) -> Result<Value<'_>> {
    let mut reader = Reader {
        bytes: Bytes::new(bytes),
        budget,
        hashes,
    };
    let value = reader.value(0)?;
    reader.space();
    match reader.bytes.peek() {
        None => Ok(value),
        Some(_) => Err(reader.bytes.wrong("something follows the document")),
    }
}

struct Reader<'a> {
    bytes: Bytes<'a>,
    budget: Budget,
    /// Whether counts under their hashes are kept as they stand.
    hashes: bool,
}

/// Whether a byte may be part of a number or of a word that stands for one.
fn is_number(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

impl<'a> Reader<'a> {
    fn space(&mut self) {
        self.bytes.skip(|byte| byte.is_ascii_whitespace());
    }

    /// Takes `byte`, with the space in front of it, if it stands here.
    fn eat(&mut self, byte: u8) -> bool {
        self.space();
        self.bytes.eat(byte)
    }

    fn expect(&mut self, byte: u8) -> Result<()> {
        if self.eat(byte) {
            return Ok(());
        }
        Err(self
            .bytes
            .wrong(&format!("expected `{}`", char::from(byte))))
    }

    fn value(&mut self, depth: usize) -> Result<Value<'a>> {
        self.budget.spend()?;
        self.space();
        if depth > MAX_DEPTH {
            return Err(self.bytes.wrong("it is nested too deep"));
        }
        match self.bytes.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => Ok(Value::Text(self.text()?)),
            Some(byte) if is_number(byte) => {
                let word = self.word()?;
                Ok(match word {
                    "null" => Value::Null,
                    word => Value::Number(Numbers::Decimals(word)),
                })
            }
            _ => Err(self.bytes.wrong("expected a value")),
        }
    }

    fn word(&mut self) -> Result<&'a str> {
        let word = self.bytes.skip(is_number);
        std::str::from_utf8(word).map_err(|_| self.bytes.wrong("expected a value"))
    }

    fn object(&mut self, depth: usize) -> Result<Value<'a>> {
        self.expect(b'{')?;
        let mut members = Vec::new();
        if self.eat(b'}') {
            return Ok(Value::Object(members));
        }
        loop {
            self.space();
            let name = self.text()?;
            self.expect(b':')?;
            members.push((name, self.value(depth + 1)?));
            if !self.eat(b',') {
                break;
            }
        }
        self.expect(b'}')?;
        Ok(Value::Object(members))
    }

    fn array(&mut self, depth: usize) -> Result<Value<'a>> {
        self.expect(b'[')?;
        if let Some(numbers) = self.numbers() {
            return Ok(Value::Numbers(numbers));
        }
        if let Some(counts) = self.hashed() {
            return Ok(Value::Hashed(counts));
        }
        let mut list = Vec::new();
        loop {
            list.push(self.value(depth + 1)?);
            if !self.eat(b',') {
                break;
            }
        }
        self.expect(b']')?;
        Ok(Value::List(list))
    }

    /// The rest of an array, if there is nothing but numbers and words in it.
    fn numbers(&mut self) -> Option<Numbers<'a>> {
        let mut ahead = self.bytes.clone();
        let inner =
            ahead.skip(|byte| is_number(byte) || byte == b',' || byte.is_ascii_whitespace());
        if !ahead.eat(b']') {
            return None;
        }
        let inner = std::str::from_utf8(inner).ok()?;
        self.bytes = ahead;
        Some(Numbers::Decimals(inner))
    }

    /// The rest of an array of numbers of which the first stands in quotes and the second does
    /// not, if that is what it is.
    fn hashed(&mut self) -> Option<&'a str> {
        let mut ahead = self.bytes.clone();
        let inner = ahead.skip(|byte| {
            byte.is_ascii_digit() || b"\",.+-eE".contains(&byte) || byte.is_ascii_whitespace()
        });
        if !self.hashes || !ahead.eat(b']') {
            return None;
        }
        let inner = std::str::from_utf8(inner).ok()?;
        let mut words = inner.split(',').map(str::trim_ascii);
        let first = words.next()?.starts_with('"');
        if !first || words.next()?.starts_with('"') {
            return None;
        }
        self.bytes = ahead;
        Some(inner)
    }

    fn text(&mut self) -> Result<Cow<'a, str>> {
        if !self.bytes.eat(b'"') {
            return Err(self.bytes.wrong("expected text in quotes"));
        }
        let plain = self.bytes.skip(|byte| byte != b'"' && byte != b'\\');
        let plain = std::str::from_utf8(plain);
        let plain = plain.map_err(|_| self.bytes.wrong("the text is not UTF-8"))?;
        if self.bytes.eat(b'"') {
            return Ok(Cow::Borrowed(plain));
        }
        let mut text = plain.to_owned();
        while !self.bytes.eat(b'"') {
            if self.bytes.eat(b'\\') {
                text.push(self.escape()?);
                continue;
            }
            let more = self.bytes.skip(|byte| byte != b'"' && byte != b'\\');
            let more = std::str::from_utf8(more);
            text.push_str(more.map_err(|_| self.bytes.wrong("the text is not UTF-8"))?);
            if self.bytes.peek().is_none() {
                return Err(self.bytes.wrong("the text does not end"));
            }
        }
        Ok(Cow::Owned(text))
    }

    fn escape(&mut self) -> Result<char> {
        Ok(match self.bytes.byte()? {
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'u' => {
                let first = self.hex()?;
                let code = match first {
                    0xD800..0xDC00 => self.pair(first)?,
                    first => first,
                };
                char::from_u32(code).ok_or_else(|| self.bytes.wrong("no such character"))?
            }
            byte @ (b'"' | b'\\' | b'/') => char::from(byte),
            _ => return Err(self.bytes.wrong("no such escape")),
        })
    }

    /// A character beyond 16 bits, of which `first` is the first half.
    fn pair(&mut self, first: u32) -> Result<u32> {
        let follows = self.bytes.eat(b'\\') && self.bytes.eat(b'u');
        match (follows, follows.then(|| self.hex()).transpose()?) {
            (true, Some(second @ 0xDC00..0xE000)) => {
                Ok(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
            }
            _ => Err(self.bytes.wrong("half a character")),
        }
    }

    fn hex(&mut self) -> Result<u32> {
        let digits = std::str::from_utf8(self.bytes.take(4)?).ok();
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        code.ok_or_else(|| self.bytes.wrong("expected four hexadecimal digits"))
    }
}
