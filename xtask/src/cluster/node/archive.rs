//! Images of one program: an OCI archive with a single layer, written without a daemon, the same
//! bytes for the same program.

use std::io::Write;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A static program that is the whole of an image.
pub(super) struct Program<'a> {
    /// What manifests of pods call the image.
    pub(super) reference: &'a str,
    /// Where the program lies in the image, without the first slash.
    pub(super) path: &'a str,
    pub(super) bytes: &'a [u8],
    /// Links to the program, for one that does many things.
    pub(super) links: &'a [String],
}

/// Writes the archive of an image that starts `program`.
pub(super) fn write(program: &Program<'_>, to: impl Write) -> Result<()> {
    let mut blobs = Vec::new();
    let layer = blob(&mut blobs, layer(program)?, LAYER);
    let config = json!({
        "architecture": architecture(),
        "os": "linux",
        "config": { "Entrypoint": [format!("/{}", program.path)] },
        "rootfs": { "type": "layers", "diff_ids": [layer["digest"]] },
    });
    let config = blob(&mut blobs, config.to_string().into_bytes(), CONFIG);
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer],
    });
    let mut manifest = blob(&mut blobs, manifest.to_string().into_bytes(), MANIFEST);
    manifest["annotations"] = json!({ "io.containerd.image.name": program.reference });
    let index = json!({ "schemaVersion": 2, "manifests": [manifest] });
    let mut archive = tar::Builder::new(to);
    let layout = json!({ "imageLayoutVersion": "1.0.0" });
    file(
        &mut archive,
        "oci-layout",
        0o644,
        layout.to_string().as_bytes(),
    )?;
    file(
        &mut archive,
        "index.json",
        0o644,
        index.to_string().as_bytes(),
    )?;
    for (digest, bytes) in blobs {
        file(
            &mut archive,
            &format!("blobs/sha256/{digest}"),
            0o644,
            &bytes,
        )?;
    }
    archive.finish().context("ending the archive of an image")
}

/// What images call this machine's processor.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn layer(program: &Program<'_>) -> Result<Vec<u8>> {
    let mut layer = tar::Builder::new(Vec::new());
    file(&mut layer, program.path, 0o755, program.bytes)?;
    for link in program.links {
        let mut header = header(0, 0o777);
        header.set_entry_type(tar::EntryType::Symlink);
        layer
            .append_link(&mut header, link, format!("/{}", program.path))
            .context("a link in a layer")?;
    }
    layer.into_inner().context("ending a layer")
}

fn file(archive: &mut tar::Builder<impl Write>, path: &str, mode: u32, bytes: &[u8]) -> Result<()> {
    let mut header = header(bytes.len() as u64, mode);
    archive
        .append_data(&mut header, path, bytes)
        .with_context(|| format!("writing {path} of an image"))
}

/// No owner but root and no time, so that the same program is the same image.
fn header(size: u64, mode: u32) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(mode);
    header
}

/// Keeps bytes under their digest; gives what a manifest says of them.
fn blob(blobs: &mut Vec<(String, Vec<u8>)>, bytes: Vec<u8>, media_type: &str) -> Value {
    let digest: String = Sha256::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let told = json!({
        "mediaType": media_type, "digest": format!("sha256:{digest}"), "size": bytes.len(),
    });
    blobs.push((digest, bytes));
    told
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read as _;

    use super::*;

    fn packed() -> Vec<u8> {
        let program = Program {
            reference: "localhost/one:1",
            path: "bin/one",
            bytes: b"program",
            links: &["bin/two".to_owned()],
        };
        let mut bytes = Vec::new();
        write(&program, &mut bytes).unwrap();
        bytes
    }

    fn files(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
        let mut archive = tar::Archive::new(bytes);
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            (entry.path().unwrap().display().to_string(), bytes)
        });
        entries.collect()
    }

    fn blob_of<'a>(files: &'a BTreeMap<String, Vec<u8>>, told: &Value) -> &'a [u8] {
        let digest = told["digest"]
            .as_str()
            .unwrap()
            .trim_start_matches("sha256:");
        let bytes = &files[&format!("blobs/sha256/{digest}")];
        assert_eq!(told["size"], bytes.len());
        bytes
    }

    #[test]
    fn from_the_index_one_comes_to_the_program() {
        let files = files(&packed());
        let index: Value = serde_json::from_slice(&files["index.json"]).unwrap();
        let entry = &index["manifests"][0];
        assert_eq!(
            entry["annotations"]["io.containerd.image.name"],
            "localhost/one:1"
        );
        let manifest: Value = serde_json::from_slice(blob_of(&files, entry)).unwrap();
        let config: Value = serde_json::from_slice(blob_of(&files, &manifest["config"])).unwrap();
        assert_eq!(config["config"]["Entrypoint"], json!(["/bin/one"]));
        let layer = blob_of(&files, &manifest["layers"][0]);
        assert_eq!(
            config["rootfs"]["diff_ids"][0],
            manifest["layers"][0]["digest"]
        );
        let mut layer = tar::Archive::new(layer);
        let entries: Vec<_> = layer
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap())
            .collect();
        assert_eq!(entries[0].path_bytes().as_ref(), b"bin/one");
        assert_eq!(entries[0].header().mode().unwrap(), 0o755);
        assert_eq!(entries[1].link_name_bytes().unwrap().as_ref(), b"/bin/one");
    }

    #[test]
    fn the_same_program_is_the_same_archive() {
        assert_eq!(packed(), packed());
    }
}
