//! Routers that learn: from their place in a plan to a unit with metrics.

use std::sync::Arc;

use hari_core::Unit;
use hari_error::Result;
use hari_graph::builtin::{Arm, Bandit, BanditObserver, BanditOptions, Policy, StatePlace};
use hari_plan::bound::{BoundNode, Learner, Policy as BoundPolicy};
use hari_telemetry::metric::BranchMetrics;

use crate::tree::Origin;

/// The router of this node, which goes on from its state if it keeps one.
pub(crate) fn unit(
    origin: &Origin<'_>,
    bound: &BoundNode,
    learner: &Learner,
) -> Result<Arc<dyn Unit>> {
    let branches = branches(bound, learner);
    let metrics = branches.iter().map(|branch| {
        let (deployment, predictor) = (&origin.deployment.name, &origin.predictor.name);
        BranchMetrics::new(deployment, predictor, &bound.name, branch)
    });
    let observer = Box::new(Branches(metrics.collect()));
    let options = BanditOptions {
        policy: policy(learner.policy),
        seed: learner.seed.map(i64::cast_unsigned),
        verbose: learner.verbose,
        history: learner.history,
        state: place(origin, bound, learner),
        branches,
    };
    let unit = Bandit::open(&bound.name, options, observer);
    Ok(Arc::new(unit.map_err(|error| error.at_node(&bound.name))?))
}

fn branches(bound: &BoundNode, learner: &Learner) -> Vec<String> {
    if learner.branch_names.is_empty() {
        return bound
            .children
            .iter()
            .map(|child| child.name.clone())
            .collect();
    }
    learner.branch_names.clone()
}

const fn policy(policy: BoundPolicy) -> Policy {
    match policy {
        BoundPolicy::EpsilonGreedy {
            epsilon,
            best_branch,
        } => Policy::EpsilonGreedy {
            epsilon,
            best_branch,
        },
        BoundPolicy::ThompsonSampling => Policy::ThompsonSampling,
        BoundPolicy::Ucb => Policy::Ucb,
    }
}

/// Every router of every deployment may have the same folder.
fn place(origin: &Origin<'_>, bound: &BoundNode, learner: &Learner) -> Option<StatePlace> {
    let folder = learner.state.as_ref()?;
    let deployment = origin.deployment;
    let parts = [
        &deployment.namespace,
        &deployment.name,
        &origin.predictor.name,
        &bound.name,
    ];
    Some(StatePlace {
        folder: origin.base.join(folder),
        router: parts.map(String::as_str).join("."),
    })
}

struct Branches(Vec<BranchMetrics>);

impl BanditObserver for Branches {
    fn chosen(&self, branch: usize) {
        if let Some(metrics) = self.0.get(branch) {
            metrics.chosen();
        }
    }

    fn learnt(&self, branch: usize, arm: &Arm) {
        if let Some(metrics) = self.0.get(branch) {
            metrics.learnt(
                arm.successes,
                arm.failures,
                arm.reward,
                arm.posterior_mean(),
            );
        }
    }
}
