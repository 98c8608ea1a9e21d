//! What is said in the end.

use std::collections::BTreeMap;

use serde::Serialize;

use super::VerifyRollout;
use super::change::Outcome;
use super::expected::Expected;
use super::load::Found;
use super::tally::{Counts, Example, Phase, Slice};
use crate::output;

/// The whole of it, as `--json-output` prints it.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    passed: bool,
    /// Why not.
    reasons: Vec<String>,
    url: String,
    rate: u32,
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<Times>,
    /// `before`, `during`, `after`, `all`.
    phases: BTreeMap<&'static str, Row>,
    timeline: Vec<Span>,
    /// The first failures and wrong answers.
    examples: Vec<Example>,
}

/// When the change began and was complete, in seconds since the start.
#[derive(Debug, Serialize)]
struct Times {
    begun: Option<f64>,
    complete: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Row {
    sent: u64,
    ok: u64,
    failed: BTreeMap<String, u64>,
    wrong: u64,
    late: u64,
    versions: BTreeMap<String, u64>,
    /// Milliseconds from when a request was due; absent without answers.
    latency_ms: Option<Latency>,
}

#[derive(Debug, Serialize)]
struct Latency {
    p50: f64,
    p90: f64,
    p99: f64,
    max: f64,
}

/// A time in which the same versions answered.
#[derive(Debug, PartialEq, Serialize)]
struct Span {
    from_second: f64,
    versions: Vec<String>,
    failed: u64,
    wrong: u64,
}

impl Report {
    pub(super) fn new(flags: &VerifyRollout, expected: &Expected, found: &Found) -> Self {
        let all = found.tally.all();
        let reasons = reasons(flags, found, &all);
        let mut phases = BTreeMap::from([("all", Row::of(&all, expected))]);
        for phase in Phase::ALL {
            let counts = found.tally.phase(phase);
            if counts.sent > 0 && flags.changes() {
                phases.insert(phase.name(), Row::of(counts, expected));
            }
        }
        Self {
            passed: reasons.is_empty(),
            reasons,
            url: flags.target.url().to_owned(),
            rate: flags.rate,
            seconds: found.lasted.as_secs_f64(),
            change: flags.changes().then(|| Times {
                begun: found.begun.map(|time| time.as_secs_f64()),
                complete: found.complete.map(|time| time.as_secs_f64()),
            }),
            phases,
            timeline: timeline(found, expected),
            examples: found.tally.examples.clone(),
        }
    }

    pub(super) fn passed(&self) -> bool {
        self.passed
    }

    pub(super) fn print(&self, json: bool) -> anyhow::Result<()> {
        if json {
            output::line(serde_json::to_string_pretty(self)?);
            return Ok(());
        }
        self.print_phases();
        self.print_timeline();
        for example in &self.examples {
            let (seconds, kind, message) = (example.seconds, &example.kind, &example.message);
            output::line(format!("at {seconds:9.3} s  {kind}  {message}"));
        }
        let all = self.phases.get("all").map_or(0, |row| row.sent);
        let verdict = match self.passed {
            true => format!("passed: {all} requests, none failed, none wrong"),
            false => format!("failed: {}", self.reasons.join("; ")),
        };
        output::line(output::bold(&verdict));
        Ok(())
    }

    fn print_phases(&self) {
        let header = [
            "", "SENT", "OK", "FAILED", "WRONG", "LATE", "P50", "P90", "P99", "MAX",
        ];
        let order = ["before", "during", "after", "all"];
        let rows = order.into_iter().filter_map(|name| {
            let row = self.phases.get(name)?;
            Some(row.cells(name))
        });
        output::table(&header, &rows.collect::<Vec<_>>());
        output::line("");
    }

