//! Where the certificates of listeners, and those for nodes elsewhere, lie.

use std::path::{Path, PathBuf};

use hari_error::{Error, Result};

use crate::{
    CERT_FILE_NAME, CERT_KEY_FILE_NAME, CERT_MOUNT_PATH, NODE_CA_FILE, NODE_CERT_FILE,
    NODE_KEY_FILE, Setting,
};

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

/// Files for encrypted connections to nodes elsewhere, as PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeTls {
    /// Certificates that sign those of nodes, beside the machine's own.
    pub authorities: Option<PathBuf>,
    /// What nodes are shown.
    pub identity: Option<ListenerTls>,
}

impl NodeTls {
    /// What the environment says.
    ///
    /// # Errors
    /// If a certificate has no key, or a key no certificate.
    pub fn from_env() -> Result<Self> {
        Self::of(&Setting::get)
    }

    fn of(lookup: &dyn Fn(&Setting) -> Option<String>) -> Result<Self> {
        let file = |setting: &Setting| lookup(setting).map(PathBuf::from);
        let identity = match (file(&NODE_CERT_FILE), file(&NODE_KEY_FILE)) {
            (Some(certificate), Some(key)) => Some(ListenerTls { certificate, key }),
            (None, None) => None,
            _ => {
                let (certificate, key) = (NODE_CERT_FILE.name, NODE_KEY_FILE.name);
                return Err(Error::invalid(format!(
                    "expected both {certificate} and {key}, or neither: set the other, too"
                )));
            }
        };
        Ok(Self {
            authorities: file(&NODE_CA_FILE),
            identity,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looked_up(variables: &[(&str, &str)]) -> impl Fn(&Setting) -> Option<String> {
        move |setting| {
            let mut found = variables.iter().filter(|(name, _)| *name == setting.name);
            found.next().map(|(_, value)| (*value).to_owned())
        }
    }

    fn of(variables: &[(&str, &str)]) -> Option<ListenerTls> {
        ListenerTls::of(&looked_up(variables))
    }

    #[test]
    fn what_nodes_are_shown_is_a_certificate_with_its_key() {
        let of = |variables: &[(&str, &str)]| NodeTls::of(&looked_up(variables));
        assert_eq!(of(&[]).unwrap(), NodeTls::default());
        let certificate = ("HARI_NODE_CERT_FILE", "a.pem");
        let whole = of(&[certificate, ("HARI_NODE_KEY_FILE", "b.pem")]).unwrap();
        assert_eq!(whole.identity.unwrap().key, Path::new("b.pem"));
        let half = of(&[certificate]).unwrap_err().to_string();
        assert!(half.contains("HARI_NODE_KEY_FILE"), "{half}");
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
