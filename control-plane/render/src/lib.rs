//! A plan as the Kubernetes objects that serve it.
//!
//! Pure: no sockets, files, environment, clock or cluster. What a cluster knows and a plan does not
//! (images, ports, which ingress is there) comes in [`Settings`], and what it knows of the namespace in
//! [`Surroundings`]. Shares of the requests are those of the plan's predictors, so that a rollout may
//! change them there.
//!
//! A predictor whose units are all built in is one container, the orchestrator's, which serves its
//! models itself and answers on the ports of its units too. A container of the user's own, or a
//! prepackaged server whose image the user names, is a container beside it.

mod ambassador;
mod container;
mod credentials;
mod deployment;
mod disruption;
mod distinct;
mod engine;
mod explainer;
mod gateway;
mod istio;
mod labels;
mod names;
mod object;
mod predictor;
mod prepackaged;
mod quantity;
mod refused;
mod scaling;
mod security;
mod service;
mod settings;
mod storage;
mod surroundings;
mod tls;

use std::collections::BTreeMap;

use hari_api::Issue;
use hari_plan::Plan;

pub use names::deployment_id;
pub use object::Object;
pub use settings::{
    Ambassador, AmbassadorVersion, Credentials, ExplainerImages, Gateway, Ingress, Istio,
    Resources, Settings, Storage,
};
pub use surroundings::{AccountSecret, DEFAULT_ACCOUNT, Surroundings, wanted_service_accounts};

use predictor::Predictor;

/// The objects of a deployment, in the order in which they are to be applied: Services, scaling,
/// disruption budgets, Deployments, routes.
///
/// Owner references are left to whoever applies them.
///
/// # Errors
/// What cannot be run in a cluster, each with its field path: a unit or an explainer without an
/// image, shares of the requests where an Ingress routes.
pub fn render(
    plan: &Plan,
    settings: &Settings,
    surroundings: &Surroundings,
) -> Result<Vec<Object>, Vec<Issue>> {
    let predictors: Vec<Predictor<'_>> = Predictor::all(plan, settings, surroundings).collect();
    let mut issues: Vec<Issue> = predictors.iter().flat_map(Predictor::issues).collect();
    issues.extend(ambassador::issues(plan, settings));
    issues.extend(gateway::issues(settings, &predictors));
    if !issues.is_empty() {
        return Err(issues.into_iter().map(|issue| plan.locate(issue)).collect());
    }
    let of_each = |objects: fn(&Predictor<'_>) -> Vec<Object>| predictors.iter().flat_map(objects);
    let mut objects: Vec<Object> = of_each(service::services).collect();
    objects.extend(of_each(explainer::services));
    objects.extend(of_each(scaling::autoscalers));
    objects.extend(of_each(disruption::budgets));
    objects.extend(of_each(deployment::deployments));
    objects.extend(of_each(explainer::deployments));
    objects.extend(istio::objects(plan, settings, &predictors));
    objects.extend(ambassador::mappings(plan, settings, &predictors));
    objects.extend(gateway::objects(plan, settings, &predictors));
    Ok(objects)
}
/// Name of each predictor's Service, which is what its pods carry as the label `seldon-app`.
#[must_use]
pub fn services(plan: &Plan) -> BTreeMap<String, String> {
    let (settings, surroundings) = (Settings::default(), Surroundings::default());
    let all = Predictor::all(plan, &settings, &surroundings);
    all.map(|predictor| (predictor.planned.name.clone(), predictor.service()))
        .collect()
}
