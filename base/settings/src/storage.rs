//! What the environment says of the stores that models lie in: a snapshot, so that one fetch sees
//! one state and a test needs no environment.

use std::collections::BTreeMap;
use std::fmt;

use crate::{SETTINGS, Secret, Setting};

const RCLONE: &str = "RCLONE_CONFIG_";

/// The variables that the stores read, with their values. Prints names alone.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Storage(BTreeMap<String, Secret>);

impl Storage {
    /// What this process was started with.
    #[must_use]
    pub fn from_env() -> Self {
        Self::of(std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }))
    }

    /// These variables; those that no setting names are left out, empty ones count as unset.
    pub fn of<N, V>(variables: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<String>,
        V: Into<String>,
    {
        let named = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        let ours =
            named.filter(|(name, value): &(String, String)| known(name) && !value.is_empty());
        Self(
            ours.map(|(name, value)| (name, Secret::new(value)))
                .collect(),
        )
    }

    /// The value of a setting, if it is set.
    #[must_use]
    pub fn get(&self, setting: &Setting) -> Option<&str> {
        self.0.get(setting.name).map(Secret::expose)
    }

    /// The value of the first of these settings that is set.
    #[must_use]
    pub fn first(&self, settings: &[&Setting]) -> Option<&str> {
        settings.iter().find_map(|setting| self.get(setting))
    }

    /// The value of a proxy's setting: upper case, else lower case as curl reads it.
    #[must_use]
    pub fn proxy(&self, setting: &Setting) -> Option<&str> {
        let lower = || self.0.get(&setting.name.to_ascii_lowercase());
        self.0.get(setting.name).or_else(lower).map(Secret::expose)
    }

    /// Whether a setting says yes: `1`, `true`, `yes` or `on`.
    #[must_use]
    pub fn says(&self, setting: &Setting) -> bool {
        self.get(setting).is_some_and(yes)
    }

    /// The key of the remote that rclone would name `remote`, both in any case:
    /// `RCLONE_CONFIG_S3_ACCESS_KEY_ID` is (`s3`, `access_key_id`).
    #[must_use]
    pub fn rclone(&self, remote: &str, key: &str) -> Option<&str> {
        let wanted = format!("{RCLONE}{remote}_{key}");
        let mut all = self.0.iter();
        let found = all.find(|(name, _)| name.eq_ignore_ascii_case(&wanted));
        found.map(|(_, value)| value.expose())
    }

    /// The remotes that have a type, in lower case.
    #[must_use]
    pub fn remotes(&self) -> Vec<String> {
        let names = self.0.keys().filter_map(|name| {
            let remote = upper(name)
                .strip_prefix(RCLONE)?
                .strip_suffix("_TYPE")?
                .to_owned();
            (!remote.is_empty()).then(|| remote.to_ascii_lowercase())
        });
        names.collect()
    }
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Whether a text says yes, as settings and rclone write it.
pub(crate) fn yes(text: &str) -> bool {
    matches!(
        text.trim().to_ascii_lowercase().as_str(),
        "1" | "true" | "yes" | "on" | "t" | "y"
    )
}

fn upper(name: &str) -> String {
    name.to_ascii_uppercase()
}

fn known(name: &str) -> bool {
    upper(name).starts_with(RCLONE)
        || SETTINGS.iter().any(|setting| setting.name == name)
        || ["http_proxy", "https_proxy", "all_proxy", "no_proxy"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AWS_REGION, CLOUD_IDENTITY, HTTPS_PROXY};

    fn storage() -> Storage {
        Storage::of([
            ("RCLONE_CONFIG_MINIO_TYPE", "s3"),
            ("RCLONE_CONFIG_MINIO_SECRET_ACCESS_KEY", "hunter2"),
            ("RCLONE_CONFIG_MY_STORE_TYPE", "azureblob"),
            ("AWS_REGION", ""),
            ("https_proxy", "http://proxy:1"),
            ("HARI_CLOUD_IDENTITY", "Yes"),
            ("PASSWORD", "swordfish"),
        ])
    }

    #[test]
    fn what_is_known_is_kept_and_nothing_is_printed() {
        let storage = storage();
        assert_eq!(storage.get(&AWS_REGION), None);
        assert_eq!(storage.proxy(&HTTPS_PROXY), Some("http://proxy:1"));
        assert!(storage.says(&CLOUD_IDENTITY) && !storage.says(&AWS_REGION));
        let printed = format!("{storage:?}");
        assert!(printed.contains("RCLONE_CONFIG_MINIO_TYPE"), "{printed}");
        assert!(!printed.contains("hunter2") && !printed.contains("PASSWORD"));
    }

    #[test]
    fn remotes_are_read_as_rclone_reads_them() {
        let storage = storage();
        assert_eq!(storage.remotes(), ["minio", "my_store"]);
        assert_eq!(
            storage.rclone("MinIO", "secret_access_key"),
            Some("hunter2")
        );
        assert_eq!(storage.rclone("minio", "endpoint"), None);
    }
}
