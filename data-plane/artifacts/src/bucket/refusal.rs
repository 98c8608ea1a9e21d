//! What a store answers when it does not give: in words that say who asked, and what to do.
//!
//! The words of the store's client are never shown, for they may hold a signed address.

use std::fmt;
use std::time::Duration;

use hari_error::{Error, Kind};
use http::header::{HeaderMap, RETRY_AFTER};
use http::{Response, StatusCode};

use super::connector::whole;
use crate::fault::{Fault, find};
use crate::stores::Opened;
use crate::uri::BucketUri;

/// Where S3 says which region a bucket lies in.
const REGION: &str = "x-amz-bucket-region";
/// Puts the region into a message that [`region`] reads again.
const LIES_IN: &str = "the bucket lies in the region `";

/// A reply that is no success.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    status: StatusCode,
    /// The store's own word: `NoSuchBucket`, say.
    code: Option<String>,
    region: Option<String>,
    after: Option<Duration>,
}

impl Answer {
    pub(super) async fn of(reply: Response<reqwest::Body>) -> Self {
        let (parts, body) = reply.into_parts();
        let body = whole(body).await.unwrap_or_default();
        let after = text(&parts.headers, RETRY_AFTER.as_str()).and_then(|text| text.parse().ok());
        Self {
            status: parts.status,
            code: text(&parts.headers, "x-ms-error-code").or_else(|| code(&body)),
            region: text(&parts.headers, REGION),
            after: after.map(Duration::from_secs),
        }
    }

    /// Without a bucket to name.
    pub(super) fn into_fault(self) -> Fault {
        match &self.code {
            Some(code) if self.status.is_client_error() => {
                let why = format!("the server answers {}: {code}", self.status);
                let kind = Fault::of_status(self.status, self.after).kind();
                Fault::Final(Error::new(kind, why))
            }
            _ => Fault::of_status(self.status, self.after),
        }
    }

    fn is(&self, codes: &[&str]) -> bool {
        self.code
            .as_deref()
            .is_some_and(|code| codes.contains(&code))
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        match &self.code {
            Some(code) => write!(f, " {code}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Answer {}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// `<Code>NoSuchBucket</Code>`, or the `error` of OAuth's JSON; a plain word only.
fn code(body: &[u8]) -> Option<String> {
    let body = std::str::from_utf8(body).ok()?;
    let xml = body
        .split_once("<Code>")
        .and_then(|(_, rest)| rest.split_once("</Code>"));
    let json = || {
        let value: serde_json::Value = serde_json::from_str(body).ok()?;
        value.get("error")?.as_str().map(str::to_owned)
    };
    let code = xml.map(|(code, _)| code.to_owned()).or_else(json)?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    (code.len() <= 64 && code.bytes().all(plain)).then_some(code)
}

/// Why a request to a store came to nothing.
#[derive(Debug)]
pub(super) enum Refused {
    /// The store's own answer.
    Answer(Answer),
    /// The object is another one by now.
    Changed,
    /// No answer, or one that makes no sense.
    Fault(Fault),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Fault(Fault::Final(error))
    }
}

impl From<object_store::Error> for Refused {
    fn from(error: object_store::Error) -> Self {
        if let Some(answer) = find::<Answer>(&error) {
            return match answer.status {
                StatusCode::PRECONDITION_FAILED | StatusCode::RANGE_NOT_SATISFIABLE => {
                    Self::Changed
                }
                _ => Self::Answer(answer.clone()),
            };
        }
        if let Some(fault) = find::<Fault>(&error) {
            return Self::Fault(fault.again());
        }
        if matches!(error, object_store::Error::Precondition { .. }) {
            return Self::Changed;
        }
        tracing::debug!(kind = variant(&error), "the store's client failed");
        Self::Fault(Fault::broken("the store's reply makes no sense"))
    }
}

/// Its kind alone: its text may hold a signed address.
fn variant(error: &object_store::Error) -> &'static str {
    match error {
        object_store::Error::Generic { .. } => "generic",
        object_store::Error::NotFound { .. } => "not found",
        object_store::Error::InvalidPath { .. } => "invalid path",
        object_store::Error::NotSupported { .. } => "not supported",
        _ => "other",
    }
}

impl Refused {
    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Answer(answer) if answer.status == StatusCode::NOT_FOUND)
    }

