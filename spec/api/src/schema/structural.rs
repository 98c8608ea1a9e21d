//! The schema as a CRD wants it: no references, graphs unrolled to a fixed depth.

use serde_json::{Map, Value, json};

use super::{ROOT, definition};

/// Levels of `children` below the root of a graph; deeper ones are not stored by Kubernetes.
pub(crate) const GRAPH_LEVELS: usize = 10;

/// Longest description, in bytes. Kubernetes explains its pod in 350 KiB, three times over: with all
/// of it, the definition would hardly fit into etcd.
const LONGEST_DESCRIPTION: usize = 200;

/// The only type that holds itself.
const UNIT: &str = "PredictiveUnit";

/// The schema of the resource without references. `metadata` is left to Kubernetes.
pub(crate) fn structural() -> Value {
    let mut schema = inline(&ROOT, 0);
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.insert("metadata".to_owned(), json!({"type": "object"}));
    }
    schema
}

/// A copy of a schema with references replaced by what they stand for. `units` counts the units of
/// a graph around this place.
fn inline(schema: &Value, units: usize) -> Value {
    let Value::Object(fields) = schema else {
        return schema.clone();
    };
    match fields
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(definition)
    {
        Some((UNIT, target)) => overlaid(inline(&cut_off(target, units), units + 1), fields),
        Some((_, target)) => overlaid(inline(target, units), fields),
        None => Value::Object(inline_keywords(fields, units)),
    }
}

fn inline_keywords(fields: &Map<String, Value>, units: usize) -> Map<String, Value> {
    let inline_keyword = |(keyword, value): (&String, &Value)| {
        let value = match (keyword.as_str(), value) {
            ("$defs" | "$ref", _) => return None,
            ("items" | "additionalProperties", schema) => inline(schema, units),
            ("properties", Value::Object(schemas)) => {
                let schemas = schemas.iter();
                Value::Object(
                    schemas
                        .map(|(name, schema)| (name.clone(), inline(schema, units)))
                        .collect(),
                )
            }
            ("description", Value::String(text)) => Value::String(brief(text)),
            (_, other) => other.clone(),
        };
        Some((keyword.clone(), value))
    };
    let mut inlined: Map<String, Value> = fields.iter().filter_map(inline_keyword).collect();
    if fields.contains_key("additionalProperties") {
        // As Kubernetes reads maps of its own: an empty one is written as null by a server-side apply
        // that takes its last key away.
        inlined.insert("nullable".to_owned(), Value::Bool(true));
    }
    inlined
}

/// A unit without `children` where the graph is as deep as it may be.
fn cut_off(unit: &Value, units: usize) -> Value {
    let mut unit = unit.clone();
    if units == GRAPH_LEVELS
        && let Some(Value::Object(properties)) = unit.get_mut("properties")
    {
        properties.remove("children");
    }
    unit
}

/// The first sentences of a description, as many as fit; at least part of the first.
fn brief(text: &str) -> String {
    if text.len() <= LONGEST_DESCRIPTION {
        return text.to_owned();
    }
    let start = text
        .get(..text.floor_char_boundary(LONGEST_DESCRIPTION))
        .unwrap_or_default();
    match (start.rfind(". "), start.rfind(' ')) {
        (Some(end), _) => start.get(..=end).unwrap_or_default().to_owned(),
        (None, Some(end)) => format!("{} …", start.get(..end).unwrap_or_default()),
        (None, None) => start.to_owned(),
    }
}

/// What stands beside a reference, such as the field's description, wins.
fn overlaid(mut target: Value, beside: &Map<String, Value>) -> Value {
    if let Value::Object(target) = &mut target {
        target.extend(inline_keywords(beside, 0));
    }
    target
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn graphs_end_at_the_tenth_level() {
        let schema = structural();
        let predictor = &schema["properties"]["spec"]["properties"]["predictors"]["items"];
        let mut unit = &predictor["properties"]["graph"];
        for level in 0..GRAPH_LEVELS {
            assert_eq!(unit["required"], json!(["name"]), "level {level}");
            unit = &unit["properties"]["children"]["items"];
        }
        assert_eq!(unit["properties"]["name"]["type"], "string");
        assert_eq!(unit["properties"].get("children"), None);
    }

    #[test]
    fn the_description_of_the_field_wins() {
        let schema = structural();
        assert_eq!(
            schema["properties"]["spec"]["description"],
            "What to serve."
        );
    }

    #[test]
    fn long_descriptions_end_with_a_sentence() {
        assert_eq!(brief("Short. Whole."), "Short. Whole.");
        let long = format!("One. Two. {}", "three ".repeat(50));
        assert_eq!(brief(&long), "One. Two.");
        let endless = "é ".repeat(100);
        assert!(brief(&endless).ends_with(" …"));
        assert!(brief(&"é".repeat(100)).len() <= LONGEST_DESCRIPTION);
    }

    #[test]
    fn maps_may_be_null() {
        let schema = structural();
        let spec = &schema["properties"]["spec"]["properties"];
        assert_eq!(spec["annotations"]["nullable"], true);
        let predictor = &spec["predictors"]["items"]["properties"];
        assert_eq!(predictor["labels"]["nullable"], true);
        assert!(predictor["name"].get("nullable").is_none());
    }

    #[test]
    fn nothing_refers_to_anything() {
        let text = structural().to_string();
        assert!(!text.contains("$ref") && !text.contains("$defs") && !text.contains("anyOf"));
    }
}
