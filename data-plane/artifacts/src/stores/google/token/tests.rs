//! Tests of tokens, with a token endpoint that checks what it is sent.

use std::collections::HashMap;
use std::path::Path;

use hari_settings::Storage;
use serde_json::{Value, json};

use super::*;
use crate::client::Client;
use crate::options::FetchOptions;
use crate::testing::{Server, folder, options, reply};

const KEY: &str = include_str!("../../../../tests/fixtures/google/key.pem");
const PUBLIC: &[u8] = include_bytes!("../../../../tests/fixtures/google/public.der");

fn account(token_uri: &str) -> String {
    let file = json!({
        "type": "service_account",
        "client_email": "reader@project.iam.gserviceaccount.com",
        "private_key": KEY,
        "private_key_id": "k1",
        "token_uri": token_uri,
    });
    file.to_string()
}

fn connector(options: &FetchOptions) -> Connector {
    Connector {
        client: Client::new(options).unwrap(),
        metadata: None,
    }
}

async fn token(json: &str) -> Result<String, object_store::Error> {
    let options = options(Path::new(""));
    let identity = Identity::read(json, "NAME").unwrap();
    let tokens = Tokens::new(identity, connector(&options));
    let first = tokens.get_credential().await?;
    assert_eq!(tokens.get_credential().await?, first, "kept");
    Ok(first.bearer.clone())
}

fn part(text: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

fn pairs(body: &str) -> HashMap<String, String> {
    form_urlencoded::parse(body.as_bytes())
        .into_owned()
        .collect()
}

#[tokio::test]
async fn a_service_account_is_exchanged_where_its_file_says() {
    let server = Server::start(|request, stream| {
        let body = if request.number == 0 {
            "{\"access_token\":\"t1\",\"expires_in\":3600}"
        } else {
            "{}"
        };
        reply(stream, 200, &[], body.as_bytes());
    });
    let uri = server.url("token");
    assert_eq!(token(&account(&uri)).await.unwrap(), "t1");
    let received = server.received();
    assert_eq!((received.len(), &*received[0].method), (1, "POST"));
    let sent = pairs(&received[0].body);
    assert_eq!(
        sent["grant_type"],
        "urn:ietf:params:oauth:grant-type:jwt-bearer"
    );
    let (head, signature) = sent["assertion"].rsplit_once('.').unwrap();
    let (header, claims) = head.split_once('.').unwrap();
    assert_eq!(
        part(header),
        json!({"alg": "RS256", "typ": "JWT", "kid": "k1"})
    );
    let claims = part(claims);
    assert_eq!(claims["aud"], uri);
    assert_eq!(claims["iss"], "reader@project.iam.gserviceaccount.com");
    assert_eq!(
        claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(),
        3600
    );
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let known = rustls::crypto::ring::default_provider().signature_verification_algorithms;
    let valid = known.all.iter().any(|algorithm| {
        algorithm
            .verify_signature(PUBLIC, head.as_bytes(), &signature)
            .is_ok()
    });
    assert!(valid, "the signature is that of the key");
}

#[tokio::test]
async fn a_user_and_a_pool_have_tokens_too() {
    let root = folder(&[("plain", "subject\n"), ("json", "{\"id\": \"subject\"}")]);
    let server = Server::start(|request, stream| {
        let body = match &*request.path {
            "/act" if request.header("authorization") == Some("Bearer other") => {
                json!({"accessToken": "acted"})
            }
            "/sts" if request.body.contains("subject_token=subject&") => {
                json!({"access_token": "other"})
            }
            "/user" if request.body.contains("refresh_token=r") => json!({"access_token": "mine"}),
            _ => json!({}),
        };
        reply(stream, 200, &[], body.to_string().as_bytes());
    });
    let user = json!({"type": "authorized_user", "client_id": "c", "client_secret": "s",
        "refresh_token": "r", "token_uri": server.url("user")});
    assert_eq!(token(&user.to_string()).await.unwrap(), "mine");
    let pool = |source: Value, act: Option<String>| {
        json!({"type": "external_account", "audience": "a", "subject_token_type": "jwt",
            "token_url": server.url("sts"), "credential_source": source,
            "service_account_impersonation_url": act})
        .to_string()
    };
    let plain = json!({"file": root.path().join("plain")});
    let fields = json!({"file": root.path().join("json"),
        "format": {"type": "json", "subject_token_field_name": "id"}});
    assert_eq!(token(&pool(plain, None)).await.unwrap(), "other");
    assert_eq!(
        token(&pool(fields, Some(server.url("act")))).await.unwrap(),
        "acted"
    );
}

#[tokio::test]
async fn a_refusal_is_told_as_the_endpoints() {
    let server =
        Server::start(|_, stream| reply(stream, 400, &[], b"{\"error\": \"invalid_grant\"}"));
    let error = token(&account(&server.url("token"))).await.unwrap_err();
    let fault = crate::fault::find::<Fault>(&error).unwrap();
    assert_eq!(fault.kind(), Kind::Forbidden);
    assert!(fault.to_string().contains("invalid_grant"), "{fault}");
}

#[test]
fn json_that_cannot_be_used_is_told_without_showing_it() {
    for (json, words) in [
        ("hunter2", "no such JSON"),
        ("{}", "missing field `type`"),
        ("{\"type\": \"robot\"}", "found `robot`"),
        (
            "{\"type\": \"service_account\", \"private_key\": \"hunter2\"}",
            "missing field `client_email`",
        ),
        (
            "{\"type\": \"service_account\", \"client_email\": \"e\", \"private_key\": \"hunter2\"}",
            "no RSA key",
        ),
    ] {
        let error = Identity::read(json, "NAME").err().unwrap();
        let text = format!("{error:?}");
        assert!(
            text.contains(words) && text.contains("variable NAME"),
            "{text}"
        );
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn the_metadata_service_is_reached_only_when_it_is_asked_for() {
    let lookup = |variables: Vec<(&str, &str)>| {
        let storage = Storage::of(variables);
        let lookup = super::super::Lookup {
            storage: &storage,
            remote: Some("gs"),
        };
        super::super::identity(&lookup).unwrap()
    };
    assert!(lookup(vec![]).0.is_none());
    let asked = [
        ("HARI_CLOUD_IDENTITY", "true"),
        ("RCLONE_CONFIG_GS_ENV_AUTH", "true"),
    ];
    for pair in asked {
        assert!(matches!(lookup(vec![pair]).0, Some(Identity::Machine)));
        let anonymous = ("RCLONE_CONFIG_GS_ANONYMOUS", "true");
        assert!(lookup(vec![pair, anonymous]).0.is_none());
    }
}
