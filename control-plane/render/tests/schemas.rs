//! Objects of other projects' kinds keep the schemas that these projects publish: every golden
//! object is checked, with no field that the schema does not have. Objects of Kubernetes itself are
//! read back into its types, and nothing may be lost.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use hari_api::k8s_openapi::api::apps::v1::Deployment;
use hari_api::k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use hari_api::k8s_openapi::api::core::v1::Service;
use hari_api::k8s_openapi::api::networking::v1::Ingress;
use hari_api::k8s_openapi::api::policy::v1::PodDisruptionBudget;
use hari_api::read_documents;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

fn folder(name: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(name);
    let entries = folder.read_dir().unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn documents(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    let documents = read_documents(&text, path.to_str().unwrap());
    documents
        .into_iter()
        .map(|document| document.value)
        .collect()
}

/// Schemas by `group/version Kind`.
fn schemas() -> BTreeMap<String, Value> {
    let read = |path: PathBuf| {
        let document = documents(&path).remove(0);
        let text = |name: &str| document[name].as_str().unwrap().to_owned();
        let key = format!("{}/{} {}", text("group"), text("version"), text("kind"));
        (key, document["schema"].clone())
    };
    folder("schemas").into_iter().map(read).collect()
}

/// Golden objects with the name of their file.
fn objects() -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for path in folder("golden") {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.ends_with(".objects.yaml") {
            let objects = documents(&path).into_iter().filter(Value::is_object);
            all.extend(objects.map(|object| (name.clone(), object)));
        }
    }
    all
}

