//! Azure's blob storage: account key, shared access signature, identities, Azurite.

use hari_error::{Error, Result};
use hari_settings::{
    AZURE_ACCESS_KEY, AZURE_ACCOUNT, AZURE_ACCOUNT_KEY, AZURE_ACCOUNT_NAME, AZURE_AUTHORITY_HOST,
    AZURE_CLIENT_ID, AZURE_CLIENT_SECRET, AZURE_CONNECTION, AZURE_ENDPOINT,
    AZURE_FEDERATED_TOKEN_FILE, AZURE_KEY, AZURE_SAS, AZURE_TENANT_ID,
};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use url::Url;

use super::{Lookup, Opened, address, once, read_file, unusable};
use crate::bucket::Connector;
use crate::uri::BucketUri;

const HINT: &str = "set AZURE_STORAGE_ACCOUNT with AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN, \
                    AZURE_STORAGE_CONNECTION_STRING, the RCLONE_CONFIG_<REMOTE>_* of a remote, or \
                    HARI_CLOUD_IDENTITY=true for the identity of this machine or pod";

/// What the settings say, from whichever of them it comes.
#[derive(Default)]
struct Account {
    name: Option<String>,
    key: Option<String>,
    signature: Option<String>,
    endpoint: Option<String>,
}

pub(super) fn open(uri: &BucketUri, lookup: &Lookup<'_>, connector: Connector) -> Result<Opened> {
    let account = account(uri, lookup)?;
    let name = account.name.clone().ok_or_else(|| {
        Error::invalid(format!(
            "the account of Azure's storage is not known: set {}, or write \
             `abfss://container@account.dfs.core.windows.net/path`",
            lookup.name("account", &AZURE_ACCOUNT)
        ))
    })?;
    let mut builder = MicrosoftAzureBuilder::new()
        .with_account(name)
        .with_container_name(&uri.bucket)
        .with_http_connector(connector)
        .with_retry(once());
    if let Some(endpoint) = &account.endpoint {
        builder = builder.with_endpoint(endpoint.clone());
    }
    let (builder, who) = credentials(builder, lookup, account)?;
    let store = builder.build().map_err(unusable(
        "azure (is the key base64, as the portal shows it?)",
    ))?;
    Ok(Opened {
        store: Box::new(store),
        who,
        hint: HINT,
    })
}

fn account(uri: &BucketUri, lookup: &Lookup<'_>) -> Result<Account> {
    let text = |value: Option<&str>| value.map(str::to_owned);
    let connection = lookup.either("connection_string", &[&AZURE_CONNECTION]);
    let connection = connection
        .map(of_connection)
        .transpose()?
        .unwrap_or_default();
    let sas_url = lookup
        .rclone("sas_url")
        .map(of_sas_url)
        .transpose()?
        .unwrap_or_default();
    let keys = [&AZURE_KEY, &AZURE_ACCOUNT_KEY, &AZURE_ACCESS_KEY];
    let endpoint = lookup.either("endpoint", &[&AZURE_ENDPOINT]);
    let endpoint = endpoint
        .map(|text| address(text, &lookup.name("endpoint", &AZURE_ENDPOINT)))
        .transpose()?;
    let named = lookup.either("account", &[&AZURE_ACCOUNT, &AZURE_ACCOUNT_NAME]);
    let of_uri = |value: &Option<String>| value.clone();
    Ok(Account {
        name: of_uri(&uri.account)
            .or_else(|| text(named))
            .or(connection.name)
            .or(sas_url.name),
        key: text(lookup.either("key", &keys)).or(connection.key),
        signature: uri
            .signature
            .as_ref()
            .map(|signature| signature.expose().to_owned())
            .or(sas_url.signature)
            .or_else(|| text(lookup.own(&[&AZURE_SAS])))
            .or(connection.signature),
        endpoint: of_uri(&uri.endpoint)
            .or(endpoint)
            .or(connection.endpoint)
            .or(sas_url.endpoint),
    })
}

