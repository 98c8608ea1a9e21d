//! Reads one topic as a member of a group.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use bytes::Bytes;
use hari_error::Result;
use krafka::CloseOptions;
use krafka::consumer::{
    AutoOffsetReset, ConsumerRebalanceListener, IsolationLevel, OffsetAndMetadata, TopicPartition,
};

use crate::cluster::Cluster;
use crate::fault;
use crate::offsets::{Offsets, Ticket};

/// A member that the group did not hear of for this long is gone.
const SESSION: Duration = Duration::from_secs(6);
const HEARTBEAT: Duration = Duration::from_secs(2);
/// A member that did not ask for records for this long is gone.
const POLL: Duration = Duration::from_secs(300);
/// The least time that a call without records takes.
const IDLE: Duration = Duration::from_millis(10);
/// Most records handed out by one [`Consumer::poll`].
const RECORDS: i32 = 64;
/// Most records kept in memory that were not handed out.
pub(crate) const BUFFERED: i32 = 256;
/// Bytes of one fetch, and of one partition in it.
const FETCH_BYTES: i32 = 32 << 20;
const PARTITION_BYTES: i32 = 4 << 20;
/// Bytes of a batch once it is decompressed.
const BATCH_BYTES: usize = 128 << 20;
/// How long records that are being answered may hold up a partition that goes to another member.
const HANDOVER: Duration = Duration::from_secs(10);

/// A member of a group that reads one topic from its beginning, or from where the group was.
pub struct Consumer {
    inner: Arc<krafka::consumer::Consumer>,
    offsets: Arc<Offsets>,
    topic: String,
}

/// A record that was read.
#[derive(Debug)]
pub struct Received {
    /// Its partition.
    pub partition: i32,
    /// Its place in the partition.
    pub offset: i64,
    /// Records of the same key are in the same partition.
    pub key: Option<Bytes>,
    /// What it says; none is a tombstone.
    pub value: Option<Bytes>,
    /// In their order; a header without a value is empty.
    pub headers: Vec<(String, Bytes)>,
    /// To give back when its answer is safe.
    pub ticket: Ticket,
}

impl Consumer {
    /// Joins `group` to read `topic`. Which partitions it gets is said by the broker, in time.
    ///
    /// # Errors
    /// `NotFound` if there is no such topic, `Forbidden`, else `Unavailable`.
    pub async fn join(cluster: &Cluster, group: &str, topic: &str) -> Result<Self> {
        let offsets = Arc::new(Offsets::default());
        let handover = Handover {
            consumer: Arc::default(),
            offsets: offsets.clone(),
        };
        let member = handover.consumer.clone();
        let builder = cluster.0.consumer(group).rebalance_listener(handover);
        let builder = builder
            .auto_offset_reset(AutoOffsetReset::Earliest)
            .enable_auto_commit(false)
            .isolation_level(IsolationLevel::ReadCommitted)
            .session_timeout(SESSION)
            .heartbeat_interval(HEARTBEAT)
            .max_poll_interval(POLL)
            .max_poll_records(RECORDS)
            .max_buffered_records(BUFFERED)
            .fetch_max_bytes(FETCH_BYTES)
            .max_partition_fetch_bytes(PARTITION_BYTES)
            .max_decompressed_size(BATCH_BYTES)
            .metrics_push(false);
        let explain = |fault| fault::error(&format!("reading topic `{topic}`"), fault);
        let inner = Arc::new(builder.build().await.map_err(explain)?);
        // Set once: this is the only place.
        let _ = member.set(Arc::downgrade(&inner));
        inner.subscribe([topic]).await.map_err(explain)?;
        Ok(Self {
            inner,
            offsets,
            topic: topic.to_owned(),
        })
    }

    /// The next records, or none within `time`. Must be called again within 5 minutes, or the
    /// group gives the partitions to others. A future that is dropped loses no record.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound`, else `Unavailable`.
    pub async fn poll(&self, time: Duration) -> Result<Vec<Received>> {
        let records = self.inner.poll(time).await;
        let records = records.map_err(|fault| self.explain("reading", fault))?;
        if records.is_empty() {
            // With its buffer full of paused partitions the client comes back at once, and a
            // caller that asks again would let no one else run.
            tokio::time::sleep(IDLE).await;
        }
        Ok(records.into_iter().map(|one| self.received(one)).collect())
    }

    /// Reads nothing more of the partitions that are ours now, while there is no room for more;
    /// [`Consumer::poll`] keeps us in the group all the same.
    pub async fn pause(&self) {
        let ours = self.partitions().await;
        self.inner.pause(&self.topic, &ours).await;
    }

