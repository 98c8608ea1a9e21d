//! All of the controller's parts, in one process.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use hari_error::{Error, Result};
use hari_telemetry::Exporter;
use kube::Client;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::configuration::{Base, Watched};
use crate::controller;
use crate::scope::Scope;

/// What is asked of the controller.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which deployments are its own.
    pub scope: Scope,
    /// Namespace of its ConfigMap, lease and secret.
    pub namespace: String,
    /// Where metrics and probes are answered; nowhere if `None`.
    pub metrics: Option<SocketAddr>,
    /// The webhook; none if `None`.
    pub webhook: Option<WebhookOptions>,
    /// The lease that is held while reconciling; without it, this is the only replica.
    pub lease: Option<LeaseOptions>,
    /// Makes CRD, webhook, Service and ConfigMap at the start; files in this folder take the place
    /// of what it would make.
    pub create_resources: Option<PathBuf>,
}

/// The webhook.
#[derive(Clone, Debug)]
pub struct WebhookOptions {
    /// Where it listens.
    pub address: SocketAddr,
    /// Folder of `tls.crt` and `tls.key`, which win over a certificate of the operator's own.
    pub certificates: PathBuf,
    /// Its Service.
    pub service: String,
    /// Secret of the operator's own certificate.
    pub secret: String,
    /// ValidatingWebhookConfiguration that has to trust it.
    pub configuration: String,
}

/// The lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseOptions {
    /// Its name.
    pub name: String,
    /// How long the others wait for one that is silent.
    pub duration: Duration,
    /// When a holder that cannot renew gives up; less than `duration`.
    pub renew_deadline: Duration,
    /// From one try to the next; less than `renew_deadline`.
    pub retry: Duration,
}

/// Runs until `stop` turns true.
///
/// # Errors
/// When the environment cannot be read, an address cannot be listened on, or the API server cannot
/// be spoken to at all.
pub async fn run(
    client: Client,
    exporter: Exporter,
    options: Options,
    stop: watch::Receiver<bool>,
) -> Result<()> {
    drop(exporter);
    let (mut watched, configuration) = Watched::new(Base::from_env()?);
    watched.first(&client, &options.namespace).await;
    let mut parts = JoinSet::new();
    let (follower, namespace) = (client.clone(), options.namespace.clone());
    parts.spawn(async move {
        watched.follow(&follower, &namespace).await;
        Ok(())
    });
    parts.spawn(controller::run(client, options.scope, configuration, stop));
    while let Some(done) = parts.join_next().await {
        done.map_err(|error| Error::internal("a part of the operator failed").with_source(error))??;
    }
    Ok(())
}
