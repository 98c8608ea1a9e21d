//! Calls to the nodes of a graph: counted and timed through handles that a node makes once.

#![expect(
    clippy::disallowed_macros,
    reason = "this module is a part of the home of metric names"
)]

use std::sync::{OnceLock, PoisonError, RwLock};
use std::time::Duration;

use metrics::{Histogram, histogram};

use super::{MetricInfo, MetricKind, beside_engine, info};

pub(super) const CLIENT_SECONDS: &str = "seldon_api_executor_client_requests_seconds";
const CLIENT_SUMMARY: &str = "seldon_api_executor_client_requests_seconds_summary";

const LABELS: &[&str] = &[
    "deployment_name",
    "predictor_name",
    "predictor_version",
    "service",
    "method",
    "code",
    "model_name",
    "model_image",
    "model_version",
];

pub(super) const SECONDS_INFO: MetricInfo = info(
    CLIENT_SECONDS,
    MetricKind::Histogram,
    LABELS,
    "Calls to nodes of a graph, by how long they took in seconds.",
);
pub(super) const SUMMARY_INFO: MetricInfo = info(
    CLIENT_SUMMARY,
    MetricKind::Summary,
    LABELS,
    "Calls to nodes of a graph: quantiles of how long they took in seconds.",
);

/// Codes other than that of success that one kind of call keeps handles for. The others are
/// counted all the same, only slower.
const KEPT: usize = 32;

/// What tells a node from the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeLabels {
    /// Deployment.
    pub deployment: String,
    /// Predictor.
    pub predictor: String,
    /// The predictor's label `version`.
    pub version: String,
    /// The node's name.
    pub model: String,
    /// Container image without its tag, or what runs the node here.
    pub image: String,
    /// Tag or digest of the image, or the model's version.
    pub image_version: String,
}

impl NodeLabels {
    /// The same with image and version as `reference` has them: `host:5000/name:tag`,
    /// `name@sha256:...`.
    #[must_use]
    pub fn of_image(self, reference: &str) -> Self {
        let (image, version) = split_image(reference);
        Self {
            image: image.to_owned(),
            image_version: version.to_owned(),
            ..self
        }
    }
}

/// The name and the tag or digest. A colon before the last slash is that of a port.
fn split_image(reference: &str) -> (&str, &str) {
    if let Some(split) = reference.split_once('@') {
        return split;
    }
    let last = reference.rfind('/').map_or(0, |slash| slash + 1);
    let tag = reference.get(last..).and_then(|name| name.find(':'));
    let split = tag.and_then(|colon| reference.split_at_checked(last + colon));
    split.map_or((reference, ""), |(name, tag)| {
        (name, tag.trim_start_matches(':'))
    })
}

/// Calls of one service of one node.
pub struct CallMetrics {
    node: NodeLabels,
    service: String,
    method: &'static str,
    success: &'static str,
    succeeded: OnceLock<Handles>,
    others: RwLock<Vec<(String, Handles)>>,
}

impl CallMetrics {
    /// Of calls over REST, or of calls in this process, which are named as if they were: `service`
    /// is the path.
    pub fn rest(node: &NodeLabels, service: impl Into<String>) -> Self {
        Self::new(node, service.into(), "post", "200")
    }

    /// Of calls over gRPC: `service` is the full method.
    pub fn grpc(node: &NodeLabels, service: impl Into<String>) -> Self {
        Self::new(node, service.into(), "unary", "OK")
    }

    fn new(
        node: &NodeLabels,
        service: String,
        method: &'static str,
        success: &'static str,
    ) -> Self {
        Self {
            node: node.clone(),
            service,
            method,
            success,
            succeeded: OnceLock::new(),
            others: RwLock::default(),
        }
    }

    /// Whether the calls go over gRPC, so that codes are names.
    #[must_use]
    pub fn is_grpc(&self) -> bool {
        self.method == "unary"
    }

    /// A call that was answered well.
    pub fn succeeded(&self, took: Duration) {
        if !beside_engine() {
            let handles = self.succeeded.get_or_init(|| self.handles(self.success));
            handles.record(took);
        }
    }

    /// A call that was answered with `code`: an HTTP status or the name of a gRPC code.
    pub fn answered(&self, code: &str, took: Duration) {
        if code == self.success {
            return self.succeeded(took);
        }
        if !beside_engine() && !self.known(code, took) {
            self.add(code, took);
        }
    }

