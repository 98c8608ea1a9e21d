//! Fields of `spec` itself.

use hari_api::Issue;

use super::subject::Subject;
use super::{shortened, words};
use crate::rule;

pub(super) fn check(subject: &Subject<'_>, issues: &mut Vec<Issue>) {
    let spec = &subject.written.spec;
    let word = |rule, field: &str, message, error: &hari_api::UnknownValue| {
        Issue::error(rule, format!("spec.{field}"), message)
            .with_value(&error.found)
            .with_hint(format!(
                "found {:?}: {}",
                shortened(&error.found),
                words(error)
            ))
    };
    if let Err(error) = spec.protocol() {
        issues.push(word(
            rule::INVALID_PROTOCOL,
            "protocol",
            "Invalid protocol",
            &error,
        ));
    }
    if let Err(error) = spec.transport() {
        issues.push(word(
            rule::INVALID_TRANSPORT,
            "transport",
            "Invalid transport",
            &error,
        ));
    }
    if let Err(error) = spec.server_type() {
        issues.push(word(
            rule::INVALID_SERVER_TYPE,
            "serverType",
            "Invalid serverType",
            &error,
        ));
    }
    if spec.predictors.is_empty() {
        let transport = spec.transport.clone().unwrap_or_default();
        let issue = Issue::error(
            rule::NO_PREDICTORS,
            "spec.predictors",
            "Graph contains no predictors",
        );
        let hint = "add a predictor with a `name` and a `graph`";
        issues.push(issue.with_value(transport).with_hint(hint));
    }
}
