//! What became of the requests of one rate, in bounded memory.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

/// Most kinds of failure that are told apart.
const KINDS: usize = 32;
/// The longest latency that is told from longer ones, in microseconds.
const LONGEST: u64 = 3_600_000_000;

/// Answers and failures.
#[derive(Clone, Debug)]
pub(super) struct Counts {
    /// Failures by kind.
    pub(super) failed: BTreeMap<String, u64>,
    ok: u64,
    /// Microseconds, of answers.
    latency: Option<Histogram<u64>>,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            failed: BTreeMap::new(),
            ok: 0,
            latency: Histogram::new_with_bounds(1, LONGEST, 3).ok(),
        }
    }
}

impl Counts {
    /// An answer, so long after it was due.
    pub(super) fn answered(&mut self, latency: Duration) {
        self.ok += 1;
        let micros = u64::try_from(latency.as_micros()).unwrap_or(LONGEST);
        if let Some(histogram) = &mut self.latency {
            histogram.saturating_record(micros.max(1));
        }
    }

    /// A failure of this kind.
    pub(super) fn failed(&mut self, kind: &str) {
        let known = self.failed.len() < KINDS || self.failed.contains_key(kind);
        let kind = if known { kind } else { "OTHER" };
        *self.failed.entry(kind.to_owned()).or_default() += 1;
    }

    pub(super) const fn ok(&self) -> u64 {
        self.ok
    }

    pub(super) fn failures(&self) -> u64 {
        self.failed.values().sum()
    }

    pub(super) fn sent(&self) -> u64 {
        self.ok + self.failures()
    }

    /// Milliseconds of this quantile of the answers; none without answers.
    pub(super) fn quantile(&self, quantile: f64) -> Option<f64> {
        let latency = self.latency.as_ref().filter(|latency| !latency.is_empty());
        latency.map(|latency| latency.value_at_quantile(quantile) as f64 / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_failure_are_bounded() {
        let mut counts = Counts::default();
        for number in 0..100 {
            counts.failed(&format!("KIND_{number}"));
        }
        assert_eq!(counts.failures(), 100);
        assert_eq!(counts.failed.len(), KINDS + 1);
        assert_eq!(counts.failed["OTHER"], 100 - KINDS as u64);
    }
}
