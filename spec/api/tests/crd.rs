//! The CustomResourceDefinition: what Kubernetes demands of it, and an outline to compare.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::fmt::Write as _;

use hari_api::{crd, crd_yaml, read_documents};
use serde_json::{Value, json};

fn definition() -> Value {
    serde_json::to_value(crd()).unwrap()
}

fn schema() -> Value {
    definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

#[test]
fn identity() {
    let crd = definition();
    assert_eq!(crd["apiVersion"], "apiextensions.k8s.io/v1");
    assert_eq!(crd["kind"], "CustomResourceDefinition");
    assert_eq!(
        crd["metadata"]["name"],
        "seldondeployments.machinelearning.seldon.io"
    );
    assert_eq!(crd["spec"]["group"], "machinelearning.seldon.io");
    assert_eq!(crd["spec"]["scope"], "Namespaced");
    assert_eq!(crd["spec"].get("conversion"), None);
    assert_eq!(crd["spec"].get("preserveUnknownFields"), None);
    let names = json!({
        "kind": "SeldonDeployment",
        "listKind": "SeldonDeploymentList",
        "plural": "seldondeployments",
        "shortNames": ["sdep"],
        "singular": "seldondeployment",
    });
    assert_eq!(crd["spec"]["names"], names);
}

#[test]
fn three_served_versions_of_one_schema() {
    let crd = definition();
    let versions = crd["spec"]["versions"].as_array().unwrap();
    let facts: Vec<_> = versions
        .iter()
        .map(|v| json!([v["name"], v["served"], v["storage"]]))
        .collect();
    let expected = [
        json!(["v1", true, true]),
        json!(["v1alpha2", true, false]),
        json!(["v1alpha3", true, false]),
    ];
    assert_eq!(facts, expected);
    for version in versions {
        let scale =
            json!({"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"});
        assert_eq!(
            version["subresources"],
            json!({"status": {}, "scale": scale})
        );
        assert_eq!(
            version["schema"].to_string(),
            versions[0]["schema"].to_string()
        );
    }
}

/// The rules of a structural schema.
///
/// Source: kubernetes.io, "Extend the Kubernetes API with CustomResourceDefinitions",
/// "Specifying a structural schema".
fn assert_structural(schema: &Value, path: &str) {
    const ALLOWED: [&str; 9] = [
        "additionalProperties",
        "description",
        "format",
        "items",
        "nullable",
        "properties",
        "required",
        "type",
        "x-kubernetes-int-or-string",
    ];
    let fields = schema.as_object().unwrap();
    let has = |keyword: &str| fields.contains_key(keyword);
    for keyword in fields.keys() {
        assert!(ALLOWED.contains(&keyword.as_str()), "{path}: {keyword}");
    }
    assert_ne!(has("x-kubernetes-int-or-string"), has("type"), "{path}");
    assert!(
        !(has("properties") && has("additionalProperties")),
        "{path}"
    );
    assert_eq!(has("items"), schema["type"] == "array", "{path}");
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(
            schema["properties"].get(name.as_str().unwrap()).is_some(),
            "{path}: {name}"
        );
    }
    for (name, below) in below(schema) {
        assert_structural(below, &format!("{path}/{name}"));
    }
}

/// The schemas directly inside a schema, by name.
fn below(schema: &Value) -> Vec<(String, &Value)> {
    let of_keywords = ["items", "additionalProperties"];
    let of_keywords = of_keywords
        .iter()
        .filter_map(|k| Some(((*k).to_owned(), schema.get(k)?)));
    let fields = schema["properties"].as_object().into_iter().flatten();
    of_keywords
        .chain(fields.map(|(name, below)| (name.clone(), below)))
        .collect()
}

#[test]
fn the_schema_is_structural() {
    assert_structural(&schema(), "");
    assert_eq!(
        schema()["properties"]["metadata"],
        json!({"type": "object"})
    );
}

#[test]
fn every_field_is_described() {
    fn visit(schema: &Value, path: &str) {
        for (name, below) in below(schema) {
            let path = format!("{path}/{name}");
            let is_field = schema["properties"].get(&name).is_some() && path != "/metadata";
            assert!(!is_field || below["description"].is_string(), "{path}");
            visit(below, &path);
        }
    }
    visit(&schema(), "");
}

/// Fields whose types Kubernetes defines, and the second round of `children`: not outlined.
const NOT_OUTLINED: [&str; 12] = [
    "/behavior",
    "/containerSpec",
    "/engineResources",
    "/env",
    "/metadata",
    "/metricSelector",
    "/metricsv2",
    "/resources",
    "/selector",
    "/componentSpecs/spec",
    "/target",
    "/children/children",
];

/// A line per field: path, type, and whether it is required.
fn outline(schema: &Value, path: &str, out: &mut String) {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    for (name, below) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}/{name}");
        let mark = if required.contains(&json!(name)) {
            " required"
        } else {
            ""
        };
        let (kind, inner) = kind(below);
        writeln!(out, "{path}: {kind}{mark}").unwrap();
        if !NOT_OUTLINED.iter().any(|end| path.ends_with(end)) {
            outline(inner, &path, out);
        }
    }
}

/// The name of a type, and the schema of what it holds.
fn kind(schema: &Value) -> (String, &Value) {
    if schema["x-kubernetes-int-or-string"] == true {
        return ("int-or-string".to_owned(), schema);
    }
    let (of, inner) = match (schema.get("items"), schema.get("additionalProperties")) {
        (Some(items), _) => ("list of ", items),
        (_, Some(values)) => ("map of ", values),
        _ => {
            let name = schema["format"].as_str().or(schema["type"].as_str());
            return (name.unwrap().to_owned(), schema);
        }
    };
    let (name, inner) = kind(inner);
    (format!("{of}{name}"), inner)
}

#[test]
fn the_outline_is_as_before() {
    let mut actual = String::new();
    outline(&schema(), "", &mut actual);
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("crd-outline.txt");
    std::fs::write(&file, &actual).unwrap();
    let expected = include_str!("golden/crd-outline.txt");
    assert!(
        actual == expected,
        "differs on purpose? copy {}",
        file.display()
    );
}

#[test]
fn the_pod_is_that_of_kubernetes() {
    let schema = schema();
    let component = &schema["properties"]["spec"]["properties"]["predictors"]["items"]["properties"]
        ["componentSpecs"]["items"]["properties"];
    let pod = &component["spec"];
    assert_eq!(pod["required"], json!(["containers"]));
    let container = &pod["properties"]["containers"]["items"];
    assert_eq!(container["required"], json!(["name"]));
    let limits = &container["properties"]["resources"]["properties"]["limits"];
    assert_eq!(
        limits["additionalProperties"]["x-kubernetes-int-or-string"],
        true
    );
    assert_eq!(
        component["metadata"]["properties"]["creationTimestamp"]["nullable"],
        true
    );
    assert_eq!(
        component["metadata"]["properties"].get("managedFields"),
        None
    );
}

#[test]
fn yaml_is_the_same_definition_and_small_enough_to_store() {
    let text = crd_yaml();
    let documents = read_documents(&text, "crd.yaml");
    assert_eq!(documents[0].issues, []);
    assert_eq!(documents[0].value, definition());
    let bytes = serde_json::to_vec(&definition()).unwrap().len();
    println!("{} bytes of YAML, {bytes} of JSON", text.len());
    assert!(
        bytes < 1 << 20,
        "{bytes} bytes: etcd takes 1.5 MiB, a chart 1 MiB"
    );
}
