//! The signature in `MLmodel`: JSON in YAML, columns by name and type, or tensors.

use hari_error::{Error, Result};
use serde_json::Value;

/// What a model takes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Schema {
    /// Columns of a table.
    Columns(Vec<Column>),
    /// Arrays.
    Tensors(Vec<Tensor>),
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    /// None if columns are told by their order.
    pub(super) name: Option<String>,
    pub(super) kind: Kind,
    pub(super) required: bool,
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Boolean,
    /// 32 bits.
    Integer,
    /// 64 bits.
    Long,
    Float,
    Double,
    String,
    Binary,
    Datetime,
    /// Lists, objects and the like.
    Other,
}

/// An array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tensor {
    pub(super) name: Option<String>,
    /// A dimension of -1 may be anything.
    pub(super) shape: Vec<i64>,
}

impl Schema {
    /// Reads the member `key` of the signature; none if it has none.
    pub(super) fn read(signature: &Value, key: &str) -> Result<Option<Self>> {
        let wrong = |what: &str| Error::model(format!("`MLmodel`: signature.{key}: {what}"));
        let items = match signature.get(key) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => serde_json::from_str(text)
                .map_err(|error| wrong("it is not JSON").with_source(error))?,
            Some(other) => other.clone(),
        };
        let Value::Array(items) = items else {
            return Err(wrong("expected a list"));
        };
        let is_tensor = |item: &Value| item.get("tensor-spec").is_some();
        if items.iter().any(is_tensor) {
            let tensors = items.iter().map(tensor).collect::<Option<_>>();
            let tensors = tensors.ok_or_else(|| wrong("expected a tensor-spec with a shape"))?;
            return Ok(Some(Self::Tensors(tensors)));
        }
        Ok(Some(Self::Columns(items.iter().map(column).collect())))
    }

    /// Names of the columns, if they have names.
    pub(super) fn names(&self) -> Option<Vec<String>> {
        match self {
            Self::Columns(columns) => columns.iter().map(|one| one.name.clone()).collect(),
            Self::Tensors(_) => None,
        }
    }
}

fn name(item: &Value) -> Option<String> {
    item.get("name")?.as_str().map(str::to_owned)
}

fn column(item: &Value) -> Column {
    let required = item
        .get("required")
        .and_then(Value::as_bool)
        .unwrap_or(true);
    let optional = item
        .get("optional")
        .and_then(Value::as_bool)
        .unwrap_or(false);
    Column {
        name: name(item),
        kind: Kind::of(item.get("type").and_then(Value::as_str).unwrap_or_default()),
        required: required && !optional,
    }
}

fn tensor(item: &Value) -> Option<Tensor> {
    let shape = item.get("tensor-spec")?.get("shape")?.as_array()?;
    Some(Tensor {
        name: name(item),
        shape: shape.iter().map(Value::as_i64).collect::<Option<_>>()?,
    })
}

impl Kind {
    fn of(word: &str) -> Self {
        match word {
            "boolean" => Self::Boolean,
            "integer" => Self::Integer,
            "long" => Self::Long,
            "float" => Self::Float,
            "double" => Self::Double,
            "string" => Self::String,
            "binary" => Self::Binary,
            "datetime" => Self::Datetime,
            _ => Self::Other,
        }
    }

    /// MLflow's word for it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::String => "string",
            Self::Binary => "binary",
            Self::Datetime => "datetime",
            Self::Other => "of lists or objects",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_json_in_yaml() {
        let inputs = r#"[{"type":"double","name":"a","required":true},{"type":"string","name":"b","optional":true}]"#;
        let schema = Schema::read(&json!({"inputs": inputs}), "inputs")
            .unwrap()
            .unwrap();
        assert_eq!(schema.names().unwrap(), ["a", "b"]);
        let Schema::Columns(columns) = schema else {
            panic!("columns are expected");
        };
        assert_eq!((columns[0].kind, columns[0].required), (Kind::Double, true));
        assert_eq!(
            (columns[1].kind, columns[1].required),
            (Kind::String, false)
        );
        let unnamed = json!({"inputs": [{"type": "long"}]});
        assert_eq!(
            Schema::read(&unnamed, "inputs").unwrap().unwrap().names(),
            None
        );
    }

    #[test]
    fn tensors_have_a_shape() {
        let inputs = r#"[{"type":"tensor","tensor-spec":{"dtype":"float64","shape":[-1,4]}}]"#;
        let schema = Schema::read(&json!({"inputs": inputs}), "inputs").unwrap();
        let shape = vec![-1, 4];
        assert_eq!(
            schema,
            Some(Schema::Tensors(vec![Tensor { name: None, shape }]))
        );
        assert_eq!(
            Schema::read(&json!({"inputs": null}), "inputs").unwrap(),
            None
        );
        for wrong in [json!("["), json!({"a": 1}), json!([{"tensor-spec": {}}])] {
            assert!(Schema::read(&json!({"inputs": wrong}), "inputs").is_err());
        }
    }
}
