//! Annotations that say something of single nodes: the nodes are there, the values are known, and
//! what is said has an effect.

use std::collections::BTreeMap;

use hari_api::path::{field, item};
use hari_api::{Issue, Method, Protocol, Transport, UnitType, UnknownValue};

use super::subject::{Predictor, Subject, Unit};
use super::{did_you_mean, enough, listed, unknown_word};
use crate::contract::annotation::{
    NODE_PROTOCOL, NODE_TLS, NODE_TRANSPORT, ON_FAILURE, PYTHON_CLASS, per_node,
};
use crate::{catalogue, rule};

/// What [`ON_FAILURE`] may say.
const POLICIES: &[&str] = &["fail", "continue"];
/// What [`NODE_TLS`] may say.
const SWITCH: &[&str] = &["on", "off"];

/// Annotations of nodes, with what each may say.
const SETTINGS: [(&str, Word); 5] = [
    (ON_FAILURE, |word| one_of("policy", POLICIES, word)),
    (NODE_PROTOCOL, |word| word.parse::<Protocol>().map(drop)),
    (NODE_TRANSPORT, |word| word.parse::<Transport>().map(drop)),
    (NODE_TLS, |word| one_of("switch", SWITCH, word)),
    // A class that is not there is said when it is loaded.
    (PYTHON_CLASS, |_| Ok(())),
];

type Word = fn(&str) -> Result<(), UnknownValue>;

fn one_of(
    what: &'static str,
    known: &'static [&'static str],
    word: &str,
) -> Result<(), UnknownValue> {
    if known.contains(&word) {
        return Ok(());
    }
    Err(UnknownValue {
        what,
        found: word.to_owned(),
        known,
    })
}

pub(super) fn check(subject: &Subject<'_>, issues: &mut Vec<Issue>) {
    let whole = Written {
        annotations: &subject.written.spec.annotations,
        path: field("spec", "annotations"),
        predictors: subject.predictors.iter().collect(),
    };
    whole.check(issues);
    for predictor in &subject.predictors {
        for written in of_predictor(predictor) {
            written.check(issues);
        }
    }
}

/// The predictor's own annotations and those of its first pod: the others are not read.
fn of_predictor<'a>(predictor: &'a Predictor<'a>) -> Vec<Written<'a>> {
    let written = |annotations, path| Written {
        annotations,
        path,
        predictors: vec![predictor],
    };
    let own = written(&predictor.spec.annotations, predictor.field("annotations"));
    let pod = predictor.spec.component_specs.first();
    let pod = pod.and_then(|pod| pod.metadata.as_ref()?.annotations.as_ref());
    let first = item(&predictor.field("componentSpecs"), 0);
    let path = field(&field(&first, "metadata"), "annotations");
    [own]
        .into_iter()
        .chain(pod.map(|pod| written(pod, path)))
        .collect()
}

/// Annotations in one place, and the predictors that they are read for.
struct Written<'a> {
    annotations: &'a BTreeMap<String, String>,
    path: String,
    predictors: Vec<&'a Predictor<'a>>,
}

impl Written<'_> {
    fn check(&self, issues: &mut Vec<Issue>) {
        for (name, word) in SETTINGS {
            let Some(text) = self.annotations.get(name) else {
                continue;
            };
            let path = field(&self.path, name);
            for (node, value) in per_node(text) {
                if enough(issues) {
                    return;
                }
                issues.extend(self.unknown_node(node, &path));
                if let Err(error) = word(value) {
                    let issue = unknown_word(rule::NODE_SETTING, path.clone(), &error);
                    issues.push(said_of(node, issue));
                }
            }
            if name == ON_FAILURE {
                issues.extend(self.idle(text, &path));
            }
        }
    }

    fn units(&self) -> impl Iterator<Item = &Unit<'_>> {
        self.predictors
            .iter()
            .flat_map(|predictor| &predictor.units)
    }

    fn unknown_node(&self, node: &str, path: &str) -> Option<Issue> {
        let names = || self.units().map(|unit| unit.spec.name.as_str());
        if names().any(|name| name == node) {
            return None;
        }
        let message = format!("the graph has no node `{node}`");
        let hint = did_you_mean(node, names())
            .unwrap_or_else(|| format!("write `node=value` with a node of {}", listed(names())));
        let issue = Issue::error(rule::UNKNOWN_NODE, path, message);
        Some(issue.with_value(node).with_hint(hint))
    }

    /// Nodes that are told to be left out though nothing can stand in for them.
    fn idle(&self, text: &str, path: &str) -> Vec<Issue> {
        let spared = |node: &str| per_node(text).any(|said| said == (node, "continue"));
        let mut issues = Vec::new();
        for unit in self.units().filter(|unit| spared(&unit.spec.name)) {
            if transforms(unit) || self.has_siblings(unit) {
                continue;
            }
            let name = &unit.spec.name;
            let message = format!("nothing stands in for `{name}`: its failure fails the request");
            let hint = "only transformers, and one of several children, can be done without";
            let issue = Issue::warning(rule::NODE_SETTING_IDLE, path, message);
            issues.push(issue.with_value(name).with_hint(hint));
        }
        issues
    }

    fn has_siblings(&self, unit: &Unit<'_>) -> bool {
        let parent = |other: &&Unit<'_>| {
            let children = other.spec.children.iter();
            other.spec.children.len() > 1
                && children
                    .into_iter()
                    .any(|child| std::ptr::eq(child, unit.spec))
        };
        self.units().any(|other| parent(&other))
    }
}

/// Whether the node's own call can be skipped.
fn transforms(unit: &Unit<'_>) -> bool {
    if catalogue::builtin(unit.implementation()).is_some() {
        return false;
    }
    let kind = unit.spec.unit_type().ok().flatten();
    let methods = unit.spec.unit_methods().unwrap_or_default();
    matches!(
        kind,
        Some(UnitType::Transformer | UnitType::OutputTransformer)
    ) || methods
        .iter()
        .any(|method| matches!(method, Method::TransformInput | Method::TransformOutput))
}

fn said_of(node: &str, issue: Issue) -> Issue {
    Issue {
        message: format!("node `{node}`: {}", issue.message),
        ..issue
    }
}
