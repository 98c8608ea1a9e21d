//! The webhook: a `SeldonDeployment` is looked at before it is stored, by the same rules as
//! `hari validate`, and everything that is wrong with it is said at once.

mod judgement;
mod review;
mod status;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hari_error::catch;
use hari_telemetry::metric::operator as metric;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::Value;
use tokio::sync::Semaphore;
use tracing::{Instrument as _, Span};

use crate::configuration::Current;
use crate::listener::{Handler, Reply};
use crate::probes::text;
use crate::span;
use review::{Answer, Review};

/// Where the API server asks.
pub(crate) const PATH: &str = "/validate-machinelearning-seldon-io-v1-seldondeployment";

/// Most bytes of a review: an object before and after, neither of which the API server takes beyond
/// 3 MiB, and room for their surroundings.
const MAX_BODY: usize = 8 << 20;
/// Most time for a body to arrive.
const BODY: Duration = Duration::from_secs(8);
/// Most reviews that are judged at the same time.
const AT_ONCE: usize = 8;

/// Answers the API server.
pub(crate) struct Webhook {
    configuration: Current,
    room: Semaphore,
}

impl Webhook {
    pub(crate) fn new(configuration: Current) -> Self {
        Self {
            configuration,
            room: Semaphore::new(AT_ONCE),
        }
    }

    async fn review(&self, request: Request<Incoming>) -> Reply {
        let begun = Instant::now();
        let body = Limited::new(request.into_body(), MAX_BODY).collect();
        let body = match tokio::time::timeout(BODY, body).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(_)) => return text(StatusCode::PAYLOAD_TOO_LARGE, "the review is too large\n"),
            Err(_) => return text(StatusCode::REQUEST_TIMEOUT, "the review did not arrive\n"),
        };
        let Ok(_permit) = self.room.acquire().await else {
            return text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
        };
        let configuration = self.configuration.borrow().clone();
        let span = Span::current();
        let judged = tokio::task::spawn_blocking(move || {
            let _of_the_request = span.enter();
            let review = Review::read(&body)?;
            span.record("deployment", review.name());
            span.record("namespace", review.namespace());
            Ok::<_, serde_json::Error>(answer(&review, &configuration.installation))
        });
        match judged.await {
            Ok(Ok(answer)) => {
                metric::admitted(answer.outcome, begun.elapsed());
                Span::current().record("outcome", answer.outcome);
                json(&answer.review)
            }
            Ok(Err(error)) => {
                metric::admitted("failed", begun.elapsed());
                Span::current().record("outcome", "failed");
                text(
                    StatusCode::BAD_REQUEST,
                    format!("no AdmissionReview: {error}\n"),
                )
            }
            Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "the review failed\n"),
        }
    }
}

/// The answer; a fault of ours lets the object through, for the controller looks at it again and
/// nothing else of the cluster is to wait for us.
fn answer(review: &Review, installation: &hari_plan::Installation) -> Answer {
    let judged = catch("the rules failed", || review.answer(installation));
    judged.unwrap_or_else(|error| {
        let source = std::error::Error::source(&error).map(ToString::to_string);
        tracing::error!(
            source,
            name = review.name(),
            "a deployment could not be checked"
        );
        review.unchecked()
    })
}

impl Handler for Webhook {
    async fn answer(&self, request: Request<Incoming>) -> Reply {
        match (request.method(), request.uri().path()) {
            (&Method::POST, PATH) => {
                let span = span::admission(request.headers());
                self.review(request).instrument(span).await
            }
            (_, PATH) => text(StatusCode::METHOD_NOT_ALLOWED, "POST an AdmissionReview\n"),
            _ => text(StatusCode::NOT_FOUND, "there is nothing here\n"),
        }
    }
}

fn json(value: &Value) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from(value.to_string())));
    let kind = HeaderValue::from_static("application/json");
    reply.headers_mut().insert(CONTENT_TYPE, kind);
    reply
}

/// The webhook, for a listener.
pub(crate) fn handler(configuration: Current) -> Arc<Webhook> {
    Arc::new(Webhook::new(configuration))
}

#[cfg(test)]
mod tests;
