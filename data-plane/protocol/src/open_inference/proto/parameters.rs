//! Parameters of gRPC messages to JSON values and back.

use std::collections::BTreeMap;

use hari_error::{Error, Result};
use hari_proto::inference::InferParameter;
use hari_proto::inference::infer_parameter::ParameterChoice;
use serde_json::{Map, Value};

/// Parameters by name.
///
/// # Errors
/// If one is a number that JSON does not have.
pub(super) fn read(parameters: BTreeMap<String, InferParameter>) -> Result<Map<String, Value>> {
    let each = |(name, parameter): (String, InferParameter)| {
        let value = to_value(parameter);
        match value {
            Some(value) => Ok((name, value)),
            None => Err(Error::invalid(format!(
                "parameter `{name}`: expected a finite number"
            ))),
        }
    };
    parameters.into_iter().map(each).collect()
}

fn to_value(parameter: InferParameter) -> Option<Value> {
    Some(match parameter.parameter_choice {
        None => Value::Null,
        Some(ParameterChoice::BoolParam(value)) => value.into(),
        Some(ParameterChoice::Int64Param(value)) => value.into(),
        Some(ParameterChoice::Uint64Param(value)) => value.into(),
        Some(ParameterChoice::StringParam(value)) => value.into(),
        Some(ParameterChoice::DoubleParam(value)) => {
            return serde_json::Number::from_f64(value).map(Value::Number);
        }
    })
}

/// The same for the wire. Lists and objects become their JSON text.
pub(super) fn write(parameters: &Map<String, Value>) -> BTreeMap<String, InferParameter> {
    let each = |(name, value): (&String, &Value)| {
        (
            name.clone(),
            InferParameter {
                parameter_choice: from_value(value),
            },
        )
    };
    parameters.iter().map(each).collect()
}

fn from_value(value: &Value) -> Option<ParameterChoice> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => ParameterChoice::BoolParam(*value),
        Value::String(value) => ParameterChoice::StringParam(value.clone()),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => ParameterChoice::Int64Param(value),
            (None, Some(value)) => ParameterChoice::Uint64Param(value),
            (None, None) => ParameterChoice::DoubleParam(number.as_f64()?),
        },
        Value::Array(_) | Value::Object(_) => ParameterChoice::StringParam(value.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_kind_comes_back() {
        let Value::Object(parameters) = json!({
            "bool": true, "int": -3, "large": u64::MAX, "double": 0.5, "none": null, "text": "x",
        }) else {
            panic!("not an object")
        };
        // The wire orders parameters by name; the map compares without order.
        assert_eq!(read(write(&parameters)).unwrap(), parameters);
    }

    #[test]
    fn lists_become_text_and_nan_is_refused() {
        let Value::Object(parameters) = json!({"list": [1, "a"]}) else {
            panic!("not an object")
        };
        let written = write(&parameters);
        let expected = ParameterChoice::StringParam(r#"[1,"a"]"#.into());
        assert_eq!(written["list"].parameter_choice, Some(expected));
        let nan = InferParameter {
            parameter_choice: Some(ParameterChoice::DoubleParam(f64::NAN)),
        };
        let error = read([("p".to_owned(), nan)].into()).unwrap_err();
        assert_eq!(error.message(), "parameter `p`: expected a finite number");
    }
}
