//! Google Cloud Storage: service accounts, users, workload identity, anonymous.

mod token;

use std::sync::Arc;

use hari_error::Result;
use hari_settings::{GOOGLE_CREDENTIALS, STORAGE_EMULATOR_HOST};
use object_store::StaticCredentialProvider;
use object_store::gcp::{GcpCredential, GcpCredentialProvider, GoogleCloudStorageBuilder};

use self::token::{Identity, Tokens};
use super::{Lookup, Opened, address, once, read_file, unusable};
use crate::bucket::Connector;
use crate::uri::BucketUri;

const HINT: &str = "set GOOGLE_APPLICATION_CREDENTIALS to the file of a service account that may \
                    read it, RCLONE_CONFIG_GS_SERVICE_ACCOUNT_CREDENTIALS to its content, or \
                    HARI_CLOUD_IDENTITY=true for the identity of this machine or pod";

pub(super) fn open(uri: &BucketUri, lookup: &Lookup<'_>, connector: Connector) -> Result<Opened> {
    let mut builder = GoogleCloudStorageBuilder::new()
        .with_bucket_name(&uri.bucket)
        .with_http_connector(connector.clone())
        .with_retry(once());
    if let Some(text) = lookup.either("endpoint", &[&STORAGE_EMULATOR_HOST]) {
        builder = builder.with_base_url(&base_url(text, lookup)?);
    }
    let (identity, who) = identity(lookup)?;
    let credentials: GcpCredentialProvider = match identity {
        Some(identity) => Arc::new(Tokens::new(identity, connector)),
        None => {
            builder = builder.with_skip_signature(true);
            let bearer = String::new();
            Arc::new(StaticCredentialProvider::new(GcpCredential { bearer }))
        }
    };
    let store = builder.with_credentials(credentials).build();
    Ok(Opened {
        store: Box::new(store.map_err(unusable("gs"))?),
        who,
        hint: HINT,
    })
}

/// rclone is told the address of the JSON API, which lies below that of the store.
fn base_url(text: &str, lookup: &Lookup<'_>) -> Result<String> {
    let emulator = lookup.rclone("endpoint").is_none() && !text.contains("://");
    // As Google's own libraries read it, an emulator is reached over http.
    let text = if emulator {
        format!("http://{text}")
    } else {
        text.to_owned()
    };
    let whole = address(&text, &lookup.name("endpoint", &STORAGE_EMULATOR_HOST))?;
    let base = whole.strip_suffix("/storage/v1").unwrap_or(&whole);
    Ok(base.to_owned())
}

/// The first of: anonymous if asked for, a service account, the file of the environment, the
/// identity of the machine or pod, no one.
fn identity(lookup: &Lookup<'_>) -> Result<(Option<Identity>, String)> {
    if lookup.says("anonymous") {
        return Ok((None, super::ANONYMOUS.to_owned()));
    }
    let named = |key: &str| lookup.name(key, &GOOGLE_CREDENTIALS);
    if let Some(json) = lookup.rclone("service_account_credentials") {
        let name = named("service_account_credentials");
        return Ok((Some(Identity::read(json, &name)?), name));
    }
    if let Some(path) = lookup.rclone("service_account_file") {
        let name = named("service_account_file");
        return Ok((Some(Identity::read(&read_file(path, &name)?, &name)?), name));
    }
    if let Some(path) = lookup.own(&[&GOOGLE_CREDENTIALS]) {
        let name = GOOGLE_CREDENTIALS.name;
        return Ok((
            Some(Identity::read(&read_file(path, name)?, name)?),
            name.to_owned(),
        ));
    }
    match lookup.identity() {
        true => Ok((Some(Identity::Machine), super::MACHINE.to_owned())),
        false => Ok((None, super::ANONYMOUS.to_owned())),
    }
}
