//! Packages of Debian that the image takes files from, in the versions that apt offers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::tools::debian;
use crate::venv::run;

/// What every image needs: the C library, the one that unwinds, and root certificates.
pub(super) const BASE: [&str; 3] = ["ca-certificates", "libc6", "libgcc-s1"];

/// Packages, unpacked into one tree.
pub(super) struct Packages {
    root: PathBuf,
    /// Versions by name.
    pub(super) versions: BTreeMap<String, String>,
}

impl Packages {
    /// The packages of these names, and those that have their licences.
    pub(super) fn ready(names: &[&str]) -> Result<Self> {
        let mut versions = BTreeMap::new();
        let mut next: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        while let Some(name) = next.pop() {
            let (version, base) = offered(&name)?;
            next.extend(base);
            versions.insert(name, version);
        }
        let wanted: Vec<String> = versions
            .iter()
            .map(|(name, version)| format!("{name}={version}"))
            .collect();
        let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        let root = debian::tree(&format!("image-{}", wanted.len()), &wanted)?;
        Ok(Self { root, versions })
    }

    /// Where the packages lie.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The licences of a package.
    pub(super) fn copyright(&self, name: &str) -> Result<Vec<u8>> {
        let file = self.root.join("usr/share/doc").join(name).join("copyright");
        std::fs::read(&file).with_context(|| format!("reading the copyright of {name}"))
    }

    /// The root certificates in one file, in the order of their names.
    pub(super) fn certificates(&self) -> Result<Vec<u8>> {
        let folder = self.root.join("usr/share/ca-certificates/mozilla");
        let entries = std::fs::read_dir(&folder).context("reading the root certificates")?;
        let mut files: Vec<PathBuf> = entries
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<_>>()?;
        files.sort();
        let mut bundle = Vec::new();
        for file in files {
            bundle.extend(std::fs::read(file)?);
        }
        ensure!(bundle.len() > 50_000, "too few root certificates");
        Ok(bundle)
    }
}

/// The version of a package that apt would install, and the package that its documents are in, if
/// that is another.
fn offered(name: &str) -> Result<(String, Option<String>)> {
    let asked = || {
        let mut apt = Command::new("apt-cache");
        apt.args(["show", "--no-all-versions", name]);
        let told = apt.output().context(
            "images are made of Debian's packages: this task needs apt-cache, apt-get and dpkg",
        )?;
        anyhow::Ok(read(&String::from_utf8_lossy(&told.stdout)))
    };
    if let Some(found) = asked()? {
        return Ok(found);
    }
    run(Command::new("apt-get").arg("update"))?;
    asked()?.with_context(|| format!("apt knows no package {name}"))
}

/// The version in a package's record. Libraries of GCC have their documents in a package of its own.
pub(super) fn read(record: &str) -> Option<(String, Option<String>)> {
    let field = |name: &str| record.lines().find_map(|line| line.strip_prefix(name));
    let version = field("Version: ")?.trim().to_owned();
    let depends = field("Depends: ").unwrap_or_default();
    let mut words = depends.split([' ', ',']);
    let base = words.find(|word| word.starts_with("gcc-") && word.ends_with("-base"));
    Some((version, base.map(str::to_owned)))
}
