//! Parameters of a request, held to what `MLmodel` says of them.

use hari_error::{Error, Result};
use serde_json::{Map, Value};

/// A parameter that a model takes with a request.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Param {
    name: String,
    /// MLflow's word for its type.
    kind: String,
    /// Whether it is a list of them.
    listed: bool,
}

/// Reads `signature.params`; none if there are none.
pub(super) fn read(signature: &Value) -> Result<Vec<Param>> {
    let wrong = || Error::model("`MLmodel`: signature.params: expected a list of parameters");
    let items = match signature.get("params") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::String(text)) => {
            serde_json::from_str(text).map_err(|error| wrong().with_source(error))?
        }
        Some(other) => other.clone(),
    };
    let items = items.as_array().ok_or_else(wrong)?;
    items
        .iter()
        .map(|item| param(item).ok_or_else(wrong))
        .collect()
}

fn param(item: &Value) -> Option<Param> {
    Some(Param {
        name: item.get("name")?.as_str()?.to_owned(),
        kind: item.get("type")?.as_str()?.to_owned(),
        listed: item.get("shape").is_some_and(|shape| !shape.is_null()),
    })
}

/// Checks the parameters of a request: their names and types. The models that are served here
/// compute the same whatever they are.
///
/// # Errors
/// `InvalidInput` for one that the signature does not have, or of another type.
pub(super) fn check(known: &[Param], given: &Map<String, Value>) -> Result<()> {
    for (name, value) in given {
        let Some(param) = known.iter().find(|param| param.name == *name) else {
            let names: Vec<_> = known.iter().map(|one| format!("`{}`", one.name)).collect();
            let names = match names.len() {
                0 => "none".to_owned(),
                _ => names.join(", "),
            };
            return Err(Error::invalid(format!(
                "params: `{name}` is unknown: the model's signature has {names}"
            )));
        };
        if !param.takes(value) {
            let of = if param.listed { "a list of " } else { "" };
            return Err(Error::invalid(format!(
                "params: `{name}`: expected {of}{}, found {value}",
                param.kind
            )));
        }
    }
    Ok(())
}

impl Param {
    fn takes(&self, value: &Value) -> bool {
        match (self.listed, value) {
            (true, Value::Array(items)) => items.iter().all(|item| self.fits(item)),
            (true, _) => false,
            (false, value) => self.fits(value),
        }
    }

    fn fits(&self, value: &Value) -> bool {
        match &*self.kind {
            "boolean" => value.is_boolean(),
            "integer" | "long" => value.is_i64() || value.is_u64(),
            "float" | "double" => value.is_number(),
            "string" | "datetime" => value.is_string(),
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parameters_are_held_to_the_signature() {
        let text = r#"[{"name":"k","type":"long","default":5,"shape":null},
                       {"name":"words","type":"string","default":[],"shape":[-1]}]"#;
        let known = read(&json!({"params": text})).unwrap();
        let checked = |given: Value| check(&known, given.as_object().unwrap());
        assert!(checked(json!({"k": 7, "words": ["a"]})).is_ok());
        for (given, message) in [
            (
                json!({"j": 1}),
                "params: `j` is unknown: the model's signature has `k`, `words`",
            ),
            (json!({"k": 1.5}), "params: `k`: expected long, found 1.5"),
            (
                json!({"words": "a"}),
                "params: `words`: expected a list of string, found \"a\"",
            ),
        ] {
            assert_eq!(checked(given).unwrap_err().message(), message);
        }
        let error = check(&[], json!({"k": 1}).as_object().unwrap()).unwrap_err();
        assert!(error.message().ends_with("has none"), "{error}");
        assert!(read(&json!({"params": "{"})).is_err());
        assert!(read(&json!({})).unwrap().is_empty());
    }
}
