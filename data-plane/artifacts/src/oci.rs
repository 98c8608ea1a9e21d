//! Artifacts and images of a registry: the OCI distribution API, as far as reading goes.
//!
//! Two kinds of artifact are read: files with names, as ORAS pushes them, and layers of tar, where
//! an image (a "modelcar") keeps its model below `/models`. Every byte is checked against the
//! digest that its manifest names.

mod assemble;
mod auth;
mod manifest;

use std::ops::Range;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use futures_util::stream::StreamExt as _;
use hari_error::{Error, Kind, Result};
use http::header::{ACCEPT, AUTHORIZATION, LOCATION, RANGE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue};
use http_body_util::{BodyExt as _, Limited};
use tokio::sync::Mutex;
use url::{Host, Url};

use self::auth::{Challenge, Login};
use self::manifest::Manifest;
use crate::archive::EntryName;
use crate::bucket::{Object, Part, Pin};
use crate::checksum::Sums;
use crate::client::Client;
use crate::digest::Sha256;
use crate::fault::Fault;
use crate::options::FetchOptions;
use crate::uri::Reference;

pub(crate) use assemble::assemble;
pub(crate) use manifest::Layer;

/// Most bytes of a manifest or token.
const MAX_REPLY: usize = 4 << 20;
const MAX_REDIRECTS: usize = 5;

/// A repository of a registry.
pub(crate) struct Registry {
    client: Client,
    base: Url,
    reference: Reference,
    login: Option<Login>,
    /// The `Authorization` that the registry wants, once it is known.
    held: Mutex<Option<HeaderValue>>,
}

/// An artifact or image: what is fetched, and how it becomes a model.
pub(crate) struct Found {
    /// Of its manifest.
    pub(crate) digest: Sha256,
    pub(crate) layers: Vec<Layer>,
    /// It is a container's file system: the model lies below `/models`.
    pub(crate) image: bool,
}

impl Found {
    /// The layers as objects, named by their number.
    pub(crate) fn objects(&self) -> Result<Vec<Object>> {
        let each = self.layers.iter().enumerate().map(|(at, layer)| {
            Ok(Object {
                name: EntryName::of_object(&format!("layers/{at}"))?,
                key: layer.digest.to_string(),
                bytes: layer.bytes,
                tag: layer.digest.to_string(),
            })
        });
        each.collect()
    }
}

impl Registry {
    /// # Errors
    /// `InvalidInput` if the login that the machine keeps cannot be read.
    pub(crate) fn open(reference: &Reference, options: &FetchOptions) -> Result<Self> {
        let host = match &*reference.registry {
            "docker.io" | "index.docker.io" => "registry-1.docker.io",
            host => host,
        };
        let bad = |_| Error::invalid(format!("`{host}`: expected the host of a registry"));
        let https = Url::parse(&format!("https://{host}/")).map_err(bad)?;
        // As Docker does it, this machine itself may speak http.
        let base = match is_loopback(&https) {
            true => Url::parse(&format!("http://{host}/")).map_err(bad)?,
            false => https,
        };
        Ok(Self {
            client: Client::new(options)?,
            base,
            reference: reference.clone(),
            login: Login::find(&reference.registry, &options.storage)?,
            held: Mutex::new(None),
        })
    }

    /// The manifest that the reference means.
    pub(crate) async fn find(&self) -> Result<Found, Fault> {
        let (mut digest, mut manifest) = self.manifest(&self.reference.wanted()).await?;
        if let Some(expected) = self.reference.digest.filter(|expected| *expected != digest) {
            return Err(Fault::broken(format!(
                "the manifest: expected sha256 {expected}, found {digest}"
            )));
        }
        if let Some(platform) = manifest.platform()? {
            (digest, manifest) = self.manifest(&format!("sha256:{platform}")).await?;
            if digest != platform {
                return Err(Fault::broken("the manifest does not hash to its digest"));
            }
        }
        Ok(Found {
            digest,
            image: manifest.is_image(),
            layers: manifest.layers()?,
        })
    }

