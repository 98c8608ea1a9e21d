//! What is served, described: OpenAPI documents made for each request, and a page to try them.

mod components;
mod document;
mod example;
mod operation;
mod schema;
mod subject;

use axum::extract::{Request, State};
use axum::response::Response;
use hari_error::{Error, Result};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use http::{HeaderName, HeaderValue};
use serde_json::Value;

use super::route::{Action, Route};
use crate::app::App;
use crate::reply::{self, Dialect};
use crate::stack::Arrival;
use document::Scope;
use subject::{Base, subjects};

/// One file that needs no other: style, script and markup.
const PAGE: &str = include_str!("docs/page.html");

/// The page is all there is: nothing is loaded from elsewhere, and it asks this server alone.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
);
const FRESH: HeaderValue = HeaderValue::from_static("no-cache");
const JSON: &str = "application/json";
/// JSON is YAML, so the same text serves both.
const YAML: &str = "application/yaml";

pub(super) fn routes() -> Vec<Route> {
    let mut routes = pages();
    routes.extend([
        Route::new("/openapi.json").get(Action::Document, whole),
        Route::new("/seldon.json").get(Action::Document, seldon),
        Route::new("/v2/docs/dataplane.json").get(Action::Document, data_plane),
        Route::new("/v2/docs/dataplane.yaml").get(Action::Document, data_plane_yaml),
    ]);
    for version in ["v1.0", "v0.1"] {
        let path = format!("/api/{version}/doc/seldon.json");
        routes.push(Route::new(path).get(Action::Document, external));
    }
    routes
}

fn pages() -> Vec<Route> {
    let paths = [
        "/",
        "/api/v1.0/doc",
        "/api/v1.0/doc/",
        "/api/v0.1/doc",
        "/api/v0.1/doc/",
        "/v2/docs",
        "/v2/docs/",
    ];
    let page = |path| Route::new(path).get(Action::Page, page);
    paths.map(page).into()
}

async fn page() -> Response {
    let mut response = reply::text(PAGE, "text/html; charset=utf-8");
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(
        HeaderName::from_static("referrer-policy"),
        HeaderValue::from_static("no-referrer"),
    );
    headers.insert(CACHE_CONTROL, FRESH);
    response
}

async fn whole(State(app): State<App>, request: Request) -> Response {
    answer(&app, &request, Scope::All, Base::AsAsked, JSON)
}

async fn seldon(State(app): State<App>, request: Request) -> Response {
    let scope = Scope::Only(Dialect::Seldon);
    answer(&app, &request, scope, Base::AsAsked, JSON)
}

/// As a cluster's orchestrator gives it: under the paths of the gateway in front of it.
async fn external(State(app): State<App>, request: Request) -> Response {
    let scope = Scope::Only(Dialect::Seldon);
    answer(&app, &request, scope, Base::Prefixed, JSON)
}

async fn data_plane(State(app): State<App>, request: Request) -> Response {
    let scope = Scope::Only(Dialect::OpenInference);
    answer(&app, &request, scope, Base::AsAsked, JSON)
}

async fn data_plane_yaml(State(app): State<App>, request: Request) -> Response {
    let scope = Scope::Only(Dialect::OpenInference);
    answer(&app, &request, scope, Base::AsAsked, YAML)
}

fn answer(
    app: &App,
    request: &Request,
    scope: Scope,
    base: Base,
    content_type: &'static str,
) -> Response {
    match describe(app, request, scope, base) {
        Ok(document) => {
            let mut response = reply::text(document.to_string(), content_type);
            response.headers_mut().insert(CACHE_CONTROL, FRESH);
            response
        }
        Err(error) => reply::error(Dialect::of_path(request.uri().path()), &error),
    }
}

fn describe(app: &App, request: &Request, scope: Scope, base: Base) -> Result<Value> {
    let arrival = request.extensions().get::<Arrival>();
    let arrival = arrival.ok_or_else(|| Error::internal("routes without a stack"))?;
    let subjects = subjects(app.directory(), &arrival.selector, base)?;
    Ok(document::document(&subjects, scope))
}
