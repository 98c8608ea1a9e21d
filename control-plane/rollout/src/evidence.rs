//! How strongly counts speak against a canary.
//!
//! An e-process for the null hypothesis that the canary is no worse: the likelihood of what was
//! seen, averaged over all rates, divided by the greatest likelihood that the hypothesis allows.
//! The average over Jeffreys' prior is a mixture martingale in the manner of Robbins; dividing by
//! the running maximum makes it valid for a composite hypothesis (Wasserman, Ramdas and
//! Balakrishnan, "Universal inference", PNAS 2020, section 7). By Ville's inequality the
//! probability that it ever exceeds `1 / alpha`, however often one looks and however traffic was
//! split meanwhile, is at most `alpha` if the hypothesis is true.

/// Successes and failures, or slow ones, of a predictor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trials {
    /// All of them.
    pub number: u64,
    /// Those that went wrong; never more than `number`.
    pub bad: u64,
}

impl Trials {
    /// `bad` of `number`; more than all is all.
    #[must_use]
    pub fn new(number: u64, bad: u64) -> Self {
        Self {
            number,
            bad: bad.min(number),
        }
    }

    /// Share of those that went wrong; 0 without any.
    #[must_use]
    pub fn rate(self) -> f64 {
        if self.number == 0 {
            return 0.0;
        }
        self.bad as f64 / self.number as f64
    }

    fn and(self, other: Self) -> Self {
        Self {
            number: self.number + other.number,
            bad: self.bad + other.bad,
        }
    }

    /// Log of the likelihood at this rate.
    fn likelihood(self, rate: f64) -> f64 {
        let term = |count: u64, share: f64| match count {
            0 => 0.0,
            count => count as f64 * share.ln(),
        };
        term(self.bad, rate) + term(self.number - self.bad, 1.0 - rate)
    }

    /// Log of the likelihood averaged over Jeffreys' prior, Beta(1/2, 1/2).
    fn mixture(self) -> f64 {
        let (bad, good) = (self.bad as f64, (self.number - self.bad) as f64);
        ln_beta(bad + 0.5, good + 0.5) - ln_beta(0.5, 0.5)
    }
}

fn ln_beta(a: f64, b: f64) -> f64 {
    libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b)
}

/// Log of the evidence that `canary` goes wrong more often than `stable`, and more often than in
/// `accepted` of all cases. Compare it with `ln(1 / alpha)`.
#[must_use]
pub fn worse(canary: Trials, stable: Trials, accepted: f64) -> f64 {
    // The hypothesis is a union: no worse than the one, or no worse than the other.
    than(canary, stable).min(than_rate(canary, accepted))
}

fn than(canary: Trials, stable: Trials) -> f64 {
    let seen = canary.mixture() + stable.mixture();
    let (mine, its) = (canary.rate(), stable.rate());
    let allowed = if mine <= its {
        canary.likelihood(mine) + stable.likelihood(its)
    } else {
        let both = canary.and(stable);
        both.likelihood(both.rate())
    };
    seen - allowed
}

fn than_rate(canary: Trials, accepted: f64) -> f64 {
    if canary.bad == 0 {
        return 0.0;
    }
    if accepted <= 0.0 {
        return f64::INFINITY;
    }
    canary.mixture() - canary.likelihood(canary.rate().min(accepted))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Draws of both, `peek` requests at a time; the requests after which evidence was enough.
    fn stopped(
        rng: &mut fastrand::Rng,
        rates: (f64, f64),
        share: f64,
        most: u64,
        alpha: f64,
    ) -> Option<u64> {
        let (mut canary, mut stable) = (Trials::default(), Trials::default());
        for request in 1..=most {
            let (trials, rate) = match rng.f64() < share {
                true => (&mut canary, rates.0),
                false => (&mut stable, rates.1),
            };
            trials.number += 1;
            trials.bad += u64::from(rng.f64() < rate);
            if request % 10 == 0 && worse(canary, stable, 0.0) > (1.0 / alpha).ln() {
                return Some(request);
            }
        }
        None
    }

    #[test]
    fn a_canary_that_is_as_good_is_seldom_condemned_however_often_one_looks() {
        let mut rng = fastrand::Rng::with_seed(7);
        for (rate, share) in [(0.01, 0.05), (0.05, 0.2), (0.3, 0.5)] {
            let runs = 300;
            let wrong = (0..runs)
                .filter(|_| stopped(&mut rng, (rate, rate), share, 3000, 0.05).is_some())
                .count();
            // 15 are expected at most; three standard deviations more would be 26.
            assert!(wrong <= 26, "{wrong} of {runs} at {rate}");
        }
    }

    #[test]
    fn a_canary_that_is_worse_is_found_soon() {
        // Two tests at each of four steps share 0.05.
        let alpha = 0.05 / 8.0;
        let mut rng = fastrand::Rng::with_seed(8);
        for (rates, share, most) in [
            ((0.05, 0.001), 0.05, 8000),
            ((0.5, 0.01), 0.05, 1500),
            ((1.0, 0.0), 0.05, 600),
        ] {
            let found = (0..100)
                .filter(|_| stopped(&mut rng, rates, share, most, alpha).is_some())
                .count();
            assert!(found >= 95, "{found} of 100 at {rates:?}");
        }
    }

    #[test]
    fn what_is_accepted_is_no_evidence() {
        let (canary, stable) = (Trials::new(10_000, 300), Trials::new(10_000, 10));
        assert!(worse(canary, stable, 0.0) > 20.0);
        assert!(worse(canary, stable, 0.05) < 0.0);
        assert!(worse(canary, stable, 0.02) > 3.0);
    }

    #[test]
    fn nothing_speaks_without_numbers() {
        assert!(worse(Trials::default(), Trials::default(), 0.0) <= 0.0);
        // All failed, but nothing is known of the others: their rate may be the same.
        assert!(worse(Trials::new(50, 50), Trials::default(), 0.0) <= 0.0);
        assert_eq!(Trials::new(3, 5).rate().to_bits(), 1.0_f64.to_bits());
    }

    proptest::proptest! {
        #[test]
        fn it_is_a_number_for_all_counts(a in 0_u64..1 << 40, b in 0_u64..1 << 40, c in 0_u64..1 << 40, d in 0_u64..1 << 40) {
            let evidence = worse(Trials::new(a, b), Trials::new(c, d), 0.01);
            proptest::prop_assert!(!evidence.is_nan() && evidence < f64::INFINITY);
        }

        #[test]
        fn a_better_canary_is_never_condemned(n in 1_u64..100_000, bad in 0_u64..1000, m in 1_u64..100_000) {
            let canary = Trials::new(n, bad);
            let stable = Trials::new(m, (canary.rate() * m as f64).ceil() as u64);
            proptest::prop_assert!(worse(canary, stable, 0.0) <= 1e-6);
        }
    }
}