    async fn manifest(&self, wanted: &str) -> Result<(Sha256, Manifest), Fault> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(manifest::ACCEPTED));
        let reply = self.get("manifests", wanted, &headers).await?;
        let body = whole(reply).await?;
        Ok((Sha256::of(&body), Manifest::read(&body)?))
    }

    /// A layer's version is its digest.
    pub(crate) fn head(&self, object: &Object) -> Result<Pin, Fault> {
        let sha256: Sha256 = object.key.parse()?;
        Ok(Pin {
            bytes: object.bytes,
            etag: Some(object.tag.clone()),
            sums: Sums::of_sha256(&sha256),
            ..Pin::default()
        })
    }

    /// A layer from `range.start` to its end.
    pub(crate) async fn read(
        &self,
        object: &Object,
        range: Option<Range<u64>>,
    ) -> Result<Part, Fault> {
        let start = range.map_or(0, |range| range.start);
        let mut headers = HeaderMap::new();
        if start > 0 {
            let value = HeaderValue::from_str(&format!("bytes={start}-"));
            headers.extend(value.ok().map(|value| (RANGE, value)));
        }
        let reply = self
            .get("blobs", &format!("sha256:{}", object.key), &headers)
            .await?;
        // A registry that knows no ranges sends all of it: what is here already is passed over.
        let skip = if reply.status() == 206 { 0 } else { start };
        let body = http::Response::from(reply).into_body().into_data_stream();
        let body = body.map_err(Fault::of_connection);
        Ok(Part {
            pin: self.head(object)?,
            body: without_first(body, skip).boxed(),
        })
    }

    /// A request, with a token if the registry wants one.
    async fn get(
        &self,
        what: &str,
        wanted: &str,
        headers: &HeaderMap,
    ) -> Result<reqwest::Response, Fault> {
        let repository = &self.reference.repository;
        let url = self.base.join(&format!("v2/{repository}/{what}/{wanted}"));
        let url = url.map_err(|_| Error::invalid("the repository's name makes no address"))?;
        let held = self.held.lock().await.clone();
        let reply = self.send(&url, headers, held.as_ref()).await?;
        if reply.status() != 401 {
            return self.judge(reply);
        }
        let fresh = self.authorise(&reply).await?;
        let reply = self.send(&url, headers, Some(&fresh)).await?;
        let reply = self.judge(reply)?;
        *self.held.lock().await = Some(fresh);
        Ok(reply)
    }

    /// The request, and the redirects that it meets: to where the registry keeps its blobs, without
    /// the credentials, never from https to http.
    async fn send(
        &self,
        url: &Url,
        headers: &HeaderMap,
        authorization: Option<&HeaderValue>,
    ) -> Result<reqwest::Response, Fault> {
        let mut at = url.clone();
        for _ in 0..=MAX_REDIRECTS {
            self.client.policy.admit(&at)?;
            let mut headers = headers.clone();
            let ours = at.origin() == self.base.origin();
            headers.extend(
                authorization
                    .filter(|_| ours)
                    .map(|value| (AUTHORIZATION, value.clone())),
            );
            let sent = self
                .client
                .inner
                .get(at.clone())
                .headers(headers)
                .send()
                .await;
            let reply = sent.map_err(Fault::of_connection)?;
            if !reply.status().is_redirection() {
                return Ok(reply);
            }
            at = follow(&at, reply.headers())?;
        }
        Err(Fault::Final(Error::invalid(format!(
            "the registry redirects more than {MAX_REDIRECTS} times"
        ))))
    }

    fn judge(&self, reply: reqwest::Response) -> Result<reqwest::Response, Fault> {
        let status = reply.status();
        if status.is_success() {
            return Ok(reply);
        }
        let Reference {
            registry,
            repository,
            ..
        } = &self.reference;
        Err(match status.as_u16() {
            401 | 403 => {
                let who = self
                    .login
                    .as_ref()
                    .map_or("no credentials", |_| "the login in config.json");
                Fault::Final(Error::new(
                    Kind::Forbidden,
                    format!(
                        "the registry answers {status} to {who} for `{repository}`; log in with \
                         `docker login {registry}` or `oras login {registry}`, or set \
                         DOCKER_CONFIG to the folder of a config.json with the login"
                    ),
                ))
            }
            404 => Fault::Final(Error::not_found(format!(
                "the registry has no `{}` in `{repository}`",
                self.reference.wanted()
            ))),
            _ => {
                let after = reply.headers().get(RETRY_AFTER);
                let after = after.and_then(|value| value.to_str().ok()?.parse().ok());
                Fault::of_status(status, after.map(std::time::Duration::from_secs))
            }
        })
    }

    /// What the challenge of a 401 asks for.
    async fn authorise(&self, reply: &reqwest::Response) -> Result<HeaderValue, Fault> {
        let challenge = reply.headers().get(WWW_AUTHENTICATE);
        let challenge = challenge.and_then(|value| Challenge::parse(value.to_str().ok()?));
        let Some(challenge) = challenge else {
            return Err(Fault::of_status(reply.status(), None));
        };
        let url = match challenge {
            Challenge::Basic => {
                let login = self
                    .login
                    .as_ref()
                    .ok_or_else(|| Fault::of_status(reply.status(), None))?;
                return Ok(login.basic()?);
            }
            Challenge::Bearer(url) => url,
        };
        if url.scheme() != "https" && !is_loopback(&url) {
            return Err(Fault::Final(Error::new(
                Kind::Forbidden,
                "the registry sends to a token server over http",
            )));
        }
        self.client.policy.admit(&url)?;
        let mut request = self.client.inner.get(url);
        if let Some(login) = &self.login {
            request = request.header(AUTHORIZATION, login.basic()?);
        }
        let reply = request.send().await.map_err(Fault::of_connection)?;
        let body = whole(self.judge(reply)?).await?;
        Ok(auth::token(&body)?)
    }
}

/// The body, if it is small.
async fn whole(reply: reqwest::Response) -> Result<Bytes, Fault> {
    let body = http::Response::from(reply).into_body();
    let collected = Limited::new(body, MAX_REPLY).collect().await;
    let collected = collected.map_err(|_| Fault::broken("the transfer of a manifest broke"))?;
    Ok(collected.to_bytes())
}

/// Where a redirect leads.
fn follow(at: &Url, headers: &HeaderMap) -> Result<Url> {
    let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
    let target = location.and_then(|location| at.join(location).ok());
    let target = target.ok_or_else(|| Error::invalid("the registry redirects to nowhere"))?;
    let downgrade = target.scheme() != "https" && at.scheme() == "https";
    match downgrade || !["http", "https"].contains(&target.scheme()) {
        true => Err(Error::new(
            Kind::Forbidden,
            format!("the registry redirects from https to {}", target.scheme()),
        )),
        false => Ok(target),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

fn without_first(
    body: impl futures_util::Stream<Item = Result<Bytes, Fault>>,
    mut skip: u64,
) -> impl futures_util::Stream<Item = Result<Bytes, Fault>> {
    body.map_ok(move |mut bytes| {
        let here = usize::try_from(skip).unwrap_or(usize::MAX).min(bytes.len());
        skip -= here as u64;
        bytes.split_off(here)
    })
}

#[cfg(test)]
mod tests;
