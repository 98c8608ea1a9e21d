//! Takes records from a queue, makes events of them and hands them to the sink.

use std::sync::Arc;
use std::time::Duration;

use hari_error::{Error, Kind, Result};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::event::Event;
use crate::queue::{Outlet, Queue};
use crate::record::Record;
use crate::sink::Sink;
use crate::sink::files::Writer;

/// Bodies beyond this many bytes are written on a thread that may be held up.
const LARGE: usize = 64 << 10;
/// The first pause before a try is repeated; each is twice the one before, up to [`LONGEST`].
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);
/// Records that a writer of files takes at once.
const PAGE: usize = 256;

/// What a worker works with.
pub(crate) struct Bench {
    pub(crate) queue: std::sync::Weak<Queue>,
    pub(crate) outlet: Arc<Outlet>,
    /// What is unwritten by then is lost.
    pub(crate) stop: CancellationToken,
    pub(crate) attempts: u32,
    pub(crate) batch: usize,
    /// Whether bodies are text for people and tables, whatever they came as.
    pub(crate) as_json: bool,
    /// Most time of one try.
    pub(crate) timeout: Duration,
    pub(crate) lost: Arc<std::sync::atomic::AtomicU64>,
}

/// Sends until the queue is closed and empty, or it has to stop.
pub(crate) async fn send(bench: Arc<Bench>, sink: Arc<dyn Sink>) {
    loop {
        let records = bench.outlet.next(bench.batch).await;
        if records.is_empty() {
            return;
        }
        let events = bench.events(records).await;
        tokio::select! {
            biased;
            () = bench.deliver(&*sink, &events) => {}
            () = bench.stop.cancelled() => {
                bench.lose(&events);
                return bench.lose_rest().await;
            }
        }
    }
}

/// Writes files until the queue is closed and empty, or it has to stop.
pub(crate) async fn write(bench: Arc<Bench>, mut writer: Writer) {
    loop {
        let due = writer.due();
        let records = tokio::select! {
            biased;
            () = bench.stop.cancelled() => {
                bench.lose_rest().await;
                Vec::new()
            }
            records = bench.outlet.next(PAGE) => records,
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                writer = bench.blocking(writer, Writer::rotate).await;
                continue;
            }
        };
        if records.is_empty() {
            bench.blocking(writer, Writer::finish).await;
            return;
        }
        let events = bench.events(records).await;
        writer = bench.append(writer, events).await;
    }
}

impl Bench {
    /// What cannot be written down is counted and left out.
    async fn events(&self, records: Vec<Record>) -> Vec<Event> {
        let large = records.iter().any(|record| record.bytes > LARGE);
        let as_json = self.as_json;
        let make = move || {
            let each = |record| Event::of(record, as_json);
            records.into_iter().map(each).collect::<Vec<_>>()
        };
        let made = match large {
            true => tokio::task::spawn_blocking(make).await.unwrap_or_default(),
            false => make(),
        };
        let mut events = Vec::with_capacity(made.len());
        for result in made {
            match result {
                Ok(event) => events.push(event),
                Err((slot, error)) => self.failed(&slot.place, 1, &error),
            }
        }
        events
    }

    /// Tries until the sink has it, or will not take it, or there were tries enough.
    async fn deliver(&self, sink: &dyn Sink, events: &[Event]) {
        if events.is_empty() {
            return;
        }
        let mut pause = PAUSE;
        for attempt in 1..=self.attempts.max(1) {
            let outcome = timeout(self.timeout, sink.deliver(events)).await;
            let late = |_| Error::new(Kind::DeadlineExceeded, "the sink did not answer in time");
            let Err(error) = outcome.map_err(late).flatten() else {
                return count(events, |place| place.metrics.sent(1));
            };
            if attempt >= self.attempts || !again(&error) {
                events
                    .iter()
                    .for_each(|event| self.failed(event.place(), 1, &error));
                return;
            }
            count(events, |place| place.metrics.retried(1));
            tokio::time::sleep(pause.mul_f64(fastrand::f64() + 0.5)).await;
            pause = (pause * 2).min(LONGEST);
        }
    }

    async fn append(&self, writer: Writer, events: Vec<Event>) -> Writer {
        let events = Arc::new(events);
        let own = events.clone();
        let (writer, outcome) = on_a_thread(writer, move |writer| writer.append(&own)).await;
        match outcome {
            Ok(()) => count(&events, |place| place.metrics.sent(1)),
            Err(error) => {
                let failed = |event: &Event| self.failed(event.place(), 1, &error);
                events.iter().for_each(failed);
            }
        }
        writer
    }

    async fn blocking(&self, writer: Writer, work: fn(&mut Writer) -> Result<()>) -> Writer {
        let (writer, outcome) = on_a_thread(writer, work).await;
        if let Err(error) = outcome {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            tracing::warn!(%error, source, "payload log: a file was not closed");
        }
        writer
    }

    fn failed(&self, place: &crate::record::Place, events: u64, error: &Error) {
        match self.queue.upgrade() {
            Some(queue) => queue.failed(place, events, error),
            None => place.metrics.failed(events),
        }
    }

    fn lose(&self, events: &[Event]) {
        count(events, |place| place.metrics.dropped("shutdown", 1));
        self.add_lost(events.len() as u64);
    }

    async fn lose_rest(&self) {
        let lost = self.outlet.lose().await;
        self.add_lost(lost);
    }

    fn add_lost(&self, lost: u64) {
        self.lost
            .fetch_add(lost, std::sync::atomic::Ordering::Relaxed);
    }
}

/// Work that may be held up by a disk. Where it does not come back, another writer goes on with a
/// file of its own.
async fn on_a_thread(
    mut writer: Writer,
    work: impl FnOnce(&mut Writer) -> Result<()> + Send + 'static,
) -> (Writer, Result<()>) {
    let spare = writer.another();
    let done = tokio::task::spawn_blocking(move || {
        let outcome = work(&mut writer);
        (writer, outcome)
    });
    done.await.unwrap_or_else(|error| {
        let error = Error::internal("writing the file ended early").with_source(error);
        (spare, Err(error))
    })
}

fn count(events: &[Event], each: impl Fn(&crate::record::Place)) {
    events.iter().for_each(|event| each(event.place()));
}

/// Whether another try may have another outcome. A second copy does no harm: events have ids.
fn again(error: &Error) -> bool {
    matches!(error.kind(), Kind::Unavailable | Kind::DeadlineExceeded)
}
