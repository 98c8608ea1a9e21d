//! What a predictor has answered.

/// Requests of a predictor: how many, how many failed, how long they took.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arm {
    /// All of them.
    pub requests: u64,
    /// Those whose answer was the server's fault: HTTP 500 and above.
    pub errors: u64,
    /// Bucket bounds in seconds, rising, and how many requests took at most so long; the last bound
    /// is infinite.
    pub buckets: Vec<(f64, u64)>,
}

impl Arm {
    /// The requests of both.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.requests = self.requests.saturating_add(other.requests);
        self.errors = self.errors.saturating_add(other.errors);
        if self.buckets.is_empty() {
            self.buckets.clone_from(&other.buckets);
            return self;
        }
        for (bound, count) in &mut self.buckets {
            let its = other.buckets.iter().find(|(its, _)| its == bound);
            *count = count.saturating_add(its.map_or(0, |(_, count)| *count));
        }
        self
    }

    /// The bound of the bucket in which this quantile lies, in seconds; none without requests, or
    /// beyond the last bound.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Option<f64> {
        let all = self.timed();
        let wanted = quantile * all as f64;
        let bucket = self
            .buckets
            .iter()
            .find(|(_, count)| *count as f64 >= wanted);
        let bound = bucket.filter(|_| all > 0).map(|(bound, _)| *bound)?;
        bound.is_finite().then_some(bound)
    }

    /// The lowest bound that is not below `seconds`; none if that is the infinite one.
    #[must_use]
    pub fn bound(&self, seconds: f64) -> Option<f64> {
        let bounds = self.buckets.iter().map(|(bound, _)| *bound);
        // A ratio of 1 means the bound itself, whatever the rounding.
        let mut bounds =
            bounds.filter(|bound| bound.is_finite() && *bound >= seconds * (1.0 - 1e-9));
        bounds.next()
    }

    /// Requests whose time is known.
    #[must_use]
    pub fn timed(&self) -> u64 {
        self.buckets.last().map_or(0, |(_, count)| *count)
    }

    /// Those that took longer than `bound`, which is a bucket's.
    #[must_use]
    pub fn slower(&self, bound: f64) -> u64 {
        let within = self
            .buckets
            .iter()
            .rev()
            .find(|(its, _)| *its <= bound * (1.0 + 1e-9));
        self.timed()
            .saturating_sub(within.map_or(0, |(_, count)| *count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arm(counts: [u64; 4]) -> Arm {
        let bounds = [0.01, 0.1, 1.0, f64::INFINITY];
        Arm {
            requests: counts[3],
            errors: 0,
            buckets: bounds.into_iter().zip(counts).collect(),
        }
    }

    #[test]
    fn quantiles_are_bounds() {
        let arm = arm([50, 95, 99, 100]);
        assert_eq!(arm.quantile(0.5), Some(0.01));
        assert_eq!(arm.quantile(0.95), Some(0.1));
        assert_eq!(arm.quantile(0.999), None);
        assert_eq!(Arm::default().quantile(0.5), None);
        assert_eq!(
            (arm.bound(0.1), arm.bound(0.15), arm.bound(2.0)),
            (Some(0.1), Some(1.0), None)
        );
        assert_eq!((arm.slower(0.1), arm.slower(1.0), arm.timed()), (5, 1, 100));
    }

    #[test]
    fn two_are_one() {
        let both = arm([1, 2, 3, 4]).and(&arm([1, 1, 1, 1]));
        assert_eq!((both.requests, both.buckets[1].1, both.timed()), (5, 3, 5));
        assert_eq!(Arm::default().and(&both), both);
    }
}
