//! Annotations that mean something, where they are read, and what they hold.

use Content::{LooseNumber, Number, Text};
use Place::{Anywhere, Graph, Predictor, Resource, Spec};

/// Milliseconds one REST call may take.
pub const REST_TIMEOUT: &str = "seldon.io/rest-timeout";
/// Milliseconds one gRPC call may take.
pub const GRPC_TIMEOUT: &str = "seldon.io/grpc-timeout";
/// The orchestrator gets a pod of its own.
pub const SEPARATE_POD: &str = "seldon.io/engine-separate-pod";
/// The predictor has no orchestrator: its one unit is addressed directly.
pub const NO_ENGINE: &str = "seldon.io/no-engine";
/// Name of the predictor's Service.
pub const SERVICE_NAME: &str = "seldon.io/svc-name";
/// What a failure of a node means: `node=fail` or `node=continue`, with commas.
pub const ON_FAILURE: &str = "hari.dev/on-failure";
/// What a node elsewhere speaks: `node=protocol`, with commas.
pub const NODE_PROTOCOL: &str = "hari.dev/node-protocol";
/// How a node elsewhere is called: `node=rest` or `node=grpc`, with commas.
pub const NODE_TRANSPORT: &str = "hari.dev/node-transport";
/// Whether connections to a node elsewhere are encrypted: `node=on` or `node=off`, with commas.
pub const NODE_TLS: &str = "hari.dev/node-tls";
/// The class of a Python node: `node=module` or `node=module.Class`, with commas.
pub const PYTHON_CLASS: &str = "hari.dev/python-class";
/// Share of the requests whose payloads are logged: a number for all nodes, `node=number` for one.
pub const PAYLOAD_LOG_SAMPLE: &str = "hari.dev/payload-log-sample";
/// Names whose values are replaced in logged payloads, with commas.
pub const PAYLOAD_LOG_REDACT: &str = "hari.dev/payload-log-redact";
/// How a canary comes to take all requests: see [`super::rollout::RolloutPolicy`].
pub const ROLLOUT: &str = "hari.dev/rollout";
/// Annotations that begin so become environment variables of the orchestrator.
pub const ENGINE_PREFIX: &str = "seldon.io/engine-";
/// Prefixes that are ours: an unknown annotation with one of them is probably a slip.
pub const PREFIXES: [&str; 2] = ["seldon.io/", "hari.dev/"];

/// Where an annotation is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `spec.annotations`.
    Spec,
    /// `spec.annotations`, then `metadata.annotations`.
    Resource,
    /// `annotations` of a predictor.
    Predictor,
    /// `spec.annotations`, those of a predictor, or of its first pod template: what is said of the
    /// nodes of graphs.
    Graph,
    /// The pod's annotations, which come from the deployment, its predictor or the pod template.
    Anywhere,
}

/// What an annotation holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Any text.
    Text,
    /// A whole number from 0; anything else is refused.
    Number,
    /// A whole number from 0; anything else is ignored.
    LooseNumber,
}

/// An annotation that means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// Its key.
    pub name: &'static str,
    /// Where it is read from.
    pub place: Place,
    /// What it holds.
    pub content: Content,
    /// What it does.
    pub doc: &'static str,
}

const fn row(name: &'static str, place: Place, content: Content, doc: &'static str) -> Annotation {
    Annotation {
        name,
        place,
        content,
        doc,
    }
}

