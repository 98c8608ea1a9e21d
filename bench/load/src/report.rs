//! What was measured, as one line of JSON.

#![expect(clippy::print_stdout, reason = "the result is read by a program")]

use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use crate::run::Measured;

/// Prints requests per second, and latency in microseconds.
pub(crate) fn measured(measured: &Measured) -> Result<()> {
    let latency = &measured.latency;
    let micros = |nanos: u64| nanos as f64 / 1e3;
    let at = |quantile: f64| micros(latency.value_at_quantile(quantile));
    let line = json!({
        "answered": latency.len(),
        "failed": measured.failed,
        "seconds": measured.seconds,
        "rate": latency.len() as f64 / measured.seconds,
        "p50": at(0.5),
        "p90": at(0.9),
        "p99": at(0.99),
        "p999": at(0.999),
        "max": micros(latency.max()),
    });
    println!("{line}");
    Ok(())
}

/// Prints the time of a cold start, in microseconds.
pub(crate) fn cold(took: Duration) -> Result<()> {
    println!("{}", json!({ "cold": took.as_secs_f64() * 1e6 }));
    Ok(())
}
