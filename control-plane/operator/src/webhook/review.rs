//! `AdmissionReview` of `admission.k8s.io`: what is asked, and what is answered.

use hari_api::{GROUP, Issue, KIND};
use hari_plan::Installation;
use serde::Deserialize;
use serde_json::{Value, json};

use super::judgement::{Judgement, judge};
use super::status;

/// Most warnings of a reply; the API server hands on no more than a few thousand letters.
const MAX_WARNINGS: usize = 16;
/// Letters of one warning that the API server hands on.
const LONGEST_WARNING: usize = 256;

/// What is asked.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Review {
    api_version: String,
    request: Asked,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    uid: String,
    #[serde(default)]
    kind: GroupKind,
    #[serde(default)]
    sub_resource: Option<String>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    operation: String,
    #[serde(default)]
    object: Option<Value>,
    #[serde(default)]
    old_object: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct GroupKind {
    group: String,
    kind: String,
}

/// What is answered, and a word for the metrics.
#[derive(Debug)]
pub(super) struct Answer {
    /// An `AdmissionReview`.
    pub(super) review: Value,
    /// `allowed`, `warned`, `unchanged`, `denied` or `failed`.
    pub(super) outcome: &'static str,
}

impl Review {
    /// # Errors
    /// When the body is no `AdmissionReview` with a request.
    pub(super) fn read(body: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(body)
    }

    /// The name of the object, for the log.
    pub(super) fn name(&self) -> &str {
        &self.request.name
    }

    /// The namespace of the object.
    pub(super) fn namespace(&self) -> &str {
        &self.request.namespace
    }

    /// Judges what is asked.
    pub(super) fn answer(&self, installation: &Installation) -> Answer {
        let Some(object) = self.subject() else {
            return self.allowed("allowed", &[]);
        };
        let before = self
            .request
            .old_object
            .as_ref()
            .filter(|before| !before.is_null());
        match judge(object, before, installation) {
            Judgement::Allowed(warnings) if warnings.is_empty() => self.allowed("allowed", &[]),
            Judgement::Allowed(warnings) => self.allowed("warned", &warnings),
            Judgement::Unchanged(errors) => self.allowed("unchanged", &errors),
            Judgement::Denied { errors, warnings } => self.denied(object, &errors, &warnings),
        }
    }

    /// The answer when the rules themselves fail.
    pub(super) fn unchecked(&self) -> Answer {
        let warning = "the deployment could not be checked: a fault of the operator, see its log";
        Answer {
            review: self.review(json!({"allowed": true, "warnings": [warning]})),
            outcome: "failed",
        }
    }

    /// The object that is to be stored, if it is one of ours.
    fn subject(&self) -> Option<&Value> {
        let asked = &self.request;
        let ours = asked.kind.group == GROUP && asked.kind.kind == KIND;
        let stored = matches!(&*asked.operation, "CREATE" | "UPDATE");
        let whole = asked.sub_resource.as_deref().unwrap_or_default().is_empty();
        let object = asked.object.as_ref().filter(|object| !object.is_null());
        object.filter(|_| ours && stored && whole)
    }

    fn allowed(&self, outcome: &'static str, issues: &[Issue]) -> Answer {
        let mut response = json!({"allowed": true});
        warn(&mut response, issues);
        Answer {
            review: self.review(response),
            outcome,
        }
    }

    fn denied(&self, object: &Value, errors: &[Issue], warnings: &[Issue]) -> Answer {
        let name = object.pointer("/metadata/name").and_then(Value::as_str);
        let name = name.unwrap_or(&self.request.name);
        let mut response = json!({"allowed": false, "status": status::invalid(name, errors)});
        warn(&mut response, warnings);
        Answer {
            review: self.review(response),
            outcome: "denied",
        }
    }

    fn review(&self, mut response: Value) -> Value {
        if let Some(fields) = response.as_object_mut() {
            fields.insert("uid".to_owned(), json!(self.request.uid));
        }
        json!({
            "apiVersion": self.api_version,
            "kind": "AdmissionReview",
            "response": response,
        })
    }
}

/// Adds warnings, as short as the API server wants them.
fn warn(response: &mut Value, issues: &[Issue]) {
    if issues.is_empty() {
        return;
    }
    let mut warnings: Vec<String> = issues.iter().take(MAX_WARNINGS).map(warning).collect();
    if issues.len() > MAX_WARNINGS {
        warnings.push(format!("and {} more", issues.len() - MAX_WARNINGS));
    }
    response["warnings"] = json!(warnings);
}

fn warning(issue: &Issue) -> String {
    let text = match &issue.path {
        path if path.is_empty() => status::detail(issue),
        path => format!("{path}: {}", status::detail(issue)),
    };
    match text.char_indices().nth(LONGEST_WARNING - 1) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
