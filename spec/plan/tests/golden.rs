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
            let of_this_crate = RULES.iter().any(|rule| rule.name == issue.rule);
            assert!(issue.line.is_some(), "{issue}");
            assert!(issue.hint.is_some() || !of_this_crate, "{issue}");
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

#[test]
fn the_examples_are_planned_and_bound_without_a_word() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let entries = examples.read_dir().unwrap();
    let files = entries.map(|entry| entry.unwrap().path().join("seldondeployment.yaml"));
    let files: Vec<PathBuf> = files.filter(|file| file.is_file()).collect();
    assert!(!files.is_empty());
    for file in files {
        assert_eq!(
            issues(&file),
            (Vec::new(), Vec::new(), 1),
            "{}",
            file.display()
        );
    }
}

/// A document that is cut short, or lacks a line, is refused or planned, never a panic.
#[test]
fn every_line_may_be_missing() {
    for path in cases() {
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().take(60).collect();
        for missing in 0..lines.len() {
            let (before, after) = lines.split_at(missing);
            for rest in [&[][..], after.get(1..).unwrap_or_default()] {
                let text = [before, rest].concat().join("\n");
                let planned = plan(&read_documents(&text, "cut.yaml"));
                assert!(
                    !planned.deployments.is_empty() || !planned.issues.is_empty(),
                    "{text}"
                );
            }
        }
    }
}

/// The words of the admission webhook, as clients know them: case, path, value and detail.
const WEBHOOK: &[(&str, &str, &str, &str)] = &[
    ("protocol", "spec", "sledon", "Invalid protocol"),
    ("transport", "spec", "REST", "Invalid transport"),
    ("server-type", "spec", "amqp", "Invalid serverType"),
    (
        "kafka-environment",
        "spec.predictors[0]",
        "default",
        "For kafka please supply svcOrchSpec envs KAFKA_BROKER, KAFKA_INPUT_TOPIC, \
             KAFKA_OUTPUT_TOPIC",
    ),
    (
        "only-shadow",
        "spec.predictors[0]",
        "default",
        "Shadow can not exist as only predictor",
    ),
    (
        "duplicate-service-name",
        "spec.predictors[1]",
        "b",
        "Found duplicate service name in seldon.io/svc-name with value digits",
    ),
    (
        "no-predictors",
        "spec",
        "grpc",
        "Graph contains no predictors",
    ),
    (
        "no-engine-graph",
        "spec.predictors[0]",
        "default",
        "Running without engine only valid for single element graphs",
    ),
    (
        "duplicate-predictor",
        "spec.predictors[1]",
        "main",
        "Duplicate predictor name",
    ),
    (
        "no-container",
        "spec.predictors[0].graph[0]",
        "other",
        "Can't find container for Predictive Unit",
    ),
    (
        "no-methods",
        "spec.predictors[0].graph",
        "classifier",
        "Predictive Unit has no implementation methods defined. Change to a known type or add \
             what methods it defines",
    ),
    (
        "no-model-uri",
        "spec.predictors[0].graph",
        "digits",
        "Predictive unit modelUri required when using standalone servers",
    ),
    (
        "tensorflow-protocol",
        "spec.predictors[0].graph[1]",
        "third",
        "Prepackaged server does not handle tensorflow protocol MLFLOW_SERVER",
    ),
    (
        "unknown-implementation",
        "spec.predictors[0].graph[1]",
        "other",
        "No entry in predictors map for FORTRAN",
    ),
    (
        "logger-mode",
        "spec.predictors[0].graph",
        "",
        "No logger mode specified",
    ),
    (
        "several-endpoint-types",
        "spec",
        "",
        "Multiple endpoint.types found - can only have 1 type in graph. Please use \
             spec.transport",
    ),
    (
        "mixed-transports",
        "spec",
        "",
        "Mixed transport types found. Remove graph endpoint.types if transport set at \
             deployment level",
    ),
    (
        "several-shadows",
        "spec",
        "b",
        "Multiple shadows are not allowed",
    ),
    (
        "shadow-traffic",
        "spec",
        "a",
        "shadow traffic is illegal, the traffic number should be between [0, 100]",
    ),
    (
        "traffic-sum",
        "spec",
        "main",
        "Traffic must sum to 100 for multiple predictors",
    ),
    (
        "single-traffic",
        "spec",
        "default",
        "Traffic must sum be 100 for a single predictor when set",
    ),
];

#[test]
fn the_webhook_says_what_it_always_said() {
    for &(case, path, value, detail) in WEBHOOK {
        let (found, _, _) = issues(&folder().join(case).with_extension("yaml"));
        let expected = Cause {
            path: path.to_owned(),
            value: value.to_owned(),
            detail: detail.to_owned(),
        };
        let found: Vec<Cause> = found.iter().map(Cause::of).collect();
        assert!(found.contains(&expected), "{case}: {found:?}");
    }
}
