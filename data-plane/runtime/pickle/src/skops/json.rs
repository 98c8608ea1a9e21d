//! JSON as Python writes it, in a flat and bounded form: a schema may have millions of values.
//!
//! Grammar: RFC 8259, with Python's `NaN`, `Infinity` and `-Infinity`.

use std::ops::Range;

use hari_error::{Error, Result};

/// Values inside each other.
const MAX_DEPTH: usize = 200;

/// The number of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Node(u32);

/// A value; texts and numbers are where they stand in the text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Null,
    Flag(bool),
    Number,
    Text,
    Array,
    Object,
}

/// What is known of a value: for text and numbers its place, for others its children.
#[derive(Clone, Copy)]
struct Slot {
    kind: Kind,
    start: u32,
    length: u32,
}

/// A text of JSON that was read.
pub(super) struct Json<'t> {
    text: &'t str,
    slots: Vec<Slot>,
    /// Of an array its values; of an object keys and values in turn.
    children: Vec<Node>,
}

/// What a byte of JSON may cost, at most: a value and its place in a list for each second byte.
pub(super) const COST_PER_VALUE: usize = size_of::<Slot>() + size_of::<Node>();

impl<'t> Json<'t> {
    /// Reads a text; each value is charged as it is found.
    ///
    /// # Errors
    ///
    /// No JSON, or values too deep in each other; what `charge` says.
    pub(super) fn parse(
        text: &'t str,
        charge: &mut dyn FnMut(usize) -> Result<()>,
    ) -> Result<(Self, Node)> {
        let mut parser = Parser {
            json: Self {
                text,
                slots: Vec::new(),
                children: Vec::new(),
            },
            at: 0,
            open: Vec::new(),
            charge,
        };
        let root = parser.value(MAX_DEPTH)?;
        parser.space();
        if parser.at != text.len() || u32::try_from(text.len()).is_err() {
            return Err(malformed(parser.at));
        }
        Ok((parser.json, root))
    }

    fn slot(&self, node: Node) -> Slot {
        let none = Slot {
            kind: Kind::Null,
            start: 0,
            length: 0,
        };
        self.slots.get(node.0 as usize).copied().unwrap_or(none)
    }

    pub(super) fn kind(&self, node: Node) -> Kind {
        self.slot(node).kind
    }

    /// Where text (without its quotes) or a number stands.
    pub(super) fn place(&self, node: Node) -> Range<usize> {
        let slot = self.slot(node);
        let start = slot.start as usize;
        start..start.saturating_add(slot.length as usize)
    }

    /// Text or a number as it is written.
    pub(super) fn raw(&self, node: Node) -> &'t str {
        self.text.get(self.place(node)).unwrap_or_default()
    }

    /// Text without escapes; `None` for another value.
    pub(super) fn text(&self, node: Node) -> Option<String> {
        if self.kind(node) != Kind::Text {
            return None;
        }
        let raw = self.raw(node);
        if !raw.contains('\\') {
            return Some(raw.to_owned());
        }
        let place = self.place(node);
        let quoted = place.start.checked_sub(1)?..place.end.checked_add(1)?;
        serde_json::from_str(self.text.get(quoted)?).ok()
    }

    /// The values of an array, or keys and values of an object.
    fn children(&self, node: Node, kind: Kind) -> &[Node] {
        let slot = self.slot(node);
        let place = self.place(node);
        let found = self.children.get(place).filter(|_| slot.kind == kind);
        found.unwrap_or_default()
    }

    /// The values of an array; nothing for another value.
    pub(super) fn items(&self, node: Node) -> &[Node] {
        self.children(node, Kind::Array)
    }

    /// Keys and values of an object, in the order written; nothing for another value.
    pub(super) fn entries(&self, node: Node) -> impl ExactSizeIterator<Item = (Node, Node)> {
        let (pairs, _) = self.children(node, Kind::Object).as_chunks::<2>();
        pairs.iter().map(|[key, value]| (*key, *value))
    }

    /// The last entry of this name.
    pub(super) fn get(&self, node: Node, name: &str) -> Option<Node> {
        let (pairs, _) = self.children(node, Kind::Object).as_chunks::<2>();
        let mut pairs = pairs.iter().rev();
        let found = pairs.find(|[key, _]| self.raw(*key) == name)?;
        Some(found[1])
    }
}

struct Parser<'t, 'c> {
    json: Json<'t>,
    at: usize,
    /// Children of the values that are open.
    open: Vec<Node>,
    charge: &'c mut dyn FnMut(usize) -> Result<()>,
}

