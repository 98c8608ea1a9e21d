//! `hari migrate` on folders of manifests, as a user has them.

use std::io::Write as _;
use std::process::Stdio;

use crate::{command, hari, ran};

const MANIFESTS: &str = "control-plane/migrate/tests/golden";

#[test]
fn without_check_it_says_that_nothing_has_to_be_rewritten() {
    let ran = hari(&["migrate"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.out.starts_with("Nothing has to be rewritten"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("hari migrate --check"), "{}", ran.out);
}

#[test]
fn a_folder_with_something_in_the_way_fails() {
    let ran = hari(&["migrate", "--check", MANIFESTS]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert_eq!(ran.err, "");
    let last = ran.out.lines().last().unwrap();
    assert!(last.starts_with("14 deployments: "), "{last}");
    assert!(last.contains("cannot be served"), "{last}");
    assert!(ran.out.contains("left out: "), "{}", ran.out);
}

#[test]
fn what_differs_harmlessly_passes() {
    for file in ["own-image.yaml", "income.yaml", "iris.yaml"] {
        let ran = hari(&["migrate", "--check", &format!("{MANIFESTS}/{file}")]);
        assert_eq!(ran.code, 0, "{file}: {}", ran.out);
    }
}

#[test]
fn a_program_reads_json() {
    let ran = hari(&[
        "migrate",
        "--check",
        "--json",
        &format!("{MANIFESTS}/wine.yaml"),
    ]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["verdict"], "change");
    assert_eq!(report["deployments"][0]["name"], "default/wine");
}

#[test]
fn standard_input_is_read() {
    let text = std::fs::read(crate::root().join(MANIFESTS).join("own-image.yaml")).unwrap();
    let mut child = command(&["migrate", "--check", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&text).unwrap();
    let ran = ran(child.wait_with_output().unwrap());
    assert_eq!(
        (ran.code, ran.out.lines().last()),
        (0, Some("1 deployment: 1 the same"))
    );
}

#[test]
fn a_cluster_that_is_not_there_is_the_environments_fault() {
    let output = command(&["migrate", "--check", "--cluster"])
        .env("KUBECONFIG", "no/such/file")
        .env("HOME", "no/such/folder")
        .env_remove("KUBERNETES_SERVICE_HOST")
        .output()
        .unwrap();
    let ran = ran(output);
    assert_eq!(ran.code, 3, "{}", ran.out);
    assert!(ran.err.contains("KUBECONFIG"), "{}", ran.err);
}
