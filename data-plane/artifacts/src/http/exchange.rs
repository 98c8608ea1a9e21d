//! One request and the redirects that it meets, each checked: same host, never from https to http.

use std::time::Duration;

use hari_error::{Error, Kind, Result};
use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use url::Url;

use crate::client::Client;
use crate::fault::Fault;

const MAX_REDIRECTS: usize = 5;

/// Sends the request; the reply is 200, 206, 304 or 416.
pub(super) async fn send(
    client: &Client,
    url: &Url,
    headers: &HeaderMap,
) -> Result<Response, Fault> {
    let mut at = url.clone();
    for _ in 0..=MAX_REDIRECTS {
        client.policy.admit(&at)?;
        let request = client.inner.get(at.clone()).headers(headers.clone());
        let response = request.send().await.map_err(Fault::of_connection)?;
        match response.status().as_u16() {
            200 | 206 | 304 | 416 => return Ok(response),
            301 | 302 | 303 | 307 | 308 => at = next(&at, &response)?,
            _ => return Err(Fault::of_status(response.status(), retry_after(&response))),
        }
    }
    Err(Fault::Final(Error::invalid(format!(
        "the server redirects more than {MAX_REDIRECTS} times"
    ))))
}

fn next(at: &Url, response: &Response) -> Result<Url> {
    let status: StatusCode = response.status();
    let location = response
        .headers()
        .get(LOCATION)
        .and_then(|value| value.to_str().ok());
    let target = location
        .and_then(|location| at.join(location).ok())
        .ok_or_else(|| {
            Error::invalid(format!(
                "the server answers {status} without saying where to"
            ))
        })?;
    follow(at, target)
}

/// The target, with the user name and password that the URL carried.
fn follow(at: &Url, mut target: Url) -> Result<Url> {
    let port = at.port_or_known_default() == target.port_or_known_default();
    let upgrade = at.scheme() == "http" && target.scheme() == "https";
    let default = at.port().is_none() && target.port().is_none();
    if at.host() != target.host() || !(port || upgrade && default) {
        return Err(Error::new(
            Kind::Forbidden,
            format!(
                "the server redirects to another host, `{}`, which is not followed; \
                 use the address of the file itself",
                target.host_str().unwrap_or_default()
            ),
        ));
    }
    if at.scheme() != target.scheme() && !upgrade {
        return Err(Error::new(
            Kind::Forbidden,
            format!(
                "the server redirects from {} to {}",
                at.scheme(),
                target.scheme()
            ),
        ));
    }
    // Neither fails for a URL with a host.
    let kept = target
        .set_username(at.username())
        .and(target.set_password(at.password()));
    kept.map_err(|()| Error::invalid("the server redirects to a URL without a host"))?;
    Ok(target)
}

fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goes(from: &str, to: &str) -> Result<String> {
        let from = Url::parse(from).unwrap();
        follow(&from, from.join(to).unwrap()).map(String::from)
    }

    #[test]
    fn the_same_host_is_followed() {
        assert_eq!(goes("http://h/a", "/b").unwrap(), "http://h/b");
        assert_eq!(
            goes("http://h:1/a", "http://h:1/b").unwrap(),
            "http://h:1/b"
        );
        assert_eq!(goes("http://h/a", "https://h/a").unwrap(), "https://h/a");
        assert_eq!(
            goes("https://u:p@h/a", "https://h/b").unwrap(),
            "https://u:p@h/b"
        );
    }

    #[test]
    fn anything_else_is_not() {
        for (from, to) in [
            ("http://h/a", "http://g/a"),
            ("http://h/a", "//g/a"),
            ("http://h/a", "http://h:81/a"),
            ("http://h:1/a", "https://h/a"),
            ("https://h/a", "http://h/a"),
            ("https://h:5/a", "http://h:5/a"),
            ("http://h/a", "file:///etc/passwd"),
        ] {
            assert_eq!(
                goes(from, to).unwrap_err().kind(),
                Kind::Forbidden,
                "{from} {to}"
            );
        }
    }
}