    /// Reads on.
    pub async fn resume(&self) {
        let ours = self.partitions().await;
        self.inner.resume(&self.topic, &ours).await;
    }

    async fn partitions(&self) -> Vec<i32> {
        let mut all = self.inner.assignment().await;
        all.remove(&self.topic).unwrap_or_default()
    }

    fn received(&self, record: krafka::ConsumerRecord) -> Received {
        let ticket = self.offsets.begin(record.partition, record.offset);
        let header = |(name, value): (String, Option<Bytes>)| (name, value.unwrap_or_default());
        Received {
            partition: record.partition,
            offset: record.offset,
            key: record.key,
            value: record.value,
            headers: record.headers.into_iter().map(header).collect(),
            ticket,
        }
    }

    /// The answer to a record is safe: its offset is committed with the next [`Consumer::commit`],
    /// once those before it in its partition are.
    #[expect(clippy::needless_pass_by_value, reason = "a ticket is given back once")]
    pub fn acknowledge(&self, ticket: Ticket) {
        self.offsets.done(&ticket);
    }

    /// Resolves when [`Consumer::commit`] has something to do.
    pub async fn uncommitted(&self) {
        self.offsets.more().await;
    }

    /// Tells the group how far the answers are safe.
    ///
    /// # Errors
    /// `Unavailable`; what was not committed is part of the next call.
    pub async fn commit(&self) -> Result<()> {
        let offsets = self.offsets.uncommitted();
        let done = commit(&self.inner, &self.topic, &offsets).await;
        done.map_err(|fault| self.explain("committing", fault))?;
        self.offsets.committed(&offsets);
        Ok(())
    }

    /// Records that wait in each partition of this member, as of the last fetch.
    pub async fn lag(&self) -> Vec<(i32, u64)> {
        let all = self.inner.lag().await.into_iter();
        let known = all.filter_map(|(partition, lag)| Some((partition.partition(), lag.lag?)));
        known.collect()
    }

    /// Commits what is safe and leaves the group, within `time`.
    pub async fn leave(&self, time: Duration) {
        let options = CloseOptions::new().timeout(time);
        if let Err(fault) = self.inner.close_with(options).await {
            tracing::warn!(%fault, topic = self.topic, "Kafka: could not leave the group");
        }
    }

    fn explain(&self, what: &str, fault: krafka::KrafkaError) -> hari_error::Error {
        fault::error(&format!("{what} topic `{}`", self.topic), fault)
    }
}

async fn commit(
    consumer: &krafka::consumer::Consumer,
    topic: &str,
    offsets: &[(i32, i64)],
) -> krafka::Result<()> {
    if offsets.is_empty() {
        return Ok(());
    }
    let offsets = offsets.iter().map(|(partition, offset)| {
        let place = TopicPartition::new(topic, *partition);
        (place, OffsetAndMetadata::new(*offset))
    });
    consumer.commit_offsets(offsets).await
}

/// What happens when partitions go to another member: what is being answered is finished, and
/// committed, before they go.
struct Handover {
    consumer: Arc<OnceLock<Weak<krafka::consumer::Consumer>>>,
    offsets: Arc<Offsets>,
}

impl ConsumerRebalanceListener for Handover {
    async fn on_partitions_assigned(&self, partitions: &[TopicPartition]) {
        tracing::info!(partitions = partitions.len(), "Kafka: partitions assigned");
    }

    async fn on_partitions_revoked(&self, partitions: &[TopicPartition]) {
        let Some(topic) = partitions.first().map(TopicPartition::topic) else {
            return;
        };
        let ours = numbers(partitions);
        if tokio::time::timeout(HANDOVER, self.offsets.settled(&ours))
            .await
            .is_err()
        {
            tracing::warn!(
                topic,
                "Kafka: records that are being answered go to another member"
            );
        }
        let mut safe = self.offsets.uncommitted();
        safe.retain(|(partition, _)| ours.contains(partition));
        let consumer = self.consumer.get().and_then(Weak::upgrade);
        if let Some(consumer) = consumer
            && let Err(fault) = commit(&consumer, topic, &safe).await
        {
            tracing::warn!(%fault, topic, "Kafka: could not commit; records are answered twice");
        }
        self.offsets.forget(&ours);
    }

    async fn on_partitions_lost(&self, partitions: &[TopicPartition]) {
        tracing::warn!(partitions = partitions.len(), "Kafka: partitions lost");
        self.offsets.forget(&numbers(partitions));
    }
}

fn numbers(partitions: &[TopicPartition]) -> Vec<i32> {
    partitions.iter().map(TopicPartition::partition).collect()
}
