//! Takes `/seldon/<namespace>/<name>` off a path, as the gateway of a cluster does.

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
    let target = match uri.query() {
        Some(query) => format!("/{path}?{query}"),
        None => format!("/{path}"),
    };
    let selector = Selector {
        namespace: Some(plain(namespace)),
        name: Some(plain(name)),
        model: None,
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
