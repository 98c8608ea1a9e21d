//! From a bucket's URI and the environment to a client of its store: addresses and credentials.
//!
//! A remote of rclone's environment (`RCLONE_CONFIG_<REMOTE>_<KEY>`) comes first; without one, the
//! variables of the cloud's own tools hold. Without credentials a bucket is read anonymously. The
//! metadata service of a machine or pod is asked only where the user says so.

mod azure;
mod google;
mod s3;

use hari_error::{Error, Result};
use hari_settings::{CLOUD_IDENTITY, Setting, Storage};
use object_store::{ObjectStore, RetryConfig};

use crate::bucket::Connector;
use crate::client::Client;
use crate::options::FetchOptions;
use crate::uri::{BucketUri, Kind};

/// Who asks, where nothing else is known.
const ANONYMOUS: &str = "no credentials";
const MACHINE: &str = "the identity of this machine or pod";

/// A store, and how it is asked.
pub(crate) struct Opened {
    pub(crate) store: Box<dyn ObjectStore>,
    /// As whom, for the message of a refusal.
    pub(crate) who: String,
    /// What to set to be someone else.
    pub(crate) hint: &'static str,
}

/// The client for the bucket. `region` is the one that the store itself named, if it did.
///
/// # Errors
/// `InvalidInput` with the variable that is missing or cannot be read.
pub(crate) fn open(
    uri: &BucketUri,
    options: &FetchOptions,
    region: Option<&str>,
) -> Result<Opened> {
    let lookup = Lookup {
        storage: &options.storage,
        remote: uri.remote.as_deref(),
    };
    let connector = Connector {
        client: Client::new(options)?,
        metadata: match lookup.identity() {
            true => Some(Client::for_metadata(options)?),
            false => None,
        },
    };
    match uri.kind {
        Kind::S3 => s3::open(uri, &lookup, connector, region),
        Kind::Google => google::open(uri, &lookup, connector),
        Kind::Azure => azure::open(uri, &lookup, connector),
    }
}

/// Trying again is ours: the store's client must not do it a second time.
fn once() -> RetryConfig {
    RetryConfig {
        max_retries: 0,
        ..RetryConfig::default()
    }
}

/// Where the settings of one remote, or of none, are found.
struct Lookup<'a> {
    storage: &'a Storage,
    remote: Option<&'a str>,
}

impl<'a> Lookup<'a> {
    /// The key of the remote; none without a remote.
    fn rclone(&self, key: &str) -> Option<&'a str> {
        self.storage.rclone(self.remote?, key)
    }

    /// Whether a key of the remote says yes.
    fn says(&self, key: &str) -> bool {
        let yes = ["1", "true", "yes", "on", "t", "y"];
        let value = self
            .rclone(key)
            .map(|value| value.trim().to_ascii_lowercase());
        value.is_some_and(|value| yes.contains(&&*value))
    }

    /// The key of the remote; without a remote, or with one that says `env_auth`, the first of the
    /// cloud's own variables that is set.
    fn either(&self, key: &str, settings: &[&Setting]) -> Option<&'a str> {
        self.rclone(key).or_else(|| self.own(settings))
    }

    /// The first of the cloud's own variables that is set, where they count.
    fn own(&self, settings: &[&Setting]) -> Option<&'a str> {
        (self.remote.is_none() || self.says("env_auth"))
            .then(|| self.storage.first(settings))
            .flatten()
    }

    /// Whether the metadata service may be asked.
    fn identity(&self) -> bool {
        self.says("env_auth") || self.says("use_msi") || self.storage.says(&CLOUD_IDENTITY)
    }

    /// The variable's name in a message.
    fn name(&self, key: &str, setting: &Setting) -> String {
        match self.remote {
            Some(remote) => format!(
                "RCLONE_CONFIG_{}_{}",
                remote.to_ascii_uppercase(),
                key.to_ascii_uppercase()
            ),
            None => setting.name.to_owned(),
        }
    }
}

/// An address with its scheme, `https` if it has none, without a slash at its end.
///
/// # Errors
/// `InvalidInput` with the variable `name`.
fn address(text: &str, name: &str) -> Result<String> {
    let text = text.trim().trim_end_matches('/');
    let whole = match text.contains("://") {
        true => text.to_owned(),
        false => format!("https://{text}"),
    };
    let bad = || {
        Error::invalid(format!(
            "environment variable {name}: expected an address, `https://host:port`"
        ))
    };
    let url = url::Url::parse(&whole).map_err(|_| bad())?;
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    let web = ["http", "https"].contains(&url.scheme()) && url.has_host();
    match plain && web {
        true => Ok(whole),
        false => Err(bad()),
    }
}

/// What the store's client said of its own settings, less anything that it may quote.
fn unusable(what: &str) -> impl Fn(object_store::Error) -> Error {
    move |_| Error::invalid(format!("{what}: the settings of the store cannot be used"))
}

/// A file that a variable names.
fn read_file(path: &str, name: &str) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| {
        Error::invalid(format!(
            "environment variable {name}: the file that it names cannot be read ({})",
            error.kind()
        ))
    })
}

#[cfg(test)]
mod tests;
