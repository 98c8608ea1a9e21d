//! The rules: everything that is wrong with a deployment, all at once.
//!
//! One file for each group; the rules by name are in [`crate::rule`].

mod annotations;
mod deployment;
mod explainer;
mod labels;
mod learners;
mod node_annotations;
mod parameters;
mod payload_log;
mod predictors;
mod python;
mod rollout;
mod scaling;
mod shape;
mod subject;
mod traffic;
mod transports;
mod units;

use hari_api::{Issue, MAX_ISSUES, SeldonDeployment, UnknownValue};

use crate::installation::Installation;
use subject::Subject;

/// Everything that is wrong with a deployment, without places: see `Document::locate`.
///
/// `written` is what the user wrote, `defaulted` the same with its defaults.
#[must_use]
pub(crate) fn validate(
    written: &SeldonDeployment,
    defaulted: &SeldonDeployment,
    installation: &Installation,
) -> Vec<Issue> {
    let subject = Subject::new(written, defaulted, installation);
    let mut issues = Vec::new();
    for group in GROUPS {
        group(&subject, &mut issues);
    }
    issues
}

/// The groups of rules, in the order in which they are best read.
const GROUPS: &[fn(&Subject<'_>, &mut Vec<Issue>)] = &[
    labels::check,
    deployment::check,
    predictors::check,
    traffic::check,
    shape::check,
    learners::check,
    units::check,
    transports::check,
    parameters::check,
    python::check,
    explainer::check,
    scaling::check,
    annotations::check,
    node_annotations::check,
    payload_log::check,
    rollout::check,
];

/// Whether enough is said: a hostile document is not searched for what was meant by each word.
fn enough(issues: &[Issue]) -> bool {
    issues.len() >= MAX_ISSUES
}

/// Most names listed in a hint.
const MAX_LISTED: usize = 8;

/// Names for a hint; the first few, if there are many.
fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut names: Vec<&str> = names.into_iter().take(MAX_LISTED + 1).collect();
    if names.len() > MAX_LISTED {
        names.truncate(MAX_LISTED);
        names.push("...");
    }
    names.join(", ")
}

/// The hint for a word that is not known: the nearest, and all.
fn words(error: &UnknownValue) -> String {
    let known = error.known.join(", ");
    match error.suggestion() {
        Some(meant) => format!("did you mean `{meant}`? Known are {known}"),
        None => format!("known are {known}"),
    }
}

/// The nearest of the known names, as a question, if one is near.
fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let meant = hari_api::nearest(name, known)?;
    Some(format!("did you mean `{meant}`?"))
}

/// The start of a value, for a message.
fn shortened(value: &str) -> String {
    match value.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", value.get(..end).unwrap_or_default()),
        None => value.to_owned(),
    }
}

/// An error of a field with a word that is not known.
fn unknown_word(rule: &'static str, path: String, error: &UnknownValue) -> Issue {
    let message = format!("unknown {} {:?}", error.what, shortened(&error.found));
    Issue::error(rule, path, message)
        .with_value(&error.found)
        .with_hint(words(error))
}
