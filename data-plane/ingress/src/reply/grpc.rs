//! The answer to a gRPC call that failed.

use hari_error::{Error, Kind};
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

/// Most bytes of a message: it travels in a header, and clients bound theirs at 8 KiB.
const MESSAGE_BYTES: usize = 2048;

/// How long a client's retry policy is to wait (gRPC proposal A6).
const PUSHBACK: &str = "grpc-retry-pushback-ms";

/// The status that says `error`: its code, its words, and when to come back.
pub(crate) fn status(error: &Error) -> Status {
    super::log(error);
    let mut status = Status::new(code(error.kind()), shortened(error.to_string()));
    if let Some(after) = error.retry_after() {
        let millis = u32::try_from(after.as_millis()).unwrap_or(u32::MAX);
        status
            .metadata_mut()
            .insert(PUSHBACK, MetadataValue::from(millis));
    }
    status
}

fn code(kind: Kind) -> Code {
    Code::from_i32(kind.grpc_code() as i32)
}

fn shortened(mut message: String) -> String {
    if message.len() > MESSAGE_BYTES {
        let mut end = MESSAGE_BYTES;
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        message.truncate(end);
        message.push('…');
    }
    message
}

/// The name of a code in metrics, as Go writes it: dashboards compare with these.
pub(crate) fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "Canceled",
        Code::Unknown => "Unknown",
        Code::InvalidArgument => "InvalidArgument",
        Code::DeadlineExceeded => "DeadlineExceeded",
        Code::NotFound => "NotFound",
        Code::AlreadyExists => "AlreadyExists",
        Code::PermissionDenied => "PermissionDenied",
        Code::ResourceExhausted => "ResourceExhausted",
        Code::FailedPrecondition => "FailedPrecondition",
        Code::Aborted => "Aborted",
        Code::OutOfRange => "OutOfRange",
        Code::Unimplemented => "Unimplemented",
        Code::Internal => "Internal",
        Code::Unavailable => "Unavailable",
        Code::DataLoss => "DataLoss",
        Code::Unauthenticated => "Unauthenticated",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_status_has_the_words_and_not_the_cause() {
        let error = Error::invalid("input `x`: expected FP32, found BYTES")
            .at_node("classifier")
            .with_source("/a/secret/path");
        let status = status(&error);
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(
            status.message(),
            "node `classifier`: input `x`: expected FP32, found BYTES"
        );
        assert!(status.details().is_empty() && status.metadata().is_empty());
    }

    #[test]
    fn every_kind_has_a_code_that_grpc_knows() {
        for kind in Kind::ALL {
            let code = code(kind);
            assert_eq!(code as i32, kind.grpc_code() as i32, "{kind:?}");
            assert_ne!(code, Code::Ok);
        }
    }

    #[test]
    fn an_overload_says_when_to_come_back() {
        let error = Error::new(Kind::Overloaded, "full").with_retry_after(Duration::from_secs(1));
        let status = status(&error);
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert_eq!(status.metadata().get(PUSHBACK).unwrap(), "1000");
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let status = status(&Error::invalid("ä".repeat(5000)));
        assert_eq!(status.message().len(), MESSAGE_BYTES + '…'.len_utf8());
        assert!(status.message().starts_with("ää") && status.message().ends_with("ä…"));
        let odd = shortened(format!("a{}", "ä".repeat(5000)));
        assert_eq!(odd.len(), MESSAGE_BYTES - 1 + '…'.len_utf8());
    }

    #[test]
    fn codes_have_the_names_that_dashboards_know() {
        assert_eq!(code_name(Code::Ok), "OK");
        assert_eq!(code_name(Code::Cancelled), "Canceled");
        assert_eq!(code_name(Code::Unavailable), "Unavailable");
    }
}
