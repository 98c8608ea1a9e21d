//! A pull reader over one JSON document: no tree, no copies, errors that say where.

mod fault;

use std::borrow::Cow;
use std::fmt::{self, Display};

use hari_core::Limits;
use hari_error::{Error, Result};
use serde_json::{Map, Value};

use super::Number;

/// Reads one JSON document from front to back.
///
/// It keeps the path of the value it is at (`data.ndarray[3]`), which [`Reader::error`] puts in
/// front of its message. Nesting is bounded by `Limits::json_depth`. A key that comes twice is
/// handed out twice, so the last one wins wherever members are assigned.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    text: &'a str,
    at: usize,
    path: Vec<Step<'a>>,
    max_depth: usize,
}

#[derive(Clone, Debug)]
enum Step<'a> {
    Root(&'a str),
    Key(Cow<'a, str>),
    Index(usize),
}

/// What kind of value stands next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are JSON's own")]
pub enum What {
    Null,
    Bool,
    /// A number, or one of the words `NaN`, `Infinity` and `-Infinity`.
    Number,
    String,
    Array,
    Object,
}

impl Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Number => "a number",
            Self::String => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
        })
    }
}

impl<'a> Reader<'a> {
    /// A reader of the document `input`.
    ///
    /// # Errors
    /// If it is not UTF-8.
    pub fn new(input: &'a [u8], limits: &Limits) -> Result<Self> {
        let text = std::str::from_utf8(input).map_err(|error| {
            Error::invalid(format!(
                "the JSON is not UTF-8 at byte {}",
                error.valid_up_to()
            ))
        })?;
        Ok(Self {
            text,
            at: 0,
            path: Vec::new(),
            max_depth: limits.json_depth,
        })
    }

    /// The same, for a document that is one field of a message: errors start with `field`.
    ///
    /// # Errors
    /// If it is not UTF-8.
    pub fn of_field(input: &'a [u8], field: &'a str, limits: &Limits) -> Result<Self> {
        let mut reader = Self::new(input, limits).map_err(|error| error.context(field))?;
        reader.path.push(Step::Root(field));
        Ok(reader)
    }

    /// What stands next; nothing is consumed but white space.
    ///
    /// # Errors
    /// If no value starts here.
    pub fn peek(&mut self) -> Result<What> {
        match self.next_byte() {
            Some(b'{') => Ok(What::Object),
            Some(b'[') => Ok(What::Array),
            Some(b'"') => Ok(What::String),
            Some(b'-' | b'0'..=b'9' | b'N' | b'I') => Ok(What::Number),
            Some(b't' | b'f') => Ok(What::Bool),
            Some(b'n') => Ok(What::Null),
            _ => Err(self.syntax("a value")),
        }
    }

    /// Reads an object; `member` must read the value of each key that it is given.
    ///
    /// # Errors
    /// If something else stands here, and what `member` returns.
    pub fn object(&mut self, mut member: impl FnMut(&mut Self, &str) -> Result<()>) -> Result<()> {
        self.open(b'{', What::Object)?;
        if self.eat(b'}') {
            return Ok(());
        }
        loop {
            if self.next_byte() != Some(b'"') {
                return Err(self.syntax("a key in quotes"));
            }
            let key = self.string()?;
            self.require(b':', "`:`")?;
            self.path.push(Step::Key(key.clone()));
            member(self, &key)?;
            self.path.pop();
            if self.eat(b'}') {
                return Ok(());
            }
            self.require(b',', "`,` or `}`")?;
        }
    }

    /// Reads an array; `item` must read the value at each index that it is given.
    ///
    /// # Errors
    /// If something else stands here, and what `item` returns.
    pub fn array(&mut self, mut item: impl FnMut(&mut Self, usize) -> Result<()>) -> Result<()> {
        self.open(b'[', What::Array)?;
        if self.eat(b']') {
            return Ok(());
        }
        for index in 0.. {
            self.path.push(Step::Index(index));
            item(self, index)?;
            self.path.pop();
            if self.eat(b']') {
                break;
            }
            self.require(b',', "`,` or `]`")?;
        }
        Ok(())
    }

