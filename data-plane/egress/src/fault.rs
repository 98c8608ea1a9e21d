//! What went wrong at a node, or on the way to it, in the words of our own errors.

use std::time::Duration;

use bytes::Bytes;
use hari_error::{Answer, Error, Kind};
use http::StatusCode;
use serde_json::Value;
use tonic::{Code, Status};

/// More of a node's own words than this is not handed on.
const WORDS: usize = 2000;

/// What tonic says of a reply beyond the limit, under a code that a node may use for its own ends.
const TOO_LARGE: &str = "Error, decoded message length too large";

/// A call that failed.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) error: Error,
    pub(crate) stage: Stage,
}

/// How far a call got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It could not be written down: the node had no part in it.
    Unwritten,
    /// No connection could be made, so that the node received nothing.
    Unconnected,
    /// The node may have received the request; its answer is not there.
    Unanswered,
    /// The node answered, be it with what is no reply.
    Answered,
}

impl Failed {
    /// A message that has no form in the node's protocol.
    pub(crate) fn unwritten(error: Error) -> Self {
        Self {
            error,
            stage: Stage::Unwritten,
        }
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self {
            error,
            stage: Stage::Answered,
        }
    }
}

/// No connection could be made.
pub(crate) fn unreached(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Failed {
    let words = "it cannot be reached: no connection could be made";
    Failed {
        error: Error::unavailable(words).with_source(cause),
        stage: Stage::Unconnected,
    }
}

/// The connection broke before the reply was there.
pub(crate) fn broken(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Failed {
    let words = "the connection broke before the reply was complete";
    Failed {
        error: Error::unavailable(words).with_source(cause),
        stage: Stage::Unanswered,
    }
}

/// The reply is not what was asked for.
pub(crate) fn garbled(why: impl std::fmt::Display) -> Error {
    Error::new(Kind::BadGateway, format!("the reply cannot be read: {why}"))
}

/// No reply in time.
pub(crate) fn late(after: Duration) -> Error {
    let millis = after.as_millis();
    Error::new(
        Kind::DeadlineExceeded,
        format!("no reply within {millis} ms"),
    )
}

/// What an HTTP status other than 200 means, with the node's own words and its own answer.
pub(crate) fn of_http(status: StatusCode, content_type: &str, body: &Bytes) -> Error {
    if status.is_redirection() || status.is_success() || status.is_informational() {
        let words = format!("expected status 200, found {}", status.as_u16());
        return Error::new(Kind::BadGateway, words);
    }
    let text = String::from_utf8_lossy(body);
    let (words, reason) = said(&text);
    let words = match words.is_empty() {
        true => format!("it answered with status {}", status.as_u16()),
        false => words,
    };
    let mut error = Error::new(kind_of_http(status), words).with_answer(Answer {
        status: status.as_u16(),
        content_type: content_type.to_owned(),
        body: text.into_owned(),
    });
    if let Some(reason) = reason {
        error = error.with_reason(reason);
    }
    error
}

fn kind_of_http(status: StatusCode) -> Kind {
    let same = Kind::ALL
        .into_iter()
        .find(|kind| kind.http_status() == status.as_u16());
    match same {
        // Ours: the node did not say whose fault it is.
        Some(Kind::Internal) => Kind::Model,
        Some(kind) => kind,
        None if status.is_client_error() => Kind::InvalidInput,
        None => Kind::BadGateway,
    }
}

/// The words and the reason of an error's body: of Seldon's status, of `{"error": ...}`, of
/// `{"message": ...}`, or the text itself.
fn said(body: &str) -> (String, Option<String>) {
    let Ok(json) = serde_json::from_str::<Value>(body) else {
        let text = body.trim();
        let markup = text.starts_with('<');
        return (if markup { String::new() } else { cut(text) }, None);
    };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let reason = text(&json["status"]["reason"]).filter(|reason| !reason.is_empty());
    let words = [
        &json["status"]["info"],
        &json["error"],
        &json["message"],
        &json["detail"],
    ];
    let words = words.into_iter().find_map(text);
    (cut(&words.unwrap_or_else(|| json.to_string())), reason)
}

fn cut(text: &str) -> String {
    text.chars().take(WORDS).collect()
}

/// What a gRPC status means.
pub(crate) fn of_grpc(status: Status) -> Failed {
    if is_by::<tonic::ConnectError>(&status) {
        return unreached(status);
    }
    if std::error::Error::source(&status).is_some() {
        return broken(status);
    }
    if status.code() == Code::OutOfRange && status.message().starts_with(TOO_LARGE) {
        return garbled("it is larger than the limit").into();
    }
    let words = match status.message() {
        "" => format!("it answered {:?}", status.code()),
        words => cut(words),
    };
    Error::new(kind_of_grpc(status.code()), words).into()
}

fn kind_of_grpc(code: Code) -> Kind {
    match code {
        Code::InvalidArgument | Code::OutOfRange | Code::FailedPrecondition => Kind::InvalidInput,
        Code::Unauthenticated => Kind::Unauthenticated,
        Code::PermissionDenied => Kind::Forbidden,
        Code::NotFound => Kind::NotFound,
        Code::ResourceExhausted => Kind::Overloaded,
        Code::Unavailable => Kind::Unavailable,
        Code::DeadlineExceeded => Kind::DeadlineExceeded,
        Code::Unimplemented => Kind::Unimplemented,
        Code::Unknown | Code::Internal | Code::DataLoss => Kind::Model,
        Code::Cancelled | Code::Aborted | Code::AlreadyExists | Code::Ok => Kind::BadGateway,
    }
}

/// Whether the status stands for an error of this type on our side.
pub(crate) fn is_by<E: std::error::Error + 'static>(status: &Status) -> bool {
    let mut cause = std::error::Error::source(status);
    while let Some(error) = cause {
        if error.is::<E>() {
            return true;
        }
        cause = error.source();
    }
    false
}
