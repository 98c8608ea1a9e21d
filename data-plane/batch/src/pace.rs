//! How long a model takes, and whether that is short enough for the thread that read the request.
//!
//! To hand a request to the pool and back costs tens of microseconds, more than many models over
//! tables compute. A model that has shown that it is quick is run where the request is; one that
//! has not, or no longer is, goes to the pool. Nothing but measurements decides.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hari_core::Tensor;

/// Tells the time.
pub(crate) type Clock = Arc<dyn Fn() -> Instant + Send + Sync>;

/// Classes of size: a request of `n` bytes is in the class of its highest bit. Larger ones, from
/// a mebibyte on, always go to the pool.
const CLASSES: usize = 21;
/// Quick runs on the pool before a model may leave it.
const PROBATION: u32 = 64;
/// The most of them, after it had to go back again and again.
const LONGEST_PROBATION: u32 = 4096;
/// Slow runs among the last 64 that do not count: a thread may lose its processor at any time.
const FORGIVEN: u32 = 3;
/// What quick runs have spared pays for slow ones, up to so many times the bound.
const CREDIT: i64 = 200;
/// Good runs, in probations, after which old faults are forgotten.
const FORGOTTEN: u32 = 16;

/// The pace of one signature of a model.
pub(crate) struct Pace {
    bound: Duration,
    classes: [Mutex<Recent>; CLASSES],
}

impl Pace {
    /// Runs of up to `bound` may be made at once; none, if it is zero.
    pub(crate) fn new(bound: Duration) -> Self {
        Self {
            bound,
            classes: std::array::from_fn(|_| Mutex::default()),
        }
    }

    /// Whether a request of these bytes is as good as certain to be run within the bound.
    pub(crate) fn is_quick(&self, bytes: usize) -> bool {
        !self.bound.is_zero() && self.class(bytes).is_some_and(|recent| recent.is_quick())
    }

    /// Takes notice of a run.
    pub(crate) fn ran(&self, bytes: usize, took: Duration) {
        if self.bound.is_zero() {
            return;
        }
        if let Some(mut recent) = self.class(bytes) {
            recent.ran(nanos(took), nanos(self.bound));
        }
    }

