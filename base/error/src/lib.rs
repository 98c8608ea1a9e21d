//! Closed error kinds: who is to blame, whether to retry, which HTTP and gRPC code.
//!
//! Every library of the workspace returns [`Error`]. The kind decides the reply in one table
//! ([`Kind::http_status`], [`Kind::grpc_code`]); the message names the field, the tensor or the
//! file, what was expected and what was found. Messages travel to callers, so they hold no path,
//! no address and no stack: put such detail in the source with [`Error::with_source`], which is
//! logged and never sent.

mod guard;
mod kind;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

pub use guard::catch;
pub use kind::{Blame, GrpcCode, Kind};

/// A result of this workspace's libraries.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in words for the caller, with a closed [`Kind`].
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    reason: Cow<'static, str>,
    message: String,
    node: Option<String>,
    retry_after: Option<Duration>,
    answer: Option<Answer>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What a component answered by itself where it failed, to be handed on as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Media type of the body.
    pub content_type: String,
    /// The body.
    pub body: String,
}

impl Error {
    /// An error of this kind. The message is shown to the caller.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            reason: Cow::Borrowed(kind.reason()),
            message: message.into(),
            node: None,
            retry_after: None,
            answer: None,
            source: None,
        }))
    }

    /// The caller's input is at fault: HTTP 400, gRPC `INVALID_ARGUMENT`.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Kind::InvalidInput, message)
    }

    /// What was named does not exist: HTTP 404, gRPC `NOT_FOUND`.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, message)
    }

    /// A limit on size was passed: HTTP 413, gRPC `RESOURCE_EXHAUSTED`.
    pub fn too_large(message: impl Into<String>) -> Self {
        Self::new(Kind::TooLarge, message)
    }

    /// The model or its artifact is at fault: HTTP 500, gRPC `INTERNAL`.
    pub fn model(message: impl Into<String>) -> Self {
        Self::new(Kind::Model, message)
    }

    /// Not offered: HTTP 501, gRPC `UNIMPLEMENTED`.
    pub fn unimplemented(message: impl Into<String>) -> Self {
        Self::new(Kind::Unimplemented, message)
    }

    /// Not able to answer now: HTTP 503, gRPC `UNAVAILABLE`.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Kind::Unavailable, message)
    }

    /// A fault of our own: HTTP 500, gRPC `INTERNAL`.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Kind::Internal, message)
    }

    /// Names the graph node in which it happened, unless an inner node is named already.
    #[must_use]
    pub fn at_node(mut self, node: impl Into<String>) -> Self {
        self.0.node.get_or_insert_with(|| node.into());
        self
    }

    /// Puts words in front of the message: `context: message`.
    #[must_use]
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        self.0.message = format!("{context}: {}", self.0.message);
        self
    }

    /// Sets the stable upper-case reason, `MICROSERVICE_BAD_DATA` say.
    #[must_use]
    pub fn with_reason(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        self.0.reason = reason.into();
        self
    }

    /// Says when to try again; sent as `Retry-After`.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        self
    }

    /// Keeps what a component answered by itself: callers of the Seldon protocol get it over HTTP in
    /// place of our own words.
    #[must_use]
    pub fn with_answer(mut self, answer: Answer) -> Self {
        self.0.answer = Some(answer);
        self
    }

    /// Keeps the cause for the log. It is never sent to a caller.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The closed kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// A stable upper-case word for programs.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.0.reason
    }

    /// The words for the caller, without the node.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The graph node in which it happened.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        self.0.node.as_deref()
    }

    /// What a component answered by itself.
    #[must_use]
    pub fn answer(&self) -> Option<&Answer> {
        self.0.answer.as_ref()
    }

    /// When the caller may try again.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.node {
            Some(node) => write!(f, "node `{node}`: {}", self.0.message),
            None => f.write_str(&self.0.message),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("node", &self.0.node)
            .field("message", &self.0.message)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_node_is_kept() {
        let error = Error::invalid("bad").at_node("inner").at_node("outer");
        assert_eq!(error.node(), Some("inner"));
        assert_eq!(error.to_string(), "node `inner`: bad");
    }

    #[test]
    fn a_source_is_kept_for_the_log_and_out_of_the_words() {
        let error = Error::internal("could not read the model").with_source("/secret/path");
        assert!(!error.to_string().contains("secret"));
        assert_eq!(error.source().unwrap().to_string(), "/secret/path");
    }

    #[test]
    fn context_stands_before_the_message() {
        let error = Error::invalid("expected FP32").context("input `x`");
        assert_eq!(error.message(), "input `x`: expected FP32");
    }
}
