//! All of the controller's parts, in one process.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hari_error::{Error, Result};
use hari_settings as settings;
use hari_telemetry::Exporter;
use hari_telemetry::metric::operator as metric;
use kube::Client;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::certificate::{Keeper, Shown};
use crate::client::connect;
use crate::configuration::{Base, Current, Watched};
use crate::install::install;
use crate::lease::Leadership;
use crate::listener::Listener;
use crate::probes::{Probes, Readiness, Ready};
use crate::scope::Scope;
use crate::{controller, webhook};

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
    /// For tests of what a crash leaves behind: the process ends after so many writes.
    pub end_after_writes: Option<u64>,
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
    /// Further names and addresses that its certificate is for.
    pub hosts: Vec<String>,
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

/// Runs until `stop` turns true, on the cluster of `context`, see [`connect`].
///
/// # Errors
/// When the environment cannot be read, an address cannot be listened on, or the API server cannot
/// be spoken to at all.
pub async fn run(
    context: Option<&str>,
    exporter: Exporter,
    options: Options,
    stop: watch::Receiver<bool>,
) -> Result<()> {
    let mut readiness = Readiness::default();
    let (mut watched, configuration) = Watched::new(Base::from_env()?);
    let client = connect(context).await?;
    let configured = readiness.part("configuration");
    let webhook = match options.webhook.clone() {
        Some(webhook) => Some(Admission::open(webhook, readiness.part("webhook")).await?),
        None => None,
    };
    let mut parts = JoinSet::new();
    if let Some(address) = options.metrics {
        let listener = Listener::open(address, None).await?;
        let probes = Arc::new(Probes {
            exporter,
            readiness,
        });
        parts.spawn(done(listener.serve(probes, stop.clone())));
    }
    if let Some(folder) = &options.create_resources {
        install(&client, &options, folder).await?;
    }
    watched.first(&client, &options.namespace).await;
    configured.set();
    if let Some(webhook) = webhook {
        webhook.spawn(
            &mut parts,
            (&client, &options.namespace),
            &configuration,
            &stop,
        );
    }
    let (follower, namespace) = (client.clone(), options.namespace.clone());
    let follow = async move { watched.follow(&follower, &namespace).await };
    parts.spawn(done(until(stop.clone(), follow)));
    parts.spawn(reconcile(client, options, configuration, stop));
    while let Some(ended) = parts.join_next().await {
        ended.map_err(|error| {
            Error::internal("a part of the operator failed").with_source(error)
        })??;
    }
    Ok(())
}

/// Reconciles, while the lease is held if there is one.
async fn reconcile(
    client: Client,
    options: Options,
    configuration: Current,
    stop: watch::Receiver<bool>,
) -> Result<()> {
    let work = |stop| {
        controller::run(
            client.clone(),
            options.scope.clone(),
            configuration.clone(),
            options.end_after_writes,
            stop,
        )
    };
    match options.lease.clone() {
        Some(lease) => {
            let leadership = Leadership::new(&client, &options.namespace, lease, holder());
            leadership.lead(stop, work).await
        }
        None => {
            metric::leader(true);
            work(stop).await
        }
    }
}

/// A name that no other replica has.
fn holder() -> String {
    let pod = settings::POD_NAME
        .get()
        .or_else(|| settings::HOSTNAME.get());
    let pod = pod.unwrap_or_else(|| "hari".to_owned());
    format!("{pod}_{}", uuid::Uuid::new_v4())
}

/// The webhook's listener, with its certificate still to come.
struct Admission {
    listener: Listener,
    options: WebhookOptions,
    shown: Arc<Shown>,
    ready: Ready,
}

impl Admission {
    async fn open(options: WebhookOptions, ready: Ready) -> Result<Self> {
        let shown = Arc::new(Shown::default());
        Ok(Self {
            listener: Listener::open(options.address, Some(shown.acceptor()?)).await?,
            options,
            shown,
            ready,
        })
    }

    fn spawn(
        self,
        parts: &mut JoinSet<Result<()>>,
        (client, namespace): (&Client, &str),
        configuration: &Current,
        stop: &watch::Receiver<bool>,
    ) {
        let Self {
            listener,
            options,
            shown,
            ready,
        } = self;
        let keeper = Keeper::new(
            client.clone(),
            namespace.to_owned(),
            options,
            (shown, ready),
        );
        parts.spawn(done(until(stop.clone(), keeper.keep())));
        let handler = webhook::handler(configuration.clone());
        parts.spawn(done(listener.serve(handler, stop.clone())));
    }
}

/// A part that cannot fail.
async fn done(part: impl Future<Output = ()>) -> Result<()> {
    part.await;
    Ok(())
}

/// Ends a part when `stop` turns true.
async fn until(mut stop: watch::Receiver<bool>, part: impl Future<Output = ()>) {
    tokio::select! {
        () = part => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
}
