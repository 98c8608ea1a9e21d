//! Requests that come as messages of a topic: put to the same routes as those that come over a
//! socket, so that limits, errors, metrics and traces are the same.

mod call;

use axum::Router;
use axum::extract::Request;
use bytes::Bytes;
use hari_error::{Error, Kind};
use hari_protocol::seldon::json;
use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue};
use tower::ServiceExt as _;

use crate::app::App;
use crate::select::Selector;

/// Says which message of gRPC a value is.
const PROTO_NAME: &str = "proto-name";
/// On an error alone: its HTTP status.
const ERROR_CODE: &str = "error-code";
/// Headers of a reply that its reader needs.
const TOLD: [&str; 3] = [
    "seldon-puid",
    "content-type",
    "inference-header-content-length",
];

/// The protocol of messages that are JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoken {
    /// A Seldon message.
    Seldon,
    /// A request of the open inference protocol.
    OpenInference,
    /// A request of TensorFlow Serving's REST API.
    Tensorflow,
}

/// Answers the messages for one predictor.
pub struct Desk {
    routes: Router,
    selector: Selector,
    spoken: Spoken,
    /// Whether a message that does not say what it is, is gRPC's.
    grpc: bool,
    model: String,
}

/// Whose messages a [`Desk`] answers.
#[derive(Clone, Debug)]
pub struct Recipient {
    /// Kubernetes namespace of the deployment.
    pub namespace: String,
    /// Its name.
    pub deployment: String,
    /// One of its predictors.
    pub predictor: String,
    /// The root of its graph.
    pub model: String,
    /// What a JSON message is.
    pub spoken: Spoken,
    /// Whether messages are gRPC's.
    pub grpc: bool,
}

/// What came of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Whether it was answered.
    pub outcome: Outcome,
    /// The answer, or the error in the message's protocol.
    pub body: Bytes,
    /// What its reader needs to know.
    pub headers: Vec<(String, Bytes)>,
}

/// Whether a message was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was.
    Answered,
    /// It failed, and would again.
    Failed,
    /// It took too long: maybe always, maybe only now.
    TimedOut,
    /// Something is down or full: the same message may be answered later.
    Unavailable,
}

impl Desk {
    /// Answers for `recipient`, with what `app` serves.
    #[must_use]
    pub fn new(app: &App, recipient: Recipient) -> Self {
        Self {
            routes: crate::everything(app),
            selector: Selector {
                namespace: Some(recipient.namespace),
                name: Some(recipient.deployment),
                predictor: Some(recipient.predictor),
                model: None,
            },
            spoken: recipient.spoken,
            grpc: recipient.grpc,
            model: recipient.model,
        }
    }

    /// Answers one message: JSON, or gRPC's if it says so.
    pub async fn ask(&self, value: Bytes, headers: &[(String, Bytes)]) -> Told {
        let proto_name = headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(PROTO_NAME));
        let asked = match proto_name {
            Some((_, name)) => self.call(name, value, headers).await,
            None if self.grpc => Err(call::unnamed()),
            None => Ok(self.post(value, headers).await),
        };
        asked.unwrap_or_else(|error| refused(&error))
    }

    async fn post(&self, body: Bytes, headers: &[(String, Bytes)]) -> Told {
        let mut fields = fields(headers);
        let json = HeaderValue::from_static("application/json");
        fields.entry(CONTENT_TYPE).or_insert(json);
        let (parts, body) = match self.send(&self.path(), fields, body).await {
            Ok((parts, body, _)) => (parts, body),
            Err(error) => return refused(&error),
        };
        let outcome = outcome(parts.status.as_u16());
        let mut headers = told(&parts.headers);
        if outcome != Outcome::Answered {
            headers.push((
                ERROR_CODE.to_owned(),
                parts.status.as_str().to_owned().into(),
            ));
        }
        Told {
            outcome,
            body,
            headers,
        }
    }

    async fn call(
        &self,
        proto_name: &[u8],
        message: Bytes,
        headers: &[(String, Bytes)],
    ) -> Result<Told, Error> {
        let method = call::method(proto_name)?;
        let mut fields = fields(headers);
        call::dress(&mut fields);
        let framed = call::frame(&message)?;
        let (parts, body, trailers) = self.send(method.path, fields, framed).await?;
        call::status(&parts.headers, &trailers)?;
        let body = call::unframe(body)?;
        let mut headers = told(&parts.headers);
        headers.retain(|(name, _)| name != CONTENT_TYPE.as_str());
        headers.push(("content-type".to_owned(), "application/protobuf".into()));
        headers.push((PROTO_NAME.to_owned(), method.reply.into()));
        Ok(Told {
            outcome: Outcome::Answered,
            body,
            headers,
        })
    }

    /// Where the protocol takes predictions; the model is the root of the graph.
    fn path(&self) -> String {
        let model =
            percent_encoding::utf8_percent_encode(&self.model, percent_encoding::NON_ALPHANUMERIC);
        match self.spoken {
            Spoken::Seldon => "/api/v1.0/predictions".to_owned(),
            Spoken::OpenInference => format!("/v2/models/{model}/infer"),
            Spoken::Tensorflow => format!("/v1/models/{model}:predict"),
        }
    }

    async fn send(
        &self,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<(http::response::Parts, Bytes, HeaderMap), Error> {
        let mut request = Request::new(axum::body::Body::from(body));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = path
            .parse()
            .map_err(|_| Error::internal("the model's name makes no path"))?;
        *request.headers_mut() = headers;
        request.extensions_mut().insert(self.selector.clone());
        let routes = self.routes.clone();
        let Ok(response) = routes.oneshot(request).await;
        let (parts, body) = response.into_parts();
        let whole = http_body_util::BodyExt::collect(body).await;
        let whole = whole.map_err(|fault| {
            Error::unavailable("the answer broke off").with_source(fault.into_inner())
        })?;
        let trailers = whole.trailers().cloned().unwrap_or_default();
        Ok((parts, whole.to_bytes(), trailers))
    }
}

