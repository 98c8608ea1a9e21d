//! Explainers.

use hari_api::path::field;
use hari_api::{Explainer, Issue};

use super::subject::Subject;
use super::unknown_word;
use crate::rule;

pub(super) fn check(subject: &Subject<'_>, issues: &mut Vec<Issue>) {
    for predictor in &subject.predictors {
        let path = predictor.field("explainer");
        let Some(explainer) = &predictor.spec.explainer else {
            continue;
        };
        if let Err(error) = explainer.explainer_type() {
            issues.push(unknown_word(
                rule::UNKNOWN_EXPLAINER,
                field(&path, "type"),
                &error,
            ));
        }
        issues.extend(parameters(explainer, &path));
    }
}

fn parameters(explainer: &Explainer, path: &str) -> Option<Issue> {
    let text = explainer.init_parameters.as_deref()?;
    let object = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text);
    if text.is_empty() || object.is_ok() {
        return None;
    }
    let message = "initParameters is the text of a JSON object";
    let issue = Issue::error(
        rule::EXPLAINER_PARAMETERS,
        field(path, "initParameters"),
        message,
    );
    Some(
        issue
            .with_value(text)
            .with_hint("such as '{\"threshold\": 0.95}'"),
    )
}
