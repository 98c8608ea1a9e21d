//! Which deployments are served, by namespace and name; swapped while requests run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use hari_core::Unit;
use hari_error::{Error, Result};
use hari_settings::KafkaStream;

use crate::message::Spoken;

/// Namespace and name.
pub type Key = (String, String);

/// A deployment that answers requests.
pub struct Deployment {
    /// Kubernetes namespace.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// At least one that is not a shadow.
    pub predictors: Vec<Arc<Predictor>>,
}

/// A predictor that answers requests.
pub struct Predictor {
    /// Unique in the deployment.
    pub name: String,
    /// The label `version`, for metrics.
    pub version: String,
    /// Percent of the requests.
    pub traffic: u32,
    /// Gets copies; its answers are thrown away.
    pub shadow: bool,
    /// Deadline of a REST request, if the deployment sets one.
    pub rest_timeout: Option<Duration>,
    /// Deadline of a gRPC request, if the deployment sets one.
    pub grpc_timeout: Option<Duration>,
    /// Where requests come from beside the sockets, if they do.
    pub inlet: Option<Inlet>,
    /// The graph.
    pub unit: Arc<dyn Unit>,
}

/// A topic whose messages are requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inlet {
    /// What is read, and where the answers go.
    pub stream: KafkaStream,
    /// What a JSON message is.
    pub spoken: Spoken,
    /// Whether messages are gRPC's.
    pub grpc: bool,
}

impl Deployment {
    /// The predictor that answers this request: by share of the traffic, among those that have
    /// the `model` which the caller names, if only some have it.
    #[must_use]
    pub fn choose(&self, model: Option<&str>) -> Option<&Arc<Predictor>> {
        let has =
            |predictor: &Predictor| model.is_none_or(|model| predictor.unit.find(model).is_some());
        let some_have = self.predictors.iter().any(|one| !one.shadow && has(one));
        let live = || {
            let live = self.predictors.iter().filter(|predictor| !predictor.shadow);
            live.filter(|predictor| !some_have || has(predictor))
        };
        let total: u32 = live().map(|predictor| predictor.traffic).sum();
        if total == 0 {
            return live().next();
        }
        let mut ticket = fastrand::u32(0..total);
        live().find(|predictor| match ticket.checked_sub(predictor.traffic) {
            Some(rest) => {
                ticket = rest;
                false
            }
            None => true,
        })
    }

    /// The shadow that gets a copy of this request, if it is its turn.
    #[must_use]
    pub fn mirror(&self) -> Option<&Arc<Predictor>> {
        let shadow = self.predictors.iter().find(|predictor| predictor.shadow)?;
        let share = if shadow.traffic == 0 {
            100
        } else {
            shadow.traffic
        };
        (fastrand::u32(0..100) < share).then_some(shadow)
    }

    /// Whether `model` names this deployment, one of its predictors' roots or a node inside.
    #[must_use]
    pub fn knows_model(&self, model: &str) -> bool {
        self.name == model
            || self
                .predictors
                .iter()
                .any(|predictor| predictor.unit.find(model).is_some())
    }
}

/// All deployments of this process. Readers never wait.
#[derive(Default)]
pub struct Directory {
    entries: ArcSwap<BTreeMap<Key, Arc<Deployment>>>,
}

impl Directory {
    /// The deployment of this name.
    ///
    /// # Errors
    /// `NotFound`, naming those there are.
    pub fn get(&self, namespace: &str, name: &str) -> Result<Arc<Deployment>> {
        let entries = self.entries.load();
        let found = entries.get(&(namespace.to_owned(), name.to_owned()));
        found.cloned().ok_or_else(|| {
            Error::not_found(format!(
                "no deployment `{name}` in namespace `{namespace}`: {}",
                served(&entries)
            ))
        })
    }

    /// The only deployment there is.
    ///
    /// # Errors
    /// `NotFound` if there are several or none.
    pub fn sole(&self) -> Result<Arc<Deployment>> {
        let entries = self.entries.load();
        match (entries.len(), entries.values().next()) {
            (1, Some(deployment)) => Ok(deployment.clone()),
            _ => Err(Error::not_found(format!(
                "this path names no deployment; put /seldon/<namespace>/<name> before it: {}",
                served(&entries)
            ))),
        }
    }

    /// Every deployment, by namespace and name.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Deployment>> {
        self.entries.load().values().cloned().collect()
    }

    /// Serves `deployment` from now on, in place of the one of the same name, which is returned
    /// and finishes what it has begun.
    #[expect(clippy::needless_pass_by_value, reason = "the directory keeps it")]
    pub fn put(&self, deployment: Arc<Deployment>) -> Option<Arc<Deployment>> {
        let key = (deployment.namespace.clone(), deployment.name.clone());
        let before = self.entries.rcu(|entries| {
            let mut entries = BTreeMap::clone(entries);
            entries.insert(key.clone(), deployment.clone());
            entries
        });
        before.get(&key).cloned()
    }

    /// Serves it no more.
    pub fn remove(&self, namespace: &str, name: &str) -> Option<Arc<Deployment>> {
        let key = (namespace.to_owned(), name.to_owned());
        let before = self.entries.rcu(|entries| {
            let mut entries = BTreeMap::clone(entries);
            entries.remove(&key);
            entries
        });
        before.get(&key).cloned()
    }
}

fn served(entries: &BTreeMap<Key, Arc<Deployment>>) -> String {
    if entries.is_empty() {
        return "none is served".to_owned();
    }
    let names: Vec<_> = entries
        .keys()
        .take(8)
        .map(|(ns, name)| format!("{ns}/{name}"))
        .collect();
    format!("served are {}", names.join(", "))
}
