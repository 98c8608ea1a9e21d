//! Which predictors would answer now: looked up for each exposition, so that one that is no longer
//! served leaves nothing behind.

use std::fmt::Write as _;

use super::unit::push_label;
use super::{MetricInfo, MetricKind, info};

const READY: &str = "hari_ready";

pub(super) const INFO: MetricInfo = info(
    READY,
    MetricKind::Gauge,
    &["deployment_name", "predictor_name"],
    "1 if a request sent to the predictor now would be answered, else 0.",
);

/// A predictor, and whether it would answer.
#[derive(Clone, Copy, Debug)]
pub struct Ready<'a> {
    /// Deployment.
    pub deployment: &'a str,
    /// Predictor.
    pub predictor: &'a str,
    /// Whether a request sent now would be answered.
    pub ready: bool,
}

/// The readiness of `all`, in Prometheus' text form.
#[must_use]
pub fn exposed(all: &[Ready<'_>]) -> String {
    let mut text = format!("# HELP {READY} {}\n# TYPE {READY} gauge\n", INFO.help);
    for one in all {
        let mut labels = String::new();
        push_label(&mut labels, "deployment_name", one.deployment);
        push_label(&mut labels, "predictor_name", one.predictor);
        let _ = writeln!(text, "{READY}{{{labels}}} {}", u8::from(one.ready));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_predictor_has_a_line() {
        let of = |predictor, ready| Ready {
            deployment: "d",
            predictor,
            ready,
        };
        let text = exposed(&[of("main", true), of("canary", false)]);
        let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let expected = [
            "hari_ready{deployment_name=\"d\",predictor_name=\"main\"} 1",
            "hari_ready{deployment_name=\"d\",predictor_name=\"canary\"} 0",
        ];
        assert_eq!(lines, expected);
    }
}
