//! The API of MLflow's scoring server: `/invocations`, and what its probes ask.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use hari_core::{Input, Message, Method, Spoken, Target};
use hari_error::{Error, Kind, Result};
use hari_protocol::mlflow as codec;
use http::header::CONTENT_TYPE;
use http::request::Parts;

use super::exchange::Exchange;
use super::route::{Action, Route};
use crate::app::App;
use crate::probes::readiness;
use crate::reply::{self, Dialect};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new("/invocations").post(Action::Invoke, invoke),
        Route::new("/ping").get(Action::Ready, ready),
        Route::new("/health").get(Action::Ready, ready),
        Route::new("/version").get(Action::Version, version),
    ]
}

async fn ready(State(app): State<App>) -> Response {
    match readiness(&app).await {
        Ok(()) => reply::text("\n", "application/json"),
        Err(error) => reply::error(Dialect::Mlflow, &error),
    }
}

async fn invoke(State(app): State<App>, request: Request) -> Response {
    answer(
        &app,
        request,
        "predictions",
        async |exchange, parts, body| {
            exchange.aim(None)?;
            let bytes = exchange.body(body).await?;
            let form = Form::of(parts)?;
            let invocation = exchange.decode(|limits| match form {
                Form::Json => codec::decode_json(&bytes, limits),
                Form::Csv => codec::decode_csv(&bytes, limits),
            })?;
            let target = Target {
                spoken: Spoken::Mlflow,
                parameters: invocation.params,
                ..Target::default()
            };
            let input = Input::One(Message::tensors(invocation.input));
            let message = exchange.call(Method::Predict, input, target).await?;
            codec::encode_predictions(&message).map(reply::json)
        },
    )
    .await
}

/// The version of MLflow that saved the model, as its own server would have it; ours for what was
/// not saved by it.
async fn version(State(app): State<App>, request: Request) -> Response {
    answer(&app, request, "metadata", async |exchange, _, _| {
        let predictor = exchange.aim(None)?;
        let unit = predictor.unit.clone();
        let names = unit.names().into_iter();
        let mut nodes = names.filter_map(|name| unit.find(&name));
        let saved = nodes.find_map(|node| node.metadata().custom.get("mlflow_version").cloned());
        let version = saved.unwrap_or_else(|| env!("CARGO_PKG_VERSION").to_owned());
        Ok(reply::text(version, "text/plain; charset=utf-8"))
    })
    .await
}

async fn answer<F>(app: &App, request: Request, service: &'static str, work: F) -> Response
where
    F: AsyncFnOnce(&mut Exchange, &Parts, Body) -> Result<Response>,
{
    let (parts, body) = request.into_parts();
    match Exchange::begin(app, &parts, Dialect::Mlflow, service) {
        Ok(mut exchange) => {
            let result = work(&mut exchange, &parts, body).await;
            exchange.finish(result)
        }
        Err(error) => reply::error(Dialect::Mlflow, &error),
    }
}

/// How the rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Json,
    Csv,
}

impl Form {
    /// What `Content-Type` says; JSON where it says nothing.
    fn of(parts: &Parts) -> Result<Self> {
        let kind = parts.headers.get(CONTENT_TYPE);
        let kind = kind
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or("application/json");
        let media = kind.split(';').next().unwrap_or_default().trim();
        match media.to_ascii_lowercase().as_str() {
            "text/csv" => Ok(Self::Csv),
            // What curl says of a body of which nothing was said.
            "" | "application/json" | "application/x-www-form-urlencoded" => Ok(Self::Json),
            other => Err(Error::new(
                Kind::UnsupportedMediaType,
                format!(
                    "This predictor only supports the following content types: text/csv, \
                     application/json; found `{other}`"
                ),
            )),
        }
    }
}
