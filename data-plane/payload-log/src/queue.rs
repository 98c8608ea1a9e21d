//! The bounded queue in front of a sink: room for so many records and so many bytes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hari_error::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::record::{Place, Record};

/// Bytes are counted in pieces of this size, so that any amount fits a semaphore.
const PIECE: usize = 1024;
/// The same trouble is said again after so long.
const SILENCE: Duration = Duration::from_secs(10);

/// Records on their way to one sink.
pub(crate) struct Queue {
    /// `http`, `file` or `kafka`.
    pub(crate) sink: &'static str,
    sender: mpsc::Sender<Record>,
    bytes: Arc<Semaphore>,
    troubles: Troubles,
}

/// The reading end, shared by workers.
pub(crate) struct Outlet {
    receiver: tokio::sync::Mutex<mpsc::Receiver<Record>>,
    closing: CancellationToken,
}

/// Room that a record takes up, from the queue until its event is with the sink.
pub(crate) struct Slot {
    pub(crate) place: Arc<Place>,
    _bytes: OwnedSemaphorePermit,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.place.metrics.left();
    }
}

impl Queue {
    /// Room for `records`, and for `bytes` of them. `closing` ends the outlet once it is empty.
    pub(crate) fn new(
        sink: &'static str,
        (records, bytes): (usize, usize),
        closing: CancellationToken,
    ) -> (Self, Outlet) {
        let (sender, receiver) = mpsc::channel(records.max(1));
        let pieces = (bytes / PIECE).clamp(1, u32::MAX as usize);
        let queue = Self {
            sink,
            sender,
            bytes: Arc::new(Semaphore::new(pieces)),
            troubles: Troubles::default(),
        };
        let outlet = Outlet {
            receiver: tokio::sync::Mutex::new(receiver),
            closing,
        };
        (queue, outlet)
    }

    /// Room for a record of `bytes`; nothing, counted, where there is none. Never waits.
    pub(crate) fn reserve(
        &self,
        place: &Arc<Place>,
        bytes: usize,
    ) -> Option<(mpsc::Permit<'_, Record>, Slot)> {
        let room = match self.sender.try_reserve() {
            Ok(room) => room,
            Err(mpsc::error::TrySendError::Full(())) => return self.dropped(place, "full"),
            Err(mpsc::error::TrySendError::Closed(())) => return self.dropped(place, "closed"),
        };
        let pieces = u32::try_from(bytes.div_ceil(PIECE)).unwrap_or(u32::MAX);
        let Ok(permit) = self.bytes.clone().try_acquire_many_owned(pieces) else {
            return self.dropped(place, "bytes");
        };
        place.metrics.queued();
        let slot = Slot {
            place: place.clone(),
            _bytes: permit,
        };
        Some((room, slot))
    }

    fn dropped<T>(&self, place: &Place, reason: &'static str) -> Option<T> {
        place.metrics.dropped(reason, 1);
        if let Some(silent) = self.troubles.say() {
            let (sink, node) = (self.sink, &place.log.node);
            tracing::warn!(sink, node, reason, silent, "payload log: no room, dropped");
        }
        None
    }

    /// Events of this node were given up.
    pub(crate) fn failed(&self, place: &Place, events: u64, error: &Error) {
        place.metrics.failed(events);
        if let Some(silent) = self.troubles.say() {
            let (sink, node) = (self.sink, &place.log.node);
            let source = std::error::Error::source(error).map(ToString::to_string);
            tracing::warn!(sink, node, %error, source, silent, "payload log: not written");
        }
    }
}

impl Outlet {
    /// What waits, up to `most`; waits for the first. Nothing once the queue is closed and empty.
    pub(crate) async fn next(&self, most: usize) -> Vec<Record> {
        let mut receiver = self.receiver.lock().await;
        let mut records = Vec::new();
        if !self.closing.is_cancelled() {
            tokio::select! {
                biased;
                read = receiver.recv_many(&mut records, most) => {
                    let _ = read;
                    return records;
                }
                () = self.closing.cancelled() => {}
            }
        }
        receiver.close();
        receiver.recv_many(&mut records, most).await;
        records
    }

    /// Counts what is left as lost.
    pub(crate) async fn lose(&self) -> u64 {
        let mut receiver = self.receiver.lock().await;
        receiver.close();
        let mut lost = 0;
        while let Ok(record) = receiver.try_recv() {
            record.slot.place.metrics.dropped("shutdown", 1);
            lost += 1;
        }
        lost
    }
}

/// When trouble was last said, and how many times it was kept quiet since.
#[derive(Default)]
struct Troubles(Mutex<(Option<Instant>, u64)>);

impl Troubles {
    /// How many times it was kept quiet, if it is time to say it again.
    fn say(&self) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, silent) = &mut *state;
        if last.is_some_and(|last| last.elapsed() < SILENCE) {
            *silent += 1;
            return None;
        }
        *last = Some(Instant::now());
        Some(std::mem::take(silent))
    }
}
