//! Secrets of service accounts, whose credentials downloads use: their names and keys, not what they
//! hold.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hari_api::k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use hari_plan::Plan;
use hari_render::{AccountSecret, DEFAULT_ACCOUNT, Surroundings, wanted_service_accounts};
use kube::{Api, Client};

use crate::fault::Fault;

/// How long an answer holds.
const FRESH: Duration = Duration::from_secs(10);
/// Most answers that are kept.
const MOST: usize = 4096;

/// When to look again for what was not there.
pub(crate) const AGAIN: Duration = Duration::from_secs(12);

/// What is known of one service account.
#[derive(Clone, Debug, Default)]
struct Answer {
    /// None if the account is not there.
    secrets: Option<Vec<AccountSecret>>,
    /// What is not there, and what to do, a sentence each.
    absent: Vec<String>,
}

/// What is known of all service accounts of a deployment.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// For the renderer.
    pub(crate) surroundings: Surroundings,
    /// What is not there, and what to do, a sentence each.
    pub(crate) absent: Vec<String>,
}

/// Service accounts that were asked for of late.
#[derive(Default)]
pub(crate) struct Accounts(Mutex<HashMap<(String, String), (Instant, Answer)>>);

impl Accounts {
    /// What the cluster knows of the service accounts that a plan needs.
    pub(crate) async fn of(&self, client: &Client, plan: &Plan) -> Result<Known, Fault> {
        let mut known = Known::default();
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
            known.absent.extend(answer.absent);
            let accounts = &mut known.surroundings.service_accounts;
            accounts.extend(answer.secrets.map(|secrets| (key.1, secrets)));
        }
        Ok(known)
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

/// The account's secrets, and what is not there.
async fn ask(client: &Client, namespace: &str, name: &str) -> Result<Answer, Fault> {
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
    let what = format!("cannot read service account {name}");
    let Some(account) = there(accounts.get_opt(name).await).map_err(Fault::api(what))? else {
        let said = format!(
            "service account {name} is not there, or the operator may not read it: make it, or name \
             another one as serviceAccountName"
        );
        let absent = (name != DEFAULT_ACCOUNT).then_some(said);
        return Ok(Answer {
            secrets: None,
            absent: absent.into_iter().collect(),
        });
    };
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let (mut found, mut absent) = (Vec::new(), Vec::new());
    for secret in account
        .secrets
        .into_iter()
        .flatten()
        .filter_map(|secret| secret.name)
    {
        let what = format!("cannot read secret {secret}");
        match there(secrets.get_opt(&secret).await).map_err(Fault::api(what))? {
            Some(is) => found.push(described(secret, is)),
            None => absent.push(format!(
                "secret {secret}, which service account {name} lists, is not there, or the operator may \
                 not read it: make it, or take it off the list"
            )),
        }
    }
    Ok(Answer {
        secrets: Some(found),
        absent,
    })
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
