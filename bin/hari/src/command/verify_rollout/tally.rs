//! What became of the requests, in bounded memory however many there are.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::expected::MOST;

/// Most kinds of failure that are told apart.
const KINDS: usize = 32;
/// Failures that are kept with their time and words: of each kind, and in all.
const EXAMPLES_OF_KIND: usize = 5;
const EXAMPLES: usize = 40;
/// Most slices of the time line; when they are used up, two become one.
const SLICES: usize = 600;
/// The longest latency that is told from longer ones.
const LONGEST: Duration = Duration::from_secs(3600);

/// When a request was sent, as the change goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Phase {
    /// Before the change begins.
    Before,
    /// While it is made.
    During,
    /// Once it is complete.
    After,
}

impl Phase {
    pub(super) const ALL: [Self; 3] = [Self::Before, Self::During, Self::After];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::During => "during",
            Self::After => "after",
        }
    }
}

/// What became of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// A right answer, of this version if versions are told apart.
    Right(Option<usize>),
    /// An answer that is of no version.
    Unknown,
    /// The answer of a version that should be gone.
    Old(usize),
    /// No answer, or an error: kind and words.
    Failed(String, String),
}

/// One request, when all is known of it.
#[derive(Clone, Debug)]
pub(super) struct Shot {
    pub(super) phase: Phase,
    /// Since the start, when it was due.
    pub(super) due: Duration,
    /// From when it was due to its end.
    pub(super) latency: Duration,
    /// Took longer than it may.
    pub(super) late: bool,
    pub(super) fate: Fate,
}

/// The requests of one phase.
#[derive(Clone, Debug)]
pub(super) struct Counts {
    pub(super) sent: u64,
    pub(super) ok: u64,
    pub(super) wrong: u64,
    pub(super) late: u64,
    pub(super) failed: BTreeMap<String, u64>,
    pub(super) versions: [u64; MOST],
    /// Microseconds, of answers.
    pub(super) latency: Option<Histogram<u64>>,
}

/// A failure or a wrong answer, kept as an example.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Example {
    pub(super) seconds: f64,
    pub(super) phase: Phase,
    pub(super) kind: String,
    pub(super) message: String,
}

/// What happened in a slice of the time.
#[derive(Clone, Debug, Default)]
pub(super) struct Slice {
    pub(super) failed: u64,
    pub(super) wrong: u64,
    pub(super) versions: [u64; MOST],
}

/// All requests.
#[derive(Debug)]
pub(super) struct Tally {
    phases: [Counts; 3],
    pub(super) examples: Vec<Example>,
    slices: Vec<Slice>,
    width: Duration,
}

impl Default for Counts {
    fn default() -> Self {
        let longest = u64::try_from(LONGEST.as_micros()).unwrap_or(u64::MAX);
        Self {
            sent: 0,
            ok: 0,
            wrong: 0,
            late: 0,
            failed: BTreeMap::new(),
            versions: [0; MOST],
            latency: Histogram::new_with_bounds(1, longest, 2).ok(),
        }
    }
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            phases: Default::default(),
            examples: Vec::new(),
            slices: Vec::new(),
            width: Duration::from_secs(1),
        }
    }
}

impl Counts {
    pub(super) fn failures(&self) -> u64 {
        self.failed.values().sum()
    }

    /// Milliseconds of this quantile of the answers; none without answers.
    pub(super) fn quantile(&self, quantile: f64) -> Option<f64> {
        let latency = self
            .latency
            .as_ref()
            .filter(|latency| !latency.is_empty())?;
        Some(latency.value_at_quantile(quantile) as f64 / 1000.0)
    }

    fn add(&mut self, shot: &Shot) {
        self.sent += 1;
        self.late += u64::from(shot.late);
        if let Fate::Failed(kind, _) = &shot.fate {
            return self.fail(kind);
        }
        if let Some(latency) = &mut self.latency {
            let micros = u64::try_from(shot.latency.as_micros()).unwrap_or(u64::MAX);
            latency.saturating_record(micros.max(1));
        }
        match shot.fate {
            Fate::Right(_) => self.ok += 1,
            _ => self.wrong += 1,
        }
        count(&mut self.versions, &shot.fate);
    }

    fn fail(&mut self, kind: &str) {
        let known = self.failed.len() < KINDS || self.failed.contains_key(kind);
        let kind = if known { kind } else { "OTHER" };
        *self.failed.entry(kind.to_owned()).or_default() += 1;
    }

    /// The requests of both.
    pub(super) fn and(mut self, other: &Self) -> Self {
        self.sent += other.sent;
        self.ok += other.ok;
        self.wrong += other.wrong;
        self.late += other.late;
        for (kind, number) in &other.failed {
            *self.failed.entry(kind.clone()).or_default() += number;
        }
        for (mine, its) in self.versions.iter_mut().zip(other.versions) {
            *mine += its;
        }
        if let (Some(mine), Some(its)) = (&mut self.latency, &other.latency) {
            // Both have the same bounds.
            let _ = mine.add(its);
        }
        self
    }
}

