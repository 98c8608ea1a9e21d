//! Artifacts of a registry as users write them: `oci://registry/repository:tag@sha256:...`.

use hari_error::{Error, Result};

use crate::digest::Sha256;

/// An artifact or image of a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    /// Host, with a port if it has one.
    pub(crate) registry: String,
    pub(crate) repository: String,
    /// `latest` unless a tag or a digest is given.
    pub(crate) tag: Option<String>,
    pub(crate) digest: Option<Sha256>,
}

impl Reference {
    /// Reads what stands after `oci://`.
    pub(super) fn parse(rest: &str) -> Result<Self> {
        let bad = |what: &str| {
            Error::invalid(format!(
                "modelUri: expected `oci://registry/repository:tag` or `...@sha256:<64 hex \
                 digits>`, found {what}"
            ))
        };
        let (name, digest) = match rest.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (rest, None),
        };
        let digest = match digest {
            None => None,
            Some(text) => match text.strip_prefix("sha256:") {
                Some(hex) => Some(hex.parse()?),
                None => return Err(bad("something else after the `@`")),
            },
        };
        let (registry, path) = name.split_once('/').ok_or_else(|| bad("no repository"))?;
        let (repository, tag) = match path.rsplit_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (path, None),
        };
        if !is_registry(registry) {
            return Err(bad("no registry's host"));
        }
        if !repository.split('/').all(is_part) {
            return Err(bad(
                "a repository that is not of lower-case letters and digits",
            ));
        }
        if !tag.is_none_or(is_tag) {
            return Err(bad("a tag that is none"));
        }
        let latest = || digest.is_none().then(|| "latest".to_owned());
        Ok(Self {
            registry: registry.to_owned(),
            repository: repository.to_owned(),
            tag: tag.map(str::to_owned).or_else(latest),
            digest,
        })
    }

    /// What the manifest is asked for by.
    pub(crate) fn wanted(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => format!("sha256:{digest}"),
            (None, Some(tag)) => tag.clone(),
            (None, None) => "latest".to_owned(),
        }
    }
}

fn is_registry(host: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-.:[]".contains(&b);
    !host.is_empty() && host.bytes().all(plain)
}

fn is_part(part: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    part.starts_with(|c: char| c.is_ascii_alphanumeric()) && part.bytes().all(inner)
}

fn is_tag(tag: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    !tag.is_empty() && tag.len() <= 128 && tag.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read() {
        let reference = Reference::parse("ghcr.io/org/models/mnist:v1").unwrap();
        assert_eq!(reference.registry, "ghcr.io");
        assert_eq!(reference.repository, "org/models/mnist");
        assert_eq!(reference.wanted(), "v1");
        let reference = Reference::parse("127.0.0.1:5000/m").unwrap();
        assert_eq!(
            (&*reference.registry, &*reference.wanted()),
            ("127.0.0.1:5000", "latest")
        );
        let digest = "ab".repeat(32);
        let reference = Reference::parse(&format!("h/m:v1@sha256:{digest}")).unwrap();
        assert_eq!(reference.wanted(), format!("sha256:{digest}"));
        assert_eq!(reference.tag.as_deref(), Some("v1"));
    }

    #[test]
    fn other_text_is_refused() {
        for text in [
            "",
            "h",
            "h/",
            "/m",
            "h/M",
            "h/a//b",
            "h/../b",
            "h/m:",
            "h/m:a/b",
            "h/m@md5:x",
            "u:p@h/m",
        ] {
            let error = Reference::parse(text).unwrap_err();
            assert!(!error.message().is_empty(), "{text}");
        }
    }
}
