//! Takes `/seldon/<namespace>/<name>` off a path, as the gateway of a cluster does. Where the
//! namespace is left out, as behind a gateway of one namespace, it is the default one.

use axum::extract::Request;
use http::Uri;
use http::uri::PathAndQuery;
use percent_encoding::percent_decode_str;

use crate::select::Selector;

/// What the prefix said, if there is one; the request goes on without it.
pub(super) fn take(request: &mut Request) -> Selector {
    let Some((selector, rest)) = split(request.uri()) else {
        return Selector::default();
    };
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = Some(rest);
    match Uri::from_parts(parts) {
        Ok(uri) => *request.uri_mut() = uri,
        Err(_) => return Selector::default(),
    }
    selector
}

fn split(uri: &Uri) -> Option<(Selector, PathAndQuery)> {
    let rest = uri.path().strip_prefix("/seldon/")?;
    let mut pieces = rest.splitn(3, '/');
    let (namespace, name) = (pieces.next()?, pieces.next()?);
    if namespace.is_empty() || name.is_empty() {
        return None;
    }
    let path = pieces.next().unwrap_or("");
    if begins_a_path(name, path) {
        let target = rest.strip_prefix(namespace)?;
        return named(None, namespace, target, uri.query());
    }
    named(Some(namespace), name, &format!("/{path}"), uri.query())
}

/// Whether what stands in the place of the name belongs to the path of a protocol.
fn begins_a_path(name: &str, rest: &str) -> bool {
    let next = rest.split(['/', ':']).next().unwrap_or_default();
    match name {
        "api" => matches!(next, "v1.0" | "v0.1"),
        "v1" => next == "models",
        "v2" => matches!(next, "models" | "health" | "repository"),
        _ => false,
    }
}

fn named(
    namespace: Option<&str>,
    name: &str,
    path: &str,
    query: Option<&str>,
) -> Option<(Selector, PathAndQuery)> {
    let target = match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let selector = Selector {
        namespace: namespace.map(plain),
        name: Some(plain(name)),
        ..Selector::default()
    };
    Some((selector, target.parse().ok()?))
}

fn plain(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn after(uri: &str) -> (Selector, String) {
        let mut request = Request::builder().uri(uri).body(Body::empty()).unwrap();
        let selector = take(&mut request);
        (selector, request.uri().to_string())
    }

    #[test]
    fn the_prefix_names_the_deployment() {
        let (selector, uri) = after("/seldon/ns/mnist/api/v1.0/predictions?json=1");
        assert_eq!(selector.namespace.as_deref(), Some("ns"));
        assert_eq!(selector.name.as_deref(), Some("mnist"));
        assert_eq!(uri, "/api/v1.0/predictions?json=1");
        assert_eq!(after("/seldon/ns/mnist").1, "/");
    }

    #[test]
    fn without_a_namespace_the_path_begins_after_the_name() {
        for path in [
            "/api/v1.0/predictions?json=1",
            "/v1/models/m:predict",
            "/v2/models/m/infer",
        ] {
            let (selector, uri) = after(&format!("/seldon/mnist{path}"));
            assert_eq!(
                (selector.namespace, selector.name),
                (None, Some("mnist".to_owned()))
            );
            assert_eq!(uri, path);
        }
        let (selector, uri) = after("/seldon/ns/api/api/v1.0/predictions");
        assert_eq!(selector.name.as_deref(), Some("api"));
        assert_eq!(uri, "/api/v1.0/predictions");
    }

    #[test]
    fn other_paths_stay_as_they_are() {
        for uri in [
            "/api/v1.0/predictions",
            "/seldon",
            "/seldon/",
            "/seldon/ns",
            "/seldon.json",
        ] {
            assert_eq!(after(uri), (Selector::default(), uri.to_owned()));
        }
    }
}
