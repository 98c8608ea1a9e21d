//! Shares of the requests, and numbers of replicas.

use hari_api::Issue;
use hari_api::path::{field, item};

use super::listed;
use super::subject::{Predictor, Subject};
use crate::rule;

pub(super) fn check(subject: &Subject<'_>, issues: &mut Vec<Issue>) {
    issues.extend(subject.predictors.iter().filter_map(range));
    issues.extend(sum(subject));
    issues.extend(single(subject));
    replicas(subject, issues);
}

fn traffic(predictor: &Predictor<'_>) -> i64 {
    predictor.spec.traffic.unwrap_or_default().into()
}

fn range(predictor: &Predictor<'_>) -> Option<Issue> {
    let traffic = traffic(predictor);
    if (0..=100).contains(&traffic) {
        return None;
    }
    let path = predictor.field("traffic");
    let hint = format!("found {traffic}: write a share in percent");
    Some(match predictor.spec.is_shadow() {
        true => {
            let message =
                "shadow traffic is illegal, the traffic number should be between [0, 100]";
            let issue = Issue::error(rule::SHADOW_TRAFFIC, path, message);
            issue.with_value(&predictor.spec.name).with_hint(hint)
        }
        false => Issue::error(
            rule::TRAFFIC_RANGE,
            path,
            "traffic is a percentage from 0 to 100",
        )
        .with_value(traffic.to_string())
        .with_hint(hint),
    })
}

fn sum(subject: &Subject<'_>) -> Option<Issue> {
    let serving: Vec<&Predictor<'_>> = subject
        .predictors
        .iter()
        .filter(|predictor| !predictor.spec.is_shadow())
        .collect();
    let total: i64 = serving.iter().map(|predictor| traffic(predictor)).sum();
    if serving.len() < 2 || total == 100 {
        return None;
    }
    let shares: Vec<String> = serving
        .iter()
        .map(|predictor| format!("{} {}", predictor.spec.name, traffic(predictor)))
        .collect();
    let message = "Traffic must sum to 100 for multiple predictors";
    let issue = Issue::error(rule::TRAFFIC_SUM, "spec.predictors", message)
        .with_value(&serving.first()?.spec.name);
    Some(issue.with_hint(format!(
        "the sum is {total}: {}",
        listed(shares.iter().map(String::as_str))
    )))
}

fn single(subject: &Subject<'_>) -> Option<Issue> {
    let [only] = subject.predictors.as_slice() else {
        return None;
    };
    let traffic = traffic(only);
    if !(1..100).contains(&traffic) {
        return None;
    }
    let message = "Traffic must sum be 100 for a single predictor when set";
    let issue = Issue::error(rule::SINGLE_TRAFFIC, only.field("traffic"), message)
        .with_value(&only.spec.name);
    Some(issue.with_hint(format!("found {traffic}: write 100, or leave it out")))
}

fn replicas(subject: &Subject<'_>, issues: &mut Vec<Issue>) {
    issues.extend(negative("spec", subject.written.spec.replicas));
    for predictor in &subject.predictors {
        issues.extend(negative(&predictor.path, predictor.spec.replicas));
        let pods = predictor.spec.component_specs.iter().enumerate();
        issues.extend(pods.filter_map(|(index, pod)| {
            negative(
                &item(&predictor.field("componentSpecs"), index),
                pod.replicas,
            )
        }));
        if let Some(orchestrator) = &predictor.spec.svc_orch_spec {
            issues.extend(negative(
                &predictor.field("svcOrchSpec"),
                orchestrator.replicas,
            ));
        }
        if let Some(explainer) = &predictor.spec.explainer {
            issues.extend(negative(&predictor.field("explainer"), explainer.replicas));
        }
    }
}

fn negative(path: &str, replicas: Option<i32>) -> Option<Issue> {
    let replicas = replicas.filter(|replicas| *replicas < 0)?;
    let message = "replicas must be 0 or more";
    let issue = Issue::error(rule::NEGATIVE_REPLICAS, field(path, "replicas"), message);
    Some(
        issue
            .with_value(replicas.to_string())
            .with_hint(format!("found {replicas}")),
    )
}
