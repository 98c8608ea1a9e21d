//! Predictors side by side: names, shadows, Kafka, graphs without an orchestrator.

use std::collections::HashSet;

use hari_api::path::field;
use hari_api::{Issue, ServerType};

use super::subject::{Predictor, Subject};
use crate::contract::{annotation, env};
use crate::rule;

pub(super) fn check(subject: &Subject<'_>, issues: &mut Vec<Issue>) {
    duplicates(subject, issues);
    shadows(subject, issues);
    let kafka = subject.resource.spec.server_type() == Ok(ServerType::Kafka);
    for predictor in &subject.predictors {
        if kafka {
            issues.extend(kafka_environment(predictor));
        }
        issues.extend(no_engine(predictor));
    }
}

fn duplicates(subject: &Subject<'_>, issues: &mut Vec<Issue>) {
    let mut names = HashSet::new();
    let mut services = HashSet::new();
    for predictor in &subject.predictors {
        let name = predictor.spec.name.as_str();
        if !names.insert(name) {
            let path = predictor.field("name");
            let issue = Issue::error(rule::DUPLICATE_PREDICTOR, path, "Duplicate predictor name");
            let hint = format!("another predictor is called `{name}`: rename one of them");
            issues.push(issue.with_value(name).with_hint(hint));
        }
        match predictor.spec.annotations.get(annotation::SERVICE_NAME) {
            Some(service) if !services.insert(service) => {
                issues.push(duplicate_service(predictor, service));
            }
            _ => {}
        }
    }
}

fn duplicate_service(predictor: &Predictor<'_>, service: &str) -> Issue {
    let key = annotation::SERVICE_NAME;
    let message = format!("Found duplicate service name in {key} with value {service}");
    let path = field(&predictor.field("annotations"), key);
    Issue::error(rule::DUPLICATE_SERVICE_NAME, path, message)
        .with_value(&predictor.spec.name)
        .with_hint("give each predictor a Service of its own")
}

fn shadows(subject: &Subject<'_>, issues: &mut Vec<Issue>) {
    let is_shadow = |predictor: &&Predictor<'_>| predictor.spec.is_shadow();
    if let [only] = subject.predictors.as_slice()
        && only.spec.is_shadow()
    {
        let message = "Shadow can not exist as only predictor";
        let issue = Issue::error(rule::ONLY_SHADOW, only.field("shadow"), message);
        let hint = "add the predictor whose requests it gets a copy of";
        issues.push(issue.with_value(&only.spec.name).with_hint(hint));
    }
    for further in subject.predictors.iter().filter(is_shadow).skip(1) {
        let message = "Multiple shadows are not allowed";
        let issue = Issue::error(rule::SEVERAL_SHADOWS, further.field("shadow"), message);
        let hint = "leave `shadow: true` at one predictor";
        issues.push(issue.with_value(&further.spec.name).with_hint(hint));
    }
}

fn kafka_environment(predictor: &Predictor<'_>) -> Option<Issue> {
    let orchestrator = predictor.spec.svc_orch_spec.as_ref();
    let entries = orchestrator.map_or(&[][..], |spec| &spec.env);
    let has = |name: &&&str| entries.iter().any(|entry| entry.name == **name);
    let missing: Vec<&str> = env::KAFKA
        .iter()
        .filter(|name| !has(name))
        .copied()
        .collect();
    if missing.is_empty() {
        return None;
    }
    let message = format!(
        "For kafka please supply svcOrchSpec envs {}",
        env::KAFKA.join(", ")
    );
    let issue = Issue::error(
        rule::KAFKA_ENVIRONMENT,
        predictor.field("svcOrchSpec"),
        message,
    )
    .with_value(&predictor.spec.name);
    Some(issue.with_hint(format!("add {} to `svcOrchSpec.env`", missing.join(", "))))
}

/// Any value of the annotation counts: so it does in a cluster.
fn no_engine(predictor: &Predictor<'_>) -> Option<Issue> {
    let key = annotation::NO_ENGINE;
    if !predictor.spec.annotations.contains_key(key) || predictor.units.len() <= 1 {
        return None;
    }
    let message = "Running without engine only valid for single element graphs";
    let path = field(&predictor.field("annotations"), key);
    let issue = Issue::error(rule::NO_ENGINE_GRAPH, path, message).with_value(&predictor.spec.name);
    let units = predictor.units.len();
    Some(issue.with_hint(format!(
        "the graph has {units} units: remove the annotation"
    )))
}
