//! The threads that models run on: a fixed number, one bounded line.

use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hari_error::{Error, Result};

/// One piece of work.
pub(crate) type Task = Box<dyn FnOnce() + Send>;

/// Runs the main loop of a worker; a model runtime may prepare the thread, or bring its own.
pub type Host = Arc<dyn Fn(Task) + Send + Sync>;

/// How many threads, how long a line.
#[derive(Clone)]
pub struct PoolOptions {
    /// Threads; at least one is started.
    pub threads: usize,
    /// Tasks that may wait for a thread, over all models.
    pub queue: usize,
    /// What each thread runs its main loop in; none for the thread as it is.
    pub host: Option<Host>,
    /// A run that is as good as certain to take no longer is not handed to a thread, but made
    /// where the request is; zero hands over all.
    pub inline: Duration,
}

impl Default for PoolOptions {
    /// A thread per core that this process may use, a line of 4096, all runs on the threads.
    fn default() -> Self {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        Self {
            threads,
            queue: 4096,
            host: None,
            inline: Duration::ZERO,
        }
    }
}

/// A fixed number of threads for models. Dropping it finishes what waits and joins the threads.
pub struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    inline: Duration,
}

struct Shared {
    line: Mutex<Line>,
    wake: Condvar,
    capacity: usize,
}

#[derive(Default)]
struct Line {
    tasks: VecDeque<Task>,
    closed: bool,
}

thread_local! {
    /// Whether this thread is a worker: it must not wait for workers, itself among them.
    static WORKER: Cell<bool> = const { Cell::new(false) };
}

impl Pool {
    /// Starts the threads, named `model-0` and so on.
    ///
    /// # Errors
    /// `Internal` if the system gives no more threads.
    pub fn new(options: &PoolOptions) -> Result<Self> {
        let capacity = options.queue.max(1);
        let shared = Arc::new(Shared {
            line: Mutex::default(),
            wake: Condvar::new(),
            capacity,
        });
        let mut pool = Self {
            shared,
            workers: Vec::new(),
            inline: options.inline,
        };
        for index in 0..options.threads.max(1) {
            pool.workers.push(pool.start(index, options.host.clone())?);
        }
        Ok(pool)
    }

    fn start(&self, index: usize, host: Option<Host>) -> Result<JoinHandle<()>> {
        let shared = Arc::clone(&self.shared);
        let main: Task = Box::new(move || shared.work());
        let run = move || match host {
            Some(host) => host(main),
            None => main(),
        };
        thread::Builder::new()
            .name(format!("model-{index}"))
            .spawn(run)
            .map_err(|error| Error::internal("cannot start a model thread").with_source(error))
    }

    /// The number of threads.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.workers.len()
    }

    /// The longest run that is not handed to a thread.
    #[must_use]
    pub fn inline(&self) -> Duration {
        self.inline
    }

    /// Puts a task at the end of the line; gives back false if the line is full or closed.
    pub(crate) fn submit(&self, task: Task) -> bool {
        let mut line = self.shared.lock();
        if line.closed || line.tasks.len() >= self.shared.capacity {
            return false;
        }
        line.tasks.push_back(task);
        drop(line);
        self.shared.wake.notify_one();
        true
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("threads", &self.threads())
            .finish_non_exhaustive()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.wake.notify_all();
        if WORKER.get() {
            return;
        }
        for worker in self.workers.drain(..) {
            if worker.join().is_err() {
                tracing::error!("a model thread ended in a panic");
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A worker's main loop, until the line is closed and empty.
    fn work(&self) {
        WORKER.set(true);
        while let Some(task) = self.next() {
            if catch_unwind(AssertUnwindSafe(task)).is_err() {
                tracing::error!("a task panicked outside the model; its thread lives on");
            }
        }
    }

    fn next(&self) -> Option<Task> {
        let mut line = self.lock();
        loop {
            if let Some(task) = line.tasks.pop_front() {
                return Some(task);
            }
            if line.closed {
                return None;
            }
            line = self.wake.wait(line).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use super::*;

    fn pool(threads: usize, queue: usize) -> Pool {
        Pool::new(&PoolOptions {
            threads,
            queue,
            ..PoolOptions::default()
        })
        .unwrap()
    }

    #[test]
    fn dropping_the_pool_finishes_what_waits() {
        let done = Arc::new(AtomicUsize::new(0));
        let pool = pool(2, 100);
        for _ in 0..50 {
            let done = Arc::clone(&done);
            assert!(pool.submit(Box::new(move || {
                done.fetch_add(1, Ordering::SeqCst);
            })));
        }
        drop(pool);
        assert_eq!(done.load(Ordering::SeqCst), 50);
    }

    #[test]
    fn the_line_is_bounded() {
        let pool = pool(1, 2);
        let (started, starts) = mpsc::sync_channel(1);
        let (release, released) = mpsc::sync_channel::<()>(1);
        assert!(pool.submit(Box::new(move || {
            started.send(()).unwrap();
            released.recv().unwrap();
        })));
        starts.recv().unwrap();
        assert!(pool.submit(Box::new(|| ())));
        assert!(pool.submit(Box::new(|| ())));
        assert!(!pool.submit(Box::new(|| ())));
        release.send(()).unwrap();
    }

    #[test]
    fn a_worker_outlives_a_panic() {
        let pool = pool(1, 10);
        pool.submit(Box::new(|| panic!("on purpose")));
        let (done, wait) = mpsc::sync_channel(1);
        pool.submit(Box::new(move || {
            done.send(thread::current().name().map(String::from))
                .unwrap();
        }));
        assert_eq!(wait.recv().unwrap().as_deref(), Some("model-0"));
    }

    #[test]
    fn a_host_brings_its_own_thread() {
        let host: Host = Arc::new(|main| {
            let worker = thread::Builder::new()
                .name("hosted".into())
                .spawn(main)
                .unwrap();
            worker.join().unwrap();
        });
        let pool = Pool::new(&PoolOptions {
            threads: 1,
            queue: 1,
            host: Some(host),
            ..PoolOptions::default()
        })
        .unwrap();
        let (done, wait) = mpsc::sync_channel(1);
        pool.submit(Box::new(move || {
            done.send(thread::current().name().map(String::from))
                .unwrap();
        }));
        assert_eq!(wait.recv().unwrap().as_deref(), Some("hosted"));
    }

    #[test]
    fn the_last_owner_may_be_a_worker() {
        let owned = Arc::new(pool(2, 10));
        let (done, wait) = mpsc::sync_channel(1);
        let (let_go, gone) = mpsc::sync_channel::<()>(1);
        let last = Arc::clone(&owned);
        owned.submit(Box::new(move || {
            gone.recv().unwrap();
            drop(last);
            done.send(()).unwrap();
        }));
        drop(owned);
        let_go.send(()).unwrap();
        wait.recv().unwrap();
    }
}
