//! Autoscalers of pods.

use hari_api::path::{field, item};
use hari_api::{Issue, SeldonPodSpec};

use super::subject::Subject;
use crate::rule;

pub(super) fn check(subject: &Subject<'_>, issues: &mut Vec<Issue>) {
    for predictor in &subject.predictors {
        let pods = predictor.spec.component_specs.iter().enumerate();
        issues.extend(pods.filter_map(|(index, pod)| {
            both(pod, &item(&predictor.field("componentSpecs"), index))
        }));
    }
}

fn both(pod: &SeldonPodSpec, path: &str) -> Option<Issue> {
    pod.hpa_spec.as_ref().and(pod.keda_spec.as_ref())?;
    let message = "kedaSpec scales this pod: hpaSpec is ignored";
    let issue = Issue::warning(rule::HPA_AND_KEDA, field(path, "hpaSpec"), message);
    Some(issue.with_hint("keep one of the two"))
}