    fn print_timeline(&self) {
        if let Some(change) = &self.change {
            let said =
                |time: Option<f64>| time.map_or("never".to_owned(), |time| format!("{time:.1} s"));
            let (begun, complete) = (said(change.begun), said(change.complete));
            output::line(format!("change begun at {begun}, complete at {complete}"));
        }
        let telling = |span: &&Span| !span.versions.is_empty() || span.failed + span.wrong > 0;
        for span in self.timeline.iter().filter(telling) {
            let troubles = match (span.failed, span.wrong) {
                (0, 0) => String::new(),
                (failed, wrong) => format!("  {failed} failed, {wrong} wrong"),
            };
            let versions = span.versions.join(" and ");
            output::line(format!(
                "from {:5.0} s  {versions}{troubles}",
                span.from_second
            ));
        }
    }
}

impl Row {
    fn of(counts: &Counts, expected: &Expected) -> Self {
        let quantile = |quantile| counts.quantile(quantile);
        let latency = || {
            Some(Latency {
                p50: quantile(0.5)?,
                p90: quantile(0.9)?,
                p99: quantile(0.99)?,
                max: quantile(1.0)?,
            })
        };
        let named = expected.versions.iter().zip(counts.versions);
        Self {
            sent: counts.sent,
            ok: counts.ok,
            failed: counts.failed.clone(),
            wrong: counts.wrong,
            late: counts.late,
            versions: named
                .filter(|(version, _)| !version.name.is_empty())
                .map(|(version, number)| (version.name.clone(), number))
                .collect(),
            latency_ms: latency(),
        }
    }

    fn cells(&self, name: &str) -> Vec<String> {
        let failed: u64 = self.failed.values().sum();
        let mut cells = vec![name.to_owned()];
        cells.extend([self.sent, self.ok, failed, self.wrong, self.late].map(|n| n.to_string()));
        let latency = self.latency_ms.as_ref();
        let times = latency.map(|ms| [ms.p50, ms.p90, ms.p99, ms.max]);
        match times {
            Some(times) => cells.extend(times.map(|ms| format!("{ms:.1} ms"))),
            None => cells.extend(["-"; 4].map(str::to_owned)),
        }
        cells
    }
}

/// Everything that speaks against it.
fn reasons(flags: &VerifyRollout, found: &Found, all: &Counts) -> Vec<String> {
    let mut reasons = Vec::new();
    match &found.outcome {
        Some(Outcome::Failed(why)) => reasons.push(why.clone()),
        None if flags.changes() => reasons.push("the change did not come to an end".to_owned()),
        _ => {}
    }
    if all.sent == 0 {
        reasons.push("no request was sent".to_owned());
    }
    let kinds: Vec<_> = all
        .failed
        .iter()
        .map(|(kind, number)| format!("{number} {kind}"))
        .collect();
    if !kinds.is_empty() {
        let failures = all.failures();
        reasons.push(format!(
            "{failures} of {} requests failed: {}",
            all.sent,
            kinds.join(", ")
        ));
    }
    if all.wrong > 0 {
        reasons.push(format!("{} answers were wrong", all.wrong));
    }
    if all.late > 0 {
        reasons.push(format!("{} answers were late", all.late));
    }
    reasons
}

/// Neighbours alike are one.
fn timeline(found: &Found, expected: &Expected) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for (from, slice) in found.tally.slices() {
        let span = Span {
            from_second: from.as_secs_f64(),
            versions: names(slice, expected),
            failed: slice.failed,
            wrong: slice.wrong,
        };
        let quiet = |span: &Span| span.failed + span.wrong == 0;
        match spans.last_mut() {
            Some(last) if last.versions == span.versions && quiet(last) == quiet(&span) => {
                last.failed += span.failed;
                last.wrong += span.wrong;
            }
            _ => spans.push(span),
        }
    }
    spans
}

fn names(slice: &Slice, expected: &Expected) -> Vec<String> {
    let seen = expected.versions.iter().zip(slice.versions);
    seen.filter(|(version, number)| *number > 0 && !version.name.is_empty())
        .map(|(version, _)| version.name.clone())
        .collect()
}
