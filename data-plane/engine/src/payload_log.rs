//! Payload logging: from what a document or a flag asks for to what looks on at a node.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hari_api::LoggerMode;
use hari_core::{BoxFuture, Watch};
use hari_error::Result;
use hari_kafka::{Cluster, Producer, Record};
use hari_payload_log::{Header, Mode, NodeLog, PayloadLog, Publish, Target};
use hari_plan::bound::{BoundNode, Builtin, Placement};
use hari_plan::payload_log::{redacted, share};
use hari_settings::{KafkaSecurity, PayloadLog as Settings};
use tokio::sync::OnceCell;

use crate::tree::Origin;

/// The payload logs of a process; none is started yet. `everything`: where the payloads of all
/// nodes go whose document says nothing.
///
/// # Errors
/// If a setting or the target cannot be read.
pub fn payload_logs(everything: Option<&str>) -> Result<PayloadLogs> {
    payload_logs_with(Settings::from_env()?, everything)
}

/// The same with these settings.
///
/// # Errors
/// If the target cannot be read.
pub fn payload_logs_with(settings: Settings, everything: Option<&str>) -> Result<PayloadLogs> {
    let connect = |brokers: &str| {
        let brokers = brokers.to_owned();
        let producer = OnceCell::new();
        Arc::new(Kafka { brokers, producer }) as Arc<dyn Publish>
    };
    Ok(PayloadLogs {
        log: Arc::new(PayloadLog::new(settings, Arc::new(connect))),
        everything: everything.map(Target::parse).transpose()?,
    })
}

/// The payload logs of a process.
#[derive(Clone)]
pub struct PayloadLogs {
    log: Arc<PayloadLog>,
    everything: Option<Target>,
}

impl PayloadLogs {
    /// Takes no more, writes what waits within this time, and counts the rest as lost.
    pub async fn close(&self, within: Duration) {
        self.log.close(within).await;
    }
}

/// Who records this node; nobody if nothing asks for it.
///
/// # Errors
/// If the target cannot be read, or its folder cannot be made; names the node.
pub(crate) fn of(origin: &Origin<'_>, bound: &BoundNode) -> Result<Option<Arc<dyn Watch>>> {
    let logs = &origin.workshop.payload_logs;
    let (target, mode) = match (&bound.logger, &logs.everything) {
        (Some(logger), _) => {
            let written = logger.url.as_deref().filter(|url| !url.is_empty());
            let target = logs.log.target(written);
            let target = target.map_err(|error| error.at_node(&*bound.name))?;
            let target = target.or_else(|| logs.everything.clone());
            (target, mode(logger.mode))
        }
        (None, Some(everything)) => (Some(everything.clone()), Mode::All),
        (None, None) => return Ok(None),
    };
    let Some(target) = target else {
        let (deployment, node) = (&origin.deployment.name, &bound.name);
        let hint = "give `logger` a `url`, or set REQUEST_LOGGER_DEFAULT_ENDPOINT";
        tracing::warn!(
            deployment,
            node,
            hint,
            "payloads are not logged: nothing says where to"
        );
        return Ok(None);
    };
    let watch = logs.log.watch(&target, node(origin, bound, mode));
    watch.map(Some).map_err(|error| error.at_node(&*bound.name))
}

fn node(origin: &Origin<'_>, bound: &BoundNode, mode: Mode) -> NodeLog {
    let annotations = &origin.predictor.annotations;
    let calls = bound.calls;
    let calls = calls.predict || calls.transform_input || calls.transform_output;
    NodeLog {
        namespace: origin.deployment.namespace.clone(),
        deployment: origin.deployment.name.clone(),
        predictor: origin.predictor.name.clone(),
        node: bound.name.clone(),
        protocol: origin.deployment.protocol.to_string(),
        mode,
        own_call: calls && bound.placement != Placement::Builtin(Builtin::PassThrough),
        sample: share(annotations, &bound.name),
        redact: redacted(annotations),
    }
}

const fn mode(mode: LoggerMode) -> Mode {
    match mode {
        LoggerMode::All => Mode::All,
        LoggerMode::Request => Mode::Request,
        LoggerMode::Response => Mode::Response,
    }
}

/// A cluster that is connected to with the first record, and again as long as that fails.
struct Kafka {
    brokers: String,
    producer: OnceCell<Producer>,
}

impl Kafka {
    async fn connected(&self) -> Result<Producer> {
        let security = KafkaSecurity::of(&|setting| setting.get())?;
        let cluster = Cluster::connect(&self.brokers, &security).await?;
        Producer::connect(&cluster).await
    }
}

impl Publish for Kafka {
    fn publish<'a>(
        &'a self,
        topic: &'a str,
        key: Bytes,
        headers: Vec<Header>,
        value: Bytes,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let producer = self.producer.get_or_try_init(|| self.connected()).await?;
            let record = Record {
                topic: topic.to_owned(),
                key: Some(key),
                value: Some(value),
                headers,
            };
            producer.send(record).await
        })
    }
}
