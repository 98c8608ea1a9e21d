//! A generated schema -> the part of JSON schema that Kubernetes knows.

use serde_json::{Map, Value};

/// Keywords whose value is one schema.
const ONE: [&str; 2] = ["items", "additionalProperties"];
/// Keywords whose value is a schema for each of many names.
const MANY: [&str; 2] = ["properties", "$defs"];
/// Keywords that say nothing here: nothing has a default, and titles repeat type names.
const DROPPED: [&str; 3] = ["$schema", "title", "default"];

/// Takes out what Kubernetes does not know: null as a type (an absent field says it), defaults,
/// titles, integers without a sign, and line breaks inside the paragraphs of a description.
pub(super) fn simplify(schema: &mut Value) {
    let Value::Object(schema) = schema else {
        return;
    };
    schema.retain(|keyword, _| !DROPPED.contains(&keyword.as_str()));
    drop_null_type(schema);
    drop_null_choice(schema);
    give_sign(schema);
    join_lines(schema);
    for keyword in ONE {
        schema.get_mut(keyword).into_iter().for_each(simplify);
    }
    for keyword in MANY {
        let schemas = schema.get_mut(keyword).and_then(Value::as_object_mut);
        schemas
            .into_iter()
            .flat_map(Map::values_mut)
            .for_each(simplify);
    }
}

/// `type: [string, null]` -> `type: string`.
fn drop_null_type(schema: &mut Map<String, Value>) {
    let Some(kind) = schema.get_mut("type") else {
        return;
    };
    let kinds = kind.as_array().into_iter().flatten();
    let kinds: Vec<_> = kinds.filter(|kind| *kind != "null").cloned().collect();
    if let [only] = kinds.as_slice() {
        *kind = only.clone();
    }
}

/// `anyOf: [X, type: null]` -> X, with the description of the field.
fn drop_null_choice(schema: &mut Map<String, Value>) {
    let choices = schema.get("anyOf").and_then(Value::as_array);
    let choices = choices.into_iter().flatten();
    let choices: Vec<_> = choices
        .filter(|choice| choice.get("type").is_none_or(|kind| kind != "null"))
        .filter_map(Value::as_object)
        .cloned()
        .collect();
    if let [only] = choices.as_slice() {
        schema.remove("anyOf");
        for (keyword, value) in only {
            schema
                .entry(keyword.as_str())
                .or_insert_with(|| value.clone());
        }
    }
}

/// `format: uint64, minimum: 0` -> `format: int64`.
fn give_sign(schema: &mut Map<String, Value>) {
    let format = schema.get_mut("format");
    let unsigned = format.filter(|format| format.as_str().is_some_and(|f| f.starts_with("uint")));
    if let Some(format) = unsigned {
        *format = "int64".into();
        schema.remove("minimum");
    }
}

fn join_lines(schema: &mut Map<String, Value>) {
    if let Some(Value::String(text)) = schema.get_mut("description") {
        let paragraphs = text
            .split("\n\n")
            .map(|paragraph| paragraph.replace('\n', " "));
        *text = paragraphs.collect::<Vec<_>>().join("\n\n");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn simplified(mut schema: Value) -> Value {
        simplify(&mut schema);
        schema
    }

    #[test]
    fn null_is_no_type() {
        assert_eq!(
            simplified(json!({"type": ["string", "null"]})),
            json!({"type": "string"})
        );
        let choice =
            json!({"description": "a\nb", "anyOf": [{"$ref": "#/$defs/X"}, {"type": "null"}]});
        assert_eq!(
            simplified(choice),
            json!({"description": "a b", "$ref": "#/$defs/X"})
        );
    }

    #[test]
    fn integers_have_a_sign() {
        let count = json!({"type": "integer", "format": "uint64", "minimum": 0});
        let expected = json!({"type": "integer", "format": "int64"});
        assert_eq!(simplified(count), expected);
    }

    #[test]
    fn fields_that_look_like_keywords_stay() {
        let schema = json!({"properties": {"default": {"type": "string", "default": "x"}}});
        assert_eq!(
            simplified(schema),
            json!({"properties": {"default": {"type": "string"}}})
        );
    }

    #[test]
    fn schemas_below_are_simplified() {
        let schema =
            json!({"items": {"additionalProperties": {"title": "T", "type": ["integer", "null"]}}});
        let expected = json!({"items": {"additionalProperties": {"type": "integer"}}});
        assert_eq!(simplified(schema), expected);
    }
}
