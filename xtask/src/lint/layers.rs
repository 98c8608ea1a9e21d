//! Who may import whom: the arrows of `ARCHITECTURE.md`, and crates that have one home.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

/// For each folder what it may import of the workspace; a name that ends with a slash stands for
/// all folders below it. The first rule that fits counts. Imports of tests are free.
const LAYERS: &[(&str, &[&str])] = &[
    ("base/", &["base/"]),
    ("spec/api", &[]),
    ("spec/", &["spec/", "base/"]),
    ("data-plane/core", &["base/"]),
    ("data-plane/proto", &[]),
    (
        "data-plane/runtime/tensorflow",
        &[
            "data-plane/core",
            "data-plane/proto",
            "data-plane/runtime/onnx",
            "base/",
        ],
    ),
    (
        "data-plane/runtime/onnx",
        &[
            "data-plane/core",
            "data-plane/proto",
            "data-plane/runtime/onnxruntime",
            "data-plane/runtime/operators",
            "base/",
        ],
    ),
    (
        "data-plane/runtime/onnxruntime",
        &[
            "data-plane/core",
            "data-plane/proto",
            "data-plane/runtime/operators",
            "base/",
        ],
    ),
    (
        "data-plane/runtime/transformers",
        &[
            "data-plane/core",
            "data-plane/proto",
            "data-plane/runtime/onnx",
            "base/",
        ],
    ),
    (
        "data-plane/runtime/sklearn",
        &[
            "data-plane/core",
            "data-plane/runtime/pickle",
            "data-plane/runtime/trees",
            "base/",
        ],
    ),
    (
        "data-plane/runtime/",
        &["data-plane/core", "data-plane/proto", "base/"],
    ),
    ("data-plane/engine", &["data-plane/", "spec/", "base/"]),
    (
        "data-plane/",
        &["data-plane/core", "data-plane/proto", "base/"],
    ),
    ("control-plane/local", &["data-plane/", "spec/", "base/"]),
    ("control-plane/rollout", &["spec/", "base/"]),
    ("control-plane/", &["control-plane/", "spec/", "base/"]),
    ("bench/", &["data-plane/", "spec/", "base/"]),
    ("testkit", &["data-plane/core", "base/"]),
    ("xtask", &["base/"]),
    (
        "xtask/",
        &[
            "base/",
            "control-plane/migrate",
            "spec/",
            "data-plane/core",
            "data-plane/proto",
            "data-plane/runtime/",
        ],
    ),
    ("bin/", &["control-plane/", "data-plane/", "spec/", "base/"]),
];

/// Crates from elsewhere that have their home in these folders only.
const HOMES: &[(&str, &[&str])] = &[
    ("axum", &["data-plane/ingress"]),
    (
        "hyper",
        &[
            "data-plane/egress",
            "data-plane/ingress",
            "control-plane/operator",
            "bench/constant",
        ],
    ),
    ("krafka", &["data-plane/kafka"]),
    ("kube", &["control-plane/operator", "bin/hari"]),
    ("rten", &["data-plane/runtime/onnx"]),
    ("ort", &["data-plane/runtime/onnxruntime"]),
    ("tokenizers", &["data-plane/runtime/transformers"]),
    ("object_store", &["data-plane/artifacts"]),
    (
        "reqwest",
        &["data-plane/artifacts", "data-plane/payload-log", "bin/hari"],
    ),
    ("clap", &["bin/hari", "xtask", "bench/load"]),
    ("saphyr-parser", &["spec/api"]),
];

/// Every import that is not allowed, in words.
pub(super) fn check(metadata: &Value) -> Result<Vec<String>> {
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata lists no packages")?;
    let root = metadata["workspace_root"]
        .as_str()
        .context("cargo metadata names no root")?;
    let mut wrong = Vec::new();
    for package in packages {
        let folder = folder(package["manifest_path"].as_str().unwrap_or_default(), root)?;
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            if dependency["kind"].is_null() {
                wrong.extend(complaint(&folder, dependency, root)?);
            }
        }
    }
    Ok(wrong)
}