fn count(versions: &mut [u64; MOST], fate: &Fate) {
    if let Fate::Right(Some(at)) | Fate::Old(at) = fate
        && let Some(number) = versions.get_mut(*at)
    {
        *number += 1;
    }
}

impl Tally {
    pub(super) fn phase(&self, phase: Phase) -> &Counts {
        &self.phases[phase as usize]
    }

    /// All phases together.
    pub(super) fn all(&self) -> Counts {
        self.phases.iter().fold(Counts::default(), Counts::and)
    }

    pub(super) fn add(&mut self, shot: &Shot) {
        self.phases[shot.phase as usize].add(shot);
        let slice = self.slice(shot.due);
        match &shot.fate {
            Fate::Right(_) => {}
            Fate::Unknown | Fate::Old(_) => slice.wrong += 1,
            Fate::Failed(..) => slice.failed += 1,
        }
        count(&mut slice.versions, &shot.fate);
        let (kind, message) = match &shot.fate {
            Fate::Right(_) => return,
            Fate::Unknown => (
                "WRONG_ANSWER",
                "the answer is of no version that is expected",
            ),
            Fate::Old(_) => ("OLD_VERSION", "the old version answered after the change"),
            Fate::Failed(kind, message) => (&**kind, &**message),
        };
        let alike = self.examples.iter().filter(|example| example.kind == kind);
        if self.examples.len() < EXAMPLES && alike.count() < EXAMPLES_OF_KIND {
            self.examples.push(Example {
                seconds: shot.due.as_secs_f64(),
                phase: shot.phase,
                kind: kind.to_owned(),
                message: message.to_owned(),
            });
        }
    }

    fn slice(&mut self, due: Duration) -> &mut Slice {
        while due.as_nanos() / self.width.as_nanos().max(1) >= SLICES as u128 {
            self.fold();
        }
        let at = (due.as_nanos() / self.width.as_nanos().max(1)) as usize;
        if self.slices.len() <= at {
            self.slices.resize(at + 1, Slice::default());
        }
        &mut self.slices[at]
    }

    /// Two slices become one.
    fn fold(&mut self) {
        let pairs = self.slices.chunks(2).map(|pair| {
            let mut both = Slice::default();
            for slice in pair {
                both.failed += slice.failed;
                both.wrong += slice.wrong;
                for (sum, number) in both.versions.iter_mut().zip(slice.versions) {
                    *sum += number;
                }
            }
            both
        });
        self.slices = pairs.collect();
        self.width *= 2;
    }

    /// The time line: from when, and what happened until the next.
    pub(super) fn slices(&self) -> impl Iterator<Item = (Duration, &Slice)> {
        let width = self.width;
        let at = move |at: usize| width * u32::try_from(at).unwrap_or(u32::MAX);
        self.slices
            .iter()
            .enumerate()
            .map(move |(index, slice)| (at(index), slice))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shot(second: u64, phase: Phase, fate: Fate) -> Shot {
        Shot {
            phase,
            due: Duration::from_secs(second),
            latency: Duration::from_millis(second + 1),
            late: false,
            fate,
        }
    }

    #[test]
    fn every_request_is_counted_once() {
        let mut tally = Tally::default();
        tally.add(&shot(0, Phase::Before, Fate::Right(Some(0))));
        tally.add(&shot(
            1,
            Phase::During,
            Fate::Failed("HTTP_503".into(), "x".into()),
        ));
        tally.add(&shot(1, Phase::During, Fate::Right(Some(1))));
        tally.add(&shot(2, Phase::After, Fate::Old(0)));
        tally.add(&shot(2, Phase::After, Fate::Unknown));
        let all = tally.all();
        assert_eq!((all.sent, all.ok, all.wrong, all.failures()), (5, 2, 2, 1));
        assert_eq!(all.versions[..2], [2, 1]);
        assert_eq!(tally.phase(Phase::During).failed["HTTP_503"], 1);
        let kinds: Vec<_> = tally
            .examples
            .iter()
            .map(|example| &*example.kind)
            .collect();
        assert_eq!(kinds, ["HTTP_503", "OLD_VERSION", "WRONG_ANSWER"]);
        assert!((all.quantile(1.0).unwrap() - 3.0).abs() < 0.1);
    }

    #[test]
    fn memory_is_bounded() {
        let mut tally = Tally::default();
        for second in 0..10_000 {
            let kind = format!("KIND_{second}");
            tally.add(&shot(
                second,
                Phase::Before,
                Fate::Failed(kind, "words".into()),
            ));
        }
        assert_eq!(tally.phase(Phase::Before).failed.len(), KINDS + 1);
        assert_eq!(tally.all().failures(), 10_000);
        assert_eq!(tally.examples.len(), EXAMPLES);
        assert!(tally.slices.len() <= SLICES);
        assert_eq!(
            tally.slices().map(|(_, slice)| slice.failed).sum::<u64>(),
            10_000
        );
    }
}
