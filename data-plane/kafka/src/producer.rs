//! Writes records, and says when they are safe.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hari_error::Result;
use krafka::CloseOptions;
use krafka::Compression;
use krafka::producer::{Acks, DeliveryHandle};

use crate::cluster::{Cluster, REQUEST};
use crate::fault;
use crate::record::Record;

/// How long records wait for others to travel with.
const LINGER: Duration = Duration::from_millis(1);
/// Most time from a record's queueing to its acknowledgement, retries included.
const DELIVERY: Duration = Duration::from_secs(30);
/// Most time that a record waits for room in the queue.
const ROOM: Duration = Duration::from_secs(15);
/// Most bytes in the queue; beyond, writers wait.
const QUEUE_BYTES: usize = 64 << 20;

/// Writes records so that every replica in step has them, each once: retries of a connection that
/// broke leave no second copy (idempotent, `acks=all`). Records of a key keep their order.
#[derive(Debug)]
pub struct Producer(krafka::producer::Producer);

/// Resolves when the broker has a record.
#[derive(Debug)]
#[must_use = "a record is safe once this has resolved"]
pub struct Delivery {
    handle: DeliveryHandle,
    topic: String,
}

impl Producer {
    /// Over the connections of `cluster`.
    ///
    /// # Errors
    /// `Unavailable` if no broker gives it an identity, `Forbidden` if it may not.
    pub async fn connect(cluster: &Cluster) -> Result<Self> {
        let builder = cluster
            .0
            .producer()
            .acks(Acks::All)
            .idempotent(true)
            .compression(Compression::Lz4)
            .linger(LINGER)
            .max_block(ROOM)
            .buffer_memory(QUEUE_BYTES)
            .delivery_timeout(DELIVERY + REQUEST)
            .metrics_push(false);
        let built = builder.build().await;
        built
            .map(Self)
            .map_err(|fault| fault::error("starting to write", fault))
    }

    /// Queues a record: order of calls is order in the topic, for records of the same key. Waits
    /// for room, at most 15 seconds. Dropping the future before it resolves writes nothing.
    ///
    /// # Errors
    /// `NotFound` if there is no such topic, `TooLarge`, `Forbidden`, else `Unavailable`.
    pub async fn enqueue(&self, record: Record) -> Result<Delivery> {
        let topic = record.topic.clone();
        match self.0.enqueue(record.into()).await {
            Ok(handle) => Ok(Delivery { handle, topic }),
            Err(fault) => Err(fault::error(&written(&topic), fault)),
        }
    }

    /// Writes a record and waits until it is safe.
    ///
    /// # Errors
    /// As [`Producer::enqueue`]. After `Unavailable` the record may have been written all the
    /// same.
    pub async fn send(&self, record: Record) -> Result<()> {
        self.enqueue(record).await?.await
    }

    /// Writes what is queued, within `time`, and ends.
    pub async fn close(&self, time: Duration) {
        if let Err(fault) = self.0.close_with(CloseOptions::new().timeout(time)).await {
            tracing::warn!(%fault, "Kafka: not all that was queued is written");
        }
    }
}

impl Future for Delivery {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = Pin::new(&mut self.handle).poll(context);
        let topic = &self.topic;
        outcome.map(|result| match result {
            Ok(_) => Ok(()),
            Err(fault) => Err(fault::error(&written(topic), fault)),
        })
    }
}

fn written(topic: &str) -> String {
    format!("writing to topic `{topic}`")
}
