//! Where the certificate of the listeners lies.

use std::path::{Path, PathBuf};

use crate::{CERT_FILE_NAME, CERT_KEY_FILE_NAME, CERT_MOUNT_PATH, Setting};

/// Files of a certificate and its key, as PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerTls {
    /// The certificate, and those that sign it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl ListenerTls {
    /// What the environment says; none without a folder.
    #[must_use]
    pub fn from_env() -> Option<Self> {
        Self::of(&Setting::get)
    }

    fn of(lookup: &dyn Fn(&Setting) -> Option<String>) -> Option<Self> {
        let folder = lookup(&CERT_MOUNT_PATH)?;
        let file = |setting: &Setting| {
            let name = lookup(setting).unwrap_or_else(|| setting.default.to_owned());
            Path::new(&folder).join(name)
        };
        Some(Self {
            certificate: file(&CERT_FILE_NAME),
            key: file(&CERT_KEY_FILE_NAME),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Option<ListenerTls> {
        let lookup = |setting: &Setting| {
            let mut found = variables.iter().filter(|(name, _)| *name == setting.name);
            found.next().map(|(_, value)| (*value).to_owned())
        };
        ListenerTls::of(&lookup)
    }

    #[test]
    fn each_file_has_a_name_of_its_own() {
        assert_eq!(of(&[("SELDON_CERT_FILE_NAME", "a.pem")]), None);
        let usual = of(&[("SELDON_CERT_MOUNT_PATH", "/cert/")]).unwrap();
        assert_eq!(usual.certificate, Path::new("/cert/tls.crt"));
        assert_eq!(usual.key, Path::new("/cert/tls.key"));
        let named = of(&[
            ("SELDON_CERT_MOUNT_PATH", "/cert"),
            ("SELDON_CERT_FILE_NAME", "a.pem"),
            ("SELDON_CERT_KEY_FILE_NAME", "b.pem"),
        ]);
        let named = named.unwrap();
        assert_eq!(named.certificate, Path::new("/cert/a.pem"));
        assert_eq!(named.key, Path::new("/cert/b.pem"));
    }
}
