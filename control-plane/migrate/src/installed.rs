//! What is installed beside the deployments: the operator, its configuration, ingresses, accounts.

use std::collections::{BTreeMap, BTreeSet};

use hari_api::path::field;
use hari_plan::Plan;
use hari_render::Settings;
use serde::Serialize;

use crate::difference::{CONFIGURATION, NO_OPERATOR, NO_ROUTES, NO_SECRET, PINNED};
use crate::report::Note;

/// What is installed in a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Installed {
    /// Version of Kubernetes.
    pub kubernetes: String,
    /// Operators that are there.
    pub operators: Vec<Operator>,
    /// Groups of the API that matter here.
    pub groups: BTreeSet<String>,
    /// Service accounts, by `namespace/name`. Secrets are names alone.
    pub accounts: BTreeMap<String, Account>,
    /// Names of Secrets that downloads use and that are there, as `namespace/name`.
    pub secrets: BTreeSet<String>,
    /// Images of `predictor_servers` that are not the original's, as `SERVER protocol: image`.
    pub pinned: Vec<String>,
    /// What of the environment and the ConfigMap cannot be read.
    pub unreadable: Vec<String>,
    /// Kinds that may not be listed, by the names of the API.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub unseen: BTreeSet<String>,
    /// What to note of all this.
    pub notes: Vec<Note>,
}

/// An operator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Operator {
    /// `namespace/name` of its Deployment.
    pub name: String,
    /// Image of its container.
    pub image: String,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// A service account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Account {
    /// Secrets that it lists.
    pub secrets: Vec<String>,
}

/// What to note of the installation.
pub(crate) fn notes(installed: &Installed, settings: &Settings) -> Vec<Note> {
    let mut notes = Vec::new();
    if installed.operators.is_empty() {
        notes.push(Note::of(&NO_OPERATOR, ""));
    }
    let unreadable = installed.unreadable.iter();
    notes.extend(unreadable.map(|text| Note::of(&CONFIGURATION, "").found(text)));
    let pinned = installed.pinned.iter();
    notes.extend(pinned.map(|text| Note::of(&PINNED, "").found(text)));
    for (group, wanted) in [
        ("networking.istio.io", settings.istio.is_some()),
        ("getambassador.io", needs_mappings(settings)),
        ("gateway.networking.k8s.io", settings.gateway.is_some()),
        ("keda.sh", settings.keda),
    ] {
        if wanted && !installed.groups.contains(group) {
            notes.push(Note::of(&NO_ROUTES, "").found(group));
        }
    }
    notes
}

fn needs_mappings(settings: &Settings) -> bool {
    let ambassador = settings.ambassador.as_ref();
    ambassador.is_some_and(|found| found.version == hari_render::AmbassadorVersion::V2)
}

/// Secrets and service accounts that a deployment's downloads name, and that are not there.
pub(crate) fn missing(plan: &Plan, installed: &Installed) -> Vec<Note> {
    let mut notes = Vec::new();
    let seen = |kind: &str| !installed.unseen.contains(kind);
    let predictors = plan.predictors.iter().zip(&plan.resource.spec.predictors);
    for (planned, spec) in predictors {
        for node in planned.graph.walk() {
            let Some(unit) = spec.graph.walk().find(|unit| unit.name == node.name) else {
                continue;
            };
            let full = |name: &String| format!("{}/{name}", plan.namespace);
            let named = |name: &Option<String>| name.clone().filter(|name| !name.is_empty());
            if let Some(secret) = named(&unit.env_secret_ref_name)
                && seen("secrets")
                && !installed.secrets.contains(&full(&secret))
            {
                let path = field(&node.path, "envSecretRefName");
                notes.push(Note::of(&NO_SECRET, path).found(secret));
            }
            if let Some(account) = named(&unit.service_account_name)
                && seen("serviceaccounts")
                && !installed.accounts.contains_key(&full(&account))
            {
                let path = field(&node.path, "serviceAccountName");
                notes.push(Note::of(&NO_SECRET, path).found(account));
            }
        }
    }
    notes
}
