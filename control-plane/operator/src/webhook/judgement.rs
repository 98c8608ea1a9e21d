//! Whether an object may be stored.

use hari_api::{Document, Issue};
use hari_plan::{Installation, plan_with};
use serde_json::Value;

/// What is to be done with an object.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Judgement {
    /// Stored, with what is probably not meant.
    Allowed(Vec<Issue>),
    /// It was invalid before, and its spec is as it was: stored, so that it can be labelled, and
    /// deleted.
    Unchanged(Vec<Issue>),
    /// Not stored.
    Denied {
        /// All that is wrong.
        errors: Vec<Issue>,
        /// What is probably not meant.
        warnings: Vec<Issue>,
    },
}

/// Judges an object; `before` is the one that it takes the place of.
pub(super) fn judge(
    object: &Value,
    before: Option<&Value>,
    installation: &Installation,
) -> Judgement {
    if object
        .pointer("/metadata/deletionTimestamp")
        .is_some_and(|at| !at.is_null())
    {
        return Judgement::Allowed(Vec::new());
    }
    let (errors, warnings) = issues(object, installation);
    if errors.is_empty() {
        return Judgement::Allowed(warnings);
    }
    let no_worse = before.is_some_and(|before| {
        let (known, _) = issues(before, installation);
        object.get("spec") == before.get("spec") && errors.iter().all(|error| known.contains(error))
    });
    match no_worse {
        true => Judgement::Unchanged(errors),
        false => Judgement::Denied { errors, warnings },
    }
}

/// Errors and warnings.
fn issues(object: &Value, installation: &Installation) -> (Vec<Issue>, Vec<Issue>) {
    let document = Document::from_value(object.clone());
    let planned = plan_with(std::slice::from_ref(&document), installation);
    planned.issues.into_iter().partition(Issue::is_error)
}
