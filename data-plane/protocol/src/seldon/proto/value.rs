//! `google.protobuf.Value` to JSON values and back.

use std::collections::BTreeMap;

use prost_types::value::Kind;
use prost_types::{ListValue, Struct};
use serde_json::Value;

/// The same tree in JSON. Numbers are doubles; what is no number becomes `null`.
#[must_use]
pub fn to_json(value: prost_types::Value) -> Value {
    match value.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(value)) => Value::Bool(value),
        Some(Kind::NumberValue(number)) => Value::from(number),
        Some(Kind::StringValue(text)) => Value::String(text),
        Some(Kind::ListValue(list)) => list.values.into_iter().map(to_json).collect(),
        Some(Kind::StructValue(object)) => Value::Object(
            object
                .fields
                .into_iter()
                .map(|(key, value)| (key, to_json(value)))
                .collect(),
        ),
    }
}

/// The same tree as a protocol buffer. Numbers become the nearest doubles.
#[must_use]
pub fn from_json(value: &Value) -> prost_types::Value {
    match value {
        Value::Null => of(Kind::NullValue(0)),
        Value::Bool(value) => of(Kind::BoolValue(*value)),
        Value::Number(number) => self::number(number.as_f64().unwrap_or(f64::NAN)),
        Value::String(text) => string(text.clone()),
        Value::Array(items) => list(items.iter().map(from_json).collect()),
        Value::Object(members) => object(
            members
                .iter()
                .map(|(key, value)| (key.clone(), from_json(value)))
                .collect(),
        ),
    }
}

pub(super) fn of(kind: Kind) -> prost_types::Value {
    prost_types::Value { kind: Some(kind) }
}

pub(super) fn number(value: f64) -> prost_types::Value {
    of(Kind::NumberValue(value))
}

pub(super) fn string(text: String) -> prost_types::Value {
    of(Kind::StringValue(text))
}

pub(super) fn list(values: Vec<prost_types::Value>) -> prost_types::Value {
    of(Kind::ListValue(ListValue { values }))
}

pub(super) fn object(fields: BTreeMap<String, prost_types::Value>) -> prost_types::Value {
    of(Kind::StructValue(Struct { fields }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn trees_come_back_with_doubles_for_numbers() {
        let value = json!({"a": [1.0, -2.5, "x", true, null, {}], "b": {"c": []}});
        assert_eq!(to_json(from_json(&value)), value);
        assert_eq!(to_json(from_json(&json!(1))), json!(1.0));
        assert_eq!(to_json(number(f64::NAN)), Value::Null);
        assert_eq!(to_json(prost_types::Value { kind: None }), Value::Null);
    }
}
