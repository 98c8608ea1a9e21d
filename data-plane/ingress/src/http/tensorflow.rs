//! TensorFlow Serving's REST API: predict, classify, regress, status and metadata.
//!
//! The verb stands behind a colon in the last piece of the path, so that piece is taken apart
//! here: `/v1/models/mnist/versions/2:predict`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::response::Response;
use hari_core::{Input, Message, Method, ModelMetadata, Spoken, Target, Unit};
use hari_error::{Error, Result};
use hari_protocol::tensorflow as codec;
use hari_protocol::tensorflow::VersionState;
use http::request::Parts;
use serde::Deserialize;

use super::exchange::Exchange;
use super::route::{Action, Route};
use crate::app::App;
use crate::examples;
use crate::reply::{self, Dialect};
use crate::select::{addressed, versions_of};

pub(super) fn routes() -> Vec<Route> {
    const MODEL: &str = "/v1/models/{model}";
    const VERSION: &str = "/v1/models/{model}/versions/{version}";
    const LABEL: &str = "/v1/models/{model}/labels/{label}";
    let mut named = verbs(MODEL);
    named.push(("/v1/models/:predict".to_owned(), Action::Predict));
    let unnamed = vec![("/v1/models:predict".to_owned(), Action::Predict)];
    let slashed = vec![(format!("{MODEL}/:predict"), Action::Predict)];
    vec![
        state("/v1/models/{last}", MODEL).post_as(named, call),
        state("/v1/models/{model}/versions/{last}", VERSION).post_as(verbs(VERSION), call),
        state("/v1/models/{model}/labels/{last}", LABEL).post_as(verbs(LABEL), call),
        Route::new("/v1/models/{model}/{last}").post_as(slashed, call),
        Route::new("/v1/models:predict").post_as(unnamed, call),
        signatures(MODEL),
        signatures(VERSION),
        signatures(LABEL),
    ]
}

/// The paths of a model, a version or a label with each verb.
fn verbs(path: &str) -> Vec<(String, Action)> {
    let verb = |verb: &str, action| (format!("{path}:{verb}"), action);
    vec![
        verb("predict", Action::Predict),
        verb("classify", Action::Classify),
        verb("regress", Action::Regress),
    ]
}

fn state(routed: &str, path: &str) -> Route {
    Route::new(routed).get_as(vec![(path.to_owned(), Action::VersionStatus)], status)
}

fn signatures(path: &str) -> Route {
    Route::new(format!("{path}/metadata")).get(Action::Signatures, metadata)
}

/// The pieces of the path.
#[derive(Debug, Default, Deserialize)]
struct Pieces {
    model: Option<String>,
    version: Option<String>,
    label: Option<String>,
    last: Option<String>,
}

/// What a path asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    target: Target,
    verb: String,
}

impl Asked {
    fn of(path: &str, pieces: Pieces) -> Self {
        let last = pieces.last.unwrap_or_default();
        // `/v1/models:predict` has no piece of its own for the verb.
        let verb = path.rsplit_once(':').map_or("", |(_, verb)| verb);
        let name = last.split_once(':').map_or(&*last, |(name, _)| name);
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let mut target = Target {
            model: pieces.model,
            version: pieces.version,
            label: pieces.label,
            spoken: Spoken::Tensorflow,
            ..Target::default()
        };
        if path.contains("/versions/") {
            target.version = target.version.or_else(|| some(name));
        } else if path.contains("/labels/") {
            target.label = target.label.or_else(|| some(name));
        } else {
            target.model = target.model.or_else(|| some(name));
        }
        Self {
            target,
            verb: verb.to_owned(),
        }
    }
}

async fn call(State(app): State<App>, request: Request) -> Response {
    answer(
        &app,
        request,
        "predictions",
        async |exchange, asked, body| {
            let bytes = exchange.body(body).await?;
            match asked.verb.as_str() {
                "predict" => predict(exchange, asked.target, &bytes).await,
                "classify" => {
                    let message = rows(exchange, asked.target, &bytes).await?;
                    codec::encode_classify(&message).map(reply::json)
                }
                "regress" => {
                    let message = rows(exchange, asked.target, &bytes).await?;
                    codec::encode_regress(&message).map(reply::json)
                }
                other => Err(Error::not_found(format!(
                    "no verb `:{other}`; use :predict, :classify or :regress"
                ))),
            }
        },
    )
    .await
}

async fn status(State(app): State<App>, request: Request) -> Response {
    answer(&app, request, "status", async |exchange, asked, _| {
        let (unit, metadata) = describe(exchange, &asked.target)?;
        let state = match unit.ready().await {
            Ok(()) => VersionState::Available,
            Err(_) => VersionState::Loading,
        };
        codec::encode_status(&metadata.name, &versions(&metadata, &asked.target, state))
            .map(reply::json)
    })
    .await
}

