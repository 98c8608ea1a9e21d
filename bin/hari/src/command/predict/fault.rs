//! What a server says when it refuses: its own words, with the code of HTTP or gRPC.

use hari_error::{Error, Kind};
use serde_json::Value;

/// The most of a body that is no JSON that is repeated, in characters.
const MOST: usize = 400;

/// The answer of a REST server that is no success.
pub(super) fn http(status: reqwest::StatusCode, body: &[u8]) -> Error {
    let kind = match status.is_client_error() {
        true => Kind::InvalidInput,
        false => Kind::BadGateway,
    };
    let said = words(body).unwrap_or_else(|| "the server says nothing more".to_owned());
    Error::new(kind, format!("HTTP {status}: {said}"))
}

/// The words of an error body: of the Seldon protocol, of the other two, or as they are.
fn words(body: &[u8]) -> Option<String> {
    let parsed: Option<Value> = serde_json::from_slice(body).ok();
    let fields = [
        "/status/info",
        "/error",
        "/error/message",
        "/message",
        "/detail",
    ];
    let said = parsed.as_ref().and_then(|value| {
        let mut texts = fields
            .iter()
            .filter_map(|field| value.pointer(field)?.as_str());
        texts.find(|text| !text.is_empty()).map(str::to_owned)
    });
    said.or_else(|| {
        let text = String::from_utf8_lossy(body);
        let text: String = text
            .trim()
            .chars()
            .filter(|c| !c.is_control())
            .take(MOST)
            .collect();
        (!text.is_empty()).then_some(text)
    })
}

/// The answer of a gRPC server that is no success.
pub(super) fn grpc(status: &tonic::Status) -> Error {
    use tonic::Code;
    let kind = match status.code() {
        Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::Unauthenticated
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::Unimplemented => Kind::InvalidInput,
        Code::Unavailable => Kind::Unavailable,
        _ => Kind::BadGateway,
    };
    let code = status.code();
    Error::new(
        kind,
        format!("gRPC {code:?} ({}): {}", code as i32, status.message()),
    )
}

/// No answer at all.
pub(super) fn unreachable(base: &str, error: &(dyn std::error::Error + 'static)) -> Error {
    let cause = deepest(error);
    Error::unavailable(format!(
        "cannot reach {base}: {cause}; start a server with `hari run`, or name another with --url"
    ))
}

/// The answer did not come in time.
pub(super) fn late(timeout: std::time::Duration) -> Error {
    let message = format!("no answer within {timeout:?}; wait longer with --timeout");
    Error::new(Kind::DeadlineExceeded, message)
}

/// The last cause, which is the one that says what happened.
pub(super) fn deepest<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> &'a (dyn std::error::Error + 'static) {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last
}

#[cfg(test)]
mod tests {
    use hari_error::Blame;
    use reqwest::StatusCode;

    use super::*;

    #[test]
    fn the_servers_own_words_are_repeated() {
        for (body, expected) in [
            (
                r#"{"status":{"code":400,"info":"expected FP32","status":"FAILURE"}}"#,
                "expected FP32",
            ),
            (r#"{"error":"no model `x`"}"#, "no model `x`"),
            (r#"{"detail":"nope"}"#, "nope"),
            ("404 page not found\n", "404 page not found"),
            ("", "the server says nothing more"),
        ] {
            let error = http(StatusCode::BAD_REQUEST, body.as_bytes());
            assert_eq!(error.message(), format!("HTTP 400 Bad Request: {expected}"));
        }
    }

    #[test]
    fn blame_follows_the_code() {
        let blame = |code| {
            http(StatusCode::from_u16(code).unwrap(), b"")
                .kind()
                .blame()
        };
        assert_eq!(blame(404), Blame::Caller);
        assert_eq!(blame(429), Blame::Caller);
        assert_eq!(blame(500), Blame::Infrastructure);
        assert_eq!(blame(503), Blame::Infrastructure);
    }

    #[test]
    fn grpc_codes_are_said_by_name_and_number() {
        let error = grpc(&tonic::Status::invalid_argument("input `x`: expected FP32"));
        assert_eq!(
            error.message(),
            "gRPC InvalidArgument (3): input `x`: expected FP32"
        );
        assert_eq!(error.kind().blame(), Blame::Caller);
        assert_eq!(
            grpc(&tonic::Status::internal("x")).kind().blame(),
            Blame::Infrastructure
        );
    }

    #[test]
    fn a_long_page_is_cut() {
        let error = http(StatusCode::BAD_GATEWAY, "x".repeat(10_000).as_bytes());
        assert!(error.message().len() < 500);
    }
}
