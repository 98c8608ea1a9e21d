//! The workers of one node: a queue in front of them, and their restarts.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex as Plain, PoisonError};
use std::time::Duration;

use hari_core::Context;
use hari_error::{Error, Kind as Fault, Result};
use tempfile::TempDir;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout_at};

use crate::frame::{Frame, Outgoing};
use crate::package;
use crate::settings::{Settings, Timing};
use crate::wire::Description;
use crate::worker::{End, Job, Jobs, Worker};

/// Calls that may wait for each worker.
const QUEUE: usize = 256;
/// After so many failures in a row without a worker, calls are refused rather than kept waiting.
const HOPELESS: u32 = 3;

/// The workers of one node. They end when this is dropped, after the calls that they have.
pub(crate) struct Workers {
    queue: mpsc::Sender<Job>,
    shared: Arc<Shared>,
}

/// What the tasks of all workers share.
struct Shared {
    settings: Settings,
    jobs: Mutex<mpsc::Receiver<Job>>,
    /// Gone with the last one who can send jobs.
    sender: mpsc::WeakSender<Job>,
    /// Holds the sockets and the package; removed with the last worker.
    home: TempDir,
    package: PathBuf,
    up: AtomicUsize,
    trouble: Plain<Trouble>,
}

/// Failures since a worker was last up.
#[derive(Default)]
struct Trouble {
    failures: u32,
    last: String,
}

impl Jobs for Shared {
    /// Who waits longest gets the next: the lock is fair.
    async fn next(&self) -> Option<Job> {
        self.jobs.lock().await.recv().await
    }
}

impl Workers {
    /// Starts all workers, and waits until each has made its class.
    ///
    /// # Errors
    /// Why the first one that failed could not be started; the others end.
    pub(crate) async fn start(settings: Settings) -> Result<(Self, Description)> {
        let count = settings.workers.max(1);
        let (queue, jobs) = mpsc::channel(QUEUE.saturating_mul(count));
        let home = home().map_err(|error| {
            Error::internal("a folder for Python workers cannot be made").with_source(error)
        })?;
        let own = home.path().join("package");
        let shared = Arc::new(Shared {
            package: settings.package.clone().unwrap_or(own),
            settings,
            jobs: Mutex::new(jobs),
            sender: queue.downgrade(),
            home,
            up: AtomicUsize::new(0),
            trouble: Plain::default(),
        });
        let mut ready = Vec::with_capacity(count);
        for index in 0..count {
            let (tell, told) = oneshot::channel();
            tokio::spawn(keep(shared.clone(), index, tell));
            ready.push(told);
        }
        let mut description = Description::default();
        for told in ready {
            let lost = |_| Err(Error::internal("the supervisor of a Python worker ended"));
            description = told.await.unwrap_or_else(lost)?;
        }
        Ok((Self { queue, shared }, description))
    }

    /// Has a worker answer, in the time that the request has.
    ///
    /// # Errors
    /// `Overloaded` if too many calls wait, `DeadlineExceeded` if none was free in time or the answer
    /// did not come in time, `Unavailable` if the worker died or none is up.
    pub(crate) async fn call(&self, frame: Outgoing, context: &Context) -> Result<Frame> {
        self.ready()?;
        let (answer, answered) = oneshot::channel();
        let deadline = Instant::from_std(context.deadline);
        let job = Job {
            frame,
            deadline,
            answer,
        };
        self.queue.try_send(job).map_err(|_| {
            Error::new(
                Fault::Overloaded,
                "too many requests wait for the Python workers",
            )
            .with_retry_after(Duration::from_secs(1))
        })?;
        let late = || {
            Error::new(
                Fault::DeadlineExceeded,
                "the Python class did not answer within the time of the request",
            )
        };
        match timeout_at(deadline, answered).await {
            Ok(Ok(answer)) => answer,
            // The worker was stuck, or found the job when it was too late.
            Ok(Err(_)) | Err(_) => Err(late()),
        }
    }

    /// Whether a worker is up, or is about to be.
    ///
    /// # Errors
    /// `Unavailable` if none is and the last ones failed.
    pub(crate) fn ready(&self) -> Result<()> {
        if self.up() > 0 || self.shared.trouble().failures < HOPELESS {
            return Ok(());
        }
        let last = self.shared.trouble().last.clone();
        Err(
            Error::unavailable("no Python worker is up: they failed again and again")
                .with_source(last),
        )
    }