/// Every annotation that means something, [`ENGINE_PREFIX`] apart.
pub const ALL: &[Annotation] = &[
    row(
        REST_TIMEOUT,
        Anywhere,
        Number,
        "milliseconds one REST call may take",
    ),
    row(
        GRPC_TIMEOUT,
        Anywhere,
        LooseNumber,
        "milliseconds one gRPC call may take",
    ),
    row(
        ON_FAILURE,
        Graph,
        Text,
        "what a failure of a node means: `node=fail` or `node=continue`, with commas",
    ),
    row(
        NODE_PROTOCOL,
        Graph,
        Text,
        "what a node elsewhere speaks: `node=seldon`, `node=v2` or `node=tensorflow`, with commas",
    ),
    row(
        NODE_TRANSPORT,
        Graph,
        Text,
        "how a node elsewhere is called: `node=rest` or `node=grpc`, with commas",
    ),
    row(
        NODE_TLS,
        Graph,
        Text,
        "whether connections to a node elsewhere are encrypted: `node=on` or `node=off`, with commas",
    ),
    row(
        PYTHON_CLASS,
        Graph,
        Text,
        "the class of a Python node: `node=module` or `node=module.Class`, with commas",
    ),
    row(
        PAYLOAD_LOG_SAMPLE,
        Anywhere,
        Text,
        "share of the requests whose payloads are logged: `0.1` for all nodes, `node=0.1` for one, with commas",
    ),
    row(
        PAYLOAD_LOG_REDACT,
        Anywhere,
        Text,
        "names of tensors, columns, JSON members and tags whose values are replaced in logged payloads, with commas",
    ),
    row(
        ROLLOUT,
        Predictor,
        Text,
        "the canary takes more and more of the requests, or none if it is worse than the others: `5,20,50,100`, or `steps=5,20,50; interval=60s; min-requests=100; max-error-rate=0; max-latency=1.5; quantile=0.95; alpha=0.05; pause`, or these as JSON",
    ),
    row(
        "seldon.io/grpc-max-message-size",
        Anywhere,
        LooseNumber,
        "bytes of the largest gRPC message",
    ),
    row(
        SEPARATE_POD,
        Spec,
        Text,
        "`true`: the orchestrator gets a pod of its own",
    ),
    row(
        "seldon.io/headless-svc",
        Resource,
        Text,
        "the predictor's Service has no address",
    ),
    row(
        NO_ENGINE,
        Predictor,
        Text,
        "no orchestrator in front of a single unit",
    ),
    row(
        "seldon.io/no-storage-initializer",
        Spec,
        Text,
        "Triton reads modelUri itself",
    ),
    row(
        SERVICE_NAME,
        Predictor,
        Text,
        "name of the predictor's Service",
    ),
    row(
        "seldon.io/executor-logger-queue-size",
        Resource,
        Number,
        "payloads that may wait to be logged",
    ),
    row(
        "seldon.io/executor-logger-write-timeout-ms",
        Resource,
        Number,
        "milliseconds one payload log may take",
    ),
    row(
        "seldon.io/ambassador-config",
        Resource,
        Text,
        "Ambassador configuration, used as it is",
    ),
    row(
        "seldon.io/ambassador-service-name",
        Resource,
        Text,
        "name in Ambassador's URL prefix",
    ),
    row(
        "seldon.io/ambassador-header",
        Resource,
        Text,
        "header that requests must carry",
    ),
    row(
        "seldon.io/ambassador-regex-header",
        Resource,
        Text,
        "header that requests must match",
    ),
    row(
        "seldon.io/ambassador-id",
        Resource,
        Text,
        "which Ambassador takes the mapping",
    ),
    row(
        "seldon.io/ambassador-retries",
        Resource,
        Number,
        "retries by Ambassador",
    ),
    row(
        "seldon.io/ambassador-circuit-breakers-max-connections",
        Resource,
        Number,
        "connections before Ambassador refuses",
    ),
    row(
        "seldon.io/ambassador-circuit-breakers-max-pending-requests",
        Resource,
        Number,
        "waiting requests before Ambassador refuses",
    ),
    row(
        "seldon.io/ambassador-circuit-breakers-max-requests",
        Resource,
        Number,
        "requests before Ambassador refuses",
    ),
    row(
        "seldon.io/ambassador-circuit-breakers-max-retries",
        Resource,
        Number,
        "retries before Ambassador refuses",
    ),
    row(
        "seldon.io/istio-gateway",
        Resource,
        Text,
        "Istio gateway of the deployment",
    ),
    row(
        "seldon.io/istio-host",
        Resource,
        Text,
        "hosts of the deployment, with commas",
    ),
    row(
        "seldon.io/istio-retries",
        Resource,
        Number,
        "retries by Istio",
    ),
    row(
        "seldon.io/istio-retries-timeout",
        Resource,
        Number,
        "seconds one try may take",
    ),
    row(
        "seldon.io/last-applied",
        Anywhere,
        Text,
        "written by the operator",
    ),
    row(
        "seldon.io/controller-id",
        Anywhere,
        Text,
        "which operator is responsible; a label, in truth",
    ),
];

/// The annotation of this key.
#[must_use]
pub fn find(name: &str) -> Option<&'static Annotation> {
    ALL.iter().find(|annotation| annotation.name == name)
}

/// Reads the number of a [`Content::Number`] or [`Content::LooseNumber`].
#[must_use]
pub fn number(text: &str) -> Option<u64> {
    text.parse().ok()
}

/// What an annotation says of each node: `node=value`, with commas. A piece without `=` has no value.
pub fn per_node(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let pieces = text.split(',').map(str::trim);
    let pieces = pieces.filter(|piece| !piece.is_empty());
    pieces.map(|piece| match piece.split_once('=') {
        Some((node, value)) => (node.trim(), value.trim()),
        None => (piece, ""),
    })
}

/// What it says of this node; the last word counts.
#[must_use]
pub fn of_node<'a>(text: Option<&'a str>, node: &str) -> Option<&'a str> {
    let said = per_node(text?).filter(|(name, _)| *name == node);
    said.last().map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_annotation_is_ours_and_listed_once() {
        for (index, annotation) in ALL.iter().enumerate() {
            assert!(
                PREFIXES
                    .iter()
                    .any(|prefix| annotation.name.starts_with(prefix))
            );
            let first = ALL.iter().position(|other| other.name == annotation.name);
            assert_eq!(first, Some(index), "{}", annotation.name);
        }
        assert_eq!(find(NO_ENGINE).map(|found| found.place), Some(Predictor));
    }

    #[test]
    fn numbers_are_whole_and_not_negative() {
        assert_eq!(number("3000"), Some(3000));
        for text in ["", "3s", "-1", "1.5", "99999999999999999999"] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
