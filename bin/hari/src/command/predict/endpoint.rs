//! Where to ask: a URL, a deployment, a model.

use std::time::Duration;

use clap::ValueEnum;
use hari_error::{Error, Result};
use url::Url;

/// How messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Transport {
    /// HTTP with JSON bodies
    Rest,
    /// gRPC, without TLS
    Grpc,
}

/// A server, and what to ask there.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub(super) transport: Transport,
    /// `http://host:port`, and the path that everything is below, without a slash at its end.
    pub(super) base: String,
    /// Namespace and name.
    pub(super) deployment: Option<(String, String)>,
    pub(super) model: Option<String>,
    /// For one answer.
    pub(super) timeout: Duration,
}

impl Endpoint {
    /// Reads a URL; `transport` decides where the scheme leaves a choice. A URL without a scheme is
    /// `http://`.
    ///
    /// # Errors
    /// If it cannot be read, or scheme and transport contradict each other.
    pub(super) fn parse(text: &str, transport: Option<Transport>) -> Result<Self> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let own = match scheme {
            "http" => transport.unwrap_or(Transport::Rest),
            "grpc" if transport == Some(Transport::Rest) => {
                return Err(bad(
                    text,
                    "grpc:// cannot be asked over REST; leave --transport out",
                ));
            }
            "grpc" => Transport::Grpc,
            "https" if transport != Some(Transport::Grpc) => Transport::Rest,
            "https" | "grpcs" => return Err(no_tls()),
            _ => return Err(bad(text, "expected http://, https:// or grpc://")),
        };
        let wire = if scheme == "https" { "https" } else { "http" };
        let url = Url::parse(&format!("{wire}://{rest}"))
            .map_err(|error| bad(text, &error.to_string()))?;
        if own == Transport::Grpc && url.path() != "/" {
            return Err(bad(
                text,
                "gRPC knows no path; name the deployment with --deployment",
            ));
        }
        Ok(Self {
            transport: own,
            base: url.as_str().trim_end_matches('/').to_owned(),
            deployment: None,
            model: None,
            timeout: Duration::from_secs(60),
        })
    }

    /// The URL that REST paths follow: behind the prefix of the deployment, if one is named.
    pub(super) fn rest_base(&self) -> String {
        match &self.deployment {
            Some((namespace, name)) => format!("{}/seldon/{namespace}/{name}", self.base),
            None => self.base.clone(),
        }
    }
}

fn bad(url: &str, why: &str) -> Error {
    Error::invalid(format!("--url `{url}`: {why}"))
}

fn no_tls() -> Error {
    Error::unimplemented("gRPC over TLS is not in this build yet; ask over REST with https://")
}

/// Reads `NAMESPACE/NAME`, or `NAME` in the namespace `default`.
///
/// # Errors
/// If one of the names could not be one of Kubernetes.
pub(super) fn deployment(text: &str) -> Result<(String, String)> {
    let (namespace, name) = text.split_once('/').unwrap_or(("default", text));
    let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    let named = |name: &str| !name.is_empty() && name.chars().all(letter);
    if named(namespace) && named(name) {
        return Ok((namespace.to_owned(), name.to_owned()));
    }
    Err(Error::invalid(format!(
        "--deployment: expected NAMESPACE/NAME, found `{text}`"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str, transport: Option<Transport>) -> Result<(Transport, String)> {
        Endpoint::parse(url, transport).map(|endpoint| (endpoint.transport, endpoint.base))
    }

    #[test]
    fn the_scheme_says_the_transport() {
        let http = "http://h:80".to_owned();
        for (url, transport, expected) in [
            ("http://h:8000/", None, (Transport::Rest, "http://h:8000")),
            ("h:8000", None, (Transport::Rest, "http://h:8000")),
            (
                "http://h:8000",
                Some(Transport::Grpc),
                (Transport::Grpc, "http://h:8000"),
            ),
            ("grpc://h:5001", None, (Transport::Grpc, "http://h:5001")),
            (
                "https://h/seldon/a/b/",
                None,
                (Transport::Rest, "https://h/seldon/a/b"),
            ),
        ] {
            let found = parse(url, transport).unwrap();
            assert_eq!((found.0, found.1.as_str()), expected, "{url}");
        }
        assert!(parse(&http, None).is_ok());
    }

    #[test]
    fn what_cannot_work_is_refused_with_a_way_out() {
        for (url, transport, word) in [
            ("ftp://h", None, "expected http://"),
            ("grpc://h:1", Some(Transport::Rest), "leave --transport out"),
            ("grpcs://h:1", None, "https://"),
            ("https://h", Some(Transport::Grpc), "https://"),
            ("grpc://h:1/path", None, "--deployment"),
            ("http://", None, "host"),
        ] {
            let error = parse(url, transport).unwrap_err();
            assert!(error.message().contains(word), "{url}: {error}");
        }
    }

    #[test]
    fn a_deployment_has_a_namespace() {
        assert_eq!(
            deployment("mnist").unwrap(),
            ("default".into(), "mnist".into())
        );
        assert_eq!(
            deployment("ns/mnist").unwrap(),
            ("ns".into(), "mnist".into())
        );
        for bad in ["", "/x", "x/", "a/b/c", "a b"] {
            assert!(deployment(bad).is_err(), "{bad}");
        }
        let mut endpoint = Endpoint::parse("h:1", None).unwrap();
        endpoint.deployment = Some(("ns".into(), "mnist".into()));
        assert_eq!(endpoint.rest_base(), "http://h:1/seldon/ns/mnist");
    }
}
