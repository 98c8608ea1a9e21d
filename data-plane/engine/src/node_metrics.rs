//! The metrics of one node: calls to it by service and code, what its unit says of itself, and the
//! feedback that it gets.
//!
//! A node in this process is called by no path, but is counted under the path that a component of
//! its kind would be called at, so that dashboards see it.

use std::sync::Arc;
use std::time::Duration;

use hari_api::{Protocol, Transport};
use hari_core::{Asked, Message, Method, MetricKind, Moment, Stage, Watch};
use hari_error::Error;
use hari_plan::bound::{BoundNode, BoundPredictor, Builtin, Placement, Remote};
use hari_telemetry::metric::{CallMetrics, Custom, CustomKind, NodeLabels, UnitMetrics};
use http::StatusCode;

use crate::tree::{Origin, builtin_name};

const METHODS: [Method; 6] = [
    Method::Predict,
    Method::TransformInput,
    Method::TransformOutput,
    Method::Route,
    Method::Aggregate,
    Method::SendFeedback,
];

/// Counts what a node is asked and what it answers.
struct NodeMetrics {
    /// By method; none where the node's protocol has no such call.
    calls: [Option<CallMetrics>; METHODS.len()],
    /// None for a component elsewhere, which exposes its own.
    unit: Option<UnitMetrics>,
}

/// Who counts for this node; nobody where there is no unit to be called.
pub(crate) fn of(origin: &Origin<'_>, bound: &BoundNode) -> Option<Arc<dyn Watch>> {
    if bound.placement == Placement::Builtin(Builtin::PassThrough) {
        return None;
    }
    let labels = labels(origin, bound);
    let elsewhere = matches!(bound.placement, Placement::Remote(_));
    Some(Arc::new(NodeMetrics {
        calls: METHODS.map(|method| calls(bound, method, &labels)),
        unit: (!elsewhere).then(|| UnitMetrics::new(&labels)),
    }))
}

/// The image of a component, or what stands in its place.
fn labels(origin: &Origin<'_>, bound: &BoundNode) -> NodeLabels {
    let plain = NodeLabels {
        deployment: origin.deployment.name.clone(),
        predictor: origin.predictor.name.clone(),
        version: version(origin.predictor),
        model: bound.name.clone(),
        ..NodeLabels::default()
    };
    let image = match &bound.placement {
        Placement::Remote(remote) => return plain.of_image(&remote.image),
        Placement::InProcess(source) => format!("{:?}", source.runtime).to_lowercase(),
        Placement::Builtin(kind) => builtin_name(kind).to_owned(),
        Placement::Child(_) => "python".to_owned(),
    };
    NodeLabels { image, ..plain }
}

fn version(predictor: &BoundPredictor) -> String {
    let version = predictor.labels.get("version");
    version.unwrap_or(&predictor.name).clone()
}

fn calls(bound: &BoundNode, method: Method, labels: &NodeLabels) -> Option<CallMetrics> {
    match &bound.placement {
        Placement::Remote(remote) => {
            let (service, transport) = (service(remote, &bound.name, method)?, remote.transport);
            Some(match transport {
                Transport::Rest => CallMetrics::rest(labels, service),
                Transport::Grpc => CallMetrics::grpc(labels, service),
            })
        }
        _ => Some(CallMetrics::rest(labels, path(method))),
    }
}

fn path(method: Method) -> String {
    format!("/{}", method.path())
}

/// What a component is called at. Only Seldon's protocol has feedback.
fn service(remote: &Remote, name: &str, method: Method) -> Option<String> {
    if remote.protocol != Protocol::Seldon && method == Method::SendFeedback {
        return None;
    }
    Some(match (remote.protocol, remote.transport) {
        (Protocol::Seldon, Transport::Rest) => path(method),
        (Protocol::Seldon, Transport::Grpc) => of_seldon(method).to_owned(),
        (Protocol::Tensorflow, Transport::Rest) => format!("/v1/models/{name}:predict"),
        (Protocol::Tensorflow, Transport::Grpc) => {
            "/tensorflow.serving.PredictionService/Predict".to_owned()
        }
        (Protocol::V2, Transport::Rest) => format!("/v2/models/{name}/infer"),
        (Protocol::V2, Transport::Grpc) => "/inference.GRPCInferenceService/ModelInfer".to_owned(),
    })
}

