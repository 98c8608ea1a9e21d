//! What a policy leaves out though the plan asks for it: served all the same, but not in silence.

use hari_api::Issue;
use hari_api::path::field;

use crate::bind::PlacementPolicy;
use crate::plan::{Component, NodePlan, Plan};
use crate::{catalogue, rule};

/// Warnings for everything that a bound plan leaves out under the policy: on this machine
/// explainers, TLS, and images of prepackaged servers; in a pod nothing, there the rest is beside it.
#[must_use]
pub fn left_out(plan: &Plan, policy: &PlacementPolicy) -> Vec<Issue> {
    if *policy == PlacementPolicy::Pod {
        return Vec::new();
    }
    let mut issues = Vec::new();
    predictors(plan, &mut issues);
    issues.extend(plan.nodes().filter_map(image));
    issues.into_iter().map(|issue| plan.locate(issue)).collect()
}

fn predictors(plan: &Plan, issues: &mut Vec<Issue>) {
    for (predictor, spec) in plan.predictors.iter().zip(&plan.resource.spec.predictors) {
        let explainer = spec.explainer.as_ref();
        let kind = explainer.and_then(|explainer| explainer.explainer_type().ok().flatten());
        if kind.is_some() {
            let message = "the explainer is not started on this machine";
            let hint = "predictions are served without it";
            issues.push(warning(field(&predictor.path, "explainer"), message, hint));
        }
        let ssl = spec.ssl.as_ref();
        if ssl.is_some_and(|ssl| ssl.cert_secret_name.is_some()) {
            let message = "requests are not encrypted on this machine";
            let hint = "the certificate is a secret of the cluster";
            issues.push(warning(field(&predictor.path, "ssl"), message, hint));
        }
    }
}

fn image(node: &NodePlan) -> Option<Issue> {
    let Component::Server(server) = &node.component else {
        return None;
    };
    let spec = catalogue::server(&server.implementation)?;
    let overlay = server.overlay.as_ref().filter(|_| spec.is_here())?;
    let message =
        "the image is not run on this machine: the runtime of this build serves the model";
    let path = field(&overlay.path, "image");
    Some(warning(path, message, "results may differ from the image's").with_value(&overlay.image))
}

fn warning(path: String, message: &str, hint: &str) -> Issue {
    Issue::warning(rule::NEEDS_CLUSTER, path, message).with_hint(hint)
}
