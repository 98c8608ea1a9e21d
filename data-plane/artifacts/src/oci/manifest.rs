//! Manifests: which blobs an artifact or image is made of, and what each of them is.

use std::collections::HashMap;

use hari_error::{Error, Result};
use serde::Deserialize;

use crate::archive::EntryName;
use crate::digest::Sha256;

/// What is asked for, in the words of the OCI and of Docker before it.
pub(super) const ACCEPTED: &str = "application/vnd.oci.image.manifest.v1+json, \
    application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.docker.distribution.manifest.list.v2+json";

/// Annotation with the name of a file.
const TITLE: &str = "org.opencontainers.image.title";
/// Annotation with the path of a file, as the model format of the CNCF has it.
const FILE_PATH: &str = "org.cncf.model.filepath";
/// Annotation of ORAS: the blob is a folder, packed.
const UNPACK: &str = "io.deis.oras.content.unpack";

/// Most layers of an artifact.
const MAX_LAYERS: usize = 1000;

/// A manifest, or an index of manifests.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    #[serde(default)]
    manifests: Vec<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
    config: Option<Descriptor>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
    size: u64,
    #[serde(default)]
    annotations: HashMap<String, String>,
    platform: Option<Platform>,
}

#[derive(Debug, Deserialize)]
struct Platform {
    os: String,
    architecture: String,
}

/// A blob that becomes part of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layer {
    pub(crate) digest: Sha256,
    pub(crate) bytes: u64,
    pub(crate) content: Content,
}

/// What a blob is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// A file of this name.
    File(EntryName),
    /// A tar, packed or not.
    Tar,
}

impl Manifest {
    pub(super) fn read(body: &[u8]) -> Result<Self> {
        let read: Self = serde_json::from_slice(body).map_err(|_| {
            Error::invalid(
                "the registry's manifest: expected an OCI manifest, found something else",
            )
        })?;
        if read.layers.len().max(read.manifests.len()) > MAX_LAYERS {
            return Err(Error::too_large(format!(
                "the registry's manifest: expected at most {MAX_LAYERS} layers"
            )));
        }
        Ok(read)
    }

    /// The manifest that an index means: the one for Linux on this processor, else on amd64, else
    /// the only one. None if this is no index.
    pub(super) fn platform(&self) -> Result<Option<Sha256>> {
        if self.manifests.is_empty() {
            return Ok(None);
        }
        let ours = match std::env::consts::ARCH {
            "aarch64" => "arm64",
            "x86_64" => "amd64",
            other => other,
        };
        let of = |architecture: &str| {
            let mut all = self.manifests.iter();
            all.find(|one| {
                let platform = one.platform.as_ref();
                platform.is_some_and(|one| one.os == "linux" && one.architecture == architecture)
            })
        };
        let only = || match self.manifests.as_slice() {
            [only] => Some(only),
            _ => None,
        };
        let chosen = of(ours)
            .or_else(|| of("amd64"))
            .or_else(only)
            .ok_or_else(|| {
                Error::invalid(
                    "the registry's index: expected an entry for Linux on this processor",
                )
            })?;
        chosen.sha256().map(Some)
    }

    /// Whether it is a container's image.
    pub(super) fn is_image(&self) -> bool {
        let config = self.config.as_ref().map(|config| &*config.media_type);
        matches!(
            config,
            Some(
                "application/vnd.oci.image.config.v1+json"
                    | "application/vnd.docker.container.image.v1+json"
            )
        )
    }

    /// What is fetched, in the order in which it is put together.
    pub(super) fn layers(&self) -> Result<Vec<Layer>> {
        let layers: Vec<Layer> = self
            .layers
            .iter()
            .map(Descriptor::layer)
            .collect::<Result<_>>()?;
        match layers.is_empty() {
            true => Err(Error::invalid("the registry's manifest: it has no layers")),
            false => Ok(layers),
        }
    }
}

impl Descriptor {
    fn sha256(&self) -> Result<Sha256> {
        let hex = self
            .digest
            .strip_prefix("sha256:")
            .ok_or_else(|| Error::invalid("the registry's manifest: expected digests of sha256"))?;
        hex.parse()
    }