/// The gRPC method of a component; every feedback goes to the service of models.
const fn of_seldon(method: Method) -> &'static str {
    match method {
        Method::Predict => "/seldon.protos.Model/Predict",
        Method::TransformInput => "/seldon.protos.Transformer/TransformInput",
        Method::TransformOutput => "/seldon.protos.OutputTransformer/TransformOutput",
        Method::Route => "/seldon.protos.Router/Route",
        Method::Aggregate => "/seldon.protos.Combiner/Aggregate",
        Method::SendFeedback => "/seldon.protos.Model/SendFeedback",
    }
}

/// The word for a method in the labels of a unit's own metrics.
const fn word(method: Method) -> &'static str {
    match method {
        Method::Predict => "predict",
        Method::TransformInput => "inputtransform",
        Method::TransformOutput => "outputtransform",
        Method::Route => "router",
        Method::Aggregate => "aggregate",
        Method::SendFeedback => "feedback",
    }
}

impl Watch for NodeMetrics {
    fn asked(&self, moment: &Moment<'_>, asked: Asked<'_>) {
        if let (Stage::Call(_), Asked::Feedback(feedback), Some(unit)) =
            (moment.stage, asked, &self.unit)
        {
            unit.feedback(feedback.reward);
        }
    }

    fn answered(&self, moment: &Moment<'_>, answer: Result<&Message, &Error>, took: Duration) {
        let Stage::Call(method) = moment.stage else {
            return;
        };
        let at = METHODS.iter().position(|one| *one == method);
        if let Some(Some(calls)) = at.and_then(|at| self.calls.get(at)) {
            match answer {
                Ok(_) => calls.succeeded(took),
                Err(error) => failed(calls, error, took),
            }
        }
        if let (Ok(message), Some(unit)) = (answer, &self.unit) {
            said(unit, method, message);
        }
    }
}

fn failed(calls: &CallMetrics, error: &Error, took: Duration) {
    if calls.is_grpc() {
        return calls.answered(error.kind().grpc_code().name(), took);
    }
    let own = error.answer().map(|answer| answer.status);
    let status = own.unwrap_or_else(|| error.kind().http_status());
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    calls.answered(status.as_str(), took);
}

fn said(unit: &UnitMetrics, method: Method, message: &Message) {
    for metric in &message.meta.metrics {
        let kind = match metric.kind {
            MetricKind::Counter => CustomKind::Counter,
            MetricKind::Gauge => CustomKind::Gauge,
            MetricKind::Timer => CustomKind::Timer,
        };
        let custom = Custom {
            key: &metric.key,
            kind,
            value: metric.value,
            tags: &metric.tags,
        };
        unit.record(word(method), &custom);
    }
}

#[cfg(test)]
mod tests {
    use hari_plan::bound::Endpoint;

    use super::*;

    fn remote(protocol: Protocol, transport: Transport) -> Remote {
        Remote {
            endpoint: Endpoint {
                host: "localhost".to_owned(),
                http_port: 9000,
                grpc_port: 9500,
            },
            protocol,
            transport,
            tls: false,
            image: String::new(),
        }
    }

    #[test]
    fn a_component_is_counted_under_what_it_is_called_at() {
        use Protocol::{Seldon, Tensorflow, V2};
        use Transport::{Grpc, Rest};
        for (protocol, transport, expected) in [
            (Seldon, Rest, "/predict"),
            (Seldon, Grpc, "/seldon.protos.Model/Predict"),
            (Tensorflow, Rest, "/v1/models/m:predict"),
            (V2, Rest, "/v2/models/m/infer"),
            (V2, Grpc, "/inference.GRPCInferenceService/ModelInfer"),
        ] {
            let remote = remote(protocol, transport);
            assert_eq!(service(&remote, "m", Method::Predict).unwrap(), expected);
            let feedback = service(&remote, "m", Method::SendFeedback);
            assert_eq!(feedback.is_some(), protocol == Seldon, "{expected}");
        }
    }

    #[test]
    fn the_methods_of_a_component_are_kept_apart() {
        let methods = |transport| {
            let remote = remote(Protocol::Seldon, transport);
            let names = METHODS.map(|method| service(&remote, "m", method).unwrap());
            names.into_iter().collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(methods(Transport::Rest).len(), METHODS.len());
        assert_eq!(methods(Transport::Grpc).len(), METHODS.len());
    }
}
