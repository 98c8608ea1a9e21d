//! Istio: a DestinationRule for each predictor, and a VirtualService for the deployment.

use hari_plan::Plan;
use serde_json::{Value, json};

use crate::explainer::Explained;
use crate::labels::{self, Map};
use crate::names::truncated;
use crate::object::Object;
use crate::predictor::Predictor;
use crate::service;
use crate::settings::{Istio, Settings};

const API_VERSION: &str = "networking.istio.io/v1beta1";
/// Paths of gRPC services that predictors offer.
const GRPC_METHODS: &str = ".*tensorflow.*|.*seldon.protos.*|.*inference.*";

/// All objects of a deployment; none without Istio.
pub(crate) fn objects(
    plan: &Plan,
    settings: &Settings,
    predictors: &[Predictor<'_>],
) -> Vec<Object> {
    let (Some(istio), Some(first)) = (&settings.istio, predictors.first()) else {
        return Vec::new();
    };
    // A VirtualService that names a subset before it is declared leads nowhere.
    let mut all: Vec<_> = predictors
        .iter()
        .map(|predictor| destination_rule(predictor, istio))
        .collect();
    all.push(virtual_service(plan, istio, first, predictors));
    for explained in predictors.iter().filter_map(Explained::of) {
        all.extend(of_explainer(plan, istio, &explained));
    }
    all
}

/// The way to an explainer, which speaks HTTP alone.
fn of_explainer(plan: &Plan, istio: &Istio, explained: &Explained<'_>) -> [Object; 2] {
    let predictor = &explained.predictor;
    let service = explained.name();
    let object = |kind: &str, name: String, spec: Value| {
        Object::of(&json!({
            "apiVersion": API_VERSION,
            "kind": kind,
            "metadata": labels::metadata(predictor, name, labels::common(predictor), Map::new()),
            "spec": spec,
        }))
    };
    let host = predictor.host(&service);
    let destination = json!({"host": host, "port": {"number": explained.port()}});
    let mut http = json!({
        "match": [{"uri": {"prefix": format!("{}/", explained.path())}}],
        "rewrite": {"uri": "/"},
        "route": [{"destination": destination}],
    });
    if let Some(retries) = retries(plan) {
        http["retries"] = retries;
    }
    let (hosts, gateway) = entrance(plan, istio);
    let spec = json!({"hosts": hosts, "gateways": [gateway], "http": [http]});
    let rule = json!({"host": host, "trafficPolicy": policy(istio)});
    let name = truncated(&format!("{service}-http"));
    [
        object("DestinationRule", service, rule),
        object("VirtualService", name, spec),
    ]
}

/// Hosts, and the gateway that they come in by.
fn entrance<'a>(plan: &'a Plan, istio: &'a Istio) -> (Vec<&'a str>, &'a str) {
    let annotation = |key: &str| plan.annotations.get(key).map(String::as_str);
    let hosts = annotation("seldon.io/istio-host").unwrap_or("*").split(',');
    let hosts = hosts.map(str::trim).filter(|host| !host.is_empty());
    let gateway = annotation("seldon.io/istio-gateway").unwrap_or(&istio.gateway);
    (hosts.collect(), gateway)
}

/// Connections to a predictor or explainer.
fn policy(istio: &Istio) -> Value {
    let mut policy = json!({"connectionPool": {"http": {"idleTimeout": "60s"}}});
    if let Some(mode) = &istio.tls_mode {
        policy["tls"] = json!({"mode": mode});
    }
    policy
}

fn virtual_service(
    plan: &Plan,
    istio: &Istio,
    first: &Predictor<'_>,
    predictors: &[Predictor<'_>],
) -> Object {
    let (hosts, gateway) = entrance(plan, istio);
    let rest = json!({
        "match": [{"uri": {"prefix": format!("/seldon/{}/{}/", plan.namespace, plan.name)}}],
        "rewrite": {"uri": "/"},
    });
    let headers = json!({"seldon": {"exact": plan.name}, "namespace": {"exact": plan.namespace}});
    let grpc = json!({"match": [{"uri": {"regex": GRPC_METHODS}, "headers": headers}]});
    let route = |mut http: Value, port: fn(&Predictor<'_>) -> i32| {
        complete(&mut http, plan, predictors, port);
        http
    };
    Object::of(&json!({
        "apiVersion": API_VERSION,
        "kind": "VirtualService",
        "metadata": labels::metadata(first, first.id(), labels::common(first), Map::new()),
        "spec": {
            "hosts": hosts,
            "gateways": [gateway],
            "http": [
                route(rest, |predictor| service::ports(predictor).0),
                route(grpc, |predictor| service::ports(predictor).1),
            ],
        },
    }))
}

/// Adds where requests go, where they are copied to, and how often they are tried.
fn complete(
    http: &mut Value,
    plan: &Plan,
    predictors: &[Predictor<'_>],
    port: fn(&Predictor<'_>) -> i32,
) {
    let destination = |predictor: &Predictor<'_>| {
        json!({
            "host": predictor.host(&predictor.service()),
            "subset": predictor.planned.name,
            "port": {"number": port(predictor)},
        })
    };
    let serving = predictors
        .iter()
        .filter(|predictor| !predictor.planned.shadow);
    let weighted = serving.map(|predictor| {
        json!({"destination": destination(predictor), "weight": predictor.planned.traffic})
    });
    http["route"] = weighted.collect();
    if let Some(shadow) = predictors.iter().find(|predictor| predictor.planned.shadow) {
        http["mirror"] = destination(shadow);
        if shadow.planned.traffic > 0 {
            http["mirrorPercentage"] = json!({"value": shadow.planned.traffic});
        }
    }
    if let Some(retries) = retries(plan) {
        http["retries"] = retries;
    }
}

fn retries(plan: &Plan) -> Option<Value> {
    let number = |key: &str| plan.annotations.get(key)?.parse::<u32>().ok();
    let attempts = number("seldon.io/istio-retries").filter(|attempts| *attempts > 0)?;
    let seconds = number("seldon.io/istio-retries-timeout").unwrap_or(1);
    Some(json!({
        "attempts": attempts,
        "perTryTimeout": format!("{seconds}s"),
        "retryOn": "gateway-error,connect-failure,refused-stream",
    }))
}

fn destination_rule(predictor: &Predictor<'_>, istio: &Istio) -> Object {
    let name = predictor.service();
    let version = predictor.planned.labels.get("version");
    Object::of(&json!({
        "apiVersion": API_VERSION,
        "kind": "DestinationRule",
        "metadata": labels::metadata(predictor, name.clone(), labels::common(predictor), Map::new()),
        "spec": {
            "host": predictor.host(&name),
            "subsets": [{"name": predictor.planned.name, "labels": {"version": version}}],
            "trafficPolicy": policy(istio),
        },
    }))
}
