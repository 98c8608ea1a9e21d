//! Collects what nodes are asked and answer, and has it written by a thread of its own.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use hari_core::{Asked, Context, Message, Moment, Watch};
use hari_error::{Error, Result};

use crate::Options;
use crate::content::Length;
use crate::file::Files;
use crate::onlooker::Onlooker;
use crate::open::{Open, Place};
use crate::recording::GraphNode;

/// Requests under way that are collected at most.
const UNDER_WAY: usize = 4096;
/// Requests that may wait to be written.
const QUEUE: usize = 256;
/// Time between looks for requests whose callers went away.
const SWEEP: Duration = Duration::from_secs(1);
/// Time that a stopping process gives to what is not written yet.
const PATIENCE: Duration = Duration::from_secs(5);

/// Keeps requests in a folder. Cloning gives another handle to the same one.
#[derive(Clone)]
pub struct Recorder {
    requests: Arc<Requests>,
    /// Predictors that nodes look on for: their nodes share one.
    places: Arc<Mutex<Vec<Arc<Place>>>>,
}

/// What is under way, and the way to the thread that writes.
pub(crate) struct Requests {
    pub(crate) options: Options,
    open: Mutex<UnderWay>,
    queue: SyncSender<Job>,
    left_out: AtomicU64,
}

struct UnderWay {
    requests: HashMap<Key, Open>,
    swept: Instant,
}

/// The addresses of a request's id and of its predictor: two callers may choose the same id.
type Key = (usize, usize);

enum Job {
    Keep(Box<Open>),
    /// Answered when all before it is written.
    Flush(SyncSender<()>),
}

impl Recorder {
    /// Makes the folder, and starts the thread that writes.
    ///
    /// # Errors
    /// `InvalidInput` if the folder cannot be made or read, `Internal` if there is no thread.
    pub fn new(options: Options) -> Result<Self> {
        let files = Files::open(&options)?;
        let length = Length::of(options.full);
        let (queue, jobs) = sync_channel(QUEUE);
        thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || work(&jobs, files, length))
            .map_err(|error| Error::internal("cannot start the recorder").with_source(error))?;
        let under_way = UnderWay {
            requests: HashMap::new(),
            swept: Instant::now(),
        };
        Ok(Self {
            requests: Arc::new(Requests {
                options,
                open: Mutex::new(under_way),
                queue,
                left_out: AtomicU64::new(0),
            }),
            places: Arc::default(),
        })
    }

    /// Looks on at a node of this predictor. `graph` has all of its nodes, parents before children.
    #[must_use]
    pub fn watch(
        &self,
        deployment: &str,
        predictor: &str,
        graph: Vec<GraphNode>,
    ) -> Arc<dyn Watch> {
        let place = self.place(Place {
            deployment: deployment.to_owned(),
            predictor: predictor.to_owned(),
            graph,
        });
        Arc::new(Onlooker {
            requests: Arc::clone(&self.requests),
            place,
        })
    }

    fn place(&self, place: Place) -> Arc<Place> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        // Predictors that were replaced are let go.
        places.retain(|one| Arc::strong_count(one) > 1);
        if let Some(known) = places.iter().find(|known| ***known == place) {
            return Arc::clone(known);
        }
        let place = Arc::new(place);
        places.push(Arc::clone(&place));
        place
    }

    /// Waits until all that was answered is written, some seconds at most.
    pub fn flush(&self) {
        let (done, wait) = sync_channel(1);
        if self.requests.queue.send(Job::Flush(done)).is_ok()
            && wait.recv_timeout(PATIENCE).is_err()
        {
            tracing::warn!("not all recordings were written in time");
        }
        let left_out = self.requests.left_out.load(Ordering::Relaxed);
        if left_out > 0 {
            tracing::warn!(requests = left_out, "requests that were not recorded");
        }
    }
}

impl Requests {
    pub(crate) fn asked(&self, place: &Arc<Place>, moment: &Moment<'_>, asked: Asked<'_>) {
        let mut under_way = self.under_way();
        self.sweep(&mut under_way);
        let full = under_way.requests.len() >= UNDER_WAY;
        match under_way.requests.entry(key(place, moment.context)) {
            Entry::Occupied(mut open) => open.get_mut().asked(moment, asked),
            Entry::Vacant(_) if full => self.leave_out(),
            Entry::Vacant(vacant) => vacant
                .insert(Open::new(place, moment.context))
                .asked(moment, asked),
        }
    }

    pub(crate) fn answered(
        &self,
        place: &Arc<Place>,
        moment: &Moment<'_>,
        answer: Result<&Message, &Error>,
        took: Duration,
    ) {
        let mut under_way = self.under_way();
        let Entry::Occupied(mut open) = under_way.requests.entry(key(place, moment.context)) else {
            return;
        };
        if open.get_mut().answered(moment, answer, took) {
            self.keep(open.remove());
        }
    }

    fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands on the requests whose callers went away.
    fn sweep(&self, under_way: &mut UnderWay) {
        if under_way.swept.elapsed() < SWEEP {
            return;
        }
        let now = Instant::now();
        under_way.swept = now;
        let left = under_way.requests.extract_if(|_, open| open.is_left(now));
        left.for_each(|(_, open)| self.keep(open));
    }

    fn keep(&self, open: Open) {
        if self.queue.try_send(Job::Keep(Box::new(open))).is_err() {
            self.leave_out();
        }
    }

    fn leave_out(&self) {
        if self.left_out.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::warn!("requests come faster than they are recorded: some are left out");
        }
    }
}

fn key(place: &Arc<Place>, context: &Context) -> Key {
    let id = Arc::as_ptr(&context.puid).cast::<u8>().addr();
    (id, Arc::as_ptr(place).addr())
}

/// The thread that writes, until the last handle is gone.
fn work(jobs: &Receiver<Job>, mut files: Files, length: Length) {
    let mut failed = false;
    for job in jobs {
        match job {
            Job::Keep(open) => match files.write(&open.recording(length)) {
                Ok(()) => failed = false,
                Err(error) if !failed => {
                    tracing::error!(%error, "a request could not be recorded");
                    failed = true;
                }
                Err(_) => {}
            },
            Job::Flush(done) => {
                // Whoever asked may have gone meanwhile.
                let _ = done.send(());
            }
        }
    }
}

#[cfg(test)]
mod tests;
