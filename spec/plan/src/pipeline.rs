//! The way from documents to plans.

use std::collections::HashMap;

use hari_api::{Document, Issue, MAX_ISSUES, SeldonDeployment, parse};
use serde_json::Value;

use crate::defaults::defaulted;
use crate::installation::Installation;
use crate::lower::lower;
use crate::plan::Plan;
use crate::rule;
use crate::validate::validate;

/// Plans of documents, and everything that is wrong with them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Planned {
    /// The deployments without errors.
    pub deployments: Vec<Plan>,
    /// By document and line. Warnings may concern deployments that are planned.
    pub issues: Vec<Issue>,
}

impl Planned {
    /// Whether any document has an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.issues.iter().any(Issue::is_error)
    }
}

/// Plans every document, with the servers of the catalogue.
#[must_use]
pub fn plan(documents: &[Document]) -> Planned {
    plan_with(documents, &Installation::default())
}

/// Plans every document, with the servers of an installation.
#[must_use]
pub fn plan_with(documents: &[Document], installation: &Installation) -> Planned {
    let mut planned = Planned::default();
    let mut names = HashMap::new();
    for document in documents {
        let (resource, mut issues) = parse(document);
        if let Some(resource) = resource {
            issues.extend(duplicate(&resource, document, &mut names));
            let planner = Planner {
                document,
                installation,
            };
            planned
                .deployments
                .extend(planner.plan(&resource, &mut issues));
        }
        issues.sort_by_key(|issue| (issue.line, issue.column));
        planned.issues.extend(issues);
    }
    planned
}

/// Plans a resource that comes from no file: the operator's, or one made by a program. The plan is
/// there unless one of the issues is an error.
#[must_use]
pub fn plan_resource(
    resource: &SeldonDeployment,
    installation: &Installation,
) -> (Option<Plan>, Vec<Issue>) {
    let mut issues = Vec::new();
    let planner = Planner {
        document: &Document::from_value(Value::Null),
        installation,
    };
    let plan = planner.plan(resource, &mut issues);
    (plan, issues)
}

/// What a plan depends on beside the resource.
struct Planner<'a> {
    document: &'a Document,
    installation: &'a Installation,
}

impl Planner<'_> {
    /// Adds what is wrong to the issues; a plan is there unless one of them is an error.
    fn plan(&self, resource: &SeldonDeployment, issues: &mut Vec<Issue>) -> Option<Plan> {
        let complete = defaulted(resource, self.installation);
        let mut found = validate(resource, &complete, self.installation);
        found.retain(|issue| !issues.iter().any(|other| covers(other, issue)));
        shorten(&mut found);
        issues.extend(found.into_iter().map(|issue| self.document.locate(issue)));
        let sound = !issues.iter().any(Issue::is_error);
        sound.then(|| {
            lower(
                (resource, complete),
                origin(self.document),
                self.installation,
            )
        })
    }
}

/// Keeps as many issues as anyone reads, errors first. What is left out may be an error, or was
/// never looked for: so the rest counts as one.
fn shorten(issues: &mut Vec<Issue>) {
    if issues.len() < MAX_ISSUES {
        return;
    }
    issues.sort_by_key(|issue| !issue.is_error());
    issues.truncate(MAX_ISSUES);
    let message = format!("there are more than {MAX_ISSUES} issues: the rest is left out");
    let more = Issue::error(rule::TOO_MANY_ISSUES, "spec", message);
    issues.push(more.with_hint("mend these first"));
}

/// Whether an issue is but a consequence of another: a field that could not be read is missing.
fn covers(other: &Issue, issue: &Issue) -> bool {
    let Some(rest) = issue.path.strip_prefix(&other.path) else {
        return false;
    };
    other.is_error() && !other.path.is_empty() && (rest.is_empty() || rest.starts_with(['.', '[']))
}

/// The places of a document, without what it says.
fn origin(document: &Document) -> Document {
    Document {
        file: document.file.clone(),
        index: document.index,
        value: Value::Null,
        positions: document.positions.clone(),
        issues: Vec::new(),
    }
}

fn duplicate(
    resource: &SeldonDeployment,
    document: &Document,
    names: &mut HashMap<(String, String), String>,
) -> Option<Issue> {
    if resource.name().is_empty() {
        return None;
    }
    let key = (resource.namespace().to_owned(), resource.name().to_owned());
    let place = format!("{} document {}", document.file, document.index + 1);
    let first = names.get(&key).cloned();
    names.entry(key).or_insert(place);
    let message = "another deployment of the namespace has this name";
    let issue = Issue::error(rule::DUPLICATE_DEPLOYMENT, "metadata.name", message)
        .with_value(resource.name());
    Some(document.locate(issue.with_hint(format!("it is in {}: rename one", first?))))
}

#[cfg(test)]
mod tests;
