//! UBJSON (draft 12), as XGBoost writes it: typed arrays are big-endian.

use std::borrow::Cow;

use hari_error::Result;

use super::numbers::Kind;
use super::{Budget, MAX_DEPTH, Numbers, Value};
use crate::bytes::Bytes;

/// Reads a document.
///
/// # Errors
/// `Model` with the place at which it is none.
pub(crate) fn read(bytes: &[u8]) -> Result<Value<'_>> {
    let mut reader = Reader {
        bytes: Bytes::new(bytes),
        budget: Budget::of(bytes.len()),
    };
    let value = reader.value(0)?;
    match reader.bytes.peek() {
        None => Ok(value),
        Some(_) => Err(reader.bytes.wrong("something follows the document")),
    }
}

struct Reader<'a> {
    bytes: Bytes<'a>,
    budget: Budget,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Value<'a>> {
        self.budget.spend()?;
        if depth > MAX_DEPTH {
            return Err(self.bytes.wrong("it is nested too deep"));
        }
        let letter = self.letter()?;
        match letter {
            b'Z' => Ok(Value::Null),
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'S' => Ok(Value::Text(self.text()?)),
            b'C' => Ok(Value::Text(self.utf8(1)?)),
            letter => {
                let (kind, bytes) = self.number(letter)?;
                Ok(Value::Number(Numbers::Packed(kind, bytes)))
            }
        }
    }

    /// The next letter that is no filler.
    fn letter(&mut self) -> Result<u8> {
        self.bytes.skip(|byte| byte == b'N');
        self.bytes.byte()
    }

    fn number(&mut self, letter: u8) -> Result<(Kind, &'a [u8])> {
        match (letter, Kind::of(letter)) {
            // A truth value has no bytes: its letter stands for it.
            (b'T', _) => Ok((Kind::Uint8, &[1])),
            (b'F', _) => Ok((Kind::Uint8, &[0])),
            (_, Some(kind)) => Ok((kind, self.bytes.take(kind.size())?)),
            (_, None) => Err(self.bytes.wrong("no such kind of value")),
        }
    }

    fn count(&mut self) -> Result<usize> {
        let letter = self.letter()?;
        let (kind, bytes) = self.number(letter)?;
        let count = Numbers::Packed(kind, bytes).ints()?.first().copied();
        let count = count.and_then(|count| usize::try_from(count).ok());
        count.ok_or_else(|| self.bytes.wrong("expected a length"))
    }

    fn text(&mut self) -> Result<Cow<'a, str>> {
        let count = self.count()?;
        self.utf8(count)
    }

    fn utf8(&mut self, count: usize) -> Result<Cow<'a, str>> {
        let text = std::str::from_utf8(self.bytes.take(count)?);
        let text = text.map_err(|_| self.bytes.wrong("the text is not UTF-8"))?;
        Ok(Cow::Borrowed(text))
    }

    fn object(&mut self, depth: usize) -> Result<Value<'a>> {
        let count = self.declared()?;
        let mut members = Vec::new();
        while self.goes_on(count, members.len(), b'}') {
            let name = self.text()?;
            members.push((name, self.value(depth + 1)?));
        }
        Ok(Value::Object(members))
    }

    fn array(&mut self, depth: usize) -> Result<Value<'a>> {
        if self.bytes.eat(b'$') {
            return self.typed();
        }
        let count = self.declared()?;
        if let Some(numbers) = self.mixed(count) {
            return Ok(Value::Numbers(numbers));
        }
        let mut list = Vec::new();
        while self.goes_on(count, list.len(), b']') {
            list.push(self.value(depth + 1)?);
        }
        Ok(Value::List(list))
    }

    /// The number of elements, if it stands in front of them.
    fn declared(&mut self) -> Result<Option<usize>> {
        let declared = self.bytes.eat(b'#');
        declared.then(|| self.count()).transpose()
    }

    /// Whether another element follows; takes the closing bracket if there is one.
    fn goes_on(&mut self, count: Option<usize>, read: usize, close: u8) -> bool {
        match count {
            Some(count) => read < count,
            None => {
                self.bytes.skip(|byte| byte == b'N');
                !self.bytes.eat(close)
            }
        }
    }

    /// An array whose elements are all of one kind, which stands in front.
    fn typed(&mut self) -> Result<Value<'a>> {
        let kind = Kind::of(self.bytes.byte()?);
        let kind = kind.ok_or_else(|| self.bytes.wrong("expected an array of numbers"))?;
        if !self.bytes.eat(b'#') {
            return Err(self.bytes.wrong("expected the length of the array"));
        }
        let size = self.count()?.checked_mul(kind.size());
        let size = size.ok_or_else(|| self.bytes.wrong("the array is too long"))?;
        Ok(Value::Numbers(Numbers::Packed(
            kind,
            self.bytes.take(size)?,
        )))
    }

    /// The rest of an array, if there is nothing but numbers in it.
    fn mixed(&mut self, count: Option<usize>) -> Option<Numbers<'a>> {
        let start = self.bytes.clone();
        let mut numbers = Vec::new();
        while self.goes_on(count, numbers.len(), b']') {
            let letter = self.letter().ok();
            let number = letter.and_then(|letter| self.number(letter).ok());
            let Some(number) = number.filter(|_| self.budget.spend().is_ok()) else {
                self.bytes = start;
                return None;
            };
            numbers.push(number);
        }
        Some(Numbers::Mixed(numbers))
    }
}
