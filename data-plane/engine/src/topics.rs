//! Topics whose messages are requests: each predictor that has one is read for as long as it is
//! served.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hari_api::{Protocol, Transport};
use hari_error::{Error, Result};
use hari_ingress::message::{Desk, Outcome, Recipient, Spoken, Told};
use hari_ingress::{App, Deployment, Inlet, Predictor};
use hari_kafka::{Answer, Answered, Boxed, Pump, Received, Reply};
use hari_plan::bound::{BoundDeployment, BoundPredictor};
use hari_settings::{KAFKA_BROKER, KafkaStream, Setting};
use hari_telemetry::metric::StreamMetrics;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How often it is looked at which predictors are served.
const LOOK: Duration = Duration::from_millis(250);
/// A request that takes too long is tried this often.
const TRIES: u32 = 3;

/// The topic that a predictor reads, if it reads one. Flags win over its document, and the
/// environment fills what both leave out.
///
/// # Errors
/// Names the predictor and the variable that is missing or wrong.
pub(crate) fn inlet(
    deployment: &BoundDeployment,
    predictor: &BoundPredictor,
    flags: &BTreeMap<&'static str, String>,
) -> Result<Option<Inlet>> {
    let flagged = flags.contains_key(KAFKA_BROKER.name) && !predictor.shadow;
    if predictor.kafka.is_none() && !flagged {
        return Ok(None);
    }
    let lookup = |setting: &Setting| {
        let of_document = || predictor.kafka.as_ref()?.get(setting.name);
        let said = flags.get(setting.name).or_else(of_document).cloned();
        said.filter(|value| !value.is_empty())
            .or_else(|| setting.get())
    };
    let stream = KafkaStream::of(&lookup)
        .map_err(|error| error.context(format!("predictor `{}`", predictor.name)))?;
    Ok(Some(Inlet {
        stream,
        spoken: match deployment.protocol {
            Protocol::Seldon => Spoken::Seldon,
            Protocol::V2 => Spoken::OpenInference,
            Protocol::Tensorflow => Spoken::Tensorflow,
        },
        grpc: deployment.transport == Transport::Grpc,
    }))
}

/// Everything that is read.
pub(crate) struct Topics {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// Namespace, deployment and predictor.
type Key = (String, String, String);

/// A topic that is read.
struct Reading {
    inlet: Inlet,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Topics {
    /// Reads whatever the predictors of `app` ask for, as they come and go.
    pub(crate) fn read(app: &App) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(keep_up(app.clone(), stop.clone()));
        Self { stop, task }
    }

    /// Answers and commits what has begun, and leaves the groups.
    pub(crate) async fn stop(&mut self) {
        self.stop.cancel();
        // Fails only if the task panicked, which has been told.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Topics {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn keep_up(app: App, stop: CancellationToken) {
    let mut readings: BTreeMap<Key, Reading> = BTreeMap::new();
    let mut looks = tokio::time::interval(LOOK);
    while stop.run_until_cancelled(looks.tick()).await.is_some() {
        let wanted = wanted(&app);
        let gone = readings.extract_if(.., |key, reading| wanted.get(key) != Some(&reading.inlet));
        end(gone.map(|(_, reading)| reading).collect()).await;
        for (key, inlet) in wanted {
            let begin = || begin(&app, &key, inlet);
            readings.entry(key.clone()).or_insert_with(begin);
        }
    }
    end(readings.into_values().collect()).await;
}

/// Told together, so that they end side by side.
async fn end(readings: Vec<Reading>) {
    for reading in &readings {
        reading.stop.cancel();
    }
    for reading in readings {
        // Fails only if the task panicked, which has been told.
        let _ = reading.task.await;
    }
}

fn wanted(app: &App) -> BTreeMap<Key, Inlet> {
    let mut wanted = BTreeMap::new();
    for deployment in app.directory().all() {
        for predictor in &deployment.predictors {
            if let Some(inlet) = &predictor.inlet {
                wanted.insert(key(&deployment, predictor), inlet.clone());
            }
        }
    }
    wanted
}

fn key(deployment: &Deployment, predictor: &Predictor) -> Key {
    let Deployment {
        namespace, name, ..
    } = deployment;
    (namespace.clone(), name.clone(), predictor.name.clone())
}

fn begin(app: &App, key: &Key, inlet: Inlet) -> Reading {
    let (namespace, deployment, predictor) = key;
    let metrics = StreamMetrics::new(deployment, predictor, &inlet.stream.input);
    let pump = Pump {
        stream: inlet.stream.clone(),
        group: format!("{predictor}.{deployment}.{namespace}"),
        answer: Arc::new(Clerk::new(app, key, &inlet)),
        metrics: Arc::new(metrics),
        drain: app.settings().drain,
    };
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let task = tokio::spawn(async move {
        if let Err(error) = pump.run(stopped).await {
            let cause = std::error::Error::source(&error).map(tracing::field::display);
            tracing::error!(cause, group = pump.group, "{error}; the topic is not read");
        }
    });
    Reading { inlet, stop, task }
}

/// Puts messages to a predictor.
struct Clerk {
    app: App,
    key: Key,
    grpc: bool,
    spoken: Spoken,
    desk: tokio::sync::OnceCell<Desk>,
}

impl Clerk {
    fn new(app: &App, key: &Key, inlet: &Inlet) -> Self {
        Self {
            app: app.clone(),
            key: key.clone(),
            grpc: inlet.grpc,
            spoken: inlet.spoken,
            desk: tokio::sync::OnceCell::new(),
        }
    }

