//! The Gateway API, and the Ingress of Kubernetes itself: what the original does not have.

use hari_api::Issue;
use hari_plan::Plan;
use serde_json::{Value, json};

use crate::explainer::Explained;
use crate::labels::{self, Map};
use crate::names::hashed_with;
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
        let explained = predictors.iter().filter_map(Explained::of);
        all.extend(explained.map(|explained| of_explainer(gateway, &explained)));
    }
    if let Some(ingress) = &settings.ingress {
        all.extend(chosen(predictors).map(|predictor| ingress_of(plan, ingress, predictor)));
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
    route("HTTPRoute", gateway, (first, first.id()), &rule)
}

/// The way to an explainer, which speaks HTTP alone.
fn of_explainer(gateway: &Gateway, explained: &Explained<'_>) -> Object {
    let rewrite = json!({"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"});
    let rule = json!({
        "matches": [{"path": {"type": "PathPrefix", "value": explained.path()}}],
        "filters": [{"type": "URLRewrite", "urlRewrite": {"path": rewrite}}],
        "backendRefs": [{"name": explained.name(), "port": explained.port()}],
    });
    let named = (&explained.predictor, explained.name());
    route("HTTPRoute", gateway, named, &rule)
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
    // Not the name of the HTTPRoute: gateways that merge both kinds tell routes apart by name, and one
    // that takes only one kind on a listener takes the first by name.
    let name = hashed_with(&first.id(), format!("{}-grpc", first.id()));
    route("GRPCRoute", gateway, (first, name), &rule)
}

fn route(
    kind: &str,
    gateway: &Gateway,
    (predictor, name): (&Predictor<'_>, String),
    rule: &Value,
) -> Object {
    let mut parent = json!({"name": gateway.name});
    if let Some(namespace) = &gateway.namespace {
        parent["namespace"] = json!(namespace);
    }
    Object::of(&json!({
        "apiVersion": GATEWAY,
        "kind": kind,
        "metadata": labels::metadata(predictor, name, labels::common(predictor), Map::new()),
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

/// The predictor that gets all requests of an Ingress.
fn chosen<'a, 'b>(predictors: &'b [Predictor<'a>]) -> impl Iterator<Item = &'b Predictor<'a>> {
    let serving = predictors.iter();
    serving
        .filter(|predictor| !predictor.planned.shadow && predictor.planned.traffic > 0)
        .take(1)
}

/// An Ingress leads to one Service, knows no shares, copies nothing, and takes nothing off the path.
/// A predictor without requests is none of its business.
pub(crate) fn issues(settings: &Settings, predictors: &[Predictor<'_>]) -> Vec<Issue> {
    if settings.ingress.is_none() {
        return Vec::new();
    }
    let first = chosen(predictors).map(|predictor| &predictor.planned.path);
    let first: Vec<&String> = first.collect();
    let refused = predictors.iter().filter_map(|predictor| {
        let planned = predictor.planned;
        let message = match first.contains(&&planned.path) {
            true if predictor.without_engine() => "an Ingress needs an orchestrator",
            true => return None,
            false if planned.shadow => "an Ingress copies no requests",
            false if planned.traffic > 0 => "an Ingress knows no shares of the requests",
            false => return None,
        };
        let issue = Issue::error(refused::INGRESS, planned.path.clone(), message);
        Some(issue.with_hint("route with the Gateway API, Istio or Ambassador"))
    });
    refused.collect()
}
