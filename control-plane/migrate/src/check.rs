//! A check of documents, or of what was seen in a cluster.

use hari_api::{Document, Issue, KIND, SeldonDeployment, parse};
use hari_plan::rule::{Level, RULES};
use hari_plan::{Installation, Plan, plan_with};
use hari_render::{ExplainerImages, Object, Settings, Surroundings, render};
use serde_json::Value;

use crate::deployment::{self, Subject};
use crate::difference::{INVALID, NOT_RENDERED, STRICTER, WARNED};
use crate::installed::{self, Installed};
use crate::live;
use crate::report::{Checked, Note, Report};

/// What was seen in a cluster.
#[derive(Clone, Debug, Default)]
pub struct Surveyed {
    /// The SeldonDeployments, as the API server has them.
    pub resources: Vec<Value>,
    /// Objects that belong to them: Deployments, Services, autoscalers, budgets, routes.
    pub objects: Vec<Value>,
    /// The operator, its configuration, ingresses and accounts.
    pub installed: Installed,
    /// What Hari's operator would make of the same environment and ConfigMap.
    pub settings: Settings,
    /// Servers and ports of the same.
    pub servers: Installation,
}

/// An installation that is not looked at: the original's chart as it comes, with KEDA or without.
#[must_use]
pub fn assumed(keda: bool) -> Settings {
    Settings {
        keda,
        explainer: ExplainerImages {
            image: Some("seldonio/alibiexplainer:1.19.0-dev".to_owned()),
            image_v2: Some("seldonio/mlserver:1.6.1-alibi-explain".to_owned()),
        },
        ..Settings::default()
    }
}

/// Checks every SeldonDeployment among the documents; the others are counted.
#[must_use]
pub fn documents(documents: &[Document], settings: &Settings, servers: &Installation) -> Report {
    let mut report = Report::default();
    for document in documents {
        match document.kind() {
            KIND => {
                let (checked, _) = one(document, settings, servers);
                report.deployments.push(checked.judged());
            }
            "" => *report.skipped.entry("no kind".to_owned()).or_default() += 1,
            other => *report.skipped.entry(other.to_owned()).or_default() += 1,
        }
    }
    report
}

/// Checks every SeldonDeployment of a cluster, with the objects that it has there.
#[must_use]
pub fn cluster(surveyed: Surveyed) -> Report {
    let mut report = Report::default();
    let mut installed = surveyed.installed;
    for resource in &surveyed.resources {
        let document = Document::from_value(without_status(resource));
        let (mut checked, planned) = one(&document, &surveyed.settings, &surveyed.servers);
        if let Some((plan, objects)) = planned {
            let found = live::compare(&plan, &objects, &surveyed.objects);
            checked.notes.extend(live::notes(&found));
            checked.notes.extend(installed::missing(&plan, &installed));
            checked.objects = found;
        }
        report.deployments.push(checked.judged());
    }
    installed
        .notes
        .extend(installed::notes(&installed, &surveyed.settings));
    report.installed = Some(installed);
    report
}

/// What the API server adds is no part of what a user wrote.
fn without_status(resource: &Value) -> Value {
    let mut resource = resource.clone();
    if let Some(fields) = resource.as_object_mut() {
        fields.remove("status");
    }
    resource
}

type Rendered = Option<(Plan, Vec<Object>)>;

fn one(document: &Document, settings: &Settings, servers: &Installation) -> (Checked, Rendered) {
    let (written, _) = parse(document);
    let planned = plan_with(std::slice::from_ref(document), servers);
    let mut checked = Checked {
        name: name(&document.value),
        file: document.file.clone(),
        line: document.positions.nearest("").map(|position| position.line),
        notes: planned.issues.iter().map(of_issue).collect(),
        ..Checked::default()
    };
    let (Some(written), [plan]) = (written, planned.deployments.as_slice()) else {
        return (checked, None);
    };
    let mut rendered = None;
    match render(plan, settings, &Surroundings::default()) {
        Ok(objects) => rendered = Some((plan.clone(), objects)),
        Err(issues) => checked.notes.extend(
            issues
                .iter()
                .map(|issue| Note::of_issue(&NOT_RENDERED, issue)),
        ),
    }
    let notes = differences(plan, &written, settings, servers);
    let located = notes.into_iter().map(|note| located(note, plan));
    checked.notes.extend(located);
    (checked, rendered)
}

fn differences(
    plan: &Plan,
    written: &SeldonDeployment,
    settings: &Settings,
    servers: &Installation,
) -> Vec<Note> {
    let subject = Subject {
        plan,
        written,
        settings,
        servers,
    };
    deployment::notes(&subject)
}

/// Gives a note its line.
fn located(mut note: Note, plan: &Plan) -> Note {
    let issue = plan.locate(Issue::warning("place", note.path.clone(), ""));
    note.line = note.line.or(issue.line);
    note
}

/// An issue as a difference: does the original refuse it as well?
fn of_issue(issue: &Issue) -> Note {
    let rule = RULES.iter().find(|rule| rule.name == issue.rule);
    let row = match rule.map(|rule| rule.level) {
        _ if !issue.is_error() => &WARNED,
        Some(Level::Spec | Level::Predictor | Level::Unit) => &INVALID,
        Some(Level::Field) | None => &STRICTER,
    };
    Note::of_issue(row, issue)
}

/// `namespace/name`, as far as they are written.
fn name(value: &Value) -> String {
    let text = |pointer: &str, or: &str| {
        let found = value.pointer(pointer).and_then(Value::as_str);
        found
            .filter(|text| !text.is_empty())
            .unwrap_or(or)
            .to_owned()
    };
    let namespace = text("/metadata/namespace", "default");
    format!("{namespace}/{}", text("/metadata/name", "(no name)"))
}
