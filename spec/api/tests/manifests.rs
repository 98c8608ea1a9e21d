//! Manifests in, issues and deployments out. Each `tests/golden/manifests/NAME` is read, and what
//! comes of it is compared with `NAME.out`. Where that differs on purpose, copy the new one from
//! the folder that the failure names.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use hari_api::{Document, SeldonDeployment, parse, read_documents, to_yaml};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/manifests")
}

fn manifests() -> Vec<PathBuf> {
    let entries = folder().read_dir().unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension != "out"));
    paths.sort();
    paths
}

fn documents(path: &Path) -> Vec<Document> {
    let text = std::fs::read_to_string(path).unwrap();
    read_documents(&text, path.file_name().unwrap().to_str().unwrap())
}

/// What comes of a manifest: per document its issues, then the deployment as it was understood.
fn outcome(path: &Path) -> String {
    let mut out = String::new();
    for document in documents(path) {
        let (deployment, issues) = parse(&document);
        writeln!(out, "# document {}", document.index).unwrap();
        for issue in issues {
            writeln!(out, "{issue}").unwrap();
        }
        if let Some(deployment) = deployment {
            out += &to_yaml(&serde_json::to_value(deployment).unwrap());
        }
    }
    out
}

#[test]
fn every_manifest_is_understood_as_before() {
    let actual_folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("manifests");
    std::fs::create_dir_all(&actual_folder).unwrap();
    let mut changed = Vec::new();
    let paths = manifests();
    assert!(paths.len() >= 17, "{paths:?}");
    for path in paths {
        let name = format!("{}.out", path.file_name().unwrap().to_str().unwrap());
        let actual = outcome(&path);
        let expected = std::fs::read_to_string(folder().join(&name)).unwrap_or_default();
        if actual != expected {
            std::fs::write(actual_folder.join(&name), actual).unwrap();
            changed.push(name);
        }
    }
    assert_eq!(changed, [""; 0], "see {}", actual_folder.display());
}

#[test]
fn what_is_written_is_read_back_the_same() {
    for path in manifests() {
        for deployment in documents(&path)
            .iter()
            .filter_map(|document| parse(document).0)
        {
            let text = to_yaml(&serde_json::to_value(&deployment).unwrap());
            let again = read_documents(&text, "again");
            let (read, _) = parse(&again[0]);
            assert_eq!(read.as_ref(), Some(&deployment), "{}", path.display());
            let json: SeldonDeployment =
                serde_json::from_str(&serde_json::to_string(&deployment).unwrap()).unwrap();
            assert_eq!(json, deployment, "{}", path.display());
        }
    }
}

#[test]
fn every_issue_has_a_line() {
    for path in manifests() {
        for issue in documents(&path)
            .iter()
            .flat_map(|document| parse(document).1)
        {
            assert!(issue.line.is_some(), "{}: {issue}", path.display());
        }
    }
}
