//! Read, answer, write, commit: a topic of requests becomes a topic of answers, and no request is
//! left without one.
//!
//! Requests of one key are answered in their order, on one of several lanes. An offset is
//! committed only when the answer to it and to all before it in its partition are acknowledged by
//! the broker, so that a process that dies loses nothing: what it had not committed is read
//! again, and may be answered twice.

mod lane;

use std::future::Future;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hari_error::{Error, Kind, Result};
use hari_settings::KafkaStream;
use hari_telemetry::metric::StreamMetrics;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::cluster::Cluster;
use crate::consumer::{Consumer, Received};
use crate::producer::Producer;
use lane::Lane;

/// Records that wait in front of each lane.
const WAITING: usize = 8;
/// How long one call waits for records.
const POLL: Duration = Duration::from_millis(500);
/// How often what is acknowledged is committed.
const COMMIT: Duration = Duration::from_secs(1);
/// How often the lag is looked at.
const LAG: Duration = Duration::from_secs(2);
/// What leaving a group may take at least.
const FAREWELL: Duration = Duration::from_secs(1);
/// The first and the longest pause after a failure.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A future in a box.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Whoever answers requests.
pub trait Answer: Send + Sync + 'static {
    /// Whether a request would be answered now; asked before the first is read.
    fn ready(&self) -> Boxed<'_, Result<()>>;

    /// The answer to a request, of which this is the `attempt`th try, from 0.
    fn answer<'a>(&'a self, request: &'a Received, attempt: u32) -> Boxed<'a, Answered>;
}

/// What came of a request.
#[derive(Debug)]
pub enum Answered {
    /// Goes to the topic of answers.
    Reply(Reply),
    /// The request failed, and would again: the error goes to the topic of errors.
    Error(Reply),
    /// Something that the request needs is down: it is tried again until it is answered.
    Later(Error),
}

/// What is written in answer to a request, under its key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The answer.
    pub value: Bytes,
    /// What is said about it.
    pub headers: Vec<(String, Bytes)>,
}

/// A topic of requests that becomes a topic of answers.
pub struct Pump<A> {
    /// Where to read and write.
    pub stream: KafkaStream,
    /// The group it reads in.
    pub group: String,
    /// Who answers.
    pub answer: Arc<A>,
    /// What is counted.
    pub metrics: Arc<StreamMetrics>,
    /// How long what has begun may take once it is told to stop.
    pub drain: Duration,
}

impl<A: Answer> Pump<A> {
    /// Runs until `stop`; then what has begun is answered and committed, and the group is left.
    /// Brokers that are down are waited for.
    ///
    /// # Errors
    /// `InvalidInput` if a setting is wrong: it will not become right by waiting.
    pub async fn run(&self, stop: CancellationToken) -> Result<()> {
        let mut pause = Pause::default();
        loop {
            if stop.run_until_cancelled(self.until_ready()).await.is_none() {
                return Ok(());
            }
            let error = match self.session(&stop, &mut pause).await {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == Kind::InvalidInput => return Err(error),
                Err(error) => error,
            };
            complain(&error, &self.stream.input);
            if pause.wait(&stop).await.is_err() {
                return Ok(());
            }
        }
    }

    async fn until_ready(&self) {
        let mut pause = Pause::default();
        while let Err(error) = self.answer.ready().await {
            tracing::debug!(%error, "not ready to read requests");
            pause.sleep().await;
        }
    }

    /// From joining the group to leaving it.
    async fn session(&self, stop: &CancellationToken, pause: &mut Pause) -> Result<()> {
        let opening = self.open();
        let (consumer, producer) = tokio::select! {
            opened = opening => opened?,
            () = stop.cancelled() => return Ok(()),
        };
        tracing::info!(
            topic = self.stream.input,
            group = self.group,
            "reading requests"
        );
        // Lanes stop with the session, for whatever reason it ends.
        let over = stop.child_token();
        let (lanes, mut tasks) = self.lanes(&consumer, &producer, &over);
        let result = tokio::select! {
            result = self.read(&consumer, &lanes, pause) => result,
            result = self.commit(&consumer) => result,
            Some(_) = tasks.join_next() => Err(Error::internal("a lane of requests ended")),
            () = stop.cancelled() => Ok(()),
        };
        over.cancel();
        drop(lanes);
        self.finish(&consumer, &producer, tasks).await;
        result
    }

    async fn open(&self) -> Result<(Arc<Consumer>, Arc<Producer>)> {
        let cluster = Cluster::connect(&self.stream.brokers, &self.stream.security).await?;
        let producer = Producer::connect(&cluster).await?;
        let consumer = Consumer::join(&cluster, &self.group, &self.stream.input).await?;
        Ok((Arc::new(consumer), Arc::new(producer)))
    }

