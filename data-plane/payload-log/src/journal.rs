//! All payload logs of a process: a queue and its workers for each target.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use hari_core::Watch;
use hari_error::{Error, Result};
use hari_settings::PayloadLog as Settings;
use hari_telemetry::metric::PayloadLogMetrics;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::onlooker::Onlooker;
use crate::publish::Connect;
use crate::queue::{Outlet, Queue};
use crate::record::{NodeLog, Place};
use crate::redaction::Redaction;
use crate::sink::Sink;
use crate::sink::files::Writer;
use crate::sink::http::Poster;
use crate::sink::kafka::Topic;
use crate::target::Target;
use crate::worker::{self, Bench};

/// A stopped worker has so long to close its file.
const LAST: Duration = Duration::from_secs(2);

/// All payload logs of a process. A queue lives as long as a node looks on for it.
pub struct PayloadLog {
    settings: Settings,
    connect: Connect,
    queues: Mutex<HashMap<Target, Weak<Queue>>>,
    workers: TaskTracker,
    closing: CancellationToken,
    stop: CancellationToken,
    lost: Arc<AtomicU64>,
}

impl PayloadLog {
    /// Nothing is started yet. `connect` makes clients of Kafka.
    #[must_use]
    pub fn new(settings: Settings, connect: Connect) -> Self {
        Self {
            settings,
            connect,
            queues: Mutex::default(),
            workers: TaskTracker::new(),
            closing: CancellationToken::new(),
            stop: CancellationToken::new(),
            lost: Arc::default(),
        }
    }

    /// What it was set to.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Who looks on at this node and puts what it sees on its way to `target`. Nodes with the same
    /// target share its queue. Called on a Tokio runtime, which then runs the workers.
    ///
    /// # Errors
    /// If a folder cannot be made, or TLS cannot start.
    pub fn watch(&self, target: &Target, log: NodeLog) -> Result<Arc<dyn Watch>> {
        let queue = self.queue(target)?;
        let redaction = Redaction::of(&log.redact);
        let metrics =
            PayloadLogMetrics::new(&log.deployment, &log.predictor, &log.node, target.kind());
        let redacted = redaction.names();
        Ok(Arc::new(Onlooker {
            place: Arc::new(Place {
                log,
                redacted,
                metrics,
            }),
            queue,
            redaction,
        }))
    }

    /// Takes no more, writes what waits within this time, and says how many events were lost.
    pub async fn close(&self, within: Duration) -> u64 {
        self.closing.cancel();
        self.workers.close();
        if timeout(within, self.workers.wait()).await.is_err() {
            self.stop.cancel();
            // A disk that hangs is left to itself.
            let _ = timeout(LAST, self.workers.wait()).await;
        }
        let lost = self.lost.load(Ordering::Relaxed);
        if lost > 0 {
            tracing::warn!(lost, "payload log: events were not written before the end");
        }
        lost
    }

    fn queue(&self, target: &Target) -> Result<Arc<Queue>> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.retain(|_, queue| queue.strong_count() > 0);
        if let Some(queue) = queues.get(target).and_then(Weak::upgrade) {
            return Ok(queue);
        }
        let queue = self.start(target)?;
        queues.insert(target.clone(), Arc::downgrade(&queue));
        Ok(queue)
    }

    fn start(&self, target: &Target) -> Result<Arc<Queue>> {
        let room = (self.settings.queue, self.settings.queue_bytes);
        let (queue, outlet) = Queue::new(target.kind(), room, self.closing.clone());
        let queue = Arc::new(queue);
        let as_json = matches!(target, Target::Files(_));
        let bench = self.bench(&queue, outlet, as_json);
        match target {
            Target::Files(files) => {
                let writer = Writer::new(files.clone())?;
                self.workers.spawn(worker::write(bench, writer));
            }
            Target::Http(url) => {
                let (workers, batch) = (self.settings.workers, self.settings.batch > 1);
                let poster = Poster::new(url.clone(), workers, batch)?;
                self.send(&bench, &(Arc::new(poster) as Arc<dyn Sink>));
            }
            Target::Kafka { brokers, topic } => {
                let publisher = (self.connect)(brokers);
                let topic = topic.clone();
                self.send(
                    &bench,
                    &(Arc::new(Topic { publisher, topic }) as Arc<dyn Sink>),
                );
            }
        }
        Ok(queue)
    }

    fn send(&self, bench: &Arc<Bench>, sink: &Arc<dyn Sink>) {
        for _ in 0..self.settings.workers.max(1) {
            self.workers
                .spawn(worker::send(bench.clone(), sink.clone()));
        }
    }

    fn bench(&self, queue: &Arc<Queue>, outlet: Outlet, as_json: bool) -> Arc<Bench> {
        Arc::new(Bench {
            queue: Arc::downgrade(queue),
            outlet: Arc::new(outlet),
            stop: self.stop.clone(),
            as_json,
            attempts: self.settings.attempts,
            batch: self.settings.batch.max(1),
            timeout: self.settings.timeout,
            lost: self.lost.clone(),
        })
    }
}

impl PayloadLog {
    /// Where events go that name no target of their own: to Kafka if it is configured, in place of
    /// `written` where that is an HTTP receiver; else to `written`; else to the default endpoint.
    ///
    /// # Errors
    /// `InvalidInput` if a target cannot be read, with where it stands.
    pub fn target(&self, written: Option<&str>) -> Result<Option<Target>> {
        let settings = &self.settings;
        let written = written.map(Target::parse).transpose();
        let written = written.map_err(|error| error.context("logger.url"))?;
        let kafka = settings.kafka_broker.as_deref();
        let kafka = kafka.map(|brokers| Target::kafka(brokers, settings.kafka_topic.as_deref()));
        match (written, kafka) {
            (Some(Target::Http(_)) | None, Some(kafka)) => Ok(Some(kafka)),
            (Some(written), _) => Ok(Some(written)),
            (None, None) => {
                let endpoint = settings.endpoint.as_deref().map(Target::parse).transpose();
                endpoint.map_err(|error: Error| error.context("REQUEST_LOGGER_DEFAULT_ENDPOINT"))
            }
        }
    }
}

#[cfg(test)]
mod tests;
