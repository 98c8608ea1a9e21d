//! Certificates of a cluster: an authority of its own, and what it signs for each program and user.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use serde_json::json;

/// Whom a certificate is for.
pub(super) struct Identity {
    /// The files: `NAME.crt`, `NAME.key`.
    pub(super) name: &'static str,
    /// The user of Kubernetes.
    pub(super) user: String,
    pub(super) group: &'static str,
    /// Addresses and names that it serves on; none if it only calls.
    pub(super) addresses: Vec<Ipv4Addr>,
    pub(super) names: Vec<&'static str>,
}

impl Identity {
    /// One that calls, and serves nothing.
    pub(super) fn caller(name: &'static str, user: &str, group: &'static str) -> Self {
        Self {
            name,
            user: user.to_owned(),
            group,
            addresses: Vec::new(),
            names: Vec::new(),
        }
    }
}

/// A key that signs, and its certificate.
pub(super) struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// The authority whose files are in the folder; a new one if there are none.
    pub(super) fn of(folder: &Path) -> Result<Self> {
        let (certificate, key) = (folder.join("ca.crt"), folder.join("ca.key"));
        if !certificate.exists() {
            let pair = KeyPair::generate()?;
            private(&key, &pair.serialize_pem())?;
            fs::write(&certificate, parameters().self_signed(&pair)?.pem())?;
        }
        let pair = fs::read_to_string(&key).context("reading the key of the authority")?;
        Ok(Self {
            certificate: fs::read_to_string(&certificate)?,
            issuer: Issuer::new(parameters(), KeyPair::from_pem(&pair)?),
        })
    }

    /// Writes a certificate and its key, unless they are there.
    pub(super) fn issue(&self, folder: &Path, identity: &Identity) -> Result<()> {
        let certificate = folder.join(format!("{}.crt", identity.name));
        if certificate.exists() {
            return Ok(());
        }
        let key = KeyPair::generate()?;
        let signed = wanted(identity)?.signed_by(&key, &self.issuer)?;
        private(
            &folder.join(format!("{}.key", identity.name)),
            &key.serialize_pem(),
        )?;
        fs::write(&certificate, signed.pem())
            .with_context(|| format!("writing the certificate of {}", identity.name))
    }

    /// Writes the certificate, and `NAME.kubeconfig` that has all it takes to call `server` with it.
    pub(super) fn kubeconfig(
        &self,
        folder: &Path,
        identity: &Identity,
        server: &str,
    ) -> Result<()> {
        self.issue(folder, identity)?;
        let name = identity.name;
        let encoded = |end: &str| {
            let text = fs::read(folder.join(format!("{name}.{end}")));
            text.map(|bytes| STANDARD.encode(bytes))
        };
        let text = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": "hari", "cluster": {
                "server": server,
                "certificate-authority-data": STANDARD.encode(&self.certificate),
            }}],
            "users": [{ "name": name, "user": {
                "client-certificate-data": encoded("crt")?,
                "client-key-data": encoded("key")?,
            }}],
            "contexts": [{ "name": "hari", "context": { "cluster": "hari", "user": name } }],
            "current-context": "hari",
        });
        private(
            &folder.join(format!("{name}.kubeconfig")),
            &format!("{text:#}\n"),
        )
    }
}

/// Writes the key that signs the tokens of service accounts, and its public half.
pub(super) fn account_keys(folder: &Path) -> Result<()> {
    let public = folder.join("accounts.pub");
    if public.exists() {
        return Ok(());
    }
    let pair = KeyPair::generate()?;
    private(&folder.join("accounts.key"), &pair.serialize_pem())?;
    fs::write(public, pair.public_key_pem()).context("writing the key of the service accounts")
}

/// What the authority says of itself, the same each time it is read.
fn parameters() -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = DistinguishedName::new();
    parameters
        .distinguished_name
        .push(DnType::CommonName, "hari cluster");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    parameters
}

fn wanted(identity: &Identity) -> Result<CertificateParams> {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = DistinguishedName::new();
    let name = &mut parameters.distinguished_name;
    name.push(DnType::CommonName, identity.user.as_str());
    name.push(DnType::OrganizationName, identity.group);
    for address in &identity.addresses {
        parameters
            .subject_alt_names
            .push(SanType::IpAddress(IpAddr::V4(*address)));
    }
    for name in &identity.names {
        parameters
            .subject_alt_names
            .push(SanType::DnsName((*name).try_into()?));
    }
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ClientAuth,
        ExtendedKeyUsagePurpose::ServerAuth,
    ];
    parameters.use_authority_key_identifier_extension = true;
    Ok(parameters)
}

/// Writes what only its owner may read.
fn private(path: &Path, text: &str) -> Result<()> {
    use std::io::Write as _;
    let mut options = fs::OpenOptions::new();
    let file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_that_is_there_signs_on() {
        let folder = tempfile::tempdir().unwrap();
        let first = Authority::of(folder.path()).unwrap().certificate;
        let again = Authority::of(folder.path()).unwrap();
        assert_eq!(again.certificate, first);
        let admin = Identity::caller("admin", "kubernetes-admin", "system:masters");
        again.issue(folder.path(), &admin).unwrap();
        let signed = fs::read(folder.path().join("admin.crt")).unwrap();
        again.issue(folder.path(), &admin).unwrap();
        assert_eq!(fs::read(folder.path().join("admin.crt")).unwrap(), signed);
    }

    #[test]
    fn a_kubeconfig_has_all_it_takes_and_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::of(folder.path()).unwrap();
        let admin = Identity::caller("admin", "kubernetes-admin", "system:masters");
        authority
            .kubeconfig(folder.path(), &admin, "https://127.0.0.1:1")
            .unwrap();
        let path = folder.path().join("admin.kubeconfig");
        let text: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let key = text["users"][0]["user"]["client-key-data"]
            .as_str()
            .unwrap();
        let key = String::from_utf8(STANDARD.decode(key).unwrap()).unwrap();
        assert!(key.starts_with("-----BEGIN PRIVATE KEY-----"), "{key}");
        for name in ["admin.kubeconfig", "admin.key", "ca.key"] {
            let mode = fs::metadata(folder.path().join(name))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }
}
