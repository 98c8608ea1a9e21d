//! One value against the type that is expected: what was found, and how to mend it.

use serde_json::{Number, Value};

use crate::issue::Issue;

/// What a schema expects of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    Anything,
    Boolean,
    Integer { bits: u32 },
    IntegerOrString,
    List,
    Mapping,
    Number,
    Text,
}

/// Reads what a schema expects.
pub(super) fn expected(schema: &Value) -> Expected {
    if schema.get("x-kubernetes-int-or-string").is_some() {
        return Expected::IntegerOrString;
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("array") => Expected::List,
        Some("boolean") => Expected::Boolean,
        Some("integer") => Expected::Integer { bits: bits(schema) },
        Some("number") => Expected::Number,
        Some("object") => Expected::Mapping,
        Some("string") => Expected::Text,
        _ => Expected::Anything,
    }
}

fn bits(schema: &Value) -> u32 {
    let format = schema.get("format").and_then(Value::as_str);
    if format == Some("int32") { 32 } else { 64 }
}

impl Expected {
    /// What is wrong with the value, if anything.
    pub(super) fn mismatch(self, value: &Value) -> Option<Issue> {
        if self.admits(value) {
            return None;
        }
        let message = format!("expected {}, found {}", self.noun(), noun(value));
        let mut issue = Issue::error("wrong-type", "", message);
        if let Some(text) = shown(value) {
            issue = issue.with_value(text);
        }
        Some(match self.hint(value) {
            Some(hint) => issue.with_hint(hint),
            None => issue,
        })
    }

    fn admits(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Anything, _)
            | (Self::Boolean, Value::Bool(_))
            | (Self::List, Value::Array(_))
            | (Self::Mapping, Value::Object(_))
            | (Self::Number, Value::Number(_))
            | (Self::Text | Self::IntegerOrString, Value::String(_)) => true,
            (Self::Integer { bits }, Value::Number(number)) => fits(number, bits),
            (Self::IntegerOrString, Value::Number(number)) => fits(number, 64),
            _ => false,
        }
    }

    fn noun(self) -> String {
        let noun = match self {
            Self::Anything => "anything",
            Self::Boolean => "true or false",
            Self::Integer { bits } => return format!("a {bits}-bit integer"),
            Self::IntegerOrString => "an integer or a string",
            Self::List => "a list",
            Self::Mapping => "a mapping",
            Self::Number => "a number",
            Self::Text => "a string",
        };
        noun.to_owned()
    }

    fn hint(self, value: &Value) -> Option<String> {
        let hint = match (self, value) {
            (Self::Text | Self::IntegerOrString, Value::Number(_) | Value::Bool(_)) => {
                format!("quote it: \"{value}\"")
            }
            (Self::Text, Value::Null) => "write \"\" for an empty string".to_owned(),
            (Self::Boolean, Value::String(_)) => "write true or false, without quotes".to_owned(),
            (Self::Integer { .. } | Self::Number, Value::String(text)) => {
                text.parse::<i64>().ok()?;
                format!("write it without quotes: {text}")
            }
            (Self::List, Value::Object(_)) => "begin each item with `- `".to_owned(),
            (Self::Mapping, Value::Array(_)) => "write its fields without `- `".to_owned(),
            _ => return None,
        };
        Some(hint)
    }
}

/// Whether a number is an integer of so many bits, with a sign.
fn fits(number: &Number, bits: u32) -> bool {
    match number.as_i64() {
        None => false,
        Some(integer) => bits == 64 || i32::try_from(integer).is_ok(),
    }
}

fn noun(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a fraction",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

/// A value that fits on a line.
fn shown(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.chars().take(100).collect()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(schema: &Value, value: &Value) -> Option<(String, Option<String>)> {
        let issue = expected(schema).mismatch(value)?;
        Some((issue.message, issue.hint))
    }

    #[test]
    fn right_types_say_nothing() {
        let cases = [
            (json!({"type": "string"}), json!("x")),
            (
                json!({"type": "integer", "format": "int32"}),
                json!(-2_147_483_648),
            ),
            (json!({"type": "number"}), json!(1)),
            (json!({"x-kubernetes-int-or-string": true}), json!(5)),
            (json!({"x-kubernetes-int-or-string": true}), json!("50%")),
            (json!({}), json!([null])),
        ];
        for (schema, value) in cases {
            assert_eq!(said(&schema, &value), None, "{schema} {value}");
        }
    }

    #[track_caller]
    fn assert_said(schema: &Value, value: &Value, message: &str, hint: Option<&str>) {
        let (said_message, said_hint) = said(schema, value).unwrap();
        assert_eq!(
            (said_message.as_str(), said_hint.as_deref()),
            (message, hint)
        );
    }

    #[test]
    fn what_should_be_quoted_is_shown_quoted() {
        let text = json!({"type": "string"});
        let quantity = json!({"x-kubernetes-int-or-string": true});
        let half = Some("quote it: \"0.5\"");
        assert_said(
            &text,
            &json!(0.5),
            "expected a string, found a fraction",
            half,
        );
        assert_said(
            &quantity,
            &json!(0.5),
            "expected an integer or a string, found a fraction",
            half,
        );
        let truth = Some("quote it: \"true\"");
        assert_said(
            &text,
            &json!(true),
            "expected a string, found a boolean",
            truth,
        );
    }

    #[test]
    fn integers_keep_to_their_bits() {
        let int32 = json!({"type": "integer", "format": "int32"});
        let unquoted = Some("write it without quotes: 2");
        assert_said(
            &int32,
            &json!("2"),
            "expected a 32-bit integer, found a string",
            unquoted,
        );
        assert_said(
            &int32,
            &json!("two"),
            "expected a 32-bit integer, found a string",
            None,
        );
        assert_said(
            &int32,
            &json!(1.5),
            "expected a 32-bit integer, found a fraction",
            None,
        );
        let large = json!(3_000_000_000_u32);
        assert_said(
            &int32,
            &large,
            "expected a 32-bit integer, found an integer",
            None,
        );
        assert_eq!(said(&json!({"type": "integer"}), &large), None);
    }

    #[test]
    fn lists_mappings_and_truth_values() {
        let list = json!({"type": "array"});
        let dashes = Some("begin each item with `- `");
        assert_said(
            &list,
            &json!({}),
            "expected a list, found a mapping",
            dashes,
        );
        let no_dashes = Some("write its fields without `- `");
        assert_said(
            &json!({"type": "object"}),
            &json!([]),
            "expected a mapping, found a list",
            no_dashes,
        );
        let truth = json!({"type": "boolean"});
        let unquoted = Some("write true or false, without quotes");
        assert_said(
            &truth,
            &json!("yes"),
            "expected true or false, found a string",
            unquoted,
        );
    }
}
