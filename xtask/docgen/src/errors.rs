//! `errors.md`: the closed kinds of error and what they become on the wire.

use hari_error::{Blame, GrpcCode, Kind};

use crate::table::{code, heading, table};

pub(crate) fn page() -> String {
    let rows = Kind::ALL.map(|kind| {
        [
            code(kind.reason()),
            kind.http_status().to_string(),
            code(&grpc(kind.grpc_code())),
            blame(kind.blame()).to_owned(),
            if kind.retryable() { "yes" } else { "no" }.to_owned(),
        ]
    });
    let introduction = "Every error is of one of these kinds. The kind decides the HTTP status and \
                        the gRPC code; the body has the form of the protocol that was spoken. Who \
                        has to change something stands under *blame*; *retry* says whether the \
                        same request may succeed later. An error may carry a reason of its own in \
                        place of the one below, such as `MICROSERVICE_BAD_DATA`.";
    let mut text = heading("Errors", "`base/error`", introduction);
    text.push_str(&table(["Reason", "HTTP", "gRPC", "Blame", "Retry"], rows));
    text
}

/// The name as gRPC writes it: `INVALID_ARGUMENT`.
fn grpc(code: GrpcCode) -> String {
    let mut name = String::new();
    for (at, letter) in format!("{code:?}").chars().enumerate() {
        if at > 0 && letter.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

fn blame(blame: Blame) -> &'static str {
    match blame {
        Blame::Caller => "caller",
        Blame::Model => "model",
        Blame::Infrastructure => "infrastructure",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_written_as_grpc_writes_them() {
        assert_eq!(grpc(GrpcCode::InvalidArgument), "INVALID_ARGUMENT");
        assert_eq!(grpc(GrpcCode::Internal), "INTERNAL");
    }
}