    pub(super) fn is_forbidden(&self) -> bool {
        matches!(self, Self::Answer(answer) if answer.status == StatusCode::FORBIDDEN)
    }

    /// While the body was under way.
    pub(super) fn into_fault(self) -> Fault {
        match self {
            Self::Answer(answer) => answer.into_fault(),
            Self::Changed => Fault::changed(),
            Self::Fault(fault) => fault,
        }
    }

    /// In words for the user.
    pub(super) fn explain(self, uri: &BucketUri, opened: &Opened) -> Fault {
        let Self::Answer(answer) = self else {
            return self.into_fault();
        };
        let bucket = &uri.bucket;
        let moved = answer.region.as_deref().filter(|_| {
            answer.status.is_redirection() || answer.is(&["AuthorizationHeaderMalformed"])
        });
        if let Some(region) = moved {
            return Fault::Final(Error::invalid(format!(
                "{LIES_IN}{region}`: set AWS_REGION to it"
            )));
        }
        if answer.is(&["NoSuchBucket", "ContainerNotFound"]) {
            let why = format!("there is no bucket `{bucket}`; is its name spelt right?");
            return Fault::Final(Error::not_found(why));
        }
        match answer.status.as_u16() {
            404 => Fault::Final(Error::not_found(format!(
                "the bucket `{bucket}` or the object in it is not there"
            ))),
            401 | 403 => Fault::Final(refusal(&answer, bucket, opened)),
            400 if answer.is(&BAD_CREDENTIALS) => Fault::Final(refusal(&answer, bucket, opened)),
            _ => answer.into_fault(),
        }
    }
}

/// What S3 answers with 400 rather than 403.
const BAD_CREDENTIALS: [&str; 4] = [
    "ExpiredToken",
    "InvalidToken",
    "TokenRefreshRequired",
    "InvalidAccessKeyId",
];

fn refusal(answer: &Answer, bucket: &str, opened: &Opened) -> Error {
    let why = match answer.code.as_deref() {
        Some("InvalidAccessKeyId") => "the store does not know the access key",
        Some("SignatureDoesNotMatch" | "AuthenticationFailed") => {
            "the secret does not belong to the key, or the signature has ended"
        }
        Some("ExpiredToken" | "TokenRefreshRequired") => "the session has ended",
        Some("InvalidToken" | "InvalidTokenId") => "the store does not accept the session token",
        Some("RequestTimeTooSkewed") => "this machine's clock is wrong",
        _ => "it may not be read",
    };
    Error::new(
        Kind::Forbidden,
        format!(
            "the bucket `{bucket}`: {why} (the store answers {answer} to {}); {}",
            opened.who, opened.hint
        ),
    )
}

/// The region in a fault of [`Refused::explain`].
pub(super) fn region(fault: &Fault) -> Option<String> {
    let text = fault.to_string();
    let (region, _) = text.strip_prefix(LIES_IN)?.split_once('`')?;
    Some(region.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stores_word_is_read() {
        let xml = b"<?xml version=\"1.0\"?><Error><Code>NoSuchBucket</Code><Message>x</Message>";
        assert_eq!(code(xml).as_deref(), Some("NoSuchBucket"));
        assert_eq!(
            code(br#"{"error": "invalid_grant"}"#).as_deref(),
            Some("invalid_grant")
        );
        for odd in [
            &b"<Code>a b</Code>"[..],
            b"",
            b"<Code>x",
            b"{\"error\": {}}",
            b"\xff",
        ] {
            assert_eq!(code(odd), None);
        }
    }

    #[test]
    fn a_region_is_told_and_read_again() {
        let text = format!("{LIES_IN}eu-west-1`: set AWS_REGION to it");
        let fault = Fault::Final(Error::invalid(text));
        assert_eq!(region(&fault).as_deref(), Some("eu-west-1"));
        assert_eq!(region(&Fault::broken("x")), None);
    }
}
