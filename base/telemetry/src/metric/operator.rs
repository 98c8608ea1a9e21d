//! The metrics of the Kubernetes operator.

#![expect(
    clippy::disallowed_macros,
    reason = "this module is a part of the home of metric names"
)]

use std::time::{Duration, SystemTime};

use metrics::{counter, gauge, histogram};

use super::{MetricInfo, MetricKind, info};

const RECONCILES: &str = "hari_operator_reconciles_total";
const SECONDS: &str = "hari_operator_reconcile_seconds";
const ERRORS: &str = "hari_operator_errors_total";
const WRITES: &str = "hari_operator_writes_total";
const DEPLOYMENTS: &str = "hari_operator_deployments";
const ADMISSIONS: &str = "hari_operator_admissions_total";
const ADMISSION_SECONDS: &str = "hari_operator_admission_seconds";
const LEADER: &str = "hari_operator_leader";
const CONFIGURATION: &str = "hari_operator_configuration_valid";
const CERTIFICATE: &str = "hari_operator_certificate_end_seconds";

pub(super) const RECONCILES_INFO: MetricInfo = info(
    RECONCILES,
    MetricKind::Counter,
    &["outcome"],
    "Reconciles of deployments; outcome is `ok`, `invalid` (the deployment is at fault) or `failed`.",
);
pub(super) const SECONDS_INFO: MetricInfo = info(
    SECONDS,
    MetricKind::Histogram,
    &[],
    "Seconds that one reconcile took.",
);
pub(super) const ERRORS_INFO: MetricInfo = info(
    ERRORS,
    MetricKind::Counter,
    &["kind"],
    "Failures of the operator, by what failed: `conflict`, `forbidden`, `unreachable`, ...",
);
pub(super) const WRITES_INFO: MetricInfo = info(
    WRITES,
    MetricKind::Counter,
    &["kind", "verb"],
    "Writes to the API server by kind of object; verb is `apply`, `patch`, `create`, `update` or \
     `delete`.",
);
pub(super) const DEPLOYMENTS_INFO: MetricInfo = info(
    DEPLOYMENTS,
    MetricKind::Gauge,
    &["state"],
    "Deployments that this operator serves, by the state in their status.",
);
pub(super) const ADMISSIONS_INFO: MetricInfo = info(
    ADMISSIONS,
    MetricKind::Counter,
    &["outcome"],
    "Requests of the webhook; outcome is `allowed`, `warned`, `denied`, `unchanged` (an object that \
     was invalid before, and is not made worse) or `failed`.",
);
pub(super) const ADMISSION_SECONDS_INFO: MetricInfo = info(
    ADMISSION_SECONDS,
    MetricKind::Histogram,
    &[],
    "Seconds that the webhook took for one request.",
);
pub(super) const LEADER_INFO: MetricInfo = info(
    LEADER,
    MetricKind::Gauge,
    &[],
    "1 while this replica reconciles, else 0.",
);
pub(super) const CONFIGURATION_INFO: MetricInfo = info(
    CONFIGURATION,
    MetricKind::Gauge,
    &[],
    "1 if all of seldon-config can be read, 0 if the last good values of some of it hold.",
);
pub(super) const CERTIFICATE_INFO: MetricInfo = info(
    CERTIFICATE,
    MetricKind::Gauge,
    &[],
    "When the certificate of the webhook ends, in seconds since 1970.",
);

/// How a reconcile ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The cluster is as the deployment asks.
    Ok,
    /// The deployment cannot be served as it is written.
    Invalid,
    /// Something else is at fault; it is tried again.
    Failed,
}

impl Outcome {
    /// One word for it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Invalid => "invalid",
            Self::Failed => "failed",
        }
    }
}

/// A reconcile ended.
pub fn reconciled(outcome: Outcome, took: Duration) {
    counter!(RECONCILES, "outcome" => outcome.label()).increment(1);
    histogram!(SECONDS).record(took);
}

/// Something failed; `kind` is a short word of a closed set.
pub fn failed(kind: &'static str) {
    counter!(ERRORS, "kind" => kind).increment(1);
}

/// An object was written: its kind, such as `Deployment`, and how.
pub fn wrote(kind: &str, verb: &'static str) {
    counter!(WRITES, "kind" => kind.to_owned(), "verb" => verb).increment(1);
}

/// So many deployments are in this state.
pub fn deployments(state: &'static str, count: usize) {
    gauge!(DEPLOYMENTS, "state" => state).set(count as f64);
}

/// The webhook answered.
pub fn admitted(outcome: &'static str, took: Duration) {
    counter!(ADMISSIONS, "outcome" => outcome).increment(1);
    histogram!(ADMISSION_SECONDS).record(took);
}

/// Whether this replica reconciles.
pub fn leader(leads: bool) {
    gauge!(LEADER).set(f64::from(u8::from(leads)));
}

/// Whether all of the configuration could be read.
pub fn configuration_valid(valid: bool) {
    gauge!(CONFIGURATION).set(f64::from(u8::from(valid)));
}

/// When the certificate of the webhook ends.
pub fn certificate_ends(at: SystemTime) {
    let since = at.duration_since(SystemTime::UNIX_EPOCH);
    gauge!(CERTIFICATE).set(since.unwrap_or_default().as_secs_f64());
}
