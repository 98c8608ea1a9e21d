//! Single values: what skops keeps as JSON inside of JSON, and keys of dictionaries.

use hari_error::{Error, Result};

use super::Reader;
use crate::skops::json::{Json, Kind, Node};
use crate::value::{Id, Text, Value};

/// Digits of an integer; to convert them takes the square of their number.
const MAX_DIGITS: usize = 300;

impl Reader<'_> {
    /// The content of a `JsonNode`.
    pub(super) fn scalar(&mut self, node: Node) -> Result<Id> {
        let text = self.json.text(self.part(node, "content")?);
        let text = text.ok_or_else(|| Error::model("the content is no text"))?;
        let (json, root) = Json::parse(&text, &mut |_| Ok(()))?;
        self.value(&json, root)
    }

    /// A value that stands in the description itself.
    pub(super) fn plain(&mut self, node: Node) -> Result<Id> {
        let json = self.json;
        self.value(json, node)
    }

    fn value(&mut self, json: &Json<'_>, node: Node) -> Result<Id> {
        match json.kind(node) {
            Kind::Null => Ok(Id::NONE),
            Kind::Flag(false) => Ok(Id::FALSE),
            Kind::Flag(true) => Ok(Id::TRUE),
            Kind::Number => self.arena.add(number(json.raw(node))?),
            Kind::Text => {
                let text = json.text(node);
                self.text_value(text.ok_or_else(|| Error::model("a text is not Unicode"))?)
            }
            Kind::Array | Kind::Object => Err(Error::model("a single value is expected")),
        }
    }

    /// A key: JSON has text alone, its type stands beside it.
    pub(super) fn key(&mut self, key: Node, kind: Node) -> Result<Id> {
        let head = self.head(kind)?;
        let raw = self.json.raw(key);
        match (head.module.as_str(), head.name.as_str()) {
            (_, "str" | "str_") => {
                if raw.contains('\\') {
                    return self.plain(key);
                }
                let place = self.json.place(key);
                let text = Text::part(&self.schema, place.start, place.len())?;
                self.arena.add(Value::Str(text))
            }
            ("builtins", "NoneType") => Ok(Id::NONE),
            (_, "bool" | "bool_") => Ok(if raw == "true" { Id::TRUE } else { Id::FALSE }),
            ("builtins" | "numpy", "int" | "float" | "int64" | "int32" | "float64" | "float32") => {
                self.arena.add(number(raw)?)
            }
            (module, name) => Err(Error::model(format!(
                "a dict has keys of `{}`: text, numbers and None are read",
                format!("{module}.{name}")
                    .chars()
                    .take(100)
                    .collect::<String>()
            ))),
        }
    }
}

fn number(text: &str) -> Result<Value> {
    if let Ok(whole) = text.parse() {
        return Ok(Value::Int(whole));
    }
    let digits = text.trim_start_matches('-');
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return crate::machine::decimal(text.as_bytes());
    }
    let float = match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => text.parse().ok(),
    };
    let float = float.filter(|_| text.len() <= MAX_DIGITS);
    float
        .map(Value::Float)
        .ok_or_else(|| Error::model("a number is malformed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_integers_or_floats() {
        assert!(matches!(number("7"), Ok(Value::Int(7))));
        assert!(matches!(number("-1.5e3"), Ok(Value::Float(-1500.0))));
        assert!(matches!(number("1.0"), Ok(Value::Float(1.0))));
        assert!(matches!(
            number("18446744073709551616"),
            Ok(Value::BigInt(_))
        ));
        assert!(matches!(number("NaN"), Ok(Value::Float(value)) if value.is_nan()));
        assert!(matches!(
            number("-Infinity"),
            Ok(Value::Float(f64::NEG_INFINITY))
        ));
        for text in [
            "x",
            "1x",
            &"9".repeat(400),
            &format!("0.{}", "1".repeat(400)),
        ] {
            assert!(number(text).is_err(), "{text}");
        }
    }
}
