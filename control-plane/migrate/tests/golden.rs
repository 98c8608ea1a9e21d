//! Manifests in, reports out. Each `tests/golden/CASE.yaml` is checked and the report compared with
//! `CASE.report.txt`; `cluster.json` is what was seen in a cluster. Where reports differ on purpose, copy
//! the new ones from the folder that the failure names.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use hari_api::read_documents;
use hari_migrate::{
    Account, Fate, Installed, Operator, Report, Surveyed, TABLE, Weight, Where, assumed, cluster,
    documents,
};
use hari_plan::Installation;
use hari_render::{Istio, Settings};
use serde_json::{Value, json};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn cases() -> Vec<PathBuf> {
    let entries = folder().read_dir().unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    paths.sort();
    paths
}

fn checked(path: &Path) -> Report {
    let text = fs::read_to_string(path).unwrap();
    let name = path.file_name().unwrap().to_str().unwrap();
    let found = read_documents(&text, name);
    documents(&found, &assumed(false), &Installation::default())
}

fn shown(report: &Report) -> String {
    format!("{report}{}\n", report.summary())
}

/// Compares with the file, and leaves what was made where it can be copied from.
fn compare(name: &str, made: &str) -> Option<String> {
    let expected = fs::read_to_string(folder().join(name)).unwrap_or_default();
    if expected == made {
        return None;
    }
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("migrate");
    fs::create_dir_all(&out).unwrap();
    fs::write(out.join(name), made).unwrap();
    Some(format!("{} differs", out.join(name).display()))
}

#[test]
fn reports_are_as_expected() {
    let made = cases().into_iter().filter_map(|path| {
        let name = path.with_extension("report.txt");
        let name = name.file_name().unwrap().to_str().unwrap().to_owned();
        compare(&name, &shown(&checked(&path)))
    });
    let differ: Vec<String> = made.collect();
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    assert!(cases().len() >= 14);
}

#[test]
fn every_difference_is_found_in_some_case() {
    let mut found: BTreeSet<&str> = BTreeSet::new();
    let reports = cases().into_iter().map(|path| checked(&path));
    for report in reports.chain([cluster(seen()), cluster(Surveyed::default())]) {
        let notes = report.deployments.iter().flat_map(|checked| &checked.notes);
        let around = report
            .installed
            .iter()
            .flat_map(|installed| &installed.notes);
        found.extend(notes.chain(around).map(|note| note.difference));
    }
    let wanted = TABLE.iter().filter(|row| row.place != Where::Everywhere);
    let missing: Vec<&str> = wanted
        .map(|row| row.name)
        .filter(|name| !found.contains(name))
        .collect();
    // What the renderer refuses changes with it, and has tests there.
    let missing: Vec<&str> = missing
        .into_iter()
        .filter(|name| *name != "not-rendered")
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn names_of_the_table_are_unique() {
    let names: BTreeSet<&str> = TABLE.iter().map(|row| row.name).collect();
    assert_eq!(names.len(), TABLE.len());
}

#[test]
fn a_report_can_be_read_by_a_program() {
    let report = checked(&folder().join("pinned.yaml"));
    let json = serde_json::to_value(&report).unwrap();
    let note = &json["deployments"][0]["notes"][0];
    assert_eq!(json["deployments"][0]["verdict"], "harmless");
    assert_eq!(note["difference"], "image-kept");
    assert!(note["line"].is_u64(), "{note}");
}

#[test]
fn nothing_is_the_same_as_nothing() {
    let report = documents(&[], &Settings::default(), &Installation::default());
    assert_eq!(report.verdict(), Weight::Same);
    assert_eq!(report.summary(), "no SeldonDeployment was found");
}

/// A cluster of the original's: one deployment that is adopted, one whose orchestrator is not.
fn seen() -> Surveyed {
    let text = fs::read_to_string(folder().join("cluster.json")).unwrap();
    let seen: Value = serde_json::from_str(&text).unwrap();
    let list = |name: &str| seen[name].as_array().cloned().unwrap_or_default();
    let operator = Operator {
        name: "seldon-system/seldon-controller-manager".to_owned(),
        image: "seldonio/seldon-core-operator:1.17.1".to_owned(),
        arguments: vec!["--enable-leader-election".to_owned()],
    };
    let account = ("models/reader".to_owned(), Account::default());
    Surveyed {
        resources: list("resources"),
        objects: list("objects"),
        installed: Installed {
            kubernetes: "v1.31.2".to_owned(),
            operators: vec![operator],
            groups: BTreeSet::from(["keda.sh".to_owned()]),
            accounts: [account].into(),
            secrets: BTreeSet::new(),
            pinned: vec!["SKLEARN_SERVER seldon: acme/sklearn:3".to_owned()],
            unreadable: vec!["predictor_servers: expected value at line 1".to_owned()],
            unseen: BTreeSet::from(["ingresses".to_owned()]),
            notes: Vec::new(),
        },
        settings: Settings {
            istio: Some(Istio {
                gateway: "istio-system/seldon-gateway".to_owned(),
                tls_mode: None,
            }),
            keda: true,
            ..Settings::default()
        },
        servers: Installation::default(),
    }
}

#[test]
fn a_cluster_is_compared_with_what_would_be_applied() {
    let report = cluster(seen());
    let differs = compare("cluster.report.txt", &shown(&report));
    assert_eq!(differs, None);
    let fates = |index: usize, fate| {
        let objects = &report.deployments[index].objects;
        objects.iter().filter(|object| object.fate == fate).count()
    };
    // Istio's objects are not there yet.
    assert_eq!((fates(0, Fate::Replaced), fates(0, Fate::Removed)), (0, 1));
    assert_eq!(fates(0, Fate::Adopted), 3);
    assert_eq!(fates(1, Fate::Replaced), 2);
    assert_eq!(report.verdict(), Weight::Change, "the ConfigMap");
}

#[test]
fn the_status_of_the_original_is_no_issue() {
    let mut surveyed = seen();
    surveyed.resources[0]["status"] = json!({"state": "Available", "whatever": {"x": 1}});
    let notes = &cluster(surveyed).deployments[0].notes;
    assert!(
        notes.iter().all(|note| note.difference != "warned"),
        "{notes:?}"
    );
}
