//! Request ids, CORS, CloudEvents and the other headers of every reply (contract, protocols, 2).

use std::sync::Arc;

use axum::extract::Request;
use hari_settings::Server;
use http::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CONTENT_ENCODING, CONTENT_LENGTH, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use uuid::Uuid;

use crate::body::Encoding;

/// The request id, both ways.
pub(crate) const PUID: HeaderName = HeaderName::from_static("seldon-puid");
const SKIP_LOGGING: HeaderName = HeaderName::from_static("seldon-skip-logging");
const CE_SPEC_VERSION: HeaderName = HeaderName::from_static("ce-specversion");
const CE_ID: HeaderName = HeaderName::from_static("ce-id");
const CE_PATH: HeaderName = HeaderName::from_static("ce-path");
const CE_TYPE: HeaderName = HeaderName::from_static("ce-type");
const CE_SOURCE: HeaderName = HeaderName::from_static("ce-source");

/// An id longer than this is not taken over.
const PUID_BYTES: usize = 256;

/// The caller's request id, or a new one.
pub(crate) fn puid(headers: &HeaderMap) -> Arc<str> {
    let given = headers.get(PUID).and_then(|value| value.to_str().ok());
    match given.filter(|id| !id.is_empty() && id.len() <= PUID_BYTES) {
        Some(id) => id.into(),
        None => Uuid::new_v4().to_string().into(),
    }
}

/// Whether the caller asked not to log the payload.
pub(super) fn skip_logging(headers: &HeaderMap) -> bool {
    let yes = |text: &str| {
        ["true", "on", "1"]
            .iter()
            .any(|yes| text.eq_ignore_ascii_case(yes))
    };
    headers
        .get_all(SKIP_LOGGING)
        .iter()
        .any(|value| value.to_str().is_ok_and(yes))
}

/// What of a request its reply's headers depend on.
pub(super) struct Asked {
    pub(super) accept_encoding: Option<HeaderValue>,
    puid: Arc<str>,
    event: Option<String>,
    methods: HeaderValue,
}

impl Asked {
    pub(super) fn of(request: &Request, puid: &Arc<str>) -> Self {
        let headers = request.headers();
        let event = headers.contains_key(CE_SPEC_VERSION);
        let get = matches!(*request.method(), Method::GET | Method::HEAD);
        Self {
            accept_encoding: headers.get(ACCEPT_ENCODING).cloned(),
            puid: puid.clone(),
            event: event.then(|| request.uri().path().to_owned()),
            methods: HeaderValue::from_static(if get { "OPTIONS,GET" } else { "OPTIONS,POST" }),
        }
    }

    /// Puts the common headers on a reply.
    pub(super) fn finish(&self, settings: &Server, headers: &mut HeaderMap) {
        let mut put = |name: HeaderName, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        put(PUID, &self.puid);
        put(ACCESS_CONTROL_ALLOW_ORIGIN, &settings.cors_origins);
        put(ACCESS_CONTROL_ALLOW_HEADERS, &settings.cors_headers);
        if let Some(path) = &self.event {
            put(CE_ID, &self.puid);
            put(CE_SPEC_VERSION, "0.3");
            put(CE_PATH, path);
        }
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        let methods = self.methods(headers);
        if headers.contains_key(ALLOW) {
            headers.insert(ALLOW, methods.clone());
        }
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    }

    /// The methods of the path: those that the router lists where it refuses one, else the one
    /// that was answered.
    fn methods(&self, headers: &HeaderMap) -> HeaderValue {
        let listed = headers.get(ALLOW).and_then(|allow| allow.to_str().ok());
        let listed = listed.and_then(|listed| {
            let others = listed
                .split(',')
                .map(str::trim)
                .filter(|&one| one != "HEAD");
            let all: Vec<_> = std::iter::once("OPTIONS").chain(others).collect();
            HeaderValue::from_str(&all.join(",")).ok()
        });
        listed.unwrap_or_else(|| self.methods.clone())
    }
}

/// The CloudEvents type and source of a reply, for the deployment that gave it.
pub(crate) fn event(headers: &mut HeaderMap, namespace: &str, deployment: &str) {
    let mut put = |name: HeaderName, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    };
    put(CE_TYPE, format!("seldon.{deployment}.{namespace}.response"));
    put(CE_SOURCE, format!("seldon.{deployment}"));
}

/// Whether a request came as a CloudEvent.
pub(crate) fn is_event(headers: &HeaderMap) -> bool {
    headers.contains_key(CE_SPEC_VERSION)
}

/// Says how the body is compressed.
pub(super) fn compressed(headers: &mut HeaderMap, encoding: Encoding) {
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.remove(CONTENT_LENGTH);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_taken_over_or_made() {
        let mut headers = HeaderMap::new();
        assert_eq!(puid(&headers).len(), 36);
        assert_ne!(puid(&headers), puid(&headers));
        headers.insert(PUID, HeaderValue::from_static("my-id"));
        assert_eq!(&*puid(&headers), "my-id");
        headers.insert(PUID, HeaderValue::from_str(&"x".repeat(300)).unwrap());
        assert_eq!(puid(&headers).len(), 36);
    }

    #[test]
    fn any_of_several_values_switches_logging_off() {
        let mut headers = HeaderMap::new();
        headers.append(SKIP_LOGGING, HeaderValue::from_static("no"));
        assert!(!skip_logging(&headers));
        headers.append(SKIP_LOGGING, HeaderValue::from_static("TRUE"));
        assert!(skip_logging(&headers));
    }
}
