//! `hari bench`: how long answers take at a given rate, and where a server has enough.

mod count;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::engine::flag;
use super::predict::{Shooter, Target};
use crate::exit::Said;
use crate::output;
use count::Counts;

/// Most rates of one run.
const RATES: usize = 32;

/// Send requests at fixed rates, and say how long the answers took
///
/// Requests are sent when they are due, whether earlier ones were answered or not, and latency counts
/// from then: a server that stalls is told so by every request that was due meanwhile. Exits with 1 if
/// one request failed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hari bench --json request.json --rate 100 --duration 30s
  hari bench --json request.json --rate 100,200,400,800 --url grpc://127.0.0.1:5001
  hari bench --csv rows.csv --rate 50 --url http://gateway --deployment models/iris --json-output")]
pub(crate) struct Bench {
    #[command(flatten)]
    target: Target,
    /// Requests a second; several, with commas, one after the other
    #[arg(long, default_value = "100", value_name = "NUMBER", value_delimiter = ',',
          value_parser = clap::value_parser!(u32).range(1..=50_000))]
    rate: Vec<u32>,
    /// How long to send at each rate
    #[arg(long, default_value = "10s", value_name = "TIME", value_parser = flag::duration)]
    duration: Duration,
    /// How long to send before, at the first rate, without counting
    #[arg(long, default_value = "2s", value_name = "TIME", value_parser = flag::duration)]
    warm_up: Duration,
    /// Most time to wait for an answer
    #[arg(long, default_value = "10s", value_name = "TIME", value_parser = flag::duration)]
    timeout: Duration,
    /// Most requests open at a time; one that is due beyond them counts as failed
    #[arg(long, default_value_t = 1000, value_name = "NUMBER",
          value_parser = clap::value_parser!(u32).range(1..=20_000))]
    most_open: u32,
    /// Print the figures as JSON
    #[arg(long)]
    json_output: bool,
}

/// What was measured at one rate.
struct Step {
    rate: u32,
    counts: Counts,
    lasted: Duration,
}

impl Bench {
    pub(crate) fn execute(self) -> anyhow::Result<()> {
        ensure!(
            self.rate.len() <= RATES,
            hari_error::Error::invalid(format!("--rate: at most {RATES} rates"))
        );
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime")?;
        runtime.block_on(self.measure())
    }

    async fn measure(self) -> anyhow::Result<()> {
        let shooter = Arc::new(self.target.shooter(self.timeout).await?);
        // What cannot be asked at all is said at once, as `hari predict` says it.
        shooter.send(0, false).await?;
        let first = self.rate.first().copied().unwrap_or(1);
        self.step(&shooter, first, self.warm_up).await;
        let mut steps = Vec::new();
        for rate in &self.rate {
            steps.push(self.step(&shooter, *rate, self.duration).await);
        }
        self.print(&steps)?;
        let failed = steps.iter().any(|step| step.counts.failures() > 0);
        (!failed).then_some(()).ok_or_else(|| Said.into())
    }

    /// Sends at a rate, and waits for the last answer.
    async fn step(&self, shooter: &Arc<Shooter>, rate: u32, duration: Duration) -> Step {
        let counts = Arc::new(Mutex::new(Counts::default()));
        let room = Arc::new(Semaphore::new(self.most_open as usize));
        let start = Instant::now();
        for number in 0.. {
            let due = Duration::from_secs_f64(number as f64 / f64::from(rate));
            if due >= duration {
                break;
            }
            let due = start + due;
            tokio::time::sleep_until(due).await;
            let Ok(permit) = room.clone().try_acquire_owned() else {
                locked(&counts).failed("NOT_SENT");
                continue;
            };
            let (shooter, counts) = (shooter.clone(), counts.clone());
            tokio::spawn(async move {
                match shooter.send(number, false).await {
                    Ok(_) => locked(&counts).answered(due.elapsed()),
                    Err(error) => locked(&counts).failed(error.reason()),
                }
                drop(permit);
            });
        }
        // Each ends within its timeout.
        let _ = room.acquire_many(self.most_open).await;
        let counts = std::mem::take(&mut *locked(&counts));
        Step {
            rate,
            counts,
            lasted: start.elapsed(),
        }
    }

