//! Live, ready and metrics. Ready means that a request sent now is answered.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use futures_util::future::join_all;
use hari_core::Unit;
use hari_error::{Error, Result};
use hari_telemetry::metric::ready::{self, Ready};
use http::StatusCode;

use crate::app::App;
use crate::http::{Action, Route, router};
use crate::reply;

/// How long a scrape asks a predictor whether it is ready.
const READY_TIMEOUT: Duration = Duration::from_secs(2);
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

/// `requests`, and the metrics at the path of the settings, if they name one. That path wins.
pub(crate) fn with_metrics(app: &App, requests: Router) -> Router {
    match &app.settings().metrics_path {
        Some(path) if is_plain_path(path) => Router::new()
            .route(path, get(metrics))
            .with_state(app.clone())
            .fallback_service(requests),
        _ => requests,
    }
}

/// Whether a path is no pattern: metrics may be answered there.
#[must_use]
pub fn is_plain_path(path: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/-_.".contains(letter);
    path.len() > 1 && path.starts_with('/') && path.chars().all(plain)
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
        Some(exporter) => reply::text(exporter.render() + &predictors(&app).await, EXPOSITION),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The readiness of every predictor, shadows included.
async fn predictors(app: &App) -> String {
    let deployments = app.directory().all();
    let predictors = deployments.iter().flat_map(|one| {
        one.predictors
            .iter()
            .map(|predictor| (&one.name, predictor))
    });
    let asked = predictors.map(|(deployment, predictor)| async move {
        Ready {
            deployment,
            predictor: &predictor.name,
            ready: in_time(&*predictor.unit).await && !app.draining(),
        }
    });
    ready::exposed(&join_all(asked).await)
}

/// A scrape does not wait for what is not ready.
async fn in_time(unit: &dyn Unit) -> bool {
    let answer = tokio::time::timeout(READY_TIMEOUT, unit.ready()).await;
    answer.is_ok_and(|ready| ready.is_ok())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_no_path_of_metrics() {
        for path in ["/metrics", "/prometheus", "/a/b-c_d.e"] {
            assert!(is_plain_path(path), "{path}");
        }
        for path in ["", "/", "metrics", "/{any}", "/:a", "/*", "/a b"] {
            assert!(!is_plain_path(path), "{path}");
        }
    }
}
