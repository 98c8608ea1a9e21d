//! The configuration, followed: what holds now, for whoever asks.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use hari_api::k8s_openapi::api::core::v1::{ConfigMap, ObjectReference};
use hari_telemetry::metric::operator as metric;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::events::{Event, EventType, Recorder};
use kube::runtime::watcher::watch_object;
use kube::{Api, Client, Resource as _};
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
            Ok(Ok(found)) => {
                let wrong = self.take(found);
                tell(client, wrong).await;
            }
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
                Ok(Some(found)) => {
                    let wrong = self.take(found);
                    tell(client, wrong).await;
                }
                Ok(None) => return,
                Err(error) => {
                    metric::failed("configuration");
                    tracing::warn!(%error, "cannot follow seldon-config");
                }
            }
        }
    }

    /// What holds with this ConfigMap; what is newly wrong with it, and where it is.
    fn take(&mut self, found: Option<ConfigMap>) -> Option<(ObjectReference, Vec<String>)> {
        let place = found.as_ref().map(|map| map.object_ref(&()));
        let texts = found.and_then(|map| map.data).unwrap_or_default();
        let (configuration, problems) = self.good.take(&self.base, &texts);
        metric::configuration_valid(problems.is_empty());
        let known = std::mem::replace(&mut self.problems, problems);
        let new = self.problems.iter().filter(|one| !known.contains(one));
        let new: Vec<String> = new.map(|problem| problem.message.clone()).collect();
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
        for message in &new {
            tracing::error!(
                message,
                "seldon-config cannot be read: the last good value holds"
            );
        }
        place
            .map(|place| (place, new))
            .filter(|(_, new)| !new.is_empty())
    }
}

/// Says in events what is wrong with the ConfigMap.
async fn tell(client: &Client, wrong: Option<(ObjectReference, Vec<String>)>) {
    let Some((place, messages)) = wrong else {
        return;
    };
    let recorder = Recorder::new(client.clone(), "seldon-controller-manager".into());
    for message in messages {
        let event = Event {
            type_: EventType::Warning,
            reason: "InvalidConfiguration".to_owned(),
            note: Some(format!("{message}; the last good value holds")),
            action: "Configure".to_owned(),
            secondary: None,
        };
        if let Err(error) = recorder.publish(&event, &place).await {
            tracing::debug!(%error, "an event could not be written");
        }
    }
}
