//! Leaves a node alone that cannot be reached, and tries it again later.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hari_error::{Error, Result};

/// Failures in a row after which no request is sent.
const FAILURES: u32 = 5;
/// How long, the first time; it doubles each time the node is tried in vain.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(16);
/// A request on trial that has said nothing for so long was given up by its caller.
const TRIAL: Duration = Duration::from_secs(5);

/// Counts what could not be reached. After [`FAILURES`] in a row it refuses requests for a while;
/// then one request at a time is let through on trial.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// Until when requests are refused, and how long the pause is.
    open: Option<(Instant, Duration)>,
    trial: Option<Instant>,
}

impl Breaker {
    /// Lets a request through, or not.
    ///
    /// # Errors
    /// `Unavailable`, with the time after which to try again.
    pub(crate) fn admit(&self, now: Instant) -> Result<()> {
        let mut state = self.state();
        let Some((until, pause)) = state.open else {
            return Ok(());
        };
        if now < until {
            return Err(refused(until - now));
        }
        if state.trial.is_some_and(|begun| now < begun + TRIAL) {
            return Err(refused(pause));
        }
        state.trial = Some(now);
        Ok(())
    }

    /// Nothing was learnt of the node: a request on trial makes room for the next.
    pub(crate) fn undecided(&self) {
        self.state().trial = None;
    }

    /// The node was reached, whatever it answered.
    pub(crate) fn reached(&self, node: &str) {
        let mut state = self.state();
        if state.open.is_some() {
            tracing::info!(node, "node is reached again");
        }
        *state = State::default();
    }

    /// The node was not reached, or did not answer in time.
    pub(crate) fn missed(&self, node: &str, now: Instant) {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        let on_trial = state.trial.take().is_some();
        let pause = match state.open {
            Some((_, pause)) if on_trial => (pause * 2).min(LONGEST_PAUSE),
            // One of those that were on their way when requests began to be refused.
            Some(_) => return,
            None if state.failures < FAILURES => return,
            None => FIRST_PAUSE,
        };
        state.open = Some((now + pause, pause));
        tracing::warn!(
            node,
            failures = state.failures,
            ?pause,
            "node is left alone"
        );
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refused(after: Duration) -> Error {
    Error::unavailable("it could not be reached several times in a row; it is tried again soon")
        .with_retry_after(after.max(Duration::from_secs(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened() -> (Breaker, Instant) {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..FAILURES {
            breaker.admit(now).unwrap();
            breaker.missed("m", now);
        }
        (breaker, now)
    }

    #[test]
    fn a_node_that_is_missed_often_is_left_alone_and_tried_again() {
        let (breaker, now) = opened();
        let refused = breaker.admit(now).unwrap_err();
        assert_eq!(refused.retry_after(), Some(FIRST_PAUSE));
        let later = now + FIRST_PAUSE;
        breaker.admit(later).unwrap();
        assert!(breaker.admit(later).is_err(), "one at a time is on trial");
        breaker.reached("m");
        breaker.admit(later).unwrap();
    }

    #[test]
    fn the_pause_doubles_up_to_its_bound() {
        let (breaker, mut now) = opened();
        let mut pause = FIRST_PAUSE;
        for _ in 0..10 {
            now += pause;
            breaker.admit(now).unwrap();
            breaker.missed("m", now);
            pause = (pause * 2).min(LONGEST_PAUSE);
            assert_eq!(breaker.admit(now).unwrap_err().retry_after(), Some(pause));
        }
        assert_eq!(pause, LONGEST_PAUSE);
    }

    #[test]
    fn a_trial_whose_caller_went_away_makes_room_for_the_next() {
        let (breaker, now) = opened();
        let later = now + FIRST_PAUSE;
        breaker.admit(later).unwrap();
        breaker.admit(later + TRIAL).unwrap();
    }

    #[test]
    fn a_trial_that_taught_nothing_leaves_the_pause_as_it_is() {
        let (breaker, now) = opened();
        let later = now + FIRST_PAUSE;
        breaker.admit(later).unwrap();
        breaker.undecided();
        breaker.admit(later).unwrap();
        breaker.missed("m", later);
        let refused = breaker.admit(later).unwrap_err();
        assert_eq!(refused.retry_after(), Some(2 * FIRST_PAUSE));
    }

    #[test]
    fn failures_that_are_not_in_a_row_do_not_count() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..3 * FAILURES {
            breaker.missed("m", now);
            breaker.reached("m");
        }
        breaker.admit(now).unwrap();
    }
}