    fn class(&self, bytes: usize) -> Option<MutexGuard<'_, Recent>> {
        let class = bytes.checked_ilog2().map_or(0, |bit| bit as usize + 1);
        let recent = self.classes.get(class)?;
        Some(recent.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The latest runs of one class of size.
struct Recent {
    /// The last 64, the latest lowest: set where a run took longer than the bound.
    slow: u64,
    /// Runs since there was reason for doubt.
    runs: u32,
    /// How many of them it takes.
    probation: u32,
    /// Nanoseconds that runs took less than the bound, less those that they took more.
    credit: i64,
}

impl Default for Recent {
    fn default() -> Self {
        Self {
            slow: 0,
            runs: 0,
            probation: PROBATION,
            credit: 0,
        }
    }
}

impl Recent {
    fn is_quick(&self) -> bool {
        self.runs >= self.probation && self.slow.count_ones() <= FORGIVEN
    }

    fn ran(&mut self, took: i64, bound: i64) {
        let was_quick = self.is_quick();
        self.slow = self.slow << 1 | u64::from(took > bound);
        self.runs = self.runs.saturating_add(1);
        let spared = self.credit.saturating_add(bound).saturating_sub(took);
        self.credit = spared.min(bound.saturating_mul(CREDIT));
        if self.credit < 0 || was_quick && !self.is_quick() {
            self.doubt(was_quick);
        } else if self.runs >= self.probation.saturating_mul(FORGOTTEN) {
            self.probation = PROBATION;
        }
    }

    /// Back to the pool; for twice as long if it was away.
    fn doubt(&mut self, was_quick: bool) {
        self.runs = 0;
        self.credit = 0;
        if was_quick {
            self.probation = (self.probation * 2).min(LONGEST_PROBATION);
        }
    }
}

fn nanos(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

/// Bytes of the inputs of a call.
pub(crate) fn size(inputs: &[Tensor]) -> usize {
    inputs.iter().map(Tensor::byte_len).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOUND: Duration = Duration::from_micros(50);
    const QUICK: Duration = Duration::from_micros(10);
    const SLOW: Duration = Duration::from_micros(51);
    /// More than any credit.
    const FAR: Duration = Duration::from_micros(50 * 201 + 1);

    fn ran(pace: &Pace, took: Duration, times: u32) {
        for _ in 0..times {
            pace.ran(100, took);
        }
    }

    /// Quick runs until the model is trusted.
    fn until_quick(pace: &Pace) -> u32 {
        (0..)
            .find(|_| {
                let is = pace.is_quick(100);
                pace.ran(100, QUICK);
                is
            })
            .unwrap()
    }

    #[test]
    fn the_first_runs_are_on_the_pool() {
        let pace = Pace::new(BOUND);
        assert_eq!(until_quick(&pace), PROBATION);
    }

    #[test]
    fn a_slow_model_never_leaves_the_pool() {
        let pace = Pace::new(BOUND);
        for _ in 0..10_000 {
            pace.ran(100, SLOW);
            assert!(!pace.is_quick(100));
        }
    }

    #[test]
    fn a_model_that_is_slow_now_and_then_stays_on_the_pool() {
        let pace = Pace::new(BOUND);
        for run in 0..10_000 {
            pace.ran(100, if run % 12 == 0 { SLOW } else { QUICK });
            assert!(run < 64 || !pace.is_quick(100), "{run}");
        }
    }

    #[test]
    fn a_few_slow_runs_are_forgiven_and_one_more_is_not() {
        let pace = Pace::new(BOUND);
        until_quick(&pace);
        ran(&pace, SLOW, FORGIVEN);
        assert!(pace.is_quick(100));
        ran(&pace, SLOW, 1);
        assert!(!pace.is_quick(100));
        assert_eq!(until_quick(&pace), 2 * PROBATION);
    }

    #[test]
    fn a_thread_that_lost_its_processor_is_paid_for_by_quick_runs() {
        let slice = Duration::from_millis(4);
        let pace = Pace::new(BOUND);
        until_quick(&pace);
        ran(&pace, QUICK, 200);
        ran(&pace, slice, 1);
        assert!(pace.is_quick(100));
        ran(&pace, slice, 1);
        ran(&pace, slice, 1);
        assert!(!pace.is_quick(100));
    }

    #[test]
    fn a_run_beyond_all_credit_is_never_forgiven_and_trust_comes_back_slower() {
        let pace = Pace::new(BOUND);
        for expected in [64, 128, 256, 512, 1024, 2048, 4096, 4096] {
            assert_eq!(until_quick(&pace), expected);
            ran(&pace, FAR, 1);
            assert!(!pace.is_quick(100));
        }
        until_quick(&pace);
        ran(&pace, QUICK, LONGEST_PROBATION * FORGOTTEN);
        ran(&pace, FAR, 1);
        assert_eq!(until_quick(&pace), 2 * PROBATION);
    }

    #[test]
    fn sizes_are_trusted_one_by_one_and_the_largest_never() {
        let pace = Pace::new(BOUND);
        until_quick(&pace);
        assert!(pace.is_quick(64) && pace.is_quick(127));
        assert!(!pace.is_quick(63) && !pace.is_quick(128));
        for bytes in [1 << 20, usize::MAX] {
            for _ in 0..PROBATION {
                pace.ran(bytes, QUICK);
            }
            assert!(!pace.is_quick(bytes));
        }
    }

    #[test]
    fn a_bound_of_zero_is_off() {
        let pace = Pace::new(Duration::ZERO);
        ran(&pace, Duration::ZERO, 1000);
        assert!(!pace.is_quick(100));
    }

    proptest! {
        /// Whatever a model did before: with four slow runs among the last 64, or one beyond all
        /// credit, it is on the pool.
        #[test]
        fn whoever_was_slow_lately_is_on_the_pool(micros in prop::collection::vec(
            prop_oneof![20 => 0_u64..50, 1 => 51_u64..100, 1 => 10_051_u64..90_000], 0..600))
        {
            let pace = Pace::new(BOUND);
            for (at, took) in micros.iter().enumerate() {
                pace.ran(100, Duration::from_micros(*took));
                let lately = &micros[at.saturating_sub(63)..=at];
                let slow = lately.iter().filter(|took| **took > 50).count();
                let far = lately.iter().any(|took| *took > 10_050);
                prop_assert!(!(pace.is_quick(100) && (slow > 3 || far || at < 63)));
            }
        }
    }
}
