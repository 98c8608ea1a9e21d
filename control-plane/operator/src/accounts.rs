//! Secrets of service accounts, whose credentials downloads use: their names and keys, not what they
//! hold.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hari_api::k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use hari_plan::Plan;
use hari_render::{AccountSecret, Surroundings, wanted_service_accounts};
use kube::{Api, Client};

use crate::fault::Fault;

/// How long an answer holds.
const FRESH: Duration = Duration::from_secs(15);
/// Most answers that are kept.
const MOST: usize = 4096;

type Answer = Option<Vec<AccountSecret>>;

/// Service accounts that were asked for of late.
#[derive(Default)]
pub(crate) struct Accounts(Mutex<HashMap<(String, String), (Instant, Answer)>>);

impl Accounts {
    /// What the cluster knows of the service accounts that a plan needs.
    pub(crate) async fn of(&self, client: &Client, plan: &Plan) -> Result<Surroundings, Fault> {
        let mut surroundings = Surroundings::default();
        for name in wanted_service_accounts(plan) {
            let key = (plan.namespace.clone(), name);
            let answer = match self.fresh(&key) {
                Some(answer) => answer,
                None => {
                    let answer = ask(client, &key.0, &key.1).await?;
                    self.keep(&key, &answer);
                    answer
                }
            };
            surroundings
                .service_accounts
                .extend(answer.map(|answer| (key.1, answer)));
        }
        Ok(surroundings)
    }

    fn fresh(&self, key: &(String, String)) -> Option<Answer> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, answer) = kept.get(key)?;
        (at.elapsed() < FRESH).then(|| answer.clone())
    }

    fn keep(&self, key: &(String, String), answer: &Answer) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST {
            kept.clear();
        }
        kept.insert(key.clone(), (Instant::now(), answer.clone()));
    }
}

/// The account's secrets; none if it is not there.
async fn ask(client: &Client, namespace: &str, name: &str) -> Result<Answer, Fault> {
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
    let what = format!("cannot read service account {name}");
    let Some(account) = there(accounts.get_opt(name).await).map_err(Fault::api(what))? else {
        return Ok(None);
    };
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let mut found = Vec::new();
    for name in account
        .secrets
        .into_iter()
        .flatten()
        .filter_map(|secret| secret.name)
    {
        let what = format!("cannot read secret {name}");
        let secret = there(secrets.get_opt(&name).await).map_err(Fault::api(what))?;
        found.extend(secret.map(|secret| described(name, secret)));
    }
    Ok(Some(found))
}

fn described(name: String, secret: Secret) -> AccountSecret {
    let keys: BTreeSet<String> = secret.data.unwrap_or_default().into_keys().collect();
    AccountSecret {
        name,
        keys,
        annotations: secret.metadata.annotations.unwrap_or_default(),
    }
}

/// What the operator may not read is not there for it.
fn there<T>(found: Result<Option<T>, kube::Error>) -> Result<Option<T>, kube::Error> {
    match found {
        Err(kube::Error::Api(status)) if status.code == 403 => {
            tracing::debug!(message = status.message, "not to be read");
            Ok(None)
        }
        other => other,
    }
}
