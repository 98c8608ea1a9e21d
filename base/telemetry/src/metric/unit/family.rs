//! The values of one metric name, by labels.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What a family of values is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Added up; never negative.
    Counter,
    /// Added up, whatever the sign.
    Sum,
    /// The last one counts.
    Gauge,
    /// Seconds in buckets.
    Times,
}

impl Kind {
    const fn prometheus(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Sum | Self::Gauge => "gauge",
            Self::Times => "histogram",
        }
    }

    /// Whether `value` can be taken.
    pub(super) fn takes(self, value: f64) -> bool {
        match self {
            Self::Gauge => true,
            Self::Sum => value.is_finite(),
            Self::Counter | Self::Times => value.is_finite() && value >= 0.0,
        }
    }
}

/// Upper bounds of the times, beside infinity.
const BOUNDS: usize = 50;
const SHORTEST: f64 = 0.001;
const LONGEST: f64 = 30.0;

/// `BOUNDS` points from `SHORTEST` to `LONGEST`, each the same multiple of the one before.
fn bound(at: usize) -> f64 {
    if at + 1 == BOUNDS {
        return LONGEST;
    }
    SHORTEST * (LONGEST / SHORTEST).powf(at as f64 / (BOUNDS - 1) as f64)
}

#[derive(Debug)]
enum Value {
    Number(f64),
    Times(Box<Times>),
}

#[derive(Debug)]
struct Times {
    /// Of each bound alone; what is longer than all is in `count` only.
    buckets: [u64; BOUNDS],
    count: u64,
    sum: f64,
}

#[derive(Debug)]
pub(super) struct Family {
    kind: Kind,
    series: BTreeMap<String, Value>,
}

impl Family {
    pub(super) const fn new(kind: Kind) -> Self {
        Self {
            kind,
            series: BTreeMap::new(),
        }
    }

    pub(super) const fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn has(&self, labels: &str) -> bool {
        self.series.contains_key(labels)
    }

    /// Takes `value` in, for `labels` as they are exposed.
    pub(super) fn store(&mut self, labels: String, value: f64) {
        let first = || match self.kind {
            Kind::Times => Value::Times(Box::new(Times::new())),
            _ => Value::Number(0.0),
        };
        match (self.series.entry(labels).or_insert_with(first), self.kind) {
            (Value::Times(times), _) => times.observe(value),
            (Value::Number(number), Kind::Gauge) => *number = value,
            (Value::Number(number), _) => *number += value,
        }
    }

    pub(super) fn render(&self, name: &str, help: &str, text: &mut String) {
        let kind = self.kind.prometheus();
        if !help.is_empty() {
            let _ = writeln!(text, "# HELP {name} {help}");
        }
        let _ = writeln!(text, "# TYPE {name} {kind}");
        for (labels, value) in &self.series {
            match value {
                Value::Number(number) => {
                    let _ = writeln!(text, "{name}{{{labels}}} {}", Shown(*number));
                }
                Value::Times(times) => times.render(name, labels, text),
            }
        }
    }
}

impl Times {
    const fn new() -> Self {
        Self {
            buckets: [0; BOUNDS],
            count: 0,
            sum: 0.0,
        }
    }

    fn observe(&mut self, seconds: f64) {
        let mut bounds = self.buckets.iter_mut().enumerate();
        if let Some((_, bucket)) = bounds.find(|(at, _)| seconds <= bound(*at)) {
            *bucket += 1;
        }
        self.count += 1;
        self.sum += seconds;
    }

    fn render(&self, name: &str, labels: &str, text: &mut String) {
        let mut below = 0;
        for (at, bucket) in self.buckets.iter().enumerate() {
            below += bucket;
            let bound = bound(at);
            let _ = writeln!(text, "{name}_bucket{{{labels},le=\"{bound}\"}} {below}");
        }
        let Self { count, sum, .. } = self;
        let _ = writeln!(text, "{name}_bucket{{{labels},le=\"+Inf\"}} {count}");
        let _ = writeln!(text, "{name}_sum{{{labels}}} {sum}");
        let _ = writeln!(text, "{name}_count{{{labels}}} {count}");
    }
}

/// A number as Prometheus reads it.
struct Shown(f64);

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            f64::INFINITY => f.write_str("+Inf"),
            f64::NEG_INFINITY => f.write_str("-Inf"),
            number => write!(f, "{number}"),
        }
    }
}
