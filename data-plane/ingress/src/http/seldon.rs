//! The Seldon protocol v1: predictions, feedback, status and metadata, and the unit paths.

mod input;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::handler::Handler;
use axum::response::Response;
use hari_core::{Input, Method, Target};
use hari_error::{Error, Result};
use hari_protocol::seldon::json;
use http::request::Parts;

use super::exchange::Exchange;
use super::route::{Action, Route};
use crate::app::App;
use crate::probes::readiness;
use crate::reply::{self, Dialect};

pub(super) fn routes() -> Vec<Route> {
    let mut routes = predictions();
    routes.extend(units());
    routes
}

/// What the orchestrator of a cluster answers.
fn predictions() -> Vec<Route> {
    let mut routes = Vec::new();
    for version in ["v1.0", "v0.1"] {
        let at = |rest: &str| Route::new(format!("/api/{version}/{rest}"));
        routes.extend([
            at("predictions").post(Action::Call(Method::Predict), predict),
            at("feedback").post(Action::Call(Method::SendFeedback), feedback),
            at("status/{model}").get(Action::UnitStatus, model_status),
            at("metadata/{model}").get(Action::UnitMetadata, model_metadata),
        ]);
    }
    routes.extend([
        Route::new("/api/v1.0/metadata").get(Action::GraphMetadata, graph_metadata),
        Route::new("/api/v1.0/status").get(Action::Ready, status),
        Route::new("/api/v1.0/health/status").get(Action::Ready, status),
    ]);
    routes
}

/// What a single unit answers; its methods by `GET` too, with the message in the query.
fn units() -> Vec<Route> {
    vec![
        unit(Method::Predict, predict),
        unit(Method::TransformInput, transform_input),
        unit(Method::TransformOutput, transform_output),
        unit(Method::Route, route),
        unit(Method::Aggregate, aggregate),
        unit(Method::SendFeedback, feedback),
        Route::new("/health/ping").get(Action::Ping, ping),
        Route::new("/health/status").get(Action::Ready, status),
        Route::new("/metadata").get(Action::UnitMetadata, unit_metadata),
    ]
}

fn unit<H, T>(method: Method, handler: H) -> Route
where
    H: Handler<T, App>,
    T: 'static,
{
    let action = Action::Call(method);
    Route::new(format!("/{}", method.path()))
        .post(action, handler.clone())
        .get(action, handler)
}

macro_rules! unit_call {
    ($($name:ident = $method:ident, $service:literal;)*) => {
        $(async fn $name(State(app): State<App>, request: Request) -> Response {
            answer(&app, request, Method::$method, $service).await
        })*
    };
}

unit_call! {
    predict = Predict, "predictions";
    transform_input = TransformInput, "transform-input";
    transform_output = TransformOutput, "transform-output";
    route = Route, "route";
    aggregate = Aggregate, "aggregate";
    feedback = SendFeedback, "feedback";
}

async fn answer(app: &App, request: Request, method: Method, service: &'static str) -> Response {
    let (parts, body) = request.into_parts();
    match Exchange::begin(app, &parts, Dialect::Seldon, service) {
        Ok(mut exchange) => {
            let result = call(&mut exchange, &parts, body, method).await;
            exchange.finish(result)
        }
        Err(error) => reply::error(Dialect::Seldon, &error),
    }
}

async fn call(
    exchange: &mut Exchange,
    parts: &Parts,
    body: Body,
    method: Method,
) -> Result<Response> {
    exchange.aim(None)?;
    let input = input::read(exchange, parts, body, method).await?;
    let message = exchange.call(method, input, Target::default()).await?;
    Ok(reply::json(json::encode_message(&message)?))
}

async fn ping() -> &'static str {
    "pong"
}

async fn status(State(app): State<App>) -> Response {
    match readiness(&app).await {
        Ok(()) => Response::new(Body::empty()),
        Err(error) => reply::error(Dialect::Seldon, &error),
    }
}

/// Answers a `GET` that only asks for what is known.
fn tell(
    app: &App,
    request: Request,
    service: &'static str,
    answer: impl FnOnce(&mut Exchange) -> Result<Response>,
) -> Response {
    let (parts, _) = request.into_parts();
    match Exchange::begin(app, &parts, Dialect::Seldon, service) {
        Ok(mut exchange) => {
            let result = answer(&mut exchange);
            exchange.finish(result)
        }
        Err(error) => reply::error(Dialect::Seldon, &error),
    }
}

async fn unit_metadata(State(app): State<App>, request: Request) -> Response {
    tell(&app, request, "metadata", |exchange| {
        let predictor = exchange.aim(None)?;
        Ok(reply::json(json::encode_metadata(
            &predictor.unit.metadata(),
        )))
    })
}

async fn model_metadata(
    State(app): State<App>,
    Path(model): Path<String>,
    request: Request,
) -> Response {
    tell(&app, request, "metadata", |exchange| {
        let predictor = exchange.aim(Some(&model))?;
        let unit = predictor.unit.find(&model);
        let metadata = unit.map_or_else(|| predictor.unit.metadata(), |unit| unit.metadata());
        Ok(reply::json(json::encode_metadata(&metadata)))
    })
}

async fn graph_metadata(State(app): State<App>, request: Request) -> Response {
    tell(&app, request, "metadata", |exchange| {
        let predictor = exchange.aim(None)?;
        let unit = &predictor.unit;
        let models: Vec<_> = unit
            .names()
            .iter()
            .filter_map(|name| unit.find(name))
            .map(|unit| unit.metadata())
            .collect();
        let whole = unit.metadata();
        let signature = whole.signatures.first();
        let (inputs, outputs) =
            signature.map_or((&[][..], &[][..]), |one| (&one.inputs, &one.outputs));
        Ok(reply::json(json::encode_graph_metadata(
            &predictor.name,
            &models,
            inputs,
            outputs,
        )))
    })
}

async fn model_status(
    State(app): State<App>,
    Path(model): Path<String>,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    let mut exchange = match Exchange::begin(&app, &parts, Dialect::Seldon, "status") {
        Ok(exchange) => exchange,
        Err(error) => return reply::error(Dialect::Seldon, &error),
    };
    let result = ready(&mut exchange, &model).await;
    exchange.finish(result)
}

async fn ready(exchange: &mut Exchange, model: &str) -> Result<Response> {
    let predictor = exchange.aim(Some(model))?;
    let unit = predictor
        .unit
        .find(model)
        .unwrap_or_else(|| predictor.unit.clone());
    unit.ready().await?;
    let healthy = hari_core::Message {
        payload: hari_core::Payload::Text("healthy".to_owned()),
        ..hari_core::Message::default()
    };
    Ok(reply::json(json::encode_message(&healthy)?))
}

/// What a method that is called without a body is told.
fn no_body(method: Method) -> Error {
    Error::invalid(format!(
        "/{} needs a message: a JSON body, or a form field or query parameter `json`",
        method.path()
    ))
    .with_reason("MICROSERVICE_BAD_DATA")
}

/// Reads what a method takes from the JSON text of a request.
fn decode(exchange: &Exchange, method: Method, text: &[u8]) -> Result<Input> {
    exchange.decode(|limits| match method {
        Method::Aggregate => json::decode_messages(text, limits).map(Input::Many),
        Method::SendFeedback => {
            json::decode_feedback(text, limits).map(|one| Input::Feedback(Box::new(one)))
        }
        _ => json::decode_message(text, limits).map(Input::One),
    })
}
