//! Access tokens of Google's OAuth: had once, kept until shortly before they end.
//!
//! A service account's assertion is signed here (RFC 7523, RS256) and exchanged at the token
//! endpoint that its own file names.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use hari_error::{Error, Kind, Result};
use hari_settings::Secret;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use object_store::CredentialProvider;
use object_store::gcp::GcpCredential;
use rustls::SignatureScheme;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::sign::SigningKey;
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::bucket::Connector;
use crate::fault::Fault;

const SCOPE: &str = "https://www.googleapis.com/auth/devstorage.read_only";
const PLATFORM: &str = "https://www.googleapis.com/auth/cloud-platform";
const GOOGLE_TOKENS: &str = "https://oauth2.googleapis.com/token";
const METADATA: &str = "http://metadata.google.internal/computeMetadata/v1/instance/\
                        service-accounts/default/token";
/// How long an assertion holds.
const LIFE: Duration = Duration::from_secs(3600);
/// A token is renewed so long before its end.
const MARGIN: Duration = Duration::from_secs(60);

/// Who asks for tokens.
pub(super) enum Identity {
    Account(Account),
    User(User),
    /// A workload identity pool: another system's token, exchanged.
    Pool(Pool),
    /// What the metadata service says of this machine or pod.
    Machine,
}

pub(super) struct Account {
    email: String,
    key_id: Option<String>,
    key: Arc<dyn SigningKey>,
    token_uri: String,
}

#[derive(Deserialize)]
struct AccountFile {
    client_email: String,
    private_key: String,
    private_key_id: Option<String>,
    token_uri: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct User {
    client_id: String,
    client_secret: String,
    refresh_token: String,
    token_uri: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Pool {
    audience: String,
    subject_token_type: String,
    token_url: String,
    credential_source: Source,
    service_account_impersonation_url: Option<String>,
}

#[derive(Deserialize)]
struct Source {
    file: String,
    format: Option<Format>,
}

#[derive(Deserialize)]
struct Format {
    #[serde(rename = "type")]
    kind: String,
    subject_token_field_name: Option<String>,
}

#[derive(Deserialize)]
struct Kinded {
    #[serde(rename = "type")]
    kind: String,
}

impl Identity {
    /// Reads the JSON that the variable `name` holds or names.
    ///
    /// # Errors
    /// `InvalidInput` with the variable and what is missing; never with the content.
    pub(super) fn read(json: &str, name: &str) -> Result<Self> {
        let kind: Kinded = read(json, name)?;
        match kind.kind.as_str() {
            "service_account" => Account::read(json, name).map(Self::Account),
            "authorized_user" => read(json, name).map(Self::User),
            "external_account" => read(json, name).map(Self::Pool),
            other => Err(Error::invalid(format!(
                "environment variable {name}: expected credentials of type `service_account`, \
                 `authorized_user` or `external_account`, found `{other}`"
            ))),
        }
    }
}

/// serde's words name fields and positions, but may quote a value: only those on fields are kept.
fn read<T: for<'de> Deserialize<'de>>(json: &str, name: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|error| {
        let words = error.to_string();
        let field = words.starts_with("missing field").then_some(words);
        let found = field.unwrap_or_else(|| "text that is no such JSON".to_owned());
        Error::invalid(format!(
            "environment variable {name}: expected Google credentials as JSON, found: {found}"
        ))
    })
}

impl Account {
    fn read(json: &str, name: &str) -> Result<Self> {
        let file: AccountFile = read(json, name)?;
        let bad = || {
            Error::invalid(format!(
                "environment variable {name}: `private_key` is no RSA key in PEM form"
            ))
        };
        let der = PrivateKeyDer::from_pem_slice(file.private_key.as_bytes()).map_err(|_| bad())?;
        let key = rustls::crypto::ring::sign::any_supported_type(&der).map_err(|_| bad())?;
        let account = Self {
            email: file.client_email,
            key_id: file.private_key_id,
            key,
            token_uri: file.token_uri.unwrap_or_else(|| GOOGLE_TOKENS.to_owned()),
        };
        account.sign(b"").map_err(|_| bad())?;
        Ok(account)
    }

    /// RS256 (RFC 7518): RSASSA-PKCS1-v1_5 with SHA-256.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let signer = self.key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]);
        let signer =
            signer.ok_or_else(|| Error::invalid("the key of the account is no RSA key"))?;
        signer
            .sign(message)
            .map_err(|_| Error::internal("the account's assertion cannot be signed"))
    }

    fn assertion(&self, now: Duration) -> Result<String> {
        let mut header = serde_json::json!({"alg": "RS256", "typ": "JWT"});
        if let (Some(id), Some(fields)) = (&self.key_id, header.as_object_mut()) {
            fields.insert("kid".to_owned(), id.as_str().into());
        }
        let claims = serde_json::json!({
            "iss": self.email,
            "scope": SCOPE,
            "aud": self.token_uri,
            "iat": now.as_secs(),
            "exp": (now + LIFE).as_secs(),
        });
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let head = format!(
            "{}.{}",
            encode(header.to_string().as_bytes()),
            encode(claims.to_string().as_bytes())
        );
        Ok(format!("{head}.{}", encode(&self.sign(head.as_bytes())?)))
    }
}

