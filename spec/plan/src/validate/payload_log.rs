//! Annotations of payload logging: shares are numbers of nodes that are there, and nothing stands
//! where it is not read, as values would leave that were not to.

use std::collections::BTreeMap;

use hari_api::Issue;
use hari_api::path::{field, item};

use super::subject::{Predictor, Subject, Unit};
use super::{did_you_mean, listed};
use crate::contract::annotation::{PAYLOAD_LOG_REDACT, PAYLOAD_LOG_SAMPLE};
use crate::payload_log::{TARGETS, fraction, shares};
use crate::rule;

type Annotations = BTreeMap<String, String>;

pub(super) fn check(subject: &Subject<'_>, issues: &mut Vec<Issue>) {
    if let Some(annotations) = &subject.written.metadata.annotations {
        misplaced(annotations, &field("metadata", "annotations"), issues);
    }
    let path = field("spec", "annotations");
    let all: Vec<_> = subject.predictors.iter().collect();
    sample(&subject.written.spec.annotations, &path, &all, issues);
    for predictor in &subject.predictors {
        let path = predictor.field("annotations");
        sample(&predictor.spec.annotations, &path, &[predictor], issues);
        for (index, pod) in predictor.spec.component_specs.iter().enumerate() {
            let annotations = pod.metadata.as_ref();
            let annotations = annotations.and_then(|metadata| metadata.annotations.as_ref());
            let path = item(&predictor.field("componentSpecs"), index);
            let path = field(&field(&path, "metadata"), "annotations");
            annotations.inspect(|annotations| misplaced(annotations, &path, issues));
        }
    }
}

/// Where the payloads of `unit` go is known.
pub(super) fn url(unit: &Unit<'_>, url: &str) -> Option<Issue> {
    if TARGETS.iter().any(|start| url.starts_with(start)) {
        return None;
    }
    let message = format!("payloads cannot be sent to `{url}`");
    let hint = "begin with `http://`, `https://`, `kafka://host:port`, `file:///`, `/` or `.`";
    let issue = Issue::error(
        rule::LOGGER_URL,
        field(&unit.field("logger"), "url"),
        message,
    );
    Some(issue.with_value(url).with_hint(hint))
}

fn misplaced(annotations: &Annotations, path: &str, issues: &mut Vec<Issue>) {
    for name in [PAYLOAD_LOG_SAMPLE, PAYLOAD_LOG_REDACT] {
        if annotations.contains_key(name) {
            let path = field(path, name);
            let issue = Issue::error(rule::MISPLACED_ANNOTATION, path, "it is not read here");
            issues.push(issue.with_hint("move it to `spec.annotations` or to the predictor's"));
        }
    }
}

fn sample(
    annotations: &Annotations,
    path: &str,
    predictors: &[&Predictor<'_>],
    issues: &mut Vec<Issue>,
) {
    let Some(text) = annotations.get(PAYLOAD_LOG_SAMPLE) else {
        return;
    };
    let path = field(path, PAYLOAD_LOG_SAMPLE);
    let names = || {
        let units = predictors.iter().flat_map(|predictor| &predictor.units);
        units.map(|unit| unit.spec.name.as_str())
    };
    for (node, share) in shares(text) {
        if let Some(node) = node.filter(|node| names().all(|name| name != *node)) {
            let message = format!("the graph has no node `{node}`");
            let issue = Issue::error(rule::UNKNOWN_NODE, &path, message).with_value(node);
            let hint = did_you_mean(node, names());
            issues.push(
                issue.with_hint(
                    hint.unwrap_or_else(|| format!("write a node of {}", listed(names()))),
                ),
            );
        }
        if fraction(share).is_none() {
            let message = format!("expected a share from 0 to 1, found `{share}`");
            let issue = Issue::error(rule::PAYLOAD_LOG_SHARE, &path, message).with_value(share);
            issues.push(issue.with_hint("write `0.1` for all nodes, or `node=0.1` with commas"));
        }
    }
}
