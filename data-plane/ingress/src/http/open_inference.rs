//! The open inference protocol (V2): health, metadata and infer, with versions in the path.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::response::Response;
use hari_core::{Input, Method, ModelMetadata, Spoken, Target};
use hari_error::{Error, Result};
use hari_protocol::open_inference as codec;
use hari_protocol::open_inference::InferReply;
use http::HeaderMap;
use http::request::Parts;
use serde::Deserialize;
use serde_json::{Value, json};

use super::exchange::Exchange;
use super::route::{Action, Route};
use crate::app::App;
use crate::body::{self, JSON_LENGTH};
use crate::index::{self, Indexed};
use crate::probes::readiness;
use crate::reply::{self, Dialect};
use crate::select::{addressed, version_of};

pub(super) fn routes() -> Vec<Route> {
    let version = "/v2/models/{model}/versions/{version}";
    vec![
        Route::new("/v2/models/{model}/infer").post(Action::Infer, infer),
        Route::new("/v2/models/infer").post(Action::Infer, infer),
        Route::new(format!("{version}/infer")).post(Action::Infer, infer),
        Route::new("/v2/models/{model}").get(Action::ModelMetadata, metadata),
        Route::new(version).get(Action::ModelMetadata, metadata),
        Route::new("/v2/models/{model}/ready").get(Action::ModelReady, model_ready),
        Route::new(format!("{version}/ready")).get(Action::ModelReady, model_ready),
        Route::new("/v2").get(Action::Server, server),
        Route::new("/v2/").get(Action::Server, server),
        Route::new("/v2/health/live").get(Action::Live, live),
        Route::new("/v2/health/ready").get(Action::Ready, ready),
        Route::new("/v2/repository/index").post(Action::Index, index),
    ]
}

/// What the path says; nothing for `/v2/models/infer`.
#[derive(Debug, Default, Deserialize)]
struct Named {
    model: Option<String>,
    version: Option<String>,
}

impl Named {
    fn target(self) -> Target {
        Target {
            model: self.model,
            version: self.version,
            spoken: Spoken::OpenInference,
            ..Target::default()
        }
    }
}

async fn server() -> Response {
    reply::json(codec::encode_server_metadata(
        "hari",
        env!("CARGO_PKG_VERSION"),
    ))
}

async fn live() -> Response {
    reply::json(r#"{"live":true}"#)
}

async fn ready(State(app): State<App>) -> Response {
    match readiness(&app).await {
        Ok(()) => reply::json(r#"{"ready":true}"#),
        Err(error) => reply::error(Dialect::OpenInference, &error),
    }
}

async fn infer(State(app): State<App>, request: Request) -> Response {
    answer(
        &app,
        request,
        "predictions",
        async |exchange, named, parts, body| run(exchange, named.target(), parts, body).await,
    )
    .await
}

async fn metadata(State(app): State<App>, request: Request) -> Response {
    answer(&app, request, "metadata", async |exchange, named, _, _| {
        let described = describe(exchange, &named.target())?;
        Ok(reply::json(codec::encode_metadata(&described)))
    })
    .await
}

async fn model_ready(State(app): State<App>, request: Request) -> Response {
    answer(&app, request, "status", async |exchange, named, _, _| {
        let target = named.target();
        describe(exchange, &target)?;
        let predictor = exchange.aim(target.model.as_deref())?;
        let unit = target
            .model
            .as_deref()
            .and_then(|model| predictor.unit.find(model));
        unit.unwrap_or_else(|| predictor.unit.clone())
            .ready()
            .await?;
        Ok(Response::new(Body::empty()))
    })
    .await
}

async fn index(State(app): State<App>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let asked = async {
        let body = body::read(&parts.headers, body, app.limits()).await?;
        Asked::read(&body)
    };
    match asked.await {
        Ok(asked) => {
            let models = index::of(app.directory(), asked.ready).await;
            let models = models.iter().map(indexed).collect();
            reply::json(Value::Array(models).to_string())
        }
        Err(error) => reply::error(Dialect::OpenInference, &error),
    }
}

/// What a request for the index says.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    /// Only models that are ready.
    #[serde(default)]
    ready: bool,
}

impl Asked {
    /// From a body, which may be empty.
    fn read(body: &[u8]) -> Result<Self> {
        if body.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_slice(body).map_err(|error| {
            let said = format!("the body: expected an object such as {{\"ready\": true}}: {error}");
            Error::invalid(said)
        })
    }
}

/// One entry of the repository index.
fn indexed(model: &Indexed) -> Value {
    json!({
        "name": model.name,
        "version": model.version,
        "state": model.state(),
        "reason": model.unready.as_deref().unwrap_or(""),
    })
}

async fn answer<F>(app: &App, request: Request, service: &'static str, work: F) -> Response
where
    F: AsyncFnOnce(&mut Exchange, Named, &Parts, Body) -> Result<Response>,
{
    let (mut parts, body) = request.into_parts();
    let named = Path::<Named>::from_request_parts(&mut parts, &()).await;
    let named = named.map_or_else(|_| Named::default(), |Path(named)| named);
    match Exchange::begin(app, &parts, Dialect::OpenInference, service) {
        Ok(mut exchange) => {
            let result = work(&mut exchange, named, &parts, body).await;
            exchange.finish(result)
        }
        Err(error) => reply::error(Dialect::OpenInference, &error),
    }
}

/// Metadata of the model that is named, else of the whole graph; its version is checked.
fn describe(exchange: &mut Exchange, target: &Target) -> Result<Arc<ModelMetadata>> {
    let predictor = exchange.aim(target.model.as_deref())?;
    addressed(&predictor, target).map(|(_, metadata)| metadata)
}

async fn run(
    exchange: &mut Exchange,
    mut target: Target,
    parts: &Parts,
    body: Body,
) -> Result<Response> {
    let metadata = describe(exchange, &target)?;
    let json_len = json_length(&parts.headers)?;
    let body = exchange.body(body).await?;
    let mut request = exchange.decode(|limits| codec::decode_request(&body, json_len, limits))?;
    target.outputs = request
        .outputs
        .iter()
        .map(|output| output.name.clone())
        .collect();
    target.parameters = std::mem::take(&mut request.parameters);
    let model = target.model.clone();
    let version = version_of(&metadata, &target).map(str::to_owned);
    let message = std::mem::take(&mut request.message);
    let answer = exchange
        .call(Method::Predict, Input::One(message), target)
        .await?;
    let reply = InferReply {
        model_name: model.unwrap_or_else(|| metadata.name.clone()),
        model_version: version,
        id: request.id.clone(),
        ..InferReply::default()
    };
    let encoded = codec::encode_response(&reply, &answer, request.wishes())?;
    Ok(match encoded.json_len {
        None => reply::json(encoded.body),
        Some(length) => {
            let mut response = reply::text(encoded.body, "application/octet-stream");
            response.headers_mut().insert(JSON_LENGTH, length.into());
            response
        }
    })
}

fn json_length(headers: &HeaderMap) -> Result<Option<usize>> {
    let Some(value) = headers.get(JSON_LENGTH) else {
        return Ok(None);
    };
    let length = value.to_str().ok().and_then(|text| text.parse().ok());
    length.map(Some).ok_or_else(|| {
        Error::invalid("header Inference-Header-Content-Length: expected a number of bytes")
    })
}
