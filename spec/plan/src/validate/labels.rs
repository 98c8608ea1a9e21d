//! Names, as far as Kubernetes needs them to be of a form.

use std::collections::{HashMap, HashSet};

use hari_api::Issue;

use super::subject::{Predictor, Subject};
use crate::names::{MAX_LABEL, MAX_NAME, begins_a_service, is_label, is_name, to_label};
use crate::rule;

pub(super) fn check(subject: &Subject<'_>, issues: &mut Vec<Issue>) {
    issues.extend(deployment(subject));
    issues.extend(namespace(subject));
    for predictor in &subject.predictors {
        issues.extend(label(
            predictor.field("name"),
            "predictor",
            &predictor.spec.name,
        ));
        units(predictor, issues);
    }
}

fn deployment(subject: &Subject<'_>) -> Option<Issue> {
    let (path, name) = ("metadata.name", subject.written.name());
    if name.is_empty() {
        let issue = Issue::error(rule::MISSING_NAME, path, "the deployment has no name");
        return Some(issue.with_hint("add `name` below `metadata`: it is part of every URL"));
    }
    if !is_name(name) {
        let message = format!(
            "a name has up to {MAX_NAME} of a-z, 0-9, `-` and `.`, with a letter or digit at \
             both ends"
        );
        return Some(refused(path, message, name));
    }
    if !begins_a_service(name) {
        let message = "a Service's name begins with it, and has to begin with a letter and be \
                       without dots: a cluster refuses it";
        let issue = Issue::warning(rule::SERVICE_NAME, path, message).with_value(name);
        return Some(issue.with_hint("use a name that begins with a letter, without dots"));
    }
    None
}

fn namespace(subject: &Subject<'_>) -> Option<Issue> {
    label(
        "metadata.namespace".to_owned(),
        "namespace",
        subject.resource.namespace(),
    )
}

/// Names of units, where a container is named after them.
fn units(predictor: &Predictor<'_>, issues: &mut Vec<Issue>) {
    let mut seen: HashMap<&str, &str> = HashMap::new();
    let mut repeated: HashSet<&str> = HashSet::new();
    for unit in &predictor.units {
        let (path, name) = (unit.field("name"), unit.spec.name.as_str());
        match crate::catalogue::builtin(unit.implementation()) {
            Some(_) if !name.is_empty() => {}
            _ => issues.extend(label(path.clone(), "unit", name)),
        }
        if let Some(first) = seen.get(name) {
            if repeated.insert(name) {
                issues.push(duplicate(path, name, first));
            }
            continue;
        }
        seen.insert(name, &unit.path);
    }
}

fn duplicate(path: String, name: &str, first: &str) -> Issue {
    let message = "two units of the predictor have this name";
    Issue::error(rule::DUPLICATE_UNIT, path, message)
        .with_value(name)
        .with_hint(format!(
            "`{name}` is the name of {first} already: rename one of them"
        ))
}

fn label(path: String, what: &str, name: &str) -> Option<Issue> {
    if is_label(name) {
        return None;
    }
    let message = format!(
        "the name of a {what} has 1 to {MAX_LABEL} of a-z, 0-9 and `-`, with a letter or digit at \
         both ends"
    );
    Some(refused(path, message, name))
}

fn refused(path: impl Into<String>, message: String, name: &str) -> Issue {
    Issue::error(rule::INVALID_NAME, path, message)
        .with_value(name)
        .with_hint(format!("such as `{}`", to_label(name)))
}
