//! The Gateway API, and the Ingress of Kubernetes itself: what the original does not have.

use hari_api::Issue;
use hari_plan::Plan;
use serde_json::{Value, json};

use crate::labels::{self, Map};
use crate::object::Object;
use crate::predictor::Predictor;
use crate::refused;
use crate::service;
use crate::settings::{Gateway, Ingress, Settings};

const GATEWAY: &str = "gateway.networking.k8s.io/v1";

/// All objects of a deployment; none where neither is asked for.
pub(crate) fn objects(
    plan: &Plan,
    settings: &Settings,
    predictors: &[Predictor<'_>],
) -> Vec<Object> {
    let Some(first) = predictors.first() else {
        return Vec::new();
    };
    let mut all = Vec::new();
    if let Some(gateway) = &settings.gateway {
        all.push(http_route(plan, gateway, first, predictors));
        all.push(grpc_route(plan, gateway, first, predictors));
    }
    if let Some(ingress) = &settings.ingress {
        all.push(ingress_of(plan, ingress, first));
    }
    all
}

fn http_route(
    plan: &Plan,
    gateway: &Gateway,
    first: &Predictor<'_>,
    predictors: &[Predictor<'_>],
) -> Object {
    let port = |predictor: &Predictor<'_>| service::ports(predictor).0;
    let rewrite = json!({"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"});
    let mut filters = vec![json!({"type": "URLRewrite", "urlRewrite": {"path": rewrite}})];
    filters.extend(mirrors(predictors, port));
    let path = format!("/seldon/{}/{}", plan.namespace, plan.name);
    let rule = json!({
        "matches": [{"path": {"type": "PathPrefix", "value": path}}],
        "filters": filters,
        "backendRefs": backends(predictors, port),
    });
    route("HTTPRoute", gateway, first, &rule)
}

fn grpc_route(
    plan: &Plan,
    gateway: &Gateway,
    first: &Predictor<'_>,
    predictors: &[Predictor<'_>],
) -> Object {
    let port = |predictor: &Predictor<'_>| service::ports(predictor).1;
    let header = |name: &str, value: &str| json!({"type": "Exact", "name": name, "value": value});
    let headers = [
        header("seldon", &plan.name),
        header("namespace", &plan.namespace),
    ];
    let mut rule = json!({
        "matches": [{"headers": headers}],
        "backendRefs": backends(predictors, port),
    });
    let mirrors = mirrors(predictors, port);
    if !mirrors.is_empty() {
        rule["filters"] = json!(mirrors);
    }
    route("GRPCRoute", gateway, first, &rule)
}

fn route(kind: &str, gateway: &Gateway, first: &Predictor<'_>, rule: &Value) -> Object {
    let mut parent = json!({"name": gateway.name});
    if let Some(namespace) = &gateway.namespace {
        parent["namespace"] = json!(namespace);
    }
    Object::of(&json!({
        "apiVersion": GATEWAY,
        "kind": kind,
        "metadata": labels::metadata(first, first.id(), labels::common(first), Map::new()),
        "spec": {"parentRefs": [parent], "rules": [rule]},
    }))
}

/// The predictors that answer, with their shares.
fn backends(predictors: &[Predictor<'_>], port: fn(&Predictor<'_>) -> i32) -> Vec<Value> {
    let serving = predictors
        .iter()
        .filter(|predictor| !predictor.planned.shadow);
    let backend = |predictor: &Predictor<'_>| {
        json!({
            "name": predictor.service(),
            "port": port(predictor),
            "weight": predictor.planned.traffic,
        })
    };
    serving.map(backend).collect()
}

/// The predictors that get copies.
fn mirrors(predictors: &[Predictor<'_>], port: fn(&Predictor<'_>) -> i32) -> Vec<Value> {
    let shadows = predictors
        .iter()
        .filter(|predictor| predictor.planned.shadow);
    let mirror = |predictor: &Predictor<'_>| {
        let backend = json!({"name": predictor.service(), "port": port(predictor)});
        let mut mirror = json!({"backendRef": backend});
        if (1..100).contains(&predictor.planned.traffic) {
            mirror["percent"] = json!(predictor.planned.traffic);
        }
        json!({"type": "RequestMirror", "requestMirror": mirror})
    };
    shadows.map(mirror).collect()
}

/// The path stays as it is; the orchestrator takes its beginning off.
fn ingress_of(plan: &Plan, ingress: &Ingress, first: &Predictor<'_>) -> Object {
    let port = json!({"number": service::ports(first).0});
    let mut spec = json!({"rules": [{"http": {"paths": [{
        "path": format!("/seldon/{}/{}/", plan.namespace, plan.name),
        "pathType": "Prefix",
        "backend": {"service": {"name": first.service(), "port": port}},
    }]}}]});
    if let Some(class) = &ingress.class {
        spec["ingressClassName"] = json!(class);
    }
    Object::of(&json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": labels::metadata(first, first.id(), labels::common(first), Map::new()),
        "spec": spec,
    }))
}

/// An Ingress leads to one Service, and takes nothing off the path.
pub(crate) fn issues(settings: &Settings, predictors: &[Predictor<'_>]) -> Vec<Issue> {
    if settings.ingress.is_none() {
        return Vec::new();
    }
    let further = predictors.iter().skip(1);
    let bare = predictors
        .iter()
        .take(1)
        .filter(|predictor| predictor.without_engine());
    let issue = |predictor: &Predictor<'_>| {
        let message = "an Ingress leads to one predictor, and that has an orchestrator";
        Issue::error(refused::INGRESS, predictor.planned.path.clone(), message)
            .with_hint("route with the Gateway API, Istio or Ambassador")
    };
    further.chain(bare).map(issue).collect()
}