fn complaint(folder: &str, dependency: &Value, root: &str) -> Result<Option<String>> {
    let name = dependency["name"].as_str().unwrap_or_default();
    let Some(path) = dependency["path"].as_str() else {
        return Ok(homeless(folder, name));
    };
    let target = Path::new(path)
        .strip_prefix(root)?
        .to_string_lossy()
        .into_owned();
    let allowed = LAYERS.iter().find(|(rule, _)| covers(rule, folder));
    let Some((_, allowed)) = allowed else {
        return Ok(Some(format!(
            "{folder}: no layer is known for this folder: add it to LAYERS"
        )));
    };
    let fits = allowed.iter().any(|rule| covers(rule, &target));
    let sibling = data_plane_sibling(folder, &target);
    Ok((!fits && !sibling).then(|| format!("{folder} imports {target}: the layers forbid it")))
}

/// Whether a name of [`LAYERS`] stands for `folder`.
fn covers(rule: &str, folder: &str) -> bool {
    if rule.ends_with('/') {
        folder.starts_with(rule)
    } else {
        folder == rule
    }
}

/// Those who speak to the outside use the codecs. No other crate of the data plane stands on a
/// sibling.
fn data_plane_sibling(folder: &str, target: &str) -> bool {
    let speaks = [
        "data-plane/egress",
        "data-plane/ingress",
        "data-plane/payload-log",
    ]
    .contains(&folder);
    speaks && target == "data-plane/protocol"
}

fn homeless(folder: &str, name: &str) -> Option<String> {
    let (_, homes) = HOMES.iter().find(|(only, _)| *only == name)?;
    let at_home = homes.contains(&folder);
    (!at_home).then(|| {
        format!(
            "{folder} imports {name}: its home is {}",
            homes.join(" and ")
        )
    })
}

fn folder(manifest: &str, root: &str) -> Result<String> {
    let folder = Path::new(manifest)
        .parent()
        .context("a manifest without a folder")?;
    Ok(folder.strip_prefix(root)?.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check_one(folder: &str, dependency: &Value) -> Vec<String> {
        let manifest = format!("/r/{folder}/Cargo.toml");
        let package = json!({"manifest_path": manifest, "dependencies": [dependency]});
        check(&json!({"workspace_root": "/r", "packages": [package]})).unwrap()
    }

    fn ours(folder: &str) -> Value {
        json!({"name": "x", "kind": null, "path": format!("/r/{folder}")})
    }

    #[test]
    fn arrows_that_the_architecture_draws_are_allowed() {
        assert!(check_one("data-plane/ingress", &ours("data-plane/core")).is_empty());
        assert!(check_one("data-plane/ingress", &ours("data-plane/protocol")).is_empty());
        assert!(check_one("control-plane/local", &ours("data-plane/engine")).is_empty());
        assert!(
            check_one(
                "data-plane/runtime/tensorflow",
                &ours("data-plane/runtime/onnx")
            )
            .is_empty()
        );
    }

    #[test]
    fn planes_do_not_import_each_other() {
        for (from, to) in [
            ("data-plane/engine", "control-plane/local"),
            ("control-plane/operator", "data-plane/engine"),
            ("data-plane/core", "data-plane/protocol"),
            ("data-plane/graph", "data-plane/batch"),
            ("data-plane/batch", "spec/plan"),
            ("spec/api", "spec/plan"),
            ("data-plane/runtime/onnx", "data-plane/runtime/tensorflow"),
        ] {
            assert_eq!(
                check_one(from, &ours(to)),
                [format!("{from} imports {to}: the layers forbid it")]
            );
        }
    }

    #[test]
    fn tests_import_what_they_like() {
        let dependency = json!({"name": "x", "kind": "dev", "path": "/r/control-plane/local"});
        assert!(check_one("data-plane/core", &dependency).is_empty());
    }

    #[test]
    fn crates_stay_at_home() {
        let axum = json!({"name": "axum", "kind": null});
        assert!(check_one("data-plane/ingress", &axum).is_empty());
        let wrong = check_one("data-plane/engine", &axum);
        assert_eq!(
            wrong,
            ["data-plane/engine imports axum: its home is data-plane/ingress"]
        );
    }

    #[test]
    fn a_new_folder_needs_a_layer() {
        assert_eq!(check_one("elsewhere", &ours("base/error")).len(), 1);
    }
}
