//! The resource definition as the chart carries it: JSON without spaces, and explained once, in the
//! version that is stored. A release of Helm is kept in one Secret, which holds a MiB.

use serde_json::Value;

/// The definition as JSON.
pub(super) fn definition() -> String {
    short().to_string()
}

/// The same as a manifest for `kubectl apply --server-side`.
pub(super) fn manifest() -> String {
    hari_api::to_yaml(&short())
}

fn short() -> Value {
    let mut definition = serde_json::to_value(hari_api::crd()).unwrap_or_default();
    let versions = definition["spec"]["versions"].as_array_mut();
    for version in versions.into_iter().flatten() {
        if version["storage"] != true {
            unexplained(&mut version["schema"]);
        }
    }
    definition
}

/// Takes descriptions away; a property of this name stays.
fn unexplained(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.retain(|name, value| !(name == "description" && value.is_string()));
            fields.values_mut().for_each(unexplained);
        }
        Value::Array(items) => items.iter_mut().for_each(unexplained),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_are_left_out() {
        let full = serde_json::to_value(hari_api::crd()).unwrap();
        let short: Value = serde_json::from_str(&definition()).unwrap();
        let version = |of: &Value, index: usize| of["spec"]["versions"][index].clone();
        assert_eq!(version(&short, 0), version(&full, 0));
        for index in [1, 2] {
            let mut expected = version(&full, index);
            unexplained(&mut expected["schema"]);
            assert_eq!(version(&short, index), expected);
            assert!(
                !short["spec"]["versions"][index]
                    .to_string()
                    .contains("\"description\":\"")
            );
        }
    }

    #[test]
    fn a_release_of_helm_has_room_for_it() {
        // Helm keeps the file and the manifest made of it, compressed, as base64: about two thirds
        // of this.
        assert!(definition().len() < 600_000, "{}", definition().len());
    }

    #[test]
    fn a_field_that_is_called_description_stays() {
        let mut schema = serde_json::json!({
            "description": "words",
            "properties": { "description": { "type": "string", "description": "words" } },
        });
        unexplained(&mut schema);
        let expected = serde_json::json!({ "properties": { "description": { "type": "string" } } });
        assert_eq!(schema, expected);
    }
}