impl Parser<'_, '_> {
    fn rest(&self) -> &[u8] {
        self.json.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn space(&mut self) {
        let blank = |byte: &&u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
        self.at += self.rest().iter().take_while(blank).count();
    }

    /// Takes this byte if it comes next, after white space.
    fn take(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.rest().first() == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn need(&mut self, byte: u8) -> Result<()> {
        if self.take(byte) {
            return Ok(());
        }
        Err(malformed(self.at))
    }

    fn add(&mut self, kind: Kind, start: usize, length: usize) -> Result<Node> {
        (self.charge)(COST_PER_VALUE)?;
        let place = |at: usize| u32::try_from(at).map_err(|_| malformed(at));
        let node = Node(place(self.json.slots.len())?);
        self.json.slots.push(Slot {
            kind,
            start: place(start)?,
            length: place(length)?,
        });
        Ok(node)
    }

    fn value(&mut self, depth: usize) -> Result<Node> {
        let depth = depth.checked_sub(1);
        let depth = depth.ok_or_else(|| Error::model("JSON lies too deep in itself"))?;
        self.space();
        match self.rest().first() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string(),
            _ => self.scalar(),
        }
    }

    fn array(&mut self, depth: usize) -> Result<Node> {
        self.need(b'[')?;
        let base = self.open.len();
        if !self.take(b']') {
            loop {
                let value = self.value(depth)?;
                self.open.push(value);
                if !self.take(b',') {
                    break self.need(b']')?;
                }
            }
        }
        self.close(Kind::Array, base)
    }

    fn object(&mut self, depth: usize) -> Result<Node> {
        self.need(b'{')?;
        let base = self.open.len();
        if !self.take(b'}') {
            loop {
                self.space();
                let key = self.string()?;
                self.need(b':')?;
                let value = self.value(depth)?;
                self.open.extend([key, value]);
                if !self.take(b',') {
                    break self.need(b'}')?;
                }
            }
        }
        self.close(Kind::Object, base)
    }

    /// The children from `base` on become those of a value.
    fn close(&mut self, kind: Kind, base: usize) -> Result<Node> {
        let start = self.json.children.len();
        self.json.children.extend(self.open.drain(base..));
        self.add(kind, start, self.json.children.len() - start)
    }

    fn string(&mut self) -> Result<Node> {
        self.need(b'"')?;
        let start = self.at;
        let mut escaped = false;
        let end = self.rest().iter().position(|byte| {
            let ends = *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && !escaped;
            ends
        });
        let length = end.ok_or_else(|| malformed(start))?;
        self.at += length + 1;
        self.add(Kind::Text, start, length)
    }

    fn scalar(&mut self) -> Result<Node> {
        let start = self.at;
        let word = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
        let length = self.rest().iter().take_while(word).count();
        self.at += length;
        let kind = match self.json.text.get(start..self.at).unwrap_or_default() {
            "null" => Kind::Null,
            "true" => Kind::Flag(true),
            "false" => Kind::Flag(false),
            "NaN" | "Infinity" | "-Infinity" => Kind::Number,
            text if text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
                && text.parse::<f64>().is_ok() =>
            {
                Kind::Number
            }
            _ => return Err(malformed(start)),
        };
        self.add(kind, start, length)
    }
}

fn malformed(at: usize) -> Error {
    Error::model(format!("JSON is malformed at byte {at}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<(Json<'_>, Node)> {
        Json::parse(text, &mut |_| Ok(()))
    }

    /// Written again, to be compared with another reader's answer.
    fn again(json: &Json<'_>, node: Node) -> serde_json::Value {
        match json.kind(node) {
            Kind::Null => serde_json::Value::Null,
            Kind::Flag(flag) => flag.into(),
            Kind::Number => serde_json::from_str(json.raw(node)).unwrap(),
            Kind::Text => json.text(node).unwrap().into(),
            Kind::Array => json
                .items(node)
                .iter()
                .map(|item| again(json, *item))
                .collect(),
            Kind::Object => json
                .entries(node)
                .map(|(key, value)| (json.text(key).unwrap(), again(json, value)))
                .collect(),
        }
    }

    #[test]
    fn values_are_those_of_another_reader() {
        for text in [
            "0",
            "-1.5e3",
            "\"a\\\"b\\u00e9\\\\\"",
            "[]",
            "{}",
            " [1, [2, []], {\"a\": null}] ",
            "{\"a\": {\"b\": [true, false]}, \"c\": \"\"}",
            "\"\\\\\"",
            "[\"\\\\\", \"x\"]",
        ] {
            let (json, root) = parse(text).unwrap();
            let expected: serde_json::Value = serde_json::from_str(text).unwrap();
            assert_eq!(again(&json, root), expected, "{text}");
        }
    }

    #[test]
    fn what_is_malformed_is_refused() {
        for text in [
            "", "[", "[1", "[1,]", "{\"a\"}", "{\"a\":}", "{a:1}", "\"a", "\"\\\"", "nul", "1 2",
            "+1", "Infinite", "[1 2]", "{,}", "0x10", "--1",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        let deep = format!("{}{}", "[".repeat(150), "]".repeat(150));
        assert!(parse(&deep).is_ok());
        assert!(parse(&"[".repeat(1_000_000)).is_err());
    }

    #[test]
    fn entries_are_found_by_name_and_each_value_is_charged() {
        let mut charged = 0;
        let mut charge = |bytes| {
            charged += bytes;
            Ok(())
        };
        let (json, root) =
            Json::parse("{\"a\": 1, \"b\": [NaN, 2], \"a\": 3}", &mut charge).unwrap();
        assert_eq!(json.raw(json.get(root, "a").unwrap()), "3");
        assert_eq!(json.get(root, "c"), None);
        assert_eq!(json.items(json.get(root, "b").unwrap()).len(), 2);
        assert_eq!(charged, 9 * COST_PER_VALUE);
        let full = &mut |_| Err(Error::model("full"));
        assert!(Json::parse("[]", full).is_err());
    }
}