    fn print(&self, steps: &[Step]) -> anyhow::Result<()> {
        if self.json_output {
            let steps: Vec<Value> = steps.iter().map(Step::json).collect();
            let report = json!({"url": self.target.url(), "steps": steps});
            let text = serde_json::to_string_pretty(&report).context("cannot write JSON")?;
            output::line(text);
            return Ok(());
        }
        let header = [
            "RATE",
            "SENT",
            "OK",
            "FAILED",
            "ANSWERS/S",
            "P50 MS",
            "P90 MS",
            "P99 MS",
            "MAX MS",
        ];
        let rows: Vec<Vec<String>> = steps.iter().map(Step::row).collect();
        output::table(&header, &rows);
        for step in steps {
            for (kind, number) in &step.counts.failed {
                output::line(format!("at {}/s: {number} x {kind}", step.rate));
            }
        }
        Ok(())
    }
}

fn locked(counts: &Mutex<Counts>) -> std::sync::MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Quantiles that are told, by name.
const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0)];

impl Step {
    /// Answers of a second, from the first request to the last answer.
    fn throughput(&self) -> f64 {
        self.counts.ok() as f64 / self.lasted.as_secs_f64().max(f64::EPSILON)
    }

    fn row(&self) -> Vec<String> {
        let counts = &self.counts;
        let mut row = vec![
            self.rate.to_string(),
            counts.sent().to_string(),
            counts.ok().to_string(),
            counts.failures().to_string(),
            format!("{:.1}", self.throughput()),
        ];
        row.extend(
            QUANTILES.map(|(_, quantile)| match counts.quantile(quantile) {
                Some(milliseconds) => format!("{milliseconds:.2}"),
                None => "-".to_owned(),
            }),
        );
        row
    }

    fn json(&self) -> Value {
        let counts = &self.counts;
        let latency = QUANTILES.map(|(name, quantile)| (name, counts.quantile(quantile)));
        json!({
            "rate": self.rate,
            "sent": counts.sent(),
            "ok": counts.ok(),
            "failed": counts.failed,
            "answers_per_second": self.throughput(),
            "seconds": self.lasted.as_secs_f64(),
            "latency_ms": std::collections::BTreeMap::from(latency),
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        bench: Bench,
    }

    fn parse(line: &str) -> Result<Bench, String> {
        let parsed = Line::try_parse_from(line.split(' '));
        parsed
            .map(|line| line.bench)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn rates_come_one_after_the_other() {
        assert_eq!(parse("bench --json r").unwrap().rate, [100]);
        let several = parse("bench --json r --rate 1,20,300 --duration 1m").unwrap();
        assert_eq!(several.rate, [1, 20, 300]);
        assert_eq!(several.duration, Duration::from_secs(60));
        assert!(parse("bench --json r --rate 0").is_err());
    }

    #[test]
    fn a_step_is_told_in_figures() {
        let mut counts = Counts::default();
        for milliseconds in 1..=100 {
            counts.answered(Duration::from_millis(milliseconds));
        }
        counts.failed("TIMEOUT");
        let step = Step {
            rate: 50,
            counts,
            lasted: Duration::from_secs(2),
        };
        let row = step.row();
        assert_eq!(row[..5], ["50", "101", "100", "1", "50.0"]);
        let json = step.json();
        assert_eq!(json["failed"]["TIMEOUT"], 1);
        let median = json["latency_ms"]["p50"].as_f64().unwrap();
        assert!((49.0..=51.0).contains(&median), "{median}");
    }

    #[test]
    fn without_answers_there_is_no_latency() {
        let step = Step {
            rate: 1,
            counts: Counts::default(),
            lasted: Duration::ZERO,
        };
        assert_eq!(step.row()[5..], ["-", "-", "-", "-"]);
    }
}
