//! Where requests go, and the bytes of one.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use http::Uri;

/// A server, and a request that is written once and sent many times.
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) request: Vec<u8>,
}

impl Target {
    /// A POST of the JSON in `body` to `url`.
    pub(crate) fn new(url: &str, body: &Path) -> Result<Self> {
        let body =
            std::fs::read(body).with_context(|| format!("cannot read {}", body.display()))?;
        Self::post(url, &body)
    }

    /// A POST of JSON to `url`.
    pub(crate) fn post(url: &str, body: &[u8]) -> Result<Self> {
        Self::typed(url, "content-type: application/json", body)
    }

    /// A POST of JSON, `head` bytes of it, and binary tensors after it.
    pub(crate) fn binary(url: &str, body: &[u8], head: usize) -> Result<Self> {
        let headers = format!(
            "content-type: application/octet-stream\r\ninference-header-content-length: {head}"
        );
        Self::typed(url, &headers, body)
    }

    fn typed(url: &str, headers: &str, body: &[u8]) -> Result<Self> {
        let url: Uri = url.parse().with_context(|| format!("reading `{url}`"))?;
        let authority = url.authority().context("the URL names no server")?;
        let port = authority.port_u16().unwrap_or(80);
        let mut addresses = (authority.host(), port).to_socket_addrs()?;
        let path = url.path_and_query().map_or("/", |path| path.as_str());
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nhost: {authority}\r\n{headers}\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        Ok(Self {
            address: addresses.next().context("the server has no address")?,
            request,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_a_head_and_a_body() {
        let target = Target::post("http://127.0.0.1:8000/v2/models/m/infer?a=b", b"{}").unwrap();
        assert_eq!(target.address, "127.0.0.1:8000".parse().unwrap());
        let text = String::from_utf8(target.request).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with("POST /v2/models/m/infer?a=b HTTP/1.1\r\nhost: 127.0.0.1:8000\r\n")
        );
        assert!(head.ends_with("content-length: 2"));
        assert_eq!(body, "{}");
    }

    #[test]
    fn binary_tensors_follow_their_head() {
        let target = Target::binary("http://127.0.0.1:1/", b"{}\xff", 2).unwrap();
        let head = b"content-type: application/octet-stream\r\n\
                     inference-header-content-length: 2\r\ncontent-length: 3\r\n\r\n{}\xff";
        assert!(target.request.ends_with(head));
    }

    #[test]
    fn a_url_needs_a_server() {
        assert!(Target::post("/only/a/path", b"").is_err());
    }
}
