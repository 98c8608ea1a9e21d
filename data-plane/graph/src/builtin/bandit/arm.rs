//! What is known of one branch.

use serde::{Deserialize, Serialize};

/// What is known of one branch: how often it was chosen, and what came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Arm {
    /// Requests that were routed to it.
    pub pulls: u64,
    /// Rows that were a success.
    pub successes: u64,
    /// Rows that were none.
    pub failures: u64,
    /// Sum of reward times rows.
    pub reward: f64,
}

impl Arm {
    /// Adds `rows` rows with this many successes and this sum of rewards.
    pub(super) fn learn(&mut self, rows: u64, successes: u64, reward: f64) {
        let failures = rows.saturating_sub(successes);
        self.successes = self.successes.saturating_add(successes);
        self.failures = self.failures.saturating_add(failures);
        self.reward += reward;
    }

    /// Rows with a reward.
    #[must_use]
    pub const fn trials(&self) -> u64 {
        self.successes.saturating_add(self.failures)
    }

    /// Share of successes; 0 where nothing is known.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.successes as f64 / self.trials().max(1) as f64
    }

    /// Mean of the Beta distribution of the share of successes, from a flat prior.
    #[must_use]
    pub fn posterior_mean(&self) -> f64 {
        let (alpha, beta) = self.posterior();
        alpha / (alpha + beta)
    }

    /// Parameters of that distribution.
    #[must_use]
    pub fn posterior(&self) -> (f64, f64) {
        (1.0 + self.successes as f64, 1.0 + self.failures as f64)
    }
}
