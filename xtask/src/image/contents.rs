//! What is in an image: files, and the bill of them.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use super::debian::{BASE, Packages};
use super::sbom::{self, Other};
use super::{PROGRAM, Variant, libraries, licences, onnxruntime, packages};
use crate::oci::{self, Entry, Layer, Tree, architecture};
use crate::workspace;

/// The files of an image: what changes seldom, and Hari.
pub(super) struct Contents {
    base: Tree,
    runtime: Tree,
    hari: Tree,
    /// The bill of materials.
    pub(super) sbom: Vec<u8>,
}

/// Where documents lie.
const DOCUMENTS: &str = "usr/share/doc";

impl Contents {
    /// Collects them for a program.
    pub(super) fn collect(binary: &Path, variant: Variant) -> Result<Self> {
        let program =
            std::fs::read(binary).with_context(|| format!("reading {}", binary.display()))?;
        let mut names = BASE.to_vec();
        let library = (variant == Variant::Onnxruntime)
            .then(onnxruntime::library)
            .transpose()?;
        if library.is_some() {
            names.push("libstdc++6");
        }
        let debian = Packages::ready(&names)?;
        let mut programs = vec![("hari", &*program)];
        let mut runtime = Tree::new();
        let mut others = debian_parts(&debian)?;
        if let Some(library) = &library {
            programs.push(("ONNX Runtime", &library.content));
            others.push(place(library, &mut runtime));
        }
        let base = base(&debian, &programs)?;
        let crates = packages::linked()?;
        ensure!(crates.len() > 50, "too few crates for a bill of materials");
        let sbom = sbom::bill(&program, &crates, &others)?;
        let mut hari = Tree::new();
        hari.insert(
            document("hari/licences.txt"),
            file(licences::collected(&crates)?),
        );
        hari.insert(document("hari/LICENSE"), file(own_licence()?));
        hari.insert(document("hari/sbom.cdx.json"), file(sbom.clone()));
        hari.insert(PROGRAM.to_owned(), Entry::file(0o755, program));
        Ok(Self {
            base,
            runtime,
            hari,
            sbom,
        })
    }

    /// Writes the files into a folder.
    pub(super) fn unpack(&self, root: &Path) -> Result<()> {
        for tree in self.trees() {
            oci::unpack(tree, root)?;
        }
        Ok(())
    }

    /// The layers, from the lowest.
    pub(super) fn layers(&self, time: u64, level: u32) -> Result<Vec<Layer>> {
        let packed = self.trees().map(|tree| Layer::pack(tree, time, level));
        packed.collect()
    }

    fn trees(&self) -> impl Iterator<Item = &Tree> {
        let trees = [&self.base, &self.runtime, &self.hari];
        trees.into_iter().filter(|tree| !tree.is_empty())
    }
}

fn file(content: Vec<u8>) -> Entry {
    Entry::file(0o644, content)
}

fn document(name: &str) -> String {
    format!("{DOCUMENTS}/{name}")
}

fn own_licence() -> Result<Vec<u8>> {
    std::fs::read(workspace::root().join("LICENSE")).context("reading LICENSE")
}

fn debian_parts(debian: &Packages) -> Result<Vec<Other>> {
    let architecture = architecture()?;
    let of = |(name, version): (&String, &String)| match &**name {
        "ca-certificates" => Other::debian(name, version, "all"),
        _ => Other::debian(name, version, architecture),
    };
    Ok(debian.versions.iter().map(of).collect())
}

/// Puts ONNX Runtime where Hari looks for it.
fn place(library: &onnxruntime::Library, tree: &mut Tree) -> Other {
    let at = format!("opt/onnxruntime/lib/{}", library.name);
    tree.insert(at, Entry::file(0o755, library.content.clone()));
    tree.insert(
        document("onnxruntime/copyright"),
        file(library.licences.clone()),
    );
    Other {
        name: "onnxruntime".to_owned(),
        version: library.version.clone(),
        purl: format!("pkg:pypi/onnxruntime@{}", library.version),
    }
}

/// Libraries, certificates, and the few files by which a C library knows users and names of hosts.
fn base(debian: &Packages, programs: &[(&str, &[u8])]) -> Result<Tree> {
    let mut tree = Tree::new();
    libraries::add(&mut tree, debian.root(), programs)?;
    tree.insert(
        "etc/ssl/certs/ca-certificates.crt".to_owned(),
        file(debian.certificates()?),
    );
    for (name, text) in [
        (
            "etc/passwd",
            "root:x:0:0:root:/:/sbin/nologin\nhari:x:8888:8888:hari:/tmp:/sbin/nologin\n",
        ),
        ("etc/group", "root:x:0:\nhari:x:8888:\n"),
        ("etc/nsswitch.conf", "hosts: files dns\n"),
    ] {
        tree.insert(name.to_owned(), file(text.into()));
    }
    tree.insert("tmp".to_owned(), Entry::folder(0o1777));
    for name in debian.versions.keys() {
        tree.insert(
            document(&format!("{name}/copyright")),
            file(debian.copyright(name)?),
        );
    }
    Ok(tree)
}
