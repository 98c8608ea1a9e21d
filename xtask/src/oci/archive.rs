//! The archive: an OCI image layout in a tar, with the file that older engines look for.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::layer::{Entry, Layer, Tree, digest, tar};

/// An image.
pub(crate) struct Image<'a> {
    /// `REGISTRY/REPOSITORY:TAG`.
    pub(crate) name: &'a str,
    /// From the lowest.
    pub(crate) layers: &'a [Layer],
    /// Seconds since 1970 of everything in it.
    pub(crate) time: u64,
    /// Its labels.
    pub(crate) labels: Vec<(&'static str, String)>,
    /// How it is run: user, environment, program and the like, by the names of OCI.
    pub(crate) config: Value,
}

/// An archive.
pub(crate) struct Archive {
    bytes: Vec<u8>,
    digest: String,
}

impl Archive {
    /// Packs an image.
    pub(crate) fn of(image: &Image<'_>) -> Result<Self> {
        let config = text(&image.config()?)?;
        let manifest = text(&image.manifest(&config))?;
        let digest_of_manifest = digest(&manifest);
        let index = text(&image.index(&manifest)?)?;
        let mut files = Tree::new();
        let mut blob = |bytes: &[u8]| files.insert(blob(&digest(bytes)), plain(bytes));
        for layer in image.layers {
            blob(&layer.bytes);
        }
        blob(&config);
        blob(&manifest);
        files.insert("index.json".to_owned(), plain(&index));
        files.insert(
            "manifest.json".to_owned(),
            plain(&text(&image.listed(&config))?),
        );
        let layout = json!({ "imageLayoutVersion": "1.0.0" });
        files.insert("oci-layout".to_owned(), plain(&text(&layout)?));
        Ok(Self {
            // The archive itself is not compressed: its layers are.
            bytes: tar(&files, image.time)?,
            digest: digest_of_manifest,
        })
    }

    /// The digest of the image, `sha256:...`.
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }

    /// Bytes of the archive.
    pub(crate) const fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    #[cfg(test)]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Writes the archive, whole or not at all.
    pub(crate) fn write(&self, out: &Path) -> Result<()> {
        let aside = out.with_extension("part");
        if let Some(folder) = out.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&aside, &self.bytes)
            .and_then(|()| std::fs::rename(&aside, out))
            .with_context(|| format!("writing {}", out.display()))
    }
}

impl Image<'_> {
    fn config(&self) -> Result<Value> {
        let mut config = self.config.clone();
        if !self.labels.is_empty() {
            config["Labels"] = self.labels();
        }
        let diffs: Vec<&str> = self.layers.iter().map(|layer| &*layer.diff).collect();
        let history: Vec<Value> = self.layers.iter().map(|_| self.step()).collect();
        Ok(json!({
            "created": timestamp(self.time),
            "architecture": architecture()?,
            "os": "linux",
            "config": config,
            "rootfs": { "type": "layers", "diff_ids": diffs },
            "history": history,
        }))
    }

    fn step(&self) -> Value {
        json!({ "created": timestamp(self.time), "created_by": "cargo xtask" })
    }

    fn labels(&self) -> Value {
        let labels = self.labels.iter();
        labels
            .map(|(key, value)| ((*key).to_owned(), json!(value)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    fn manifest(&self, config: &[u8]) -> Value {
        let layers: Vec<Value> = self
            .layers
            .iter()
            .map(|layer| described("layer.v1.tar+gzip", &layer.bytes))
            .collect();
        json!({
            "schemaVersion": 2,
            "mediaType": media_type("manifest.v1+json"),
            "config": described("config.v1+json", config),
            "layers": layers,
            "annotations": self.labels(),
        })
    }

    fn index(&self, manifest: &[u8]) -> Result<Value> {
        let mut entry = described("manifest.v1+json", manifest);
        let tag = self.name.rsplit_once(':').map_or("latest", |(_, tag)| tag);
        entry["platform"] = json!({ "architecture": architecture()?, "os": "linux" });
        entry["annotations"] = json!({
            "io.containerd.image.name": self.name,
            "org.opencontainers.image.ref.name": tag,
        });
        Ok(json!({
            "schemaVersion": 2,
            "mediaType": media_type("index.v1+json"),
            "manifests": [entry],
        }))
    }

    /// The image as `docker load` looks for it.
    fn listed(&self, config: &[u8]) -> Value {
        let layers: Vec<String> = self
            .layers
            .iter()
            .map(|layer| blob(&layer.digest))
            .collect();
        json!([{ "Config": blob(&digest(config)), "RepoTags": [self.name], "Layers": layers }])
    }
}

/// Names of OCI's media types.
fn media_type(kind: &str) -> String {
    format!("application/vnd.oci.image.{kind}")
}

fn described(kind: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": media_type(kind), "digest": digest(bytes), "size": bytes.len() })
}

/// Where a blob lies.
fn blob(digest: &str) -> String {
    format!("blobs/{}", digest.replace(':', "/"))
}

fn text(value: &Value) -> Result<Vec<u8>> {
    Ok(serde_json::to_vec(value)?)
}

fn plain(bytes: &[u8]) -> Entry {
    Entry::file(0o644, bytes)
}

/// The name that OCI has for this machine's architecture.
pub(crate) fn architecture() -> Result<&'static str> {
    match std::env::consts::ARCH {
        "x86_64" => Ok("amd64"),
        "aarch64" => Ok("arm64"),
        other => bail!("images are made for x86_64 and aarch64, not {other}"),
    }
}

/// RFC 3339 of seconds since 1970, in UTC. Days are counted as in Howard Hinnant's
/// `civil_from_days`.
fn timestamp(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day) = (days / 146_097, days % 146_097);
    let year_of_era = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day + 2) / 153;
    let day = day - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_rfc_3339() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_767_225_599, "2025-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(timestamp(seconds), text);
        }
    }
}
