//! One worker: requests are answered one after the other, answers are acknowledged in any order.

use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use hari_error::{Error, Kind};
use hari_telemetry::metric::StreamMetrics;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Answer, Answered, Over, Pause, Reply};
use crate::consumer::{Consumer, Received};
use crate::producer::{Delivery, Producer};
use crate::record::Record;

/// Answers of one lane that wait for their acknowledgement.
const UNACKNOWLEDGED: usize = 64;

/// One worker.
pub(super) struct Lane<A> {
    pub(super) answer: Arc<A>,
    pub(super) consumer: Arc<Consumer>,
    pub(super) producer: Arc<Producer>,
    pub(super) metrics: Arc<StreamMetrics>,
    pub(super) output: String,
    pub(super) errors: Option<String>,
    pub(super) over: CancellationToken,
}

impl<A: Answer> Lane<A> {
    /// Answers requests until it is over; then what has begun is finished.
    pub(super) async fn run(self, mut requests: mpsc::Receiver<Received>) {
        let mut written = FuturesUnordered::new();
        loop {
            let room = written.len() < UNACKNOWLEDGED;
            tokio::select! {
                biased;
                () = self.over.cancelled() => break,
                Some(()) = written.next() => {}
                request = requests.recv(), if room => match request {
                    Some(request) => written.extend(self.serve(request).await),
                    None => break,
                },
            }
        }
        while written.next().await.is_some() {}
    }

    /// Answers one request; what is returned acknowledges it. None if it was given up.
    async fn serve(&self, request: Received) -> Option<impl Future<Output = ()> + use<'_, A>> {
        let (reply, failed) = self.reply(&request).await.ok()?;
        let record = self.record(&request, reply, failed);
        // Queued here, so that answers of a key keep the order of their requests.
        let queued = self.producer.enqueue(record.clone()).await;
        Some(async move {
            if self.deliver(record, queued).await.is_ok() {
                self.metrics.produced(failed);
                self.consumer.acknowledge(request.ticket);
            }
        })
    }

    /// The answer, and whether it is an error.
    async fn reply(&self, request: &Received) -> Result<(Reply, bool), Over> {
        let mut pause = Pause::default();
        let mut attempt = 0;
        loop {
            match self.answer.answer(request, attempt).await {
                Answered::Reply(reply) => return Ok((reply, false)),
                Answered::Error(reply) => return Ok((reply, true)),
                Answered::Later(error) => {
                    self.metrics.retried();
                    tracing::warn!(
                        partition = request.partition,
                        offset = request.offset,
                        "{error}; the request is tried again"
                    );
                }
            }
            attempt += 1;
            pause.wait(&self.over).await?;
        }
    }

    fn record(&self, request: &Received, reply: Reply, failed: bool) -> Record {
        let errors = self.errors.as_ref().filter(|_| failed);
        Record {
            topic: errors.unwrap_or(&self.output).clone(),
            key: request.key.clone(),
            value: Some(reply.value),
            headers: reply.headers,
        }
    }

    /// Writes until the broker has it. What no broker will take is answered with that.
    async fn deliver(
        &self,
        mut record: Record,
        mut queued: Result<Delivery, Error>,
    ) -> Result<(), Over> {
        let mut pause = Pause::default();
        loop {
            let outcome = match queued {
                Ok(delivery) => delivery.await,
                Err(error) => Err(error),
            };
            let Err(error) = outcome else {
                return Ok(());
            };
            if error.kind() == Kind::TooLarge {
                record.value = Some(too_large(&error).into());
            }
            self.metrics.retried();
            super::complain(&error, &record.topic);
            pause.wait(&self.over).await?;
            queued = self.producer.enqueue(record.clone()).await;
        }
    }
}

/// Stands for an answer that the broker does not take.
fn too_large(error: &Error) -> String {
    let words = error.to_string().replace(['"', '\\'], "'");
    format!(
        r#"{{"status":{{"code":413,"info":"the answer is too large: {words}","reason":"TOO_LARGE","status":"FAILURE"}}}}"#
    )
}
