//! S3 and what speaks its API: keys, session, role by web identity, endpoint, region, path style.

use hari_error::{Error, Result};
use hari_settings::{
    AWS_ACCESS_KEY_ID, AWS_CONTAINER_FULL_URI, AWS_CONTAINER_TOKEN_FILE, AWS_CONTAINER_URI,
    AWS_DEFAULT_REGION, AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL_STS, AWS_REGION,
    AWS_ROLE_ARN, AWS_ROLE_SESSION_NAME, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN,
    AWS_WEB_IDENTITY_TOKEN_FILE, S3_ENDPOINT, S3_USE_HTTPS, S3_VERIFY_SSL,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use object_store::ClientOptions;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};

use super::{Lookup, Opened, address, once, read_file, unusable};
use crate::bucket::Connector;
use crate::uri::BucketUri;

const HINT: &str = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_ENDPOINT_URL for a \
                    store that is not Amazon's), the RCLONE_CONFIG_<REMOTE>_* of a remote, or \
                    HARI_CLOUD_IDENTITY=true for the role of this machine or pod";

pub(super) fn open(
    uri: &BucketUri,
    lookup: &Lookup<'_>,
    connector: Connector,
    region: Option<&str>,
) -> Result<Opened> {
    let settings = lookup.either("region", &[&AWS_REGION, &AWS_DEFAULT_REGION]);
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&uri.bucket)
        .with_region(region.or(settings).unwrap_or(AWS_REGION.default))
        .with_virtual_hosted_style_request(lookup.rclone("force_path_style") == Some("false"))
        .with_http_connector(connector)
        .with_client_options(ClientOptions::new().with_default_headers(checksums()))
        .with_retry(once());
    if let Some(endpoint) = endpoint(lookup)? {
        builder = builder.with_endpoint(endpoint);
    }
    let (builder, who) = credentials(builder, lookup)?;
    let store = builder.build().map_err(unusable("s3"))?;
    Ok(Opened {
        store: Box::new(store),
        who,
        hint: HINT,
    })
}

/// Asks for the checksum that an object was stored with; signed like every header.
fn checksums() -> HeaderMap {
    let name = HeaderName::from_static("x-amz-checksum-mode");
    HeaderMap::from_iter([(name, HeaderValue::from_static("ENABLED"))])
}

fn endpoint(lookup: &Lookup<'_>) -> Result<Option<String>> {
    if let Some(text) = lookup.either("endpoint", &[&AWS_ENDPOINT_URL_S3, &AWS_ENDPOINT_URL]) {
        return address(text, &lookup.name("endpoint", &AWS_ENDPOINT_URL)).map(Some);
    }
    let Some(host) = lookup.own(&[&S3_ENDPOINT]) else {
        return Ok(None);
    };
    let off = |setting| {
        let value = lookup.own(&[setting]).map(str::to_ascii_lowercase);
        value.is_some_and(|value| value == "0" || value == "false")
    };
    if off(&S3_VERIFY_SSL) {
        tracing::warn!(
            "S3_VERIFY_SSL=0 has no effect: certificates are always checked; \
             to trust a CA of your own, name its file with SSL_CERT_FILE"
        );
    }
    let scheme = if off(&S3_USE_HTTPS) { "http" } else { "https" };
    let host = host.split_once("://").map_or(host, |(_, host)| host);
    address(&format!("{scheme}://{host}"), S3_ENDPOINT.name).map(Some)
}

/// The first of: a key, a role by web identity, the identity of the machine or pod, no one.
fn credentials(builder: AmazonS3Builder, lookup: &Lookup<'_>) -> Result<(AmazonS3Builder, String)> {
    let key = lookup.either("access_key_id", &[&AWS_ACCESS_KEY_ID]);
    let secret = lookup.either("secret_access_key", &[&AWS_SECRET_ACCESS_KEY]);
    let missing = |here: &str, missing: &str| {
        Error::invalid(format!(
            "environment variable {missing}: expected it beside {here}"
        ))
    };
    let names = [
        lookup.name("access_key_id", &AWS_ACCESS_KEY_ID),
        lookup.name("secret_access_key", &AWS_SECRET_ACCESS_KEY),
    ];
    match (key, secret) {
        (Some(key), Some(secret)) => Ok((with_key(builder, lookup, key, secret), names[0].clone())),
        (Some(_), None) => Err(missing(&names[0], &names[1])),
        (None, Some(_)) => Err(missing(&names[1], &names[0])),
        (None, None) => without_key(builder, lookup),
    }
}

fn with_key(
    builder: AmazonS3Builder,
    lookup: &Lookup<'_>,
    key: &str,
    secret: &str,
) -> AmazonS3Builder {
    let builder = builder
        .with_access_key_id(key)
        .with_secret_access_key(secret);
    match lookup.either("session_token", &[&AWS_SESSION_TOKEN]) {
        Some(token) => builder.with_token(token),
        None => builder,
    }
}

fn without_key(
    mut builder: AmazonS3Builder,
    lookup: &Lookup<'_>,
) -> Result<(AmazonS3Builder, String)> {
    let role = lookup.either("role_arn", &[&AWS_ROLE_ARN]);
    let token = lookup.own(&[&AWS_WEB_IDENTITY_TOKEN_FILE]);
    if let (Some(role), Some(token)) = (role, token) {
        read_file(token, AWS_WEB_IDENTITY_TOKEN_FILE.name)?;
        let session = lookup.own(&[&AWS_ROLE_SESSION_NAME]);
        builder = builder
            .with_config(AmazonS3ConfigKey::RoleArn, role)
            .with_config(AmazonS3ConfigKey::WebIdentityTokenFile, token)
            .with_config(
                AmazonS3ConfigKey::RoleSessionName,
                session.unwrap_or(AWS_ROLE_SESSION_NAME.default),
            );
        if let Some(sts) = lookup.own(&[&AWS_ENDPOINT_URL_STS]) {
            let sts = address(sts, AWS_ENDPOINT_URL_STS.name)?;
            builder = builder.with_config(AmazonS3ConfigKey::StsEndpoint, sts);
        }
        return Ok((builder, "the role of AWS_ROLE_ARN".to_owned()));
    }
    if !lookup.identity() {
        return Ok((
            builder.with_skip_signature(true),
            super::ANONYMOUS.to_owned(),
        ));
    }
    for (setting, key) in [
        (
            &AWS_CONTAINER_URI,
            AmazonS3ConfigKey::ContainerCredentialsRelativeUri,
        ),
        (
            &AWS_CONTAINER_FULL_URI,
            AmazonS3ConfigKey::ContainerCredentialsFullUri,
        ),
        (
            &AWS_CONTAINER_TOKEN_FILE,
            AmazonS3ConfigKey::ContainerAuthorizationTokenFile,
        ),
    ] {
        if let Some(value) = lookup.own(&[setting]) {
            builder = builder.with_config(key, value);
        }
    }
    Ok((builder, super::MACHINE.to_owned()))
}
