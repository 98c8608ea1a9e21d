//! Images that a node needs before any other: made from Kubernetes' own sources and programs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::{dns, runtime};
use crate::oci::{Archive, Entry, Image, Layer, Tree};
use crate::tools::debian;
use crate::venv::run;

/// An image with a shell and small programs, for tests and for looking around.
pub(super) const BUSYBOX: &str = "localhost/busybox:local";

/// What one calls by name in it.
const APPLETS: [&str; 12] = [
    "cat", "echo", "hostname", "httpd", "id", "ls", "mkdir", "nc", "nslookup", "sh", "sleep",
    "wget",
];

/// The image of a pod's first container: `pause.c` of Kubernetes, compiled once. Lies beside it.
pub(super) fn pause(source: &Path) -> Result<PathBuf> {
    let archive = source.with_file_name("pause.tar");
    if archive.exists() {
        return Ok(archive);
    }
    let program = source.with_file_name("pause");
    let mut compile = Command::new("cc");
    compile.args(["-Os", "-static", "-s", "-DVERSION=local", "-o"]);
    run(compile.arg(&program).arg(source))?;
    pack(&program, (runtime::PAUSE, "pause", &[]), &archive)?;
    Ok(archive)
}

/// The image of CoreDNS, a program that needs nothing else. Lies beside it.
pub(super) fn dns(program: &Path) -> Result<PathBuf> {
    let archive = program.with_file_name("coredns.tar");
    if !archive.exists() {
        pack(program, (dns::IMAGE, dns::PROGRAM, &[]), &archive)?;
    }
    Ok(archive)
}

/// The image of Debian's busybox.
pub(super) fn busybox() -> Result<PathBuf> {
    let root = debian::tree("busybox", &["busybox-static"])?;
    let (program, archive) = (root.join("bin/busybox"), root.join("busybox.tar"));
    if !archive.exists() {
        let links = APPLETS.map(|name| format!("bin/{name}"));
        pack(&program, (BUSYBOX, "bin/busybox", &links), &archive)?;
    }
    Ok(archive)
}

/// The image of any static program, which starts it; in `folder`.
pub(super) fn program(program: &Path, reference: &str, folder: &Path) -> Result<PathBuf> {
    let name = program.file_name().and_then(|name| name.to_str());
    let name = name.with_context(|| format!("{} names no file", program.display()))?;
    let archive = folder.join(format!("{name}.tar"));
    pack(program, (reference, name, &[]), &archive)?;
    Ok(archive)
}

/// Writes the archive of a program, whole or not at all; `image` is its name, the path of the
/// program in it, and links to that.
fn pack(program: &Path, image: (&str, &str, &[String]), archive: &Path) -> Result<()> {
    let bytes = fs::read(program).with_context(|| format!("reading {}", program.display()))?;
    let (name, path, links) = image;
    let started = format!("/{path}");
    let links = links
        .iter()
        .map(|link| (link.clone(), Entry::link(&*started)));
    let tree: Tree = links
        .chain([(path.to_owned(), Entry::file(0o755, bytes))])
        .collect();
    // It is unpacked on this machine, and soon.
    let layers = [Layer::pack(&tree, 0, 1)?];
    let image = Image {
        name,
        layers: &layers,
        time: 0,
        labels: Vec::new(),
        config: json!({ "Entrypoint": [started] }),
    };
    Archive::of(&image)?.write(archive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        fs::write(&program, "one").unwrap();
        let archive = dns(&program).unwrap();
        let first = fs::read(&archive).unwrap();
        fs::write(&program, "two").unwrap();
        assert_eq!(dns(&program).unwrap(), archive);
        assert_eq!(fs::read(&archive).unwrap(), first);
        assert!(!archive.with_extension("part").exists());
    }
}