    fn predictor(&self) -> Result<Arc<Predictor>> {
        let (namespace, deployment, name) = &self.key;
        let deployment = self.app.directory().get(namespace, deployment)?;
        let mut all = deployment.predictors.iter();
        let found = all.find(|predictor| &predictor.name == name).cloned();
        found.ok_or_else(|| Error::unavailable(format!("predictor `{name}` is not served")))
    }

    async fn desk(&self) -> Result<&Desk> {
        let make = async || {
            let (namespace, deployment, predictor) = self.key.clone();
            let recipient = Recipient {
                namespace,
                deployment,
                predictor,
                model: self.predictor()?.unit.metadata().name.clone(),
                spoken: self.spoken,
                grpc: self.grpc,
            };
            Ok(Desk::new(&self.app, recipient))
        };
        self.desk.get_or_try_init(make).await
    }
}

impl Answer for Clerk {
    fn ready(&self) -> Boxed<'_, Result<()>> {
        Box::pin(async { self.predictor()?.unit.ready().await })
    }

    fn answer<'a>(&'a self, request: &'a Received, attempt: u32) -> Boxed<'a, Answered> {
        Box::pin(async move {
            let value = request.value.clone().unwrap_or_default();
            match self.desk().await {
                Ok(desk) => judge(desk.ask(value, &request.headers).await, attempt),
                Err(error) => Answered::Later(error),
            }
        })
    }
}

/// What is down comes back; what takes too long may always do so, and others wait behind it.
fn judge(told: Told, attempt: u32) -> Answered {
    let reply = Reply {
        value: told.body,
        headers: told.headers,
    };
    match told.outcome {
        Outcome::Answered => Answered::Reply(reply),
        Outcome::Failed => Answered::Error(reply),
        Outcome::TimedOut if attempt + 1 >= TRIES => Answered::Error(reply),
        Outcome::TimedOut | Outcome::Unavailable => {
            let words = String::from_utf8_lossy(&reply.value);
            let words: String = words.chars().take(400).collect();
            Answered::Later(Error::unavailable(words))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(outcome: Outcome) -> Told {
        Told {
            outcome,
            body: "body".into(),
            headers: Vec::new(),
        }
    }

    #[test]
    fn what_is_down_is_tried_for_ever_and_what_is_slow_a_few_times() {
        for attempt in [0, 1, 100] {
            let down = judge(told(Outcome::Unavailable), attempt);
            assert!(matches!(down, Answered::Later(_)), "{down:?}");
            let failed = judge(told(Outcome::Failed), attempt);
            assert!(matches!(failed, Answered::Error(_)), "{failed:?}");
        }
        let slow = |attempt| judge(told(Outcome::TimedOut), attempt);
        assert!(matches!(slow(TRIES - 2), Answered::Later(_)));
        assert!(matches!(slow(TRIES - 1), Answered::Error(_)));
        let done = judge(told(Outcome::Answered), 0);
        assert!(matches!(done, Answered::Reply(reply) if reply.value == "body"));
    }
}
