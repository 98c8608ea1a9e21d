//! The certificate of the webhook: made and renewed here and shared by all replicas through a
//! Secret, or read from files that somebody else keeps.

mod folder;
mod pair;
mod rotation;
mod secret;
mod shown;
mod trust;
mod validity;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hari_api::k8s_openapi::api::core::v1::Secret;
use hari_error::{Error, Result};
use hari_telemetry::metric::operator as metric;
use kube::api::PostParams;
use kube::{Api, Client};

use crate::manager::WebhookOptions;
use crate::probes::Ready;
use folder::Files;
use rotation::Kept;

pub(crate) use shown::Shown;

/// From one look to the next.
const PAUSE: Duration = Duration::from_secs(10);
/// From one look to the next while there is nothing to show.
const SOON: Duration = Duration::from_secs(2);
/// Most time of one look.
const LOOK: Duration = Duration::from_secs(20);
/// Tries to write the Secret, each of which another replica may have forestalled.
const ATTEMPTS: usize = 5;

/// Keeps the certificate.
pub(crate) struct Keeper {
    client: Client,
    namespace: String,
    options: WebhookOptions,
    shown: Arc<Shown>,
    ready: Ready,
}

impl Keeper {
    pub(crate) fn new(
        client: Client,
        namespace: String,
        options: WebhookOptions,
        (shown, ready): (Arc<Shown>, Ready),
    ) -> Self {
        Self {
            client,
            namespace,
            options,
            shown,
            ready,
        }
    }

    /// Looks after the certificate until dropped.
    pub(crate) async fn keep(self) {
        loop {
            let looked = tokio::time::timeout(LOOK, self.look()).await;
            let looked = looked.unwrap_or_else(|_| {
                Err(Error::unavailable("the API server did not answer in time"))
            });
            match &looked {
                Ok(()) => self.ready.set(),
                Err(error) => {
                    metric::failed("certificate");
                    let source = std::error::Error::source(error).map(ToString::to_string);
                    tracing::warn!(%error, source, "the certificate of the webhook is not as it should be");
                }
            }
            let pause = if self.ready.is_set() { PAUSE } else { SOON };
            tokio::time::sleep(pause.mul_f64(1.0 + 0.2 * fastrand::f64())).await;
        }
    }

    /// One look: shows what is to be shown, and has it trusted.
    async fn look(&self) -> Result<()> {
        let bundle = match Files::read(&self.options.certificates).await? {
            Some(files) => {
                self.show(&files.serving)?;
                files.authorities
            }
            None => {
                let kept = self.kept().await?;
                self.show(&kept.serving)?;
                Some(kept.bundle())
            }
        };
        let Some(bundle) = bundle else {
            return Ok(());
        };
        let trusted = trust::trust(&self.client, &self.options.configuration, &bundle).await;
        trusted.map_err(|error| {
            let name = &self.options.configuration;
            Error::unavailable(format!("cannot set `caBundle` of {name}")).with_source(error)
        })
    }

    fn show(&self, pair: &pair::Pair) -> Result<()> {
        if self.shown.show(pair)? {
            tracing::info!("the webhook has a new certificate");
        }
        Ok(())
    }

    /// What all replicas share, made or renewed if need be.
    async fn kept(&self) -> Result<Kept> {
        let name = &self.options.secret;
        let api: Api<Secret> = Api::namespaced(self.client.clone(), &self.namespace);
        let failed = |error| {
            let message = format!("cannot read or write the secret {name}");
            Error::unavailable(message).with_source(error)
        };
        for _ in 0..ATTEMPTS {
            let found = api.get_opt(name).await.map_err(failed)?;
            let kept = found.as_ref().and_then(secret::kept);
            let next = rotation::next(kept.as_ref(), &self.names(), SystemTime::now())?;
            let Some(next) = next else {
                return kept.ok_or_else(|| Error::internal("there is no certificate"));
            };
            match write(&api, name, found, &next).await {
                Ok(()) => return Ok(next),
                Err(kube::Error::Api(status)) if status.code == 409 => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Err(Error::unavailable(format!(
            "the secret {name} is written by others again and again"
        )))
    }

    /// Names under which the API server calls the webhook.
    fn names(&self) -> Vec<String> {
        let base = format!("{}.{}", self.options.service, self.namespace);
        let names = [
            format!("{base}.svc"),
            format!("{base}.svc.cluster.local"),
            base,
        ];
        names
            .into_iter()
            .chain(self.options.hosts.iter().cloned())
            .collect()
    }
}

/// Writes the Secret unless another has written since it was read.
async fn write(
    api: &Api<Secret>,
    name: &str,
    before: Option<Secret>,
    kept: &Kept,
) -> Result<(), kube::Error> {
    let parameters = PostParams::default();
    let is_new = before.is_none();
    let object = secret::secret(name, before, kept);
    match is_new {
        true => api.create(&parameters, &object).await?,
        false => api.replace(name, &parameters, &object).await?,
    };
    metric::wrote("Secret", if is_new { "create" } else { "update" });
    Ok(())
}