    /// Reads a string, borrowed if it holds no escape.
    ///
    /// # Errors
    /// If something else stands here.
    pub fn string(&mut self) -> Result<Cow<'a, str>> {
        if self.next_byte() != Some(b'"') {
            return Err(self.expected("a string"));
        }
        let start = self.at + 1;
        let Some(length) = self
            .bytes_from(start)
            .iter()
            .position(|&b| b == b'"' || b == b'\\' || b < b' ')
        else {
            self.at = self.text.len();
            return Err(self.syntax("the end of a string"));
        };
        if self.bytes_from(start).get(length) == Some(&b'"') {
            self.at = start + length + 1;
            return Ok(Cow::Borrowed(
                self.text.get(start..start + length).unwrap_or_default(),
            ));
        }
        self.escaped_string().map(Cow::Owned)
    }

    /// Lets `serde_json` resolve the escapes of the string that starts here.
    fn escaped_string(&mut self) -> Result<String> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let mut strings = serde_json::Deserializer::from_str(rest).into_iter::<String>();
        match strings.next() {
            Some(Ok(string)) => {
                self.at += strings.byte_offset();
                Ok(string)
            }
            _ => Err(self.syntax("a string with valid escapes")),
        }
    }

    /// Reads a number, or one of the words for what is none.
    ///
    /// # Errors
    /// If something else stands here.
    #[inline]
    pub fn number(&mut self) -> Result<Number<'a>> {
        if !matches!(self.next_byte(), Some(b'-' | b'0'..=b'9' | b'N' | b'I')) {
            return Err(self.expected("a number"));
        }
        match Number::scan(self.text, self.at) {
            Some(number) => {
                self.at += number.text().len();
                Ok(number)
            }
            None => Err(self.syntax("a number")),
        }
    }

    /// Reads `true` or `false`.
    ///
    /// # Errors
    /// If something else stands here.
    pub fn boolean(&mut self) -> Result<bool> {
        match self.peek()? {
            What::Bool if self.eat_word("true") => Ok(true),
            What::Bool if self.eat_word("false") => Ok(false),
            What::Bool => Err(self.syntax("`true` or `false`")),
            _ => Err(self.expected("a boolean")),
        }
    }

    /// Consumes a `null` if one stands here.
    ///
    /// # Errors
    /// If no value starts here.
    pub fn null(&mut self) -> Result<bool> {
        match self.peek()? {
            What::Null if self.eat_word("null") => Ok(true),
            What::Null => Err(self.syntax("`null`")),
            _ => Ok(false),
        }
    }

    /// Reads any value into a tree.
    ///
    /// # Errors
    /// If it is no JSON, or holds a number that JSON values cannot.
    pub fn value(&mut self) -> Result<Value> {
        Ok(match self.peek()? {
            What::Null => {
                self.null()?;
                Value::Null
            }
            What::Bool => Value::Bool(self.boolean()?),
            What::Number => {
                let number = self.number()?;
                let value = number.to_value();
                value.ok_or_else(|| self.error(format!("{} is no JSON number", number.text())))?
            }
            What::String => Value::String(self.string()?.into_owned()),
            What::Array => {
                let mut items = Vec::new();
                self.array(|reader, _| {
                    items.push(reader.value()?);
                    Ok(())
                })?;
                Value::Array(items)
            }
            What::Object => Value::Object(self.map()?),
        })
    }

    /// Reads an object into a map.
    ///
    /// # Errors
    /// If something else stands here.
    pub fn map(&mut self) -> Result<Map<String, Value>> {
        let mut map = Map::new();
        self.object(|reader, key| {
            map.insert(key.to_owned(), reader.value()?);
            Ok(())
        })?;
        Ok(map)
    }

    /// Reads an array of strings.
    ///
    /// # Errors
    /// If something else stands here.
    pub fn strings(&mut self) -> Result<Vec<String>> {
        let mut strings = Vec::new();
        self.array(|reader, _| {
            strings.push(reader.string()?.into_owned());
            Ok(())
        })?;
        Ok(strings)
    }

    /// Reads over any value and returns its text, to be read later.
    ///
    /// # Errors
    /// If it is no JSON.
    pub fn raw(&mut self) -> Result<&'a str> {
        self.peek()?;
        let start = self.at;
        self.skip()?;
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    /// Reads over any value.
    ///
    /// # Errors
    /// If it is no JSON.
    pub fn skip(&mut self) -> Result<()> {
        match self.peek()? {
            What::Null => self.null().map(drop),
            What::Bool => self.boolean().map(drop),
            What::Number => self.number().map(drop),
            What::String => self.string().map(drop),
            What::Array => self.array(|reader, _| reader.skip()),
            What::Object => self.object(|reader, _| reader.skip()),
        }
    }

    /// Checks that nothing but white space follows.
    ///
    /// # Errors
    /// If something does.
    pub fn end(&mut self) -> Result<()> {
        match self.next_byte() {
            None => Ok(()),
            Some(_) => Err(self.syntax("the end of the JSON")),
        }
    }

    /// How many arrays and objects may still be opened here.
    pub(super) fn depth_left(&self) -> usize {
        self.max_depth.saturating_sub(self.path.len())
    }

    fn open(&mut self, bracket: u8, what: What) -> Result<()> {
        if self.next_byte() != Some(bracket) {
            return Err(self.expected(&what.to_string()));
        }
        if self.depth_left() == 0 {
            return Err(self.too_deep());
        }
        self.at += 1;
        Ok(())
    }

    /// Consumes `byte` if it stands next.
    #[inline]
    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let found = self.next_byte() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn require(&mut self, byte: u8, wanted: &str) -> Result<()> {
        if self.eat(byte) {
            Ok(())
        } else {
            Err(self.syntax(wanted))
        }
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = self.bytes_from(self.at).starts_with(word.as_bytes());
        self.at += if found { word.len() } else { 0 };
        found
    }

    /// The next byte that is no white space, without consuming it.
    #[inline]
    pub(super) fn next_byte(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    /// Where in the text the reader is, for [`Self::rewind`].
    pub(super) fn offset(&self) -> usize {
        self.at
    }

    /// Goes back to an earlier place at the same path.
    pub(super) fn rewind(&mut self, offset: usize) {
        self.at = offset;
    }

    fn bytes_from(&self, start: usize) -> &'a [u8] {
        self.text.as_bytes().get(start..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
