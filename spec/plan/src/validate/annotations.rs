//! Annotations: known ones where they are read, with the numbers they should hold.

use std::collections::BTreeMap;

use hari_api::Issue;
use hari_api::path::{field, item};

use super::subject::Subject;
use super::{did_you_mean, enough};
use crate::contract::annotation::{self, Annotation, Content, Place};
use crate::rule;

/// Where annotations can be written.
#[derive(Clone, Copy, PartialEq)]
enum Home {
    Metadata,
    Spec,
    Predictor,
    Pod,
}

pub(super) fn check(subject: &Subject<'_>, issues: &mut Vec<Issue>) {
    let resource = subject.written;
    if let Some(annotations) = &resource.metadata.annotations {
        all(annotations, Home::Metadata, "metadata", issues);
    }
    all(&resource.spec.annotations, Home::Spec, "spec", issues);
    for predictor in &subject.predictors {
        all(
            &predictor.spec.annotations,
            Home::Predictor,
            &predictor.path,
            issues,
        );
        for (index, pod) in predictor.spec.component_specs.iter().enumerate() {
            let path = item(&predictor.field("componentSpecs"), index);
            let metadata = pod.metadata.as_ref();
            if let Some(annotations) = metadata.and_then(|metadata| metadata.annotations.as_ref()) {
                all(annotations, Home::Pod, &field(&path, "metadata"), issues);
            }
        }
    }
}

fn all(annotations: &BTreeMap<String, String>, home: Home, parent: &str, issues: &mut Vec<Issue>) {
    let ours = |name: &str| {
        annotation::PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix))
    };
    let parent = field(parent, "annotations");
    for (name, text) in annotations.iter().filter(|(name, _)| ours(name)) {
        if enough(issues) {
            return;
        }
        let path = field(&parent, name);
        match annotation::find(name) {
            Some(found) => {
                let issue = misplaced(found, home, &path);
                issues.extend(issue.or_else(|| number(found, text, &path)));
            }
            None if home == Home::Spec && name.starts_with(annotation::ENGINE_PREFIX) => {}
            None => issues.push(unknown(name, &path)),
        }
    }
}

fn number(annotation: &Annotation, text: &str, path: &str) -> Option<Issue> {
    if annotation.content == Content::Text || annotation::number(text).is_some() {
        return None;
    }
    let rule = rule::ANNOTATION_NUMBER;
    let message = format!("expected a whole number from 0, found {text:?}");
    let issue = match annotation.content {
        Content::LooseNumber => Issue::warning(rule, path, format!("{message}: it is ignored")),
        Content::Number | Content::Text => Issue::error(rule, path, message),
    };
    let hint = format!("write the number of {}", annotation.doc);
    Some(issue.with_value(text).with_hint(hint))
}

fn misplaced(annotation: &Annotation, home: Home, path: &str) -> Option<Issue> {
    let (good, wanted) = match annotation.place {
        Place::Anywhere => return None,
        Place::Graph => (
            home != Home::Metadata,
            "`spec.annotations`, or to the predictor's",
        ),
        Place::Spec => (home == Home::Spec, "`spec.annotations`"),
        Place::Resource => (
            matches!(home, Home::Spec | Home::Metadata),
            "`spec.annotations`",
        ),
        Place::Predictor => (home == Home::Predictor, "`annotations` of a predictor"),
    };
    if good {
        return None;
    }
    let issue = Issue::warning(rule::MISPLACED_ANNOTATION, path, "it is not read here");
    Some(issue.with_hint(format!("move it to {wanted}")))
}

fn unknown(name: &str, path: &str) -> Issue {
    let known = annotation::ALL.iter().map(|annotation| annotation.name);
    let hint = did_you_mean(name, known);
    let issue = Issue::warning(
        rule::UNKNOWN_ANNOTATION,
        path,
        "nothing reads this annotation",
    );
    issue.with_hint(hint.unwrap_or_else(|| "remove it, or use a prefix of your own".to_owned()))
}
