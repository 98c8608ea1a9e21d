//! One place that turns an outcome into an answer: errors in the shape of the protocol spoken.

pub(crate) mod grpc;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use hari_error::{Answer, Blame, Error, Kind};
use hari_protocol::{mlflow, open_inference, seldon, tensorflow};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Whose error body a caller expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Seldon,
    OpenInference,
    Tensorflow,
    Mlflow,
}

impl Dialect {
    /// The protocol that a path belongs to.
    pub(crate) fn of_path(path: &str) -> Self {
        if path.starts_with("/v2") {
            Self::OpenInference
        } else if path.starts_with("/v1") {
            Self::Tensorflow
        } else if matches!(path, "/invocations" | "/ping" | "/health" | "/version") {
            Self::Mlflow
        } else {
            Self::Seldon
        }
    }

    /// Its name in metrics and logs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Seldon => "seldon",
            Self::OpenInference => "open_inference",
            Self::Tensorflow => "tensorflow",
            Self::Mlflow => "mlflow",
        }
    }
}

/// A JSON body with status 200.
pub(crate) fn json(body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Body::from(body.into()));
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// A text body with status 200.
pub(crate) fn text(body: impl Into<Bytes>, content_type: &'static str) -> Response {
    let mut response = Response::new(Body::from(body.into()));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// The answer to a request that failed, in the shape of `dialect`.
pub(crate) fn error(dialect: Dialect, error: &Error) -> Response {
    log(error);
    if let (Dialect::Seldon, Some(answer)) = (dialect, error.answer()) {
        return handed_on(answer);
    }
    let body = match dialect {
        Dialect::Seldon => seldon::json::encode_error(error),
        Dialect::OpenInference => open_inference::encode_error(error),
        Dialect::Tensorflow => tensorflow::encode_error(error),
        Dialect::Mlflow => mlflow::encode_error(error),
    };
    let mut response = json(body);
    *response.status_mut() = status(error.kind());
    if let Some(after) = error.retry_after() {
        response
            .headers_mut()
            .insert(RETRY_AFTER, after.as_secs().max(1).into());
    }
    response
}

/// What a component answered by itself, unchanged.
fn handed_on(answer: &Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body.clone()));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let content_type = HeaderValue::from_str(&answer.content_type).unwrap_or(JSON);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

fn status(kind: Kind) -> StatusCode {
    StatusCode::from_u16(kind.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Faults that are not the caller's are logged with their cause; the caller's only when asked.
pub(crate) fn log(error: &Error) {
    let cause = std::error::Error::source(error).map(tracing::field::display);
    if error.kind().blame() == Blame::Caller {
        tracing::debug!(kind = error.reason(), cause, "{error}");
    } else {
        tracing::warn!(kind = error.reason(), cause, "{error}");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_body_util::BodyExt as _;

    use super::*;

    async fn body(response: Response) -> serde_json::Value {
        serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
    }

    #[tokio::test]
    async fn each_protocol_gets_its_own_error_body() {
        let failure = Error::invalid("input `x`: expected FP32, found BYTES");
        let seldon = error(Dialect::Seldon, &failure);
        assert_eq!(seldon.status(), StatusCode::BAD_REQUEST);
        assert_eq!(seldon.headers()[CONTENT_TYPE], JSON);
        let seldon = body(seldon).await;
        assert_eq!(seldon["status"]["code"], 400);
        assert_eq!(seldon["status"]["status"], "FAILURE");
        assert_eq!(seldon["status"]["info"], failure.message());
        for dialect in [Dialect::OpenInference, Dialect::Tensorflow] {
            assert_eq!(
                body(error(dialect, &failure)).await["error"],
                failure.message()
            );
        }
    }

    #[test]
    fn an_overload_says_when_to_come_back() {
        let full = Error::new(Kind::Overloaded, "full").with_retry_after(Duration::from_millis(20));
        let response = error(Dialect::Seldon, &full);
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()[RETRY_AFTER], "1");
    }

    #[tokio::test]
    async fn what_a_component_answered_is_handed_on_in_its_own_protocol() {
        let failure = Error::model("no").with_answer(Answer {
            status: 402,
            content_type: "text/plain".to_owned(),
            body: "not without money".to_owned(),
        });
        let response = error(Dialect::Seldon, &failure);
        assert_eq!(response.status(), StatusCode::PAYMENT_REQUIRED);
        assert_eq!(response.headers()[CONTENT_TYPE], "text/plain");
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(&bytes[..], b"not without money");
        let response = error(Dialect::OpenInference, &failure);
        assert_eq!(body(response).await["error"], "no");
    }

    #[test]
    fn paths_tell_the_protocol() {
        assert_eq!(
            Dialect::of_path("/v2/models/m/infer"),
            Dialect::OpenInference
        );
        assert_eq!(
            Dialect::of_path("/v1/models/m:predict"),
            Dialect::Tensorflow
        );
        assert_eq!(Dialect::of_path("/invocations"), Dialect::Mlflow);
        assert_eq!(Dialect::of_path("/health/ping"), Dialect::Seldon);
        assert_eq!(Dialect::of_path("/api/v1.0/predictions"), Dialect::Seldon);
    }
}
