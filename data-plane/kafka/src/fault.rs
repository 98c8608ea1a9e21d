//! What the client says went wrong, as an error of this workspace: words without addresses, the
//! rest in the source.

use hari_error::{Error, Kind};
use krafka::KrafkaError;
use krafka::error::ErrorCode;

/// `what` was tried, `fault` came of it.
///
/// `TooLarge`: the broker takes no record of that size. `NotFound`: there is no such topic.
/// `Forbidden`: user, password, certificate or rights. `InvalidInput`: a setting. All else is
/// `Unavailable`, and may succeed later.
pub(crate) fn error(what: &str, fault: KrafkaError) -> Error {
    let (kind, words) = kind(&fault);
    Error::new(kind, format!("Kafka: {what}: {words}")).with_source(fault)
}

fn kind(fault: &KrafkaError) -> (Kind, &'static str) {
    match fault {
        KrafkaError::Config { .. } => (Kind::InvalidInput, "a setting is wrong"),
        KrafkaError::Auth { .. } => (Kind::Forbidden, "the broker does not let us in"),
        KrafkaError::UnknownTopic { .. } => (Kind::NotFound, "there is no such topic"),
        KrafkaError::Broker { code, .. } => broker(*code),
        KrafkaError::Timeout { .. } | KrafkaError::DeliveryTimeout { .. } => {
            (Kind::Unavailable, "no answer in time")
        }
        KrafkaError::Network(_) => (Kind::Unavailable, "no connection to a broker"),
        _ => (Kind::Unavailable, "failed"),
    }
}

fn broker(code: ErrorCode) -> (Kind, &'static str) {
    match code {
        ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge => {
            (Kind::TooLarge, "the broker takes no record of this size")
        }
        ErrorCode::UnknownTopicOrPartition => (Kind::NotFound, "there is no such topic"),
        ErrorCode::TopicAuthorizationFailed
        | ErrorCode::GroupAuthorizationFailed
        | ErrorCode::ClusterAuthorizationFailed
        | ErrorCode::SaslAuthenticationFailed
        | ErrorCode::UnsupportedSaslMechanism => {
            (Kind::Forbidden, "the broker does not let us do this")
        }
        _ => (Kind::Unavailable, "the broker refused"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_say_what_can_be_done_and_words_hold_no_address() {
        for (fault, expected) in [
            (KrafkaError::config("x"), Kind::InvalidInput),
            (KrafkaError::auth("10.0.0.1 says no"), Kind::Forbidden),
            (KrafkaError::unknown_topic("t"), Kind::NotFound),
            (
                KrafkaError::timeout("fetch from 10.0.0.1"),
                Kind::Unavailable,
            ),
            (
                KrafkaError::broker(ErrorCode::MessageTooLarge, "10.0.0.1"),
                Kind::TooLarge,
            ),
            (
                KrafkaError::broker(ErrorCode::TopicAuthorizationFailed, "10.0.0.1"),
                Kind::Forbidden,
            ),
            (
                KrafkaError::broker(ErrorCode::NotEnoughReplicas, "10.0.0.1"),
                Kind::Unavailable,
            ),
        ] {
            let error = error("topic `t`", fault);
            assert_eq!(error.kind(), expected, "{error}");
            assert!(!error.to_string().contains("10.0"), "{error}");
            assert!(std::error::Error::source(&error).is_some());
        }
    }
}
