//! Logging in to a registry: the challenge of a 401, and the logins that `docker` and `oras` keep.

use std::collections::HashMap;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hari_error::{Error, Result};
use hari_settings::{DOCKER_CONFIG, HOME, Secret, Storage};
use http::HeaderValue;
use serde::Deserialize;
use url::Url;

/// What a registry wants.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// User name and password with each request.
    Basic,
    /// A token from this address.
    Bearer(Url),
}

impl Challenge {
    /// Reads `Bearer realm="https://...",service="...",scope="..."`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.trim().split_once(' ').unwrap_or((text, ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let fields = fields(rest);
        let mut url = Url::parse(fields.get("realm")?).ok()?;
        for name in ["service", "scope"] {
            if let Some(value) = fields.get(name) {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        Some(Self::Bearer(url))
    }
}

/// `a="x, y",b=z` as pairs.
fn fields(mut text: &str) -> HashMap<String, String> {
    let mut fields = HashMap::new();
    while let Some((name, rest)) = text.split_once('=') {
        let (value, rest) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => match rest.find(',') {
                Some(end) => rest.split_at(end),
                None => (rest, ""),
            },
        };
        let name = name.trim_matches([' ', ',']);
        fields.insert(name.to_ascii_lowercase(), value.to_owned());
        text = rest;
    }
    fields
}

/// The `Authorization` for the token in a reply.
pub(super) fn token(body: &[u8]) -> Result<HeaderValue> {
    #[derive(Deserialize)]
    struct Reply {
        token: Option<String>,
        access_token: Option<String>,
    }
    let bad = || Error::invalid("the registry's token server: expected JSON with `token`");
    let reply: Reply = serde_json::from_slice(body).map_err(|_| bad())?;
    let token = reply.token.or(reply.access_token).ok_or_else(bad)?;
    HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| bad())
}

/// A user name with its password, as one text in base64.
#[derive(Debug)]
pub(super) struct Login(Secret);

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    auths: HashMap<String, Auth>,
}

#[derive(Deserialize)]
struct Auth {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

impl Login {
    /// The login that `docker` or `oras` keeps for the registry, if there is one. Programs that
    /// keep logins elsewhere are not run.
    ///
    /// # Errors
    /// `InvalidInput` if the file is there and is not what they write.
    pub(super) fn find(registry: &str, storage: &Storage) -> Result<Option<Self>> {
        let home = || HOME.get().map(|home| PathBuf::from(home).join(".docker"));
        let Some(folder) = storage.get(&DOCKER_CONFIG).map(PathBuf::from).or_else(home) else {
            return Ok(None);
        };
        let Ok(text) = std::fs::read(folder.join("config.json")) else {
            return Ok(None);
        };
        let config: Config = serde_json::from_slice(&text).map_err(|_| {
            Error::invalid("the config.json with logins to registries: expected JSON with `auths`")
        })?;
        let names = match registry {
            "docker.io" | "index.docker.io" => vec!["https://index.docker.io/v1/", "docker.io"],
            name => vec![name],
        };
        let auth = names.into_iter().find_map(|name| {
            let exact = config.auths.get(name);
            exact.or_else(|| config.auths.get(&format!("https://{name}")))
        });
        Ok(auth.and_then(Self::of))
    }

    fn of(auth: &Auth) -> Option<Self> {
        if let Some(text) = auth.auth.as_ref().filter(|text| !text.is_empty()) {
            return Some(Self(Secret::new(text)));
        }
        let pair = format!("{}:{}", auth.username.as_ref()?, auth.password.as_ref()?);
        Some(Self(Secret::new(STANDARD.encode(pair))))
    }

    pub(super) fn basic(&self) -> Result<HeaderValue> {
        let value = HeaderValue::from_str(&format!("Basic {}", self.0.expose()));
        let mut value =
            value.map_err(|_| Error::invalid("the login in config.json: expected base64"))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::folder;

    #[test]
    fn challenges_are_read() {
        let text = "Bearer realm=\"https://auth.example/token\", service=registry,scope=\"repository:a/b:pull,push\"";
        let Some(Challenge::Bearer(url)) = Challenge::parse(text) else {
            panic!("no bearer");
        };
        assert_eq!(
            url.as_str(),
            "https://auth.example/token?service=registry&scope=repository%3Aa%2Fb%3Apull%2Cpush"
        );
        assert_eq!(
            Challenge::parse("Basic realm=\"x\""),
            Some(Challenge::Basic)
        );
        for text in [
            "",
            "Bearer",
            "Bearer realm=nonsense",
            "Digest realm=\"https://x\"",
        ] {
            assert_eq!(Challenge::parse(text), None, "{text}");
        }
    }

    #[test]
    fn logins_are_found_and_do_not_print() {
        let config = r#"{"auths": {
            "ghcr.io": {"auth": "dTpodW50ZXIy"},
            "https://quay.io": {"username": "u", "password": "hunter2"},
            "other.example": {}
        }, "credsStore": "desktop"}"#;
        let root = folder(&[("config.json", config)]);
        let storage = Storage::of([("DOCKER_CONFIG", root.path().to_str().unwrap())]);
        for registry in ["ghcr.io", "quay.io"] {
            let login = Login::find(registry, &storage).unwrap().unwrap();
            assert_eq!(login.basic().unwrap(), "Basic dTpodW50ZXIy");
            assert_eq!(
                format!("{login:?} {:?}", login.basic().unwrap()),
                "Login(***) Sensitive"
            );
        }
        for registry in ["other.example", "docker.io"] {
            assert!(Login::find(registry, &storage).unwrap().is_none());
        }
    }

    #[test]
    fn tokens_are_read() {
        assert_eq!(token(br#"{"token": "t"}"#).unwrap(), "Bearer t");
        assert_eq!(token(br#"{"access_token": "t"}"#).unwrap(), "Bearer t");
        for body in [&b"{}"[..], b"", br#"{"token": "a\nb"}"#] {
            assert!(token(body).is_err());
        }
    }
}