    /// How many workers are up.
    pub(crate) fn up(&self) -> usize {
        self.shared.up.load(Ordering::Relaxed)
    }
}

/// A folder that no other user may enter, with the package in it.
fn home() -> std::io::Result<TempDir> {
    let home = tempfile::Builder::new().prefix("hari-").tempdir()?;
    package::write(&home.path().join("package"))?;
    Ok(home)
}

impl Shared {
    fn trouble(&self) -> std::sync::MutexGuard<'_, Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, why: &str) {
        if let Some(metrics) = &self.settings.metrics {
            metrics.restarted();
        }
        let mut trouble = self.trouble();
        trouble.failures = trouble.failures.saturating_add(1);
        why.clone_into(&mut trouble.last);
    }

    async fn worker(&self, index: usize) -> Result<Worker> {
        Worker::start(&self.settings, (self.home.path(), &self.package), index).await
    }

    /// Serves with a worker until it ends.
    async fn serve(&self, worker: Worker) -> End {
        self.tell(self.up.fetch_add(1, Ordering::Relaxed) + 1);
        self.trouble().failures = 0;
        let end = worker.serve(&self.settings, self).await;
        self.tell(self.up.fetch_sub(1, Ordering::Relaxed) - 1);
        end
    }

    fn tell(&self, up: usize) {
        if let Some(metrics) = &self.settings.metrics {
            metrics.up(up);
        }
    }

    /// Tells those who wait that no one will come.
    fn refuse_all(&self) {
        if self.up.load(Ordering::Relaxed) > 0 || self.trouble().failures < HOPELESS {
            return;
        }
        // Someone who holds the lock is a worker that is up again.
        let Ok(mut jobs) = self.jobs.try_lock() else {
            return;
        };
        while let Ok(job) = jobs.try_recv() {
            let words = "no Python worker is up: they failed again and again";
            // A caller that gave up is told nothing.
            let _ = job.answer.send(Err(Error::unavailable(words)));
        }
    }

    /// Whether no one can send jobs any more.
    fn over(&self) -> bool {
        self.sender.upgrade().is_none()
    }
}

/// Keeps one worker up until there are no more jobs. `ready` is told of the first one; without it
/// the others are told to end by the queue that closes.
async fn keep(shared: Arc<Shared>, index: usize, ready: oneshot::Sender<Result<Description>>) {
    let worker = match shared.worker(index).await {
        Ok(worker) => worker,
        Err(error) => {
            // Whoever started us may have given up.
            let _ = ready.send(Err(error));
            return;
        }
    };
    let _ = ready.send(Ok(worker.description.clone()));
    let mut next = Some(worker);
    let mut backoff = Backoff::new(shared.settings.timing);
    while !shared.over() {
        let started = Instant::now();
        let why = match next.take() {
            Some(worker) => match shared.serve(worker).await {
                End::Stopped => return,
                End::Failed(why) => why,
            },
            None => match shared.worker(index).await {
                Ok(worker) => {
                    next = Some(worker);
                    continue;
                }
                Err(error) => error.to_string(),
            },
        };
        let wait = backoff.after(started.elapsed());
        let node = &shared.settings.node;
        tracing::warn!(
            node,
            worker = index,
            ?wait,
            "a Python worker ended, and is started anew: {why}"
        );
        shared.failed(&why);
        shared.refuse_all();
        sleep(wait).await;
    }
}

/// The wait before a restart: doubled with each failure, back at the start after a healthy life.
struct Backoff {
    timing: Timing,
    next: Duration,
}

impl Backoff {
    fn new(timing: Timing) -> Self {
        Self {
            timing,
            next: timing.backoff,
        }
    }

    /// The wait after a worker that lived this long.
    fn after(&mut self, life: Duration) -> Duration {
        if life >= self.timing.healthy {
            self.next = self.timing.backoff;
        }
        let wait = self.next;
        self.next = (wait * 2).min(self.timing.longest_backoff);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_their_limit_and_a_healthy_life_resets_them() {
        let mut backoff = Backoff::new(Timing::default());
        let waits: Vec<_> = (0..11)
            .map(|_| backoff.after(Duration::ZERO).as_millis())
            .collect();
        let expected = [
            100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000,
        ];
        assert_eq!(waits, expected);
        let healthy = Duration::from_secs(60);
        assert_eq!(backoff.after(healthy), Duration::from_millis(100));
    }
}
