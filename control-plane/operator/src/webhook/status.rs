//! Issues as the `Status` that Kubernetes gives for an invalid object: one cause for each.

use hari_api::{GROUP, Issue, KIND};
use serde_json::{Value, json};

/// The status of an object that cannot be stored: HTTP 422, `Invalid`.
pub(super) fn invalid(name: &str, errors: &[Issue]) -> Value {
    let causes: Vec<Value> = errors.iter().map(cause).collect();
    json!({
        "status": "Failure",
        "code": 422,
        "reason": "Invalid",
        "message": message(name, errors),
        "details": {"name": name, "group": GROUP, "kind": KIND, "causes": causes},
    })
}

fn cause(issue: &Issue) -> Value {
    json!({
        "reason": "FieldValueInvalid",
        "field": issue.path,
        "message": with_value(issue),
    })
}

/// All of them in one text, as other invalid objects are told of.
fn message(name: &str, errors: &[Issue]) -> String {
    let each = |issue: &Issue| match issue.path.as_str() {
        "" => with_value(issue),
        path => format!("{path}: {}", with_value(issue)),
    };
    let texts: Vec<String> = errors.iter().map(each).collect();
    let texts = match &*texts {
        [one] => one.clone(),
        all => format!("[{}]", all.join(", ")),
    };
    format!("{KIND}.{GROUP} \"{name}\" is invalid: {texts}")
}

fn with_value(issue: &Issue) -> String {
    match &issue.value {
        Some(value) => format!("Invalid value: {value:?}: {}", detail(issue)),
        None => format!("Invalid value: {}", detail(issue)),
    }
}

/// What is wrong, and what to do.
pub(super) fn detail(issue: &Issue) -> String {
    match &issue.hint {
        Some(hint) => format!("{} ({hint})", issue.message),
        None => issue.message.clone(),
    }
}
