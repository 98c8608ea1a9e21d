//! A plan as the Kubernetes objects that serve it.
//!
//! Pure: no sockets, files, environment, clock or cluster. What a cluster knows and a plan does not
//! (images, ports, which ingress is there) comes in [`Settings`].
//!
//! A predictor whose units are all built in is one container, the orchestrator's, which serves its
//! models itself and answers on the ports of its units too. A container of the user's own, or a
//! prepackaged server whose image the user names, is a container beside it.

mod ambassador;
mod container;
mod deployment;
mod disruption;
mod engine;
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
mod service;
mod settings;
mod storage;
mod tls;

use hari_api::Issue;
use hari_plan::Plan;

pub use object::Object;
pub use settings::{
    Ambassador, AmbassadorVersion, Gateway, Ingress, Istio, Resources, Settings, Storage,
};

use predictor::Predictor;

/// The objects of a deployment, in the order in which they are to be applied: Services, scaling,
/// disruption budgets, Deployments, routes.
///
/// Owner references are left to whoever applies them.
///
/// # Errors
/// What cannot be run in a cluster, each with its field path: a unit without an image, an explainer.
pub fn render(plan: &Plan, settings: &Settings) -> Result<Vec<Object>, Vec<Issue>> {
    let predictors: Vec<Predictor<'_>> = Predictor::all(plan, settings).collect();
    let mut issues: Vec<Issue> = predictors.iter().flat_map(Predictor::issues).collect();
    issues.extend(ambassador::issues(plan, settings));
    issues.extend(gateway::issues(settings, &predictors));
    if !issues.is_empty() {
        return Err(issues.into_iter().map(|issue| plan.locate(issue)).collect());
    }
    let of_each = |objects: fn(&Predictor<'_>) -> Vec<Object>| predictors.iter().flat_map(objects);
    let mut objects: Vec<Object> = of_each(service::services).collect();
    objects.extend(of_each(scaling::autoscalers));
    objects.extend(of_each(disruption::budgets));
    objects.extend(of_each(deployment::deployments));
    objects.extend(istio::objects(plan, settings, &predictors));
    objects.extend(ambassador::mappings(plan, settings, &predictors));
    objects.extend(gateway::objects(plan, settings, &predictors));
    Ok(objects)
}
