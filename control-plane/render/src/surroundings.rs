//! What the cluster knows beside the resource: the secrets of service accounts, whose credentials
//! downloads of models use, and how old its nodes may be. Plain values, so that rendering asks nobody.

use std::collections::{BTreeMap, BTreeSet};

use hari_plan::Plan;
use serde::{Deserialize, Serialize};

use crate::storage::Model;

/// The account of pods that name none; Kubernetes makes it in each namespace.
pub const DEFAULT_ACCOUNT: &str = "default";

/// What the cluster knows of the namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Surroundings {
    /// Service accounts that are there, with the secrets that each lists, in its order.
    pub service_accounts: BTreeMap<String, Vec<AccountSecret>>,
    /// Whether a node may be older than Kubernetes 1.30: only newer ones wait by themselves before they
    /// stop a container.
    pub older_nodes: bool,
}

/// A secret that a service account lists: what it is, not what it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountSecret {
    /// Its name.
    pub name: String,
    /// Names of its entries.
    pub keys: BTreeSet<String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

/// Names of the service accounts that [`Surroundings`] should have for this plan; one that is not
/// there in the cluster is left out.
#[must_use]
pub fn wanted_service_accounts(plan: &Plan) -> BTreeSet<String> {
    let mut wanted = BTreeSet::new();
    for predictor in &plan.resource.spec.predictors {
        for unit in predictor.graph.walk() {
            let holds = |container: &str| container == unit.name;
            let mut pods = predictor.component_specs.iter();
            let pod = pods.find(|pod| pod.containers().iter().any(|found| holds(&found.name)));
            let pod = pod.and_then(|pod| pod.spec.as_ref());
            let of_pod = pod.and_then(|pod| pod.service_account_name.as_deref());
            wanted.extend(Model::of_unit(unit).map(|model| model.account(of_pod)));
        }
        let explainer = predictor.explainer.as_ref();
        let model = explainer.and_then(Model::of_explainer);
        wanted.extend(model.map(|model| model.account(None)));
    }
    wanted
}
