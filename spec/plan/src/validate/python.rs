//! Python classes: their names, the arguments of their constructors, their workers and memory.

use hari_api::Issue;
use hari_api::path::{field, item};

use super::subject::{Predictor, Subject, Unit};
use super::{enough, shortened};
use crate::contract::annotation;
use crate::lower::python::{MAX_WORKERS, MODEL_NAME, Overlay, WORKERS};
use crate::{catalogue, rule};

pub(super) fn check(subject: &Subject<'_>, issues: &mut Vec<Issue>) {
    for predictor in &subject.predictors {
        for unit in &predictor.units {
            if enough(issues) {
                return;
            }
            if catalogue::is_python(Some(unit.implementation())) {
                arguments(unit, issues);
                container(predictor, unit, issues);
            }
        }
    }
    for annotated in classes(subject) {
        issues.extend(annotated);
    }
}

/// Arguments are given by name: it has to be one of Python's.
fn arguments(unit: &Unit<'_>, issues: &mut Vec<Issue>) {
    for (index, parameter) in unit.spec.parameters.iter().enumerate() {
        if is_name(&parameter.name) {
            continue;
        }
        let found = shortened(&parameter.name);
        let message = format!("expected the name of an argument of the class, found {found:?}");
        let path = field(&item(&unit.field("parameters"), index), "name");
        let issue = Issue::error(rule::PYTHON, path, message).with_value(&parameter.name);
        issues.push(issue.with_hint("use letters, digits and `_`, as in `threshold`"));
    }
}

/// What the container of the unit says.
fn container(predictor: &Predictor<'_>, unit: &Unit<'_>, issues: &mut Vec<Issue>) {
    let overlay = Overlay::of(predictor.spec, &unit.spec.name);
    // The container has no place of its own here: the unit is where it is told.
    let path = || unit.field("implementation");
    let mut refuse = |what: &str, found: &str, expected: &str| {
        let message = format!(
            "expected {what} to be {expected}, found {:?}",
            shortened(found)
        );
        let hint = format!("change it in the container `{}`", unit.spec.name);
        let issue = Issue::error(rule::PYTHON, path(), message).with_value(found);
        issues.push(issue.with_hint(hint));
    };
    if let Some(class) = overlay.class().filter(|class| !is_class(class)) {
        refuse(MODEL_NAME, class, "`Module` or `package.module.Class`");
    }
    if let Err(found) = overlay.workers() {
        let expected = format!("a whole number from 1 to {MAX_WORKERS}");
        refuse(WORKERS, found, &expected);
    }
    if let Err(found) = overlay.memory() {
        refuse("`resources.limits.memory`", found, "bytes, such as `512Mi`");
    }
    let elsewhere = overlay
        .variables()
        .iter()
        .filter(|one| one.value_from.is_some());
    issues.extend(elsewhere.map(|one| {
        let message = format!(
            "the variable {} comes from the cluster: it is not set on this machine",
            one.name
        );
        let issue = Issue::warning(rule::NEEDS_CLUSTER, path(), message).with_value(&one.name);
        issue.with_hint(format!(
            "set it before `hari run`: workers inherit {}",
            one.name
        ))
    }));
}

/// The annotation, wherever it is read.
fn classes<'a>(subject: &'a Subject<'_>) -> impl Iterator<Item = Option<Issue>> + 'a {
    let resource = subject.written;
    let spec = [("spec".to_owned(), &resource.spec.annotations)];
    let predictors = subject.predictors.iter();
    let predictors = predictors.map(|one| (one.path.clone(), &one.spec.annotations));
    spec.into_iter()
        .chain(predictors)
        .map(|(parent, annotations)| {
            let text = annotations.get(annotation::PYTHON_CLASS)?;
            let (node, class) = annotation::per_node(text).find(|(_, class)| !is_class(class))?;
            let message = format!(
                "node `{}`: expected `Module` or `package.module.Class`, found {:?}",
                shortened(node),
                shortened(class)
            );
            let path = field(&field(&parent, "annotations"), annotation::PYTHON_CLASS);
            let issue = Issue::error(rule::PYTHON, path, message).with_value(text);
            Some(issue.with_hint("write `node=Class`, with commas between nodes"))
        })
}

fn is_class(text: &str) -> bool {
    text.split('.').all(is_name)
}

fn is_name(text: &str) -> bool {
    let digit = text.starts_with(|first: char| first.is_numeric());
    let word = |letter: char| letter == '_' || letter.is_alphanumeric();
    !text.is_empty() && !digit && text.chars().all(word)
}