    fn known(&self, code: &str, took: Duration) -> bool {
        let others = self.others.read().unwrap_or_else(PoisonError::into_inner);
        let found = others.iter().find(|(known, _)| known == code);
        found.map(|(_, handles)| handles.record(took)).is_some()
    }

    fn add(&self, code: &str, took: Duration) {
        let handles = self.handles(code);
        handles.record(took);
        let mut others = self.others.write().unwrap_or_else(PoisonError::into_inner);
        if others.len() < KEPT && others.iter().all(|(known, _)| known != code) {
            others.push((code.to_owned(), handles));
        }
    }

    fn handles(&self, code: &str) -> Handles {
        let node = &self.node;
        let values = [
            &node.deployment,
            &node.predictor,
            &node.version,
            &self.service,
            self.method,
            code,
            &node.model,
            &node.image,
            &node.image_version,
        ];
        let labels = LABELS.iter().copied().zip(values.map(str::to_owned));
        let labels: Vec<(&str, String)> = labels.collect();
        Handles {
            seconds: histogram!(CLIENT_SECONDS, &labels),
            summary: histogram!(CLIENT_SUMMARY, &labels),
        }
    }
}

struct Handles {
    seconds: Histogram,
    summary: Histogram,
}

impl Handles {
    fn record(&self, took: Duration) {
        self.seconds.record(took);
        self.summary.record(took);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node() -> NodeLabels {
        let plain = NodeLabels {
            deployment: "d".to_owned(),
            predictor: "p".to_owned(),
            version: "v1".to_owned(),
            model: "m".to_owned(),
            ..NodeLabels::default()
        };
        plain.of_image("registry:5000/team/iris:0.3")
    }

    /// What `calls` leaves in the exposition, as lines.
    fn exposed(calls: impl FnOnce()) -> Vec<String> {
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new()
            .set_buckets(&super::super::SELDON_BUCKETS)
            .unwrap()
            .build_recorder();
        let exporter = recorder.handle();
        metrics::with_local_recorder(&recorder, calls);
        exporter.render().lines().map(str::to_owned).collect()
    }

    fn line<'a>(lines: &'a [String], name: &str, part: &str) -> &'a str {
        let found = lines
            .iter()
            .find(|line| line.starts_with(name) && line.contains(part));
        found.map_or("", String::as_str)
    }

    #[test]
    fn images_are_split_where_the_tag_or_digest_begins() {
        for (reference, expected) in [
            ("iris:0.3", ("iris", "0.3")),
            ("iris", ("iris", "")),
            ("registry:5000/team/iris", ("registry:5000/team/iris", "")),
            ("registry:5000/iris:1", ("registry:5000/iris", "1")),
            ("iris@sha256:ab", ("iris", "sha256:ab")),
            ("", ("", "")),
        ] {
            assert_eq!(split_image(reference), expected, "{reference}");
        }
    }

    #[test]
    fn calls_have_the_labels_that_dashboards_query() {
        let lines = exposed(|| {
            let calls = CallMetrics::rest(&node(), "/predict");
            calls.succeeded(Duration::from_millis(7));
            calls.answered("200", Duration::from_millis(80));
        });
        let labels = "deployment_name=\"d\",predictor_name=\"p\",predictor_version=\"v1\",\
                      service=\"/predict\",method=\"post\",code=\"200\",model_name=\"m\",\
                      model_image=\"registry:5000/team/iris\",model_version=\"0.3\"";
        let count = format!("{CLIENT_SECONDS}_count{{{labels}}}");
        assert_eq!(line(&lines, &count, ""), format!("{count} 2"));
        let bucket = format!("{CLIENT_SECONDS}_bucket{{{labels},le=\"0.01\"}}");
        assert_eq!(line(&lines, &bucket, ""), format!("{bucket} 1"));
    }

    #[test]
    fn every_code_is_counted_beyond_those_that_are_kept_too() {
        let codes: Vec<String> = (0..KEPT + 5).map(|code| format!("c{code}")).collect();
        let lines = exposed(|| {
            let calls = CallMetrics::grpc(&node(), "/seldon.protos.Model/Predict");
            for code in codes.iter().chain(&codes) {
                calls.answered(code, Duration::from_millis(1));
            }
            assert_eq!(calls.others.read().unwrap().len(), KEPT);
        });
        for code in [0, KEPT + 4] {
            let part = format!("code=\"c{code}\"");
            let counted = line(&lines, &format!("{CLIENT_SECONDS}_count"), &part);
            assert!(counted.ends_with(" 2"), "{part}: {counted}");
            assert!(counted.contains("method=\"unary\""), "{counted}");
        }
    }
}
