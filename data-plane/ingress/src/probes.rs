//! Live, ready and metrics. Ready means that a request sent now is answered.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use hari_error::{Error, Result};
use http::StatusCode;

use crate::app::App;
use crate::http::{Action, Route, router};
use crate::reply;

const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

/// `/live` and `/ready`, for every listener and by any method.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::new("/live").any(Action::Live, live),
        Route::new("/ready").any(Action::Ready, ready),
    ]
}

pub(crate) fn metrics_routes(app: &App) -> Router {
    let extra = hari_settings::UNIT_METRICS_ENDPOINT
        .get()
        .filter(|path| path.starts_with('/') && !path.contains(['{', '}']) && path != "/metrics");
    let extra = extra.unwrap_or_else(|| "/prometheus".to_owned());
    router(routes())
        .route("/metrics", get(metrics))
        .route(&extra, get(metrics))
        .with_state(app.clone())
}

async fn live() -> StatusCode {
    StatusCode::OK
}

async fn ready(State(app): State<App>) -> Response {
    match readiness(&app).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => {
            tracing::debug!(%error, "not ready");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

async fn metrics(State(app): State<App>) -> Response {
    match app.exporter() {
        Some(exporter) => reply::text(exporter.render(), EXPOSITION),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Whether every deployment would answer a request now. A shadow answers none, so it does not
/// count.
///
/// # Errors
/// `Unavailable` with the deployment that would not.
pub(crate) async fn readiness(app: &App) -> Result<()> {
    if app.draining() {
        return Err(Error::unavailable("this server is stopping"));
    }
    let deployments = app.directory().all();
    if deployments.is_empty() {
        return Err(Error::unavailable("no deployment is served yet"));
    }
    for deployment in deployments {
        for predictor in deployment.predictors.iter().filter(|one| !one.shadow) {
            predictor.unit.ready().await?;
        }
    }
    Ok(())
}
