//! Documents in, issues out. Each `tests/golden/CASE.yaml` is planned and bound to this process,
//! and everything that is said about it is compared with `CASE.issues`. Where that differs on
//! purpose, copy the new one from the folder that the failure names.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use hari_api::{Issue, read_documents};
use hari_plan::rule::{Cause, RULES};
use hari_plan::{PlacementPolicy, Plan, bind, left_out, plan};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn cases() -> Vec<PathBuf> {
    let entries = folder().read_dir().unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "yaml")
    });
    paths.sort();
    paths
}

fn bound(plan: &Plan) -> Vec<Issue> {
    let policy = PlacementPolicy::ThisProcess;
    let mut issues = left_out(plan, &policy);
    issues.extend(bind(plan, &policy).err().into_iter().flatten());
    issues
}

/// Issues in order: those of the plan, those of binding.
fn issues(path: &Path) -> (Vec<Issue>, Vec<Issue>, usize) {
    let text = std::fs::read_to_string(path).unwrap();
    let documents = read_documents(&text, path.file_name().unwrap().to_str().unwrap());
    let planned = plan(&documents);
    let binding = planned.deployments.iter().flat_map(bound).collect();
    (planned.issues, binding, planned.deployments.len())
}

/// Everything that is said: each error with the words of the admission webhook.
fn outcome(path: &Path) -> String {
    let (planned, binding, deployments) = issues(path);
    let mut out = String::new();
    for issue in planned {
        writeln!(out, "{issue}").unwrap();
        if issue.is_error() {
            let Cause {
                path,
                value,
                detail,
            } = Cause::of(&issue);
            writeln!(out, "  webhook: {path}: Invalid value: {value:?}: {detail}").unwrap();
        }
    }
    writeln!(out, "-- {deployments} planned; on this machine:").unwrap();
    for issue in binding {
        writeln!(out, "{issue}").unwrap();
    }
    out
}

#[test]
fn every_case_says_what_it_said_before() {
    let actual_folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plan-golden");
    std::fs::create_dir_all(&actual_folder).unwrap();
    let mut changed = Vec::new();
    let paths = cases();
    assert!(paths.len() >= 55, "{}", paths.len());
    for path in paths {
        let name = path.with_extension("issues");
        let actual = outcome(&path);
        if actual != std::fs::read_to_string(&name).unwrap_or_default() {
            let name = name.file_name().unwrap();
            std::fs::write(actual_folder.join(name), actual).unwrap();
            changed.push(name.to_owned());
        }
    }
    assert!(
        changed.is_empty(),
        "{changed:?}: see {}",
        actual_folder.display()
    );
}

#[test]
fn every_rule_is_broken_by_a_case() {
    let mut broken = BTreeSet::new();
    for path in cases() {
        let (planned, binding, _) = issues(&path);
        broken.extend(
            planned
                .iter()
                .chain(&binding)
                .map(|issue| issue.rule.to_string()),
        );
    }
    let unbroken: Vec<&str> = RULES
        .iter()
        .map(|rule| rule.name)
        .filter(|name| !broken.contains(*name))
        .collect();
    assert_eq!(unbroken, [""; 0]);
}

#[test]
fn every_issue_has_a_place_and_a_hint() {
    for path in cases() {
        let (planned, binding, _) = issues(&path);
        for issue in planned.iter().chain(&binding) {
            let explained = issue.hint.is_some() || issue.rule == "other-kind";
            assert!(issue.line.is_some() && explained, "{issue}");
            assert!(issue.file.ends_with(".yaml"), "{issue}");
        }
    }
}

#[test]
fn good_cases_are_planned_without_a_word() {
    for path in cases() {
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with("good-") {
            let (planned, _, deployments) = issues(&path);
            assert_eq!((planned, deployments), (Vec::new(), 1), "{name}");
        }
    }
}