/// `AccountName=...;AccountKey=...;BlobEndpoint=...`, as the portal shows it.
fn of_connection(text: &str) -> Result<Account> {
    let mut account = Account::default();
    let mut suffix = "core.windows.net";
    let mut protocol = "https";
    for pair in text.split(';').filter(|pair| !pair.trim().is_empty()) {
        // A key ends in `=` signs of its own.
        let (name, value) = pair.split_once('=').ok_or_else(|| {
            Error::invalid(format!(
                "environment variable {}: expected `Name=value;...`",
                AZURE_CONNECTION.name
            ))
        })?;
        let owned = || Some(value.to_owned());
        match name.trim() {
            "AccountName" => account.name = owned(),
            "AccountKey" => account.key = owned(),
            "SharedAccessSignature" => account.signature = owned(),
            "BlobEndpoint" => account.endpoint = Some(address(value, AZURE_CONNECTION.name)?),
            "EndpointSuffix" => suffix = value,
            "DefaultEndpointsProtocol" => protocol = value,
            _ => {}
        }
    }
    if account.endpoint.is_none() && (suffix, protocol) != ("core.windows.net", "https") {
        let name = account.name.as_deref().unwrap_or_default();
        let text = format!("{protocol}://{name}.blob.{suffix}");
        account.endpoint = Some(address(&text, AZURE_CONNECTION.name)?);
    }
    Ok(account)
}

/// rclone's `sas_url`: the address of an account or container, with a signature.
fn of_sas_url(text: &str) -> Result<Account> {
    let bad =
        || Error::invalid("the `sas_url` of the remote: expected `https://account...?sv=...`");
    let url = Url::parse(text).map_err(|_| bad())?;
    let host = url.host_str().ok_or_else(bad)?;
    let query = url.query().ok_or_else(bad)?;
    let signature = Some(query.to_owned());
    let Some(name) = host.strip_suffix(".blob.core.windows.net") else {
        // Beside Azure, the account is the first part of the path.
        let account = url.path_segments().and_then(|mut parts| parts.next());
        let account = account.filter(|name| !name.is_empty()).ok_or_else(bad)?;
        let port = url
            .port()
            .map_or_else(String::new, |port| format!(":{port}"));
        return Ok(Account {
            name: Some(account.to_owned()),
            endpoint: Some(format!("{}://{host}{port}/{account}", url.scheme())),
            signature,
            ..Account::default()
        });
    };
    Ok(Account {
        name: Some(name.to_owned()),
        signature,
        ..Account::default()
    })
}

/// The first of: a signature, a key, a client's secret, a federated token, the identity of the
/// machine or pod, no one.
fn credentials(
    builder: MicrosoftAzureBuilder,
    lookup: &Lookup<'_>,
    account: Account,
) -> Result<(MicrosoftAzureBuilder, String)> {
    if let Some(signature) = account.signature {
        let query = signature.trim_start_matches('?');
        let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        return Ok((
            builder.with_sas_authorization(pairs),
            "a shared access signature".to_owned(),
        ));
    }
    if let Some(key) = account.key {
        let name = lookup.name("key", &AZURE_KEY);
        return Ok((builder.with_access_key(key), name));
    }
    identity(builder, lookup)
}

fn identity(
    mut builder: MicrosoftAzureBuilder,
    lookup: &Lookup<'_>,
) -> Result<(MicrosoftAzureBuilder, String)> {
    if let Some(host) = lookup.own(&[&AZURE_AUTHORITY_HOST]) {
        builder = builder.with_authority_host(address(host, AZURE_AUTHORITY_HOST.name)?);
    }
    let tenant = lookup.either("tenant", &[&AZURE_TENANT_ID]);
    let client = lookup.either("client_id", &[&AZURE_CLIENT_ID]);
    let secret = lookup.either("client_secret", &[&AZURE_CLIENT_SECRET]);
    let token = lookup.own(&[&AZURE_FEDERATED_TOKEN_FILE]);
    match (tenant, client, secret, token) {
        (Some(tenant), Some(client), Some(secret), _) => Ok((
            builder.with_client_secret_authorization(client, secret, tenant),
            "the client of AZURE_CLIENT_ID".to_owned(),
        )),
        (Some(tenant), Some(client), None, Some(token)) => {
            read_file(token, AZURE_FEDERATED_TOKEN_FILE.name)?;
            let builder = builder
                .with_client_id(client)
                .with_tenant_id(tenant)
                .with_federated_token_file(token);
            Ok((builder, "the identity of AZURE_CLIENT_ID".to_owned()))
        }
        (_, client, ..) if lookup.identity() => {
            if let Some(client) = client {
                builder = builder.with_config(AzureConfigKey::ClientId, client);
            }
            Ok((builder, super::MACHINE.to_owned()))
        }
        _ => Ok((
            builder.with_skip_signature(true),
            super::ANONYMOUS.to_owned(),
        )),
    }
}
