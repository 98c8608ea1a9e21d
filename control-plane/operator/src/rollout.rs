//! Rollouts on a cluster: what the canary and the others have answered, and the weights that follow.

mod exposition;
mod pods;
mod scrape;
mod settled;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use hari_api::{PredictorSpec, RolloutStatus};
use hari_plan::Plan;
use hari_plan::contract::annotation::ROLLOUT;
use hari_plan::contract::rollout::RolloutPolicy;
use hari_rollout::phase::{PROMOTED, ROLLED_BACK};
use hari_rollout::{Arm, Canary, Counters, Decision, Seen};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::Client;

use pods::Pod;
pub use settled::is_available;

/// Pods whose metrics are asked for at the same time.
const AT_ONCE: usize = 8;
/// A second look sooner than this sees nothing new.
const SOONEST: Duration = Duration::from_millis(900);

/// The rollouts of this process: what the counters of pods said last. What has to survive the
/// process is in the status.
#[derive(Default)]
pub(crate) struct Rollouts(Mutex<HashMap<Key, Arc<tokio::sync::Mutex<Kept>>>>);

/// Namespace and name.
type Key = (String, String);

#[derive(Default)]
struct Kept {
    looked: Option<Instant>,
    canary: Counters,
    stable: Counters,
}

/// The part of a deployment that is about its rollout.
struct Subject<'a> {
    plan: &'a Plan,
    spec: &'a PredictorSpec,
    policy: RolloutPolicy,
    others: Vec<(String, u32)>,
}

impl Rollouts {
    /// Looks at the canary of a deployment, gives the predictors of `plan` the weights that follow,
    /// and says what to keep as the status, and when to come back. `None` without a canary.
    ///
    /// What cannot be seen, as pods that do not answer, counts as not seen: nothing is decided
    /// without numbers.
    pub(crate) async fn advance(
        &self,
        client: &Client,
        before: Option<&RolloutStatus>,
        plan: &mut Plan,
        now: &Time,
    ) -> Option<Decision> {
        let key = (plan.namespace.clone(), plan.name.clone());
        let Some(subject) = Subject::of(plan) else {
            self.forget(&key.0, &key.1);
            return None;
        };
        let canary = subject.canary();
        let seen = match ended(before, &canary) {
            true => Seen::default(),
            false => subject.look(client, &self.kept(key)).await,
        };
        let decision = hari_rollout::advance(&canary, before, &seen, now);
        weigh(plan, &decision.weights);
        Some(decision)
    }

    /// The deployment is gone, or has no canary any more.
    pub(crate) fn forget(&self, namespace: &str, name: &str) {
        let key = (namespace.to_owned(), name.to_owned());
        self.all().remove(&key);
    }

    fn kept(&self, key: Key) -> Arc<tokio::sync::Mutex<Kept>> {
        self.all().entry(key).or_default().clone()
    }

    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Arc<tokio::sync::Mutex<Kept>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether this canary has come to its end before.
fn ended(before: Option<&RolloutStatus>, canary: &Canary<'_>) -> bool {
    before.is_some_and(|status| {
        status.predictor == canary.predictor
            && status.revision == canary.revision
            && matches!(&*status.phase, PROMOTED | ROLLED_BACK)
    })
}

/// The Service of a canary that was rolled back: routes do not wait for its pods.
pub(crate) fn aside(plan: &Plan, decision: &Decision) -> Option<String> {
    let back = decision.status.phase == ROLLED_BACK;
    let services = back.then(|| hari_render::services(plan))?;
    services.get(&decision.status.predictor).cloned()
}

/// Gives the predictors their shares, in the plan and in the resource that it was made of.
fn weigh(plan: &mut Plan, weights: &BTreeMap<String, u32>) {
    for predictor in &mut plan.predictors {
        if let Some(weight) = weights.get(&predictor.name) {
            predictor.traffic = *weight;
        }
    }
    for predictor in &mut plan.resource.spec.predictors {
        if let Some(weight) = weights.get(&predictor.name) {
            predictor.traffic = i32::try_from(*weight).ok();
        }
    }
}

impl<'a> Subject<'a> {
    fn of(plan: &'a Plan) -> Option<Self> {
        let specs = plan.resource.spec.predictors.iter();
        let spec = specs
            .filter(|spec| !spec.is_shadow())
            .find(|spec| spec.annotations.contains_key(ROLLOUT))?;
        // What cannot be read was refused when the deployment was checked.
        let policy = RolloutPolicy::parse(spec.annotations.get(ROLLOUT)?).ok()?;
        let others = plan
            .predictors
            .iter()
            .filter(|predictor| !predictor.shadow && predictor.name != spec.name)
            .map(|predictor| (predictor.name.clone(), predictor.traffic))
            .collect();
        Some(Self {
            plan,
            spec,
            policy,
            others,
        })
    }

    fn canary(&self) -> Canary<'_> {
        Canary {
            predictor: &self.spec.name,
            revision: hari_rollout::revision(self.spec),
            policy: &self.policy,
            others: &self.others,
        }
    }

    async fn look(&self, client: &Client, kept: &tokio::sync::Mutex<Kept>) -> Seen {
        let services = hari_render::services(self.plan);
        let mut kept = kept.lock().await;
        let canary = self.pods(client, &services, &self.spec.name).await;
        let ready = canary.iter().any(|pod| pod.ready);
        if kept.looked.is_some_and(|last| last.elapsed() < SOONEST) {
            return Seen {
                ready,
                ..Seen::default()
            };
        }
        kept.looked = Some(Instant::now());
        let mut stable = BTreeMap::new();
        for (name, _) in &self.others {
            let pods = self.pods(client, &services, name).await;
            stable.extend(self.counted(pods, name).await);
        }
        let canary = self.counted(canary, &self.spec.name).await;
        Seen {
            ready,
            baseline: stable.values().fold(Arm::default(), Arm::and),
            canary: kept.canary.since(canary),
            stable: kept.stable.since(stable),
        }
    }

    async fn pods(
        &self,
        client: &Client,
        services: &BTreeMap<String, String>,
        predictor: &str,
    ) -> Vec<Pod> {
        let Some(service) = services.get(predictor) else {
            return Vec::new();
        };
        let found = pods::of_service(client, &self.plan.namespace, service).await;
        found.unwrap_or_else(|error| {
            tracing::warn!(deployment = self.plan.name, predictor, %error, "the pods of a predictor cannot be listed");
            Vec::new()
        })
    }

    /// What each pod has answered in all, by its identity.
    async fn counted(&self, pods: Vec<Pod>, predictor: &str) -> BTreeMap<String, Arm> {
        let deployment = &*self.plan.name;
        let asked = futures_util::stream::iter(pods).map(|pod| async move {
            match scrape::metrics(&pod).await {
                Ok(text) => Some((pod.uid, exposition::arm(&text, deployment, predictor))),
                Err(error) => {
                    tracing::debug!(deployment, predictor, pod = pod.name, %error, "no metrics of a pod");
                    None
                }
            }
        });
        asked
            .buffer_unordered(AT_ONCE)
            .filter_map(std::future::ready)
            .collect()
            .await
    }
}

#[cfg(test)]
mod tests;