/// What of a value its schema does not allow.
fn wrong(schema: &Value, value: &Value, path: &str) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(kind) = schema["type"].as_str()
        && !is(kind, value)
    {
        return vec![format!("{path}: expected {kind}, found {value}")];
    }
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(value)
    {
        found.push(format!("{path}: {value} is none of {words:?}"));
    }
    match value {
        Value::Object(fields) => found.extend(of_fields(schema, fields, path)),
        Value::Array(items) => {
            let most = schema["maxItems"].as_u64().unwrap_or(u64::MAX);
            let least = schema["minItems"].as_u64().unwrap_or(0);
            let count = items.len() as u64;
            if !(least..=most).contains(&count) {
                found.push(format!("{path}: {count} items"));
            }
            for (index, item) in items.iter().enumerate() {
                found.extend(wrong(&schema["items"], item, &format!("{path}[{index}]")));
            }
        }
        Value::String(text) => {
            let length = text.chars().count() as u64;
            let least = schema["minLength"].as_u64().unwrap_or(0);
            let most = schema["maxLength"].as_u64().unwrap_or(u64::MAX);
            if !(least..=most).contains(&length) {
                found.push(format!("{path}: {length} characters"));
            }
        }
        Value::Number(number) => {
            let number = number.as_f64().unwrap();
            let least = schema["minimum"].as_f64().unwrap_or(f64::MIN);
            let most = schema["maximum"].as_f64().unwrap_or(f64::MAX);
            if !(least..=most).contains(&number) {
                found.push(format!("{path}: {number} is not in {least}..={most}"));
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
    found.extend(of_choices(schema, value, path));
    found
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        other => panic!("{other}"),
    }
}

fn of_fields(schema: &Value, fields: &serde_json::Map<String, Value>, path: &str) -> Vec<String> {
    let mut found = Vec::new();
    for name in schema["required"].as_array().into_iter().flatten() {
        if !fields.contains_key(name.as_str().unwrap()) {
            found.push(format!("{path}: {name} is missing"));
        }
    }
    let open = schema["x-kubernetes-preserve-unknown-fields"] == true
        || (schema["properties"].is_null() && schema["additionalProperties"].is_null());
    for (name, value) in fields {
        let below = format!("{path}.{name}");
        match (&schema["properties"][name], &schema["additionalProperties"]) {
            (Value::Null, Value::Null) if open => {}
            (Value::Null, Value::Null) => found.push(format!("{below}: no such field")),
            (Value::Null, rest) => found.extend(wrong(rest, value, &below)),
            (own, _) => found.extend(wrong(own, value, &below)),
        }
    }
    found
}

/// `oneOf`, `anyOf`, `not`: choices repeat some of the fields, so that they alone are looked at.
fn of_choices(schema: &Value, value: &Value, path: &str) -> Vec<String> {
    let open = |choice: &Value| {
        let mut choice = choice.clone();
        if let Some(fields) = choice.as_object_mut() {
            fields.insert(
                "x-kubernetes-preserve-unknown-fields".to_owned(),
                true.into(),
            );
        }
        choice
    };
    let keeps = |choice: &Value| wrong(&open(choice), value, path).is_empty();
    let mut found = Vec::new();
    if let Some(choices) = schema["oneOf"].as_array() {
        let count = choices.iter().filter(|choice| keeps(choice)).count();
        if count != 1 {
            found.push(format!("{path}: {count} of the choices hold"));
        }
    }
    if let Some(choices) = schema["anyOf"].as_array()
        && !choices.iter().any(keeps)
    {
        found.push(format!("{path}: none of the choices holds"));
    }
    if schema["not"].is_object() && keeps(&schema["not"]) {
        found.push(format!("{path}: what may not be is there"));
    }
    found
}

/// Fields that are read and written again, to be compared.
fn again<T: Serialize + DeserializeOwned>(object: &Value) -> Value {
    let typed: T = serde_json::from_value(object.clone()).unwrap_or_else(|error| panic!("{error}"));
    serde_json::to_value(typed).unwrap()
}

/// The graph of an orchestrator is written as itself in golden files, where a text is in truth.
fn encoded(object: &Value) -> Value {
    let mut object = object.clone();
    let containers = object.pointer_mut("/spec/template/spec/containers");
    let containers = containers
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten();
    for container in containers {
        let variables = container.get_mut("env").and_then(Value::as_array_mut);
        for variable in variables.into_iter().flatten() {
            if variable["value"].is_object() {
                variable["value"] = "e30=".into();
            }
        }
    }
    object
}

#[test]
fn objects_keep_the_schemas_that_are_published() {
    let schemas = schemas();
    let mut seen = BTreeSet::new();
    for (file, object) in objects() {
        let text = |name: &str| object[name].as_str().unwrap();
        let key = format!("{} {}", text("apiVersion"), text("kind"));
        let Some(schema) = schemas.get(&key) else {
            continue;
        };
        let found = wrong(&schema["properties"]["spec"], &object["spec"], "spec");
        assert!(found.is_empty(), "{file}: {key}: {found:#?}");
        seen.insert(key);
    }
    let all: BTreeSet<String> = schemas.into_keys().collect();
    assert_eq!(seen, all, "every schema is used");
}

#[test]
fn objects_of_kubernetes_are_read_back_whole() {
    for (file, object) in objects() {
        let object = encoded(&object);
        let read = match object["kind"].as_str().unwrap() {
            "Deployment" => again::<Deployment>(&object),
            "Service" => again::<Service>(&object),
            "HorizontalPodAutoscaler" => again::<HorizontalPodAutoscaler>(&object),
            "PodDisruptionBudget" => again::<PodDisruptionBudget>(&object),
            "Ingress" => again::<Ingress>(&object),
            _ => continue,
        };
        assert_eq!(read, object, "{file}");
    }
}

#[test]
fn what_a_schema_does_not_have_is_found() {
    let schemas = schemas();
    let schema = &schemas["networking.istio.io/v1beta1 VirtualService"];
    let route = |text: &str| {
        let spec = format!("{{spec: {{http: [{{route: [{text}]}}]}}}}");
        let found = read_documents(&spec, "").remove(0).value;
        wrong(schema, &found, "")
    };
    let host = "destination: {host: a, port: {number: 1}}";
    assert_eq!(
        route(&format!("{{{host}, weight: 3}}")),
        Vec::<String>::new()
    );
    for text in [
        format!("{{{host}, weigth: 3}}"),
        format!("{{{host}, weight: '3'}}"),
        "{destination: {port: {number: 1}}}".to_owned(),
    ] {
        assert_eq!(route(&text).len(), 1, "{text}: {:?}", route(&text));
    }
}