    /// One lane for each worker, and the way into it.
    fn lanes(
        &self,
        consumer: &Arc<Consumer>,
        producer: &Arc<Producer>,
        over: &CancellationToken,
    ) -> (Vec<mpsc::Sender<Received>>, JoinSet<()>) {
        let mut tasks = JoinSet::new();
        let lane = |_| {
            let (into, requests) = mpsc::channel(WAITING);
            let lane = Lane {
                answer: self.answer.clone(),
                consumer: consumer.clone(),
                producer: producer.clone(),
                metrics: self.metrics.clone(),
                output: self.stream.output.clone(),
                errors: self.stream.errors.clone(),
                over: over.clone(),
            };
            tasks.spawn(lane.run(requests));
            into
        };
        let lanes = (0..self.stream.workers).map(lane).collect();
        (lanes, tasks)
    }

    /// Reads requests and puts each on its lane.
    async fn read(
        &self,
        consumer: &Consumer,
        lanes: &[mpsc::Sender<Received>],
        pause: &mut Pause,
    ) -> Result<()> {
        loop {
            let mut requests = consumer.poll(POLL).await?;
            *pause = Pause::default();
            while !requests.is_empty() {
                let more = self.hand_out(consumer, lanes, requests).await?;
                requests = more;
            }
        }
    }

    /// Puts requests on their lanes; returns those that came while a lane was full.
    async fn hand_out(
        &self,
        consumer: &Consumer,
        lanes: &[mpsc::Sender<Received>],
        requests: Vec<Received>,
    ) -> Result<Vec<Received>> {
        let ended = || Error::internal("a lane of requests ended");
        let mut more = Vec::new();
        for request in requests {
            self.metrics.consumed();
            let lane = pick(lanes, &request).ok_or_else(ended)?;
            if lane.capacity() == 0 {
                more.extend(wait_for_room(consumer, lane).await?);
            }
            lane.send(request).await.map_err(|_| ended())?;
        }
        Ok(more)
    }

    /// Commits what is acknowledged, and looks at the lag.
    async fn commit(&self, consumer: &Consumer) -> Result<()> {
        let mut looks = tokio::time::interval(LAG);
        let rest = if self.stream.commit_each {
            Duration::ZERO
        } else {
            COMMIT
        };
        loop {
            tokio::select! {
                () = consumer.uncommitted() => {
                    if let Err(error) = consumer.commit().await {
                        // Committed by the next call, or by whoever has the partition now.
                        tracing::debug!(%error, "not committed");
                        tokio::time::sleep(FIRST_PAUSE).await;
                    }
                    tokio::time::sleep(rest).await;
                }
                _ = looks.tick() => {
                    for (partition, lag) in consumer.lag().await {
                        self.metrics.lag(partition, lag);
                    }
                }
            }
        }
    }

    async fn finish(&self, consumer: &Consumer, producer: &Producer, mut lanes: JoinSet<()>) {
        let end = Instant::now() + self.drain;
        let left = || end.saturating_duration_since(Instant::now()).max(FAREWELL);
        let all = async { while lanes.join_next().await.is_some() {} };
        if tokio::time::timeout(self.drain, all).await.is_err() {
            tracing::warn!("requests were given up: they are read again");
        }
        lanes.shutdown().await;
        tokio::join!(producer.close(left()), consumer.leave(left()));
        self.metrics.left();
    }
}

/// Stays in the group until a lane has room; returns what came of partitions that became ours.
async fn wait_for_room(
    consumer: &Consumer,
    lane: &mpsc::Sender<Received>,
) -> Result<Vec<Received>> {
    let mut more = Vec::new();
    consumer.pause().await;
    loop {
        tokio::select! {
            biased;
            // An error says that the lane ended, as sending will.
            _ = lane.reserve() => break,
            polled = consumer.poll(POLL) => more.extend(polled?),
        }
    }
    consumer.resume().await;
    Ok(more)
}

/// The lane of a request: that of its key, else any that has room.
fn pick<'a>(
    lanes: &'a [mpsc::Sender<Received>],
    request: &Received,
) -> Option<&'a mpsc::Sender<Received>> {
    let Some(key) = &request.key else {
        return lanes.iter().max_by_key(|lane| lane.capacity());
    };
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    let count = lanes.len().max(1) as u64;
    lanes.get(usize::try_from(hasher.finish() % count).ok()?)
}

fn complain(error: &Error, topic: &str) {
    let cause = std::error::Error::source(error).map(tracing::field::display);
    tracing::warn!(cause, topic, "{error}; trying again");
}

/// Pauses that grow, and differ, so that many do not come back at once.
#[derive(Debug)]
pub(crate) struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Self(FIRST_PAUSE)
    }
}

impl Pause {
    fn next(&mut self) -> Duration {
        let whole = self.0;
        self.0 = (whole * 2).min(LONGEST_PAUSE);
        whole.mul_f64(0.5 + fastrand::f64() / 2.0)
    }

    async fn sleep(&mut self) {
        tokio::time::sleep(self.next()).await;
    }

    /// Waits, unless it is over.
    async fn wait(&mut self, over: &CancellationToken) -> Result<(), Over> {
        let time = self.next();
        match over.run_until_cancelled(tokio::time::sleep(time)).await {
            Some(()) => Ok(()),
            None => Err(Over),
        }
    }
}

/// It is time to stop.
#[derive(Debug)]
pub(crate) struct Over;

#[cfg(test)]
mod tests;
