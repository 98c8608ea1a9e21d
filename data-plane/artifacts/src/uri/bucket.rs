//! Buckets as users write them: `s3://bucket/path`, `minio:bucket/path` with a remote of rclone's
//! environment, `abfss://container@account.dfs.core.windows.net/path`, and their relatives.

use hari_error::{Error, Result};
use hari_settings::{Secret, Storage};
use percent_encoding::percent_decode_str;
use url::Url;

/// The three kinds of store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    S3,
    Google,
    Azure,
}

impl Kind {
    /// The kind that a scheme means where no remote has its name.
    pub(crate) fn of_scheme(scheme: &str) -> Option<Self> {
        match scheme {
            "s3" | "s3a" | "s3n" => Some(Self::S3),
            "gs" | "gcs" => Some(Self::Google),
            "az" | "azure" | "azureblob" | "abfs" | "abfss" | "wasb" | "wasbs" => Some(Self::Azure),
            _ => None,
        }
    }

    /// The kind that rclone calls so in `RCLONE_CONFIG_<REMOTE>_TYPE`.
    fn of_rclone(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "s3" => Some(Self::S3),
            "google cloud storage" | "gcs" => Some(Self::Google),
            "azureblob" => Some(Self::Azure),
            _ => None,
        }
    }

    /// Schemes that mean the same, the usual ones first: a remote may have any of their names.
    fn relatives(self) -> &'static [&'static str] {
        match self {
            Self::S3 => &["s3", "s3a", "s3n"],
            Self::Google => &["gs", "gcs"],
            Self::Azure => &["azure", "az", "azureblob", "abfs", "abfss", "wasb", "wasbs"],
        }
    }
}

/// A folder or object in a bucket.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct BucketUri {
    pub(crate) kind: Kind,
    /// The remote of rclone's environment whose settings hold; none for the cloud's own variables.
    pub(crate) remote: Option<String>,
    pub(crate) bucket: String,
    /// Of plain parts, without slashes at its ends; empty for the whole bucket.
    pub(crate) path: String,
    /// Azure's account, if the URI names one.
    pub(crate) account: Option<String>,
    /// The store's address, if the URI names one.
    pub(crate) endpoint: Option<String>,
    /// Azure's signature, if the URI carries one.
    pub(crate) signature: Option<Secret>,
    /// As the user wrote it, without the signature.
    pub(crate) text: String,
}

impl BucketUri {
    /// Reads `scheme:rest`, where `scheme` is known to mean a store; none if it is not.
    pub(super) fn parse(scheme: &str, text: &str, storage: &Storage) -> Option<Result<Self>> {
        let (remote, kind) = match owner(scheme, storage)? {
            Ok(owner) => owner,
            Err(error) => return Some(Err(error)),
        };
        let rest = text.split_once(':').map_or("", |(_, rest)| rest);
        Some(read(kind, remote, rest, text))
    }

    /// Reads `https://account.blob.core.windows.net/container/path`; none for another address.
    pub(super) fn of_azure_url(url: &Url, storage: &Storage) -> Option<Result<Self>> {
        let host = url.host_str()?;
        let account = host.strip_suffix(".blob.core.windows.net")?;
        let decoded = percent_decode_str(url.path()).decode_utf8_lossy();
        let text = super::public(url);
        let remote = owner("azure", storage).and_then(|owner| Some(owner.ok()?.0));
        let read = read(Kind::Azure, remote.flatten(), &decoded, &text).map(|uri| Self {
            account: Some(account.to_owned()),
            signature: url.query().map(Secret::new),
            ..uri
        });
        Some(read)
    }

    /// Its last part: the name of the object, if it names one.
    pub(crate) fn name(&self) -> &str {
        let last = self.path.rsplit('/').next();
        last.filter(|name| !name.is_empty()).unwrap_or(&self.bucket)
    }
}

/// Whose settings `scheme` means: a remote that has the name, or one of the name of a relative,
/// or the variables of the cloud.
fn owner(scheme: &str, storage: &Storage) -> Option<Result<(Option<String>, Kind)>> {
    let builtin = Kind::of_scheme(scheme);
    let relatives = builtin.map_or(&[][..], Kind::relatives);
    for name in std::iter::once(&scheme).chain(relatives) {
        let Some(kind) = storage.rclone(name, "type") else {
            continue;
        };
        let upper = name.to_ascii_uppercase();
        return Some(match Kind::of_rclone(kind) {
            Some(kind) => Ok((Some((*name).to_owned()), kind)),
            None => Err(Error::unimplemented(format!(
                "modelUri: RCLONE_CONFIG_{upper}_TYPE is `{kind}`; expected `s3`, \
                 `google cloud storage` or `azureblob`"
            ))),
        });
    }
    builtin.map(|kind| Ok((None, kind)))
}

fn read(kind: Kind, remote: Option<String>, rest: &str, text: &str) -> Result<BucketUri> {
    let rest = rest.trim_start_matches('/');
    let (head, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (bucket, account, endpoint) = match head.split_once('@') {
        None => (head, None, None),
        Some((container, host)) if kind == Kind::Azure => of_host(container, host)?,
        Some(_) => {
            return Err(Error::invalid(
                "modelUri: expected a bucket's name, found something with `@`; credentials do not \
             belong in a URI, set them in the environment",
            ));
        }
    };
    Ok(BucketUri {
        kind,
        remote,
        bucket: bucket_name(bucket, text)?,
        path: plain(path, text)?,
        account,
        endpoint,
        signature: None,
        text: text.to_owned(),
    })
}

type Host<'a> = (&'a str, Option<String>, Option<String>);

/// `container` and `account.dfs.core.windows.net`.
fn of_host<'a>(container: &'a str, host: &str) -> Result<Host<'a>> {
    let account = host.split('.').next().unwrap_or_default();
    let named = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric());
    let plain = host
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
    if !named(account) || !plain {
        return Err(Error::invalid(
            "modelUri: expected `container@account.dfs.core.windows.net`, found something else \
             around the `@`",
        ));
    }
    let usual = host.ends_with(".core.windows.net") || !host.contains('.');
    let endpoint = format!("https://{}", host.replacen(".dfs.", ".blob.", 1));
    Ok((
        container,
        Some(account.to_owned()),
        (!usual).then_some(endpoint),
    ))
}

fn bucket_name(name: &str, text: &str) -> Result<String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._$".contains(&b);
    if name.is_empty() || name.len() > 222 || !name.bytes().all(plain) {
        return Err(Error::invalid(format!(
            "modelUri `{text}`: expected a bucket's name after the scheme, of letters, digits, \
             `-`, `.` and `_`"
        )));
    }
    Ok(name.to_owned())
}

/// The path without slashes at its ends.
fn plain(path: &str, text: &str) -> Result<String> {
    let path = path.trim_matches('/');
    let odd = |part: &str| part.is_empty() || part == "." || part == "..";
    if !path.is_empty() && path.split('/').any(odd) {
        return Err(Error::invalid(format!(
            "modelUri `{text}`: expected a path without empty parts, `.` and `..`"
        )));
    }
    Ok(path.to_owned())
}
