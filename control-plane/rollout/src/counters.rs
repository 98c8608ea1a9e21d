//! Counters of processes that start again, as what was counted since one last looked.

use std::collections::BTreeMap;

use crate::arm::Arm;

/// What the counters of each source said last.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    last: BTreeMap<String, Arm>,
}

impl Counters {
    /// What was counted since the last look, all sources together. A source that is seen for the
    /// first time counts from now on; one whose counter is lower than it was has begun again, and
    /// counts whole. Sources that are not named are forgotten.
    pub fn since(&mut self, now: BTreeMap<String, Arm>) -> Arm {
        let mut sum = Arm::default();
        for (source, arm) in &now {
            if let Some(last) = self.last.get(source) {
                sum = sum.and(&grown(last, arm));
            }
        }
        self.last = now;
        sum
    }
}

fn grown(last: &Arm, now: &Arm) -> Arm {
    let begun_again =
        now.requests < last.requests || now.errors < last.errors || now.timed() < last.timed();
    if begun_again || now.buckets.len() != last.buckets.len() {
        return now.clone();
    }
    let buckets = now.buckets.iter().zip(&last.buckets);
    Arm {
        requests: now.requests - last.requests,
        errors: now.errors - last.errors,
        buckets: buckets
            .map(|((bound, now), (_, last))| (*bound, now.saturating_sub(*last)))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arm(requests: u64, errors: u64) -> Arm {
        Arm {
            requests,
            errors,
            buckets: vec![(1.0, requests / 2), (f64::INFINITY, requests)],
        }
    }

    fn seen(counters: &mut Counters, pods: &[(&str, u64, u64)]) -> (u64, u64) {
        let pods = pods
            .iter()
            .map(|(pod, requests, errors)| ((*pod).to_owned(), arm(*requests, *errors)));
        let sum = counters.since(pods.collect());
        assert_eq!(sum.timed(), sum.requests);
        (sum.requests, sum.errors)
    }

    #[test]
    fn only_what_is_new_counts() {
        let mut counters = Counters::default();
        assert_eq!(seen(&mut counters, &[("a", 100, 9)]), (0, 0));
        assert_eq!(seen(&mut counters, &[("a", 150, 10), ("b", 7, 7)]), (50, 1));
        // `a` has begun again, `b` goes on.
        assert_eq!(seen(&mut counters, &[("a", 20, 2), ("b", 9, 7)]), (22, 2));
        // `a` is gone; when it is back, it is new.
        assert_eq!(seen(&mut counters, &[("b", 9, 7)]), (0, 0));
        assert_eq!(seen(&mut counters, &[("a", 500, 0), ("b", 10, 7)]), (1, 0));
    }

    proptest::proptest! {
        #[test]
        fn restarts_lose_no_more_than_what_was_not_seen(steps in proptest::collection::vec((0_u64..100, proptest::bool::ANY), 1..50)) {
            let mut counters = Counters::default();
            let (mut counter, mut counted, mut all) = (0, 0, 0);
            seen(&mut counters, &[("a", 0, 0)]);
            for (requests, restart) in steps {
                counter = if restart { requests } else { counter + requests };
                all += requests;
                counted += seen(&mut counters, &[("a", counter, 0)]).0;
            }
            proptest::prop_assert!(counted <= all);
        }
    }
}
