//! The requests that wait for one model, and the model's places in the pool's line.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hari_core::{Call, Tensor};
use hari_error::{Error, Kind, Result};
use tokio::sync::oneshot;

use crate::BatchOptions;

/// A request on its way to the model.
pub(crate) struct Pending {
    pub(crate) call: Call,
    /// Rows that all inputs share; none if this request cannot be batched.
    pub(crate) rows: Option<usize>,
    pub(crate) deadline: Instant,
    pub(crate) since: Instant,
    pub(crate) reply: oneshot::Sender<Result<Vec<Tensor>>>,
}

impl Pending {
    /// Whether nobody waits for the answer any more.
    fn is_dead(&self) -> bool {
        self.reply.is_closed()
    }

    /// Whether both can be rows of one run.
    fn goes_with(&self, other: &Self) -> bool {
        let alike = |(one, two): (&Tensor, &Tensor)| {
            one.dtype() == two.dtype() && one.shape().get(1..) == two.shape().get(1..)
        };
        self.call.signature == other.call.signature
            && self.call.outputs == other.call.outputs
            && self.call.inputs.len() == other.call.inputs.len()
            && self.call.inputs.iter().zip(&other.call.inputs).all(alike)
    }
}

/// Whether a request that was put into the queue needs more than patience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entered {
    /// A place in the pool's line was taken and must be submitted.
    Start,
    /// Runs under way will come for it.
    Wait,
    /// It waits for company: flush the queue after the window.
    Hold,
}

/// Requests of one model, oldest first.
pub(crate) struct Queue {
    state: Mutex<State>,
    options: BatchOptions,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Pending>,
    /// Places in the pool's line, those that run included.
    places: usize,
}

impl Queue {
    pub(crate) fn new(options: BatchOptions) -> Self {
        Self {
            state: Mutex::default(),
            options,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a request.
    ///
    /// # Errors
    /// `Overloaded` if as many wait already as may.
    pub(crate) fn push(&self, pending: Pending) -> Result<(Entered, usize)> {
        let mut state = self.lock();
        if state.waiting.len() >= self.options.queue {
            state.waiting.retain(|pending| !pending.is_dead());
        }
        if state.waiting.len() >= self.options.queue {
            return Err(overloaded(self.options.queue));
        }
        state.waiting.push_back(pending);
        let entered = self.entered(&mut state);
        Ok((entered, state.waiting.len()))
    }

    fn entered(&self, state: &mut State) -> Entered {
        let full = || rows(&state.waiting) >= self.options.max_rows;
        let holds = self.options.batches() && !self.options.window.is_zero() && state.places > 0;
        if holds && !full() {
            Entered::Hold
        } else if state.places < self.options.concurrency {
            state.places += 1;
            Entered::Start
        } else {
            Entered::Wait
        }
    }

    /// Takes a place for a run that is made at once; false where requests wait, or all places are
    /// taken. It ends with [`Queue::again`].
    pub(crate) fn enter(&self) -> bool {
        let mut state = self.lock();
        let free = state.waiting.is_empty() && state.places < self.options.concurrency;
        state.places += usize::from(free);
        free
    }

    /// Ends the wait for company; gives back whether a place was taken and must be submitted.
    pub(crate) fn flush(&self) -> bool {
        let mut state = self.lock();
        let start = !state.waiting.is_empty() && state.places < self.options.concurrency;
        state.places += usize::from(start);
        start
    }

    /// Takes what is to be run next: the oldest request, and those that go with it. Dead ones are
    /// dropped, overdue ones answered. Empty if nothing is left. Gives back how many still wait.
    pub(crate) fn take(&self, batchable: impl Fn(&Pending) -> bool) -> (Vec<Pending>, usize) {
        let mut state = self.lock();
        let mut batch = Vec::new();
        while let Some(first) = state.waiting.pop_front() {
            if let Some(first) = live(first) {
                batch.push(first);
                break;
            }
        }
        if let Some(rows) = batch
            .first()
            .filter(|first| batchable(first))
            .and_then(|p| p.rows)
        {
            self.fill(&mut batch, rows, &mut state.waiting);
        }
        (batch, state.waiting.len())
    }

    /// Adds what goes with the first, in order, while there is room for rows.
    fn fill(&self, batch: &mut Vec<Pending>, mut rows: usize, waiting: &mut VecDeque<Pending>) {
        let mut at = 0;
        while rows < self.options.max_rows && at < waiting.len() {
            let fits = |other: &Pending| {
                let room = other
                    .rows
                    .is_some_and(|more| more <= self.options.max_rows - rows);
                room && batch.first().is_some_and(|first| other.goes_with(first))
            };
            if !waiting.get(at).is_some_and(fits) {
                at += 1;
            } else if let Some(other) = waiting.remove(at).and_then(live) {
                rows += other.rows.unwrap_or(0);
                batch.push(other);
            }
        }
    }

    /// Says that a run is over. Gives back whether its place goes to the end of the line, because
    /// requests wait; else the place is given up.
    pub(crate) fn again(&self) -> bool {
        let mut state = self.lock();
        let again = !state.waiting.is_empty();
        state.places -= usize::from(!again && state.places > 0);
        again
    }

    /// Gives up a place that the pool did not take. If it was the last one, nothing will come for
    /// the requests that wait: they are dropped, and their callers told.
    pub(crate) fn give_up(&self) {
        let mut state = self.lock();
        state.places = state.places.saturating_sub(1);
        if state.places == 0 {
            state.waiting.clear();
        }
    }
}

/// The request, if its answer is still wanted and not overdue. An overdue one is told.
fn live(pending: Pending) -> Option<Pending> {
    if pending.is_dead() {
        return None;
    }
    if pending.deadline <= Instant::now() {
        // The caller may have gone in this very moment: then there is no one to tell.
        let _ = pending.reply.send(Err(overdue()));
        return None;
    }
    Some(pending)
}

/// Rows that wait; a request without rows counts as one.
fn rows(waiting: &VecDeque<Pending>) -> usize {
    waiting
        .iter()
        .map(|pending| pending.rows.unwrap_or(1))
        .sum()
}

pub(crate) fn overdue() -> Error {
    Error::new(
        Kind::DeadlineExceeded,
        "the deadline passed before the model had answered",
    )
}

fn overloaded(queue: usize) -> Error {
    Error::new(
        Kind::Overloaded,
        format!("{queue} requests wait for the model already: try later"),
    )
    .with_retry_after(Duration::from_secs(1))
}
