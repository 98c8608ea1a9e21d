//! Which of a caller's headers nodes elsewhere get to see.

use std::sync::Arc;

use hari_telemetry::trace;
use http::{HeaderMap, HeaderName};

/// Headers of one connection or one message, and those that a call to a node has of its own: its
/// address, its media type and encoding, its caller and its id.
const OWN: [&str; 18] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "inference-header-content-length",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "seldon-puid",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// The headers to hand on, in their order: names in lower case, values that are text. What
/// `connection` names stays here too (RFC 9110, section 7.6.1).
pub(crate) fn of(headers: &HeaderMap) -> Arc<[(String, String)]> {
    let kept = headers.iter().filter_map(|(name, value)| {
        let stays = is_own(name) || is_named(headers, name);
        let value = value.to_str().ok().filter(|_| !stays)?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    kept.collect()
}

/// Binary metadata of gRPC is among them: its base64 is the connection's business. So is the
/// caller's trace where traces leave this process: a call is a span of ours then. Where none do,
/// the trace goes on as it came, so that it is not cut here.
fn is_own(name: &HeaderName) -> bool {
    let name = name.as_str();
    let connection = OWN.contains(&name) || name.starts_with("grpc-") || name.ends_with("-bin");
    connection || (trace::is_header(name) && trace::on())
}

fn is_named(headers: &HeaderMap, name: &HeaderName) -> bool {
    let named = headers.get_all(http::header::CONNECTION).into_iter();
    let mut named = named.filter_map(|value| value.to_str().ok());
    named.any(|all| {
        all.split(',')
            .any(|one| one.trim().eq_ignore_ascii_case(name.as_str()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(pairs: &[(&'static str, &'static str)]) -> Vec<(String, String)> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        of(&headers).to_vec()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn what_belongs_to_the_connection_or_the_message_stays_here() {
        let all = [
            ("te", "trailers"),
            ("grpc-timeout", "1S"),
            ("trace-bin", "AAEC"),
            ("content-length", "7"),
            ("x-tenant", "a"),
            ("user-agent", "test"),
            ("authorization", "b"),
        ];
        assert_eq!(
            kept(&all),
            [pair("x-tenant", "a"), pair("authorization", "b")]
        );
    }

    #[test]
    fn a_trace_is_handed_on_as_it_came_where_none_leaves_this_process() {
        let all = [
            ("traceparent", "00-1-2-01"),
            ("b3", "1-2-1"),
            ("x-b3-traceid", "1"),
        ];
        let expected = all.map(|(name, value)| pair(name, value));
        assert_eq!(kept(&all), expected);
    }

    #[test]
    fn every_value_of_a_header_is_handed_on() {
        let all = [("x-tag", "a"), ("x-tag", "b")];
        assert_eq!(kept(&all), [pair("x-tag", "a"), pair("x-tag", "b")]);
    }

    #[test]
    fn what_the_connection_names_stays_here() {
        let all = [
            ("connection", "keep-alive, X-Hop"),
            ("x-hop", "1"),
            ("x-end", "2"),
        ];
        assert_eq!(kept(&all), [pair("x-end", "2")]);
    }

    #[test]
    fn a_value_that_is_no_text_is_left_out() {
        let mut headers = HeaderMap::new();
        headers.insert("x-raw", http::HeaderValue::from_bytes(b"\xff").unwrap());
        assert!(of(&headers).is_empty());
    }
}