impl Pool {
    /// The other system's token.
    fn subject(&self) -> Result<String> {
        let bad =
            |what: &str| Error::invalid(format!("the workload identity pool's token: {what}"));
        let text = std::fs::read_to_string(&self.credential_source.file)
            .map_err(|_| bad("the file that the credentials name cannot be read"))?;
        let field = match &self.credential_source.format {
            Some(format) if format.kind == "json" => format.subject_token_field_name.as_deref(),
            _ => return Ok(text.trim().to_owned()),
        };
        let field = field.unwrap_or("access_token");
        let fields: HashMap<String, serde_json::Value> =
            serde_json::from_str(&text).map_err(|_| bad("expected JSON"))?;
        let token = fields.get(field).and_then(|value| value.as_str());
        token
            .map(str::to_owned)
            .ok_or_else(|| bad(&format!("expected a field `{field}`")))
    }
}

#[derive(Deserialize)]
struct Reply {
    #[serde(alias = "accessToken")]
    access_token: String,
    expires_in: Option<u64>,
}

/// A token, and till when it is used.
struct Held {
    credential: Arc<GcpCredential>,
    until: Instant,
}

/// Gives tokens to the store's client.
pub(super) struct Tokens {
    identity: Identity,
    connector: Connector,
    held: Mutex<Option<Held>>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens")
    }
}

impl Tokens {
    pub(super) fn new(identity: Identity, connector: Connector) -> Self {
        Self {
            identity,
            connector,
            held: Mutex::new(None),
        }
    }

    async fn have(&self) -> Result<(Secret, Duration), Fault> {
        let reply = match &self.identity {
            Identity::Account(account) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH);
                let assertion = account.assertion(now.unwrap_or_default())?;
                let fields = [
                    ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
                    ("assertion", &assertion),
                ];
                self.post(&account.token_uri, &fields).await?
            }
            Identity::User(user) => {
                let fields = [
                    ("grant_type", "refresh_token"),
                    ("client_id", &*user.client_id),
                    ("client_secret", &*user.client_secret),
                    ("refresh_token", &*user.refresh_token),
                ];
                let uri = user.token_uri.as_deref().unwrap_or(GOOGLE_TOKENS);
                self.post(uri, &fields).await?
            }
            Identity::Pool(pool) => self.exchange(pool).await?,
            Identity::Machine => {
                let name = HeaderName::from_static("metadata-flavor");
                let headers = HeaderMap::from_iter([(name, HeaderValue::from_static("Google"))]);
                self.send(Method::GET, METADATA, headers, Bytes::new())
                    .await?
            }
        };
        let life = Duration::from_secs(reply.expires_in.unwrap_or(300));
        Ok((Secret::new(reply.access_token), life))
    }

    /// RFC 8693, then the service account that the pool may act as, if one is named.
    async fn exchange(&self, pool: &Pool) -> Result<Reply, Fault> {
        let subject = pool.subject()?;
        let impersonates = pool.service_account_impersonation_url.as_deref();
        let fields = [
            (
                "grant_type",
                "urn:ietf:params:oauth:grant-type:token-exchange",
            ),
            (
                "requested_token_type",
                "urn:ietf:params:oauth:token-type:access_token",
            ),
            ("audience", &*pool.audience),
            ("subject_token_type", &*pool.subject_token_type),
            ("subject_token", &*subject),
            (
                "scope",
                if impersonates.is_some() {
                    PLATFORM
                } else {
                    SCOPE
                },
            ),
        ];
        let reply = self.post(&pool.token_url, &fields).await?;
        let Some(url) = impersonates else {
            return Ok(reply);
        };
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(AUTHORIZATION, bearer(&reply.access_token)?);
        let body = serde_json::json!({"scope": [SCOPE]}).to_string();
        self.send(Method::POST, url, headers, body.into()).await
    }

    async fn post(&self, url: &str, fields: &[(&str, &str)]) -> Result<Reply, Fault> {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, form)]);
        self.send(Method::POST, url, headers, body.into()).await
    }

    async fn send(
        &self,
        method: Method,
        url: &str,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Result<Reply, Fault> {
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let reply = self.connector.ask((method, url), headers, body).await;
        let body = reply.map_err(at_tokens)?;
        serde_json::from_slice(&body).map_err(|_| {
            Fault::Final(Error::invalid(
                "the token endpoint: expected JSON with `access_token`, found something else",
            ))
        })
    }
}

fn bearer(token: &str) -> Result<HeaderValue> {
    let value = HeaderValue::from_str(&format!("Bearer {token}"));
    value.map_err(|_| Error::invalid("the token endpoint: the token is no header's text"))
}

/// Whose refusal it is: not the bucket's.
fn at_tokens(fault: Fault) -> Fault {
    match fault {
        Fault::Final(error)
            if error.kind() == Kind::Forbidden || error.kind() == Kind::InvalidInput =>
        {
            let why = format!(
                "the token endpoint does not accept the credentials ({}); was the key deleted, \
                 or is this machine's clock wrong?",
                error.message()
            );
            Fault::Final(Error::new(Kind::Forbidden, why))
        }
        Fault::Final(error) => Fault::Final(error.context("the token endpoint")),
        Fault::Passing { error, after } => Fault::Passing {
            error: error.context("the token endpoint"),
            after,
        },
    }
}

#[async_trait]
impl CredentialProvider for Tokens {
    type Credential = GcpCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<GcpCredential>> {
        let mut held = self.held.lock().await;
        if let Some(held) = held.as_ref().filter(|held| Instant::now() < held.until) {
            return Ok(held.credential.clone());
        }
        let (token, life) = self
            .have()
            .await
            .map_err(|fault| object_store::Error::Generic {
                store: "GCS",
                source: Box::new(fault),
            })?;
        let credential = Arc::new(GcpCredential {
            bearer: token.expose().to_owned(),
        });
        *held = Some(Held {
            credential: credential.clone(),
            until: Instant::now() + life.saturating_sub(MARGIN),
        });
        Ok(credential)
    }
}

#[cfg(test)]
mod tests;