    fn layer(&self) -> Result<Layer> {
        let tar = self.media_type.contains(".tar") || self.media_type.contains("diff.tar");
        let tar =
            tar || self.media_type == "application/x-tar" || self.media_type.ends_with("+tar");
        let unpack = self
            .annotations
            .get(UNPACK)
            .is_some_and(|text| text == "true");
        let path = self.annotations.get(FILE_PATH);
        let title = self.annotations.get(TITLE);
        let content = match path.or(title) {
            _ if unpack => Content::Tar,
            Some(name) if title.is_some() || !tar => Content::File(EntryName::of_object(name)?),
            _ if tar => Content::Tar,
            _ => {
                return Err(Error::invalid(format!(
                    "the registry's manifest: expected layers of tar, or files with the \
                     annotation `{TITLE}`, found `{}` without it",
                    self.media_type
                        .chars()
                        .take(80)
                        .collect::<String>()
                        .escape_debug()
                )));
            }
        };
        Ok(Layer {
            digest: self.sha256()?,
            bytes: self.size,
            content,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn manifest(layer: &str) -> Result<Vec<Layer>> {
        let text = format!("{{\"layers\": [{{\"digest\": \"{DIGEST}\", \"size\": 3, {layer}}}]}}");
        Manifest::read(text.as_bytes())?.layers()
    }

    #[test]
    fn layers_are_files_or_tars() {
        let file = |name: &str| Content::File(EntryName::of_object(name).unwrap());
        for (layer, content) in [
            (
                r#""mediaType": "application/vnd.oci.image.layer.v1.tar+gzip""#,
                Content::Tar,
            ),
            (
                r#""mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip""#,
                Content::Tar,
            ),
            (
                r#""mediaType": "application/x", "annotations": {"org.opencontainers.image.title": "a/m.onnx"}"#,
                file("a/m.onnx"),
            ),
            (
                r#""mediaType": "application/vnd.oci.image.layer.v1.tar", "annotations": {"org.opencontainers.image.title": "m.onnx"}"#,
                file("m.onnx"),
            ),
            (
                r#""mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "annotations": {"org.opencontainers.image.title": "m", "io.deis.oras.content.unpack": "true"}"#,
                Content::Tar,
            ),
            (
                r#""mediaType": "application/vnd.cncf.model.weight.v1.raw", "annotations": {"org.cncf.model.filepath": "m.onnx"}"#,
                file("m.onnx"),
            ),
            (
                r#""mediaType": "application/vnd.cncf.model.weight.v1.tar", "annotations": {"org.cncf.model.filepath": "m.onnx"}"#,
                Content::Tar,
            ),
        ] {
            let layers = manifest(layer).unwrap();
            assert_eq!(
                (&layers[0].content, layers[0].bytes),
                (&content, 3),
                "{layer}"
            );
        }
    }

    #[test]
    fn what_could_leave_or_is_unknown_is_refused() {
        for (layer, word) in [
            (r#""mediaType": "application/json""#, "annotation"),
            (
                r#""annotations": {"org.opencontainers.image.title": "../x"}"#,
                "`..`",
            ),
            (
                r#""annotations": {"org.opencontainers.image.title": "/etc/x"}"#,
                "absolute",
            ),
        ] {
            let error = manifest(layer).unwrap_err();
            assert!(error.message().contains(word), "{layer}: {error}");
        }
        assert!(Manifest::read(b"[]").is_err());
        assert!(Manifest::read(b"{}").unwrap().layers().is_err());
        let md5 = br#"{"layers": [{"digest": "md5:00", "size": 1, "mediaType": "x.tar"}]}"#;
        assert!(Manifest::read(md5).unwrap().layers().is_err());
    }

    #[test]
    fn an_index_leads_to_the_platform() {
        let one = |os: &str, architecture: &str, digit: &str| {
            format!(
                "{{\"digest\": \"sha256:{}\", \"size\": 1, \"platform\": {{\"os\": \"{os}\", \
                 \"architecture\": \"{architecture}\"}}}}",
                digit.repeat(64)
            )
        };
        let index = |entries: &[String]| {
            let text = format!("{{\"manifests\": [{}]}}", entries.join(","));
            Manifest::read(text.as_bytes()).unwrap().platform()
        };
        let found = index(&[one("windows", "amd64", "1"), one("linux", "amd64", "2")]).unwrap();
        assert_eq!(found.unwrap().to_string(), "2".repeat(64));
        let found = index(&[one("unknown", "unknown", "3")]).unwrap();
        assert_eq!(found.unwrap().to_string(), "3".repeat(64));
        assert!(index(&[one("a", "b", "1"), one("c", "d", "2")]).is_err());
        assert_eq!(index(&[]).unwrap(), None);
    }
}
