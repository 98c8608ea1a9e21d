//! The configuration, followed: what holds now, for whoever asks.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use hari_api::k8s_openapi::api::core::v1::ConfigMap;
use hari_telemetry::metric::operator as metric;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::watch_object;
use kube::{Api, Client};
use tokio::sync::watch;

use super::config_map::{Good, NAME, Problem, Texts};
use super::{Base, Configuration};

/// How long the start waits for the ConfigMap.
const FIRST: Duration = Duration::from_secs(10);

/// What holds now.
pub(crate) type Current = watch::Receiver<Arc<Configuration>>;

/// Follows the ConfigMap.
pub(crate) struct Watched {
    base: Base,
    good: Good,
    problems: Vec<Problem>,
    sender: watch::Sender<Arc<Configuration>>,
}

impl Watched {
    /// Starts with what the environment says.
    pub(crate) fn new(base: Base) -> (Self, Current) {
        let mut good = Good::default();
        let (configuration, _) = good.take(&base, &Texts::new());
        let (sender, receiver) = watch::channel(Arc::new(configuration));
        metric::configuration_valid(true);
        let watched = Self {
            base,
            good,
            problems: Vec::new(),
            sender,
        };
        (watched, receiver)
    }

    /// Waits until the ConfigMap was looked at once, or cannot be: then what the environment says
    /// holds until it can.
    pub(crate) async fn first(&mut self, client: &Client, namespace: &str) {
        let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
        match tokio::time::timeout(FIRST, api.get_opt(NAME)).await {
            Ok(Ok(found)) => self.take(found),
            Ok(Err(error)) => tracing::warn!(%error, "cannot read seldon-config yet"),
            Err(_) => tracing::warn!("seldon-config was not to be had in time"),
        }
    }

    /// Follows it until dropped.
    pub(crate) async fn follow(mut self, client: &Client, namespace: &str) {
        let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
        let mut objects = pin!(watch_object(api, NAME).default_backoff());
        loop {
            match objects.try_next().await {
                Ok(Some(found)) => self.take(found),
                Ok(None) => return,
                Err(error) => {
                    metric::failed("configuration");
                    tracing::warn!(%error, "cannot follow seldon-config");
                }
            }
        }
    }

    fn take(&mut self, found: Option<ConfigMap>) {
        let texts = found.and_then(|map| map.data).unwrap_or_default();
        let (configuration, problems) = self.good.take(&self.base, &texts);
        metric::configuration_valid(problems.is_empty());
        for problem in problems.iter().filter(|one| !self.problems.contains(one)) {
            let Problem { key, message } = problem;
            tracing::error!(
                key,
                message,
                "seldon-config cannot be read: the last good value holds"
            );
        }
        self.problems = problems;
        let changed = self.sender.send_if_modified(|current| {
            let changed = **current != configuration;
            if changed {
                *current = Arc::new(configuration);
            }
            changed
        });
        if changed {
            tracing::info!("seldon-config has changed");
        }
    }
}