/// The versions that are asked for with their state; a model without versions is version 1.
fn versions(
    metadata: &ModelMetadata,
    target: &Target,
    state: VersionState,
) -> Vec<(String, VersionState)> {
    let mut versions = versions_of(metadata, target);
    if versions.is_empty() {
        versions.push("1".to_owned());
    }
    versions.into_iter().map(|one| (one, state)).collect()
}

async fn metadata(State(app): State<App>, request: Request) -> Response {
    answer(&app, request, "metadata", async |exchange, asked, _| {
        let (_, metadata) = describe(exchange, &asked.target)?;
        Ok(reply::json(codec::encode_metadata(&metadata)))
    })
    .await
}

async fn answer<F>(app: &App, request: Request, service: &'static str, work: F) -> Response
where
    F: AsyncFnOnce(&mut Exchange, Asked, Body) -> Result<Response>,
{
    let (mut parts, body) = request.into_parts();
    let asked = asked(&mut parts).await;
    match Exchange::begin(app, &parts, Dialect::Tensorflow, service) {
        Ok(mut exchange) => {
            let result = work(&mut exchange, asked, body).await;
            exchange.finish(result)
        }
        Err(error) => reply::error(Dialect::Tensorflow, &error),
    }
}

async fn asked(parts: &mut Parts) -> Asked {
    let pieces = Path::<Pieces>::from_request_parts(parts, &()).await;
    Asked::of(
        parts.uri.path(),
        pieces.map_or_else(|_| Pieces::default(), |Path(pieces)| pieces),
    )
}

/// The model that is named, else the whole graph; its version and label are checked.
fn describe(
    exchange: &mut Exchange,
    target: &Target,
) -> Result<(Arc<dyn Unit>, Arc<ModelMetadata>)> {
    let predictor = exchange.aim(target.model.as_deref())?;
    addressed(&predictor, target)
}

async fn predict(exchange: &mut Exchange, mut target: Target, body: &[u8]) -> Result<Response> {
    describe(exchange, &target)?;
    let request = exchange.decode(|limits| codec::decode_predict(body, limits))?;
    target.signature = request.signature_name;
    let answer = exchange
        .call(Method::Predict, Input::One(request.message), target)
        .await?;
    codec::encode_predict(&answer, request.layout).map(reply::json)
}

async fn rows(exchange: &mut Exchange, mut target: Target, body: &[u8]) -> Result<Message> {
    let (_, metadata) = describe(exchange, &target)?;
    let request = exchange.decode(|limits| codec::decode_examples(body, limits))?;
    let signature = request.signature_name.as_deref();
    let message = examples::message(&metadata, signature, &request.examples)?;
    target.signature = request.signature_name;
    exchange
        .call(Method::Predict, Input::One(message), target)
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(
        path: &str,
        pieces: Pieces,
    ) -> (Option<String>, Option<String>, Option<String>, String) {
        let Asked { target, verb } = Asked::of(path, pieces);
        (target.model, target.version, target.label, verb)
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn the_last_piece_holds_the_verb() {
        let last = |last: &str| Pieces {
            last: some(last),
            ..Pieces::default()
        };
        let under = |last: &str| Pieces {
            model: some("m"),
            last: some(last),
            ..Pieces::default()
        };
        assert_eq!(
            asked("/v1/models/m:predict", last("m:predict")),
            (some("m"), None, None, "predict".into())
        );
        assert_eq!(
            asked("/v1/models/m/versions/2:classify", under("2:classify")),
            (some("m"), some("2"), None, "classify".into())
        );
        assert_eq!(
            asked(
                "/v1/models/m/labels/stable:regress",
                under("stable:regress")
            ),
            (some("m"), None, some("stable"), "regress".into())
        );
        assert_eq!(
            asked("/v1/models/m/:predict", under(":predict")),
            (some("m"), None, None, "predict".into())
        );
    }

    #[test]
    fn the_extension_names_no_model() {
        let nothing = (None, None, None, "predict".to_owned());
        assert_eq!(asked("/v1/models:predict", Pieces::default()), nothing);
        let last = Pieces {
            last: some(":predict"),
            ..Pieces::default()
        };
        assert_eq!(asked("/v1/models/:predict", last), nothing);
    }

    #[test]
    fn a_status_has_no_verb() {
        let last = Pieces {
            last: some("m"),
            ..Pieces::default()
        };
        assert_eq!(Asked::of("/v1/models/m", last).target.model, some("m"));
        let version = Pieces {
            model: some("m"),
            last: some("3"),
            ..Pieces::default()
        };
        assert_eq!(
            Asked::of("/v1/models/m/versions/3", version).target.version,
            some("3")
        );
    }
}