/// The headers of a message as those of a request; what belongs to a connection is left out.
fn fields(headers: &[(String, Bytes)]) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_maybe_shared(value.clone())) {
            fields.append(name, value);
        }
    }
    let connections = [
        ACCEPT_ENCODING,
        CONTENT_LENGTH,
        TRANSFER_ENCODING,
        http::header::CONNECTION,
        http::header::EXPECT,
        http::header::HOST,
        http::header::UPGRADE,
        HeaderName::from_static(PROTO_NAME),
    ];
    for name in connections {
        fields.remove(name);
    }
    fields
}

fn told(headers: &HeaderMap) -> Vec<(String, Bytes)> {
    let pair = |name: &str| {
        let value = headers.get(name)?;
        Some((name.to_owned(), Bytes::copy_from_slice(value.as_bytes())))
    };
    TOLD.iter().filter_map(|name| pair(name)).collect()
}

/// An error that no route has put into words.
fn refused(error: &Error) -> Told {
    let status = error.kind().http_status();
    let headers = [
        ("content-type", "application/json".to_owned()),
        (ERROR_CODE, status.to_string()),
    ];
    Told {
        outcome: outcome(status),
        body: json::encode_error(error),
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.into()))
            .into(),
    }
}

fn outcome(status: u16) -> Outcome {
    let is = |kind: Kind| kind.http_status() == status;
    match status {
        200..=299 => Outcome::Answered,
        _ if is(Kind::Overloaded) || is(Kind::Unavailable) || is(Kind::BadGateway) => {
            Outcome::Unavailable
        }
        _ if is(Kind::DeadlineExceeded) => Outcome::TimedOut,
        _ => Outcome::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_that_may_pass_is_tried_again_and_no_other() {
        for kind in Kind::ALL {
            let found = outcome(kind.http_status());
            let expected = match kind {
                Kind::DeadlineExceeded => Outcome::TimedOut,
                kind if kind.retryable() => Outcome::Unavailable,
                _ => Outcome::Failed,
            };
            assert_eq!(found, expected, "{kind:?}");
        }
    }

    #[test]
    fn headers_of_a_connection_and_bytes_that_are_no_header_are_left_out() {
        let pair = |name: &str, value: &[u8]| (name.to_owned(), Bytes::copy_from_slice(value));
        let fields = fields(&[
            pair("Seldon-Puid", b"p"),
            pair("x-tag", b"a"),
            pair("x-tag", b"b"),
            pair("Content-Length", b"7"),
            pair("proto-name", b"x"),
            pair("no header", b"x"),
            pair("x-raw", b"a\nb"),
        ]);
        assert_eq!(fields.len(), 3);
        assert_eq!(fields["seldon-puid"], "p");
        assert_eq!(fields.get_all("x-tag").iter().count(), 2);
    }

    #[test]
    fn an_error_without_a_route_is_a_seldon_status() {
        let told = refused(&Error::invalid("no such message"));
        assert_eq!(told.outcome, Outcome::Failed);
        let body = String::from_utf8(told.body.to_vec()).unwrap();
        assert!(
            body.contains("no such message") && body.contains("FAILURE"),
            "{body}"
        );
        assert!(
            told.headers
                .contains(&("error-code".to_owned(), "400".into()))
        );
    }
}
