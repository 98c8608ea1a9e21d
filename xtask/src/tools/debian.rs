//! Programs of Debian's packages, unpacked into the cache folder rather than installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::venv::{cache_dir, run};

/// The folder with the programs of `package`, unpacked once.
pub(super) fn programs(package: &str, names: &[&str]) -> Result<PathBuf> {
    let root = cache_dir()?.join(format!("debian-{package}"));
    let folder = root.join("usr/bin");
    if !complete(&folder, names) {
        unpack(package, &root)?;
    }
    ensure!(
        complete(&folder, names),
        "Debian's package {package} has not all of {names:?}"
    );
    Ok(folder)
}

fn complete(folder: &Path, names: &[&str]) -> bool {
    names.iter().all(|name| folder.join(name).is_file())
}

/// Downloads the package beside `root` and unpacks it there. The lists of packages are fetched
/// if they are not there yet.
fn unpack(package: &str, root: &Path) -> Result<()> {
    let aside = root.with_extension("download");
    std::fs::create_dir_all(&aside)?;
    let mut download = Command::new("apt-get");
    download.args(["download", package]).current_dir(&aside);
    if run(&mut download).is_err() {
        run(Command::new("apt-get").arg("update"))?;
        run(&mut download)?;
    }
    let archive = archive(&aside).with_context(|| format!("apt-get left no {package}"))?;
    run(Command::new("dpkg").arg("-x").arg(archive).arg(root))?;
    Ok(std::fs::remove_dir_all(aside)?)
}

fn archive(folder: &Path) -> Option<PathBuf> {
    let files = std::fs::read_dir(folder).ok()?;
    let mut files = files.filter_map(|file| Some(file.ok()?.path()));
    files.find(|file| file.extension().is_some_and(|end| end == "deb"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_counts_if_it_has_all_programs() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!complete(folder.path(), &["one", "two"]));
        for name in ["one", "two"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        assert!(complete(folder.path(), &["one", "two"]));
    }

    #[test]
    fn the_archive_is_found_beside_other_files() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(archive(folder.path()), None);
        std::fs::write(folder.path().join("partial"), "").unwrap();
        let deb = folder.path().join("x_1_amd64.deb");
        std::fs::write(&deb, "").unwrap();
        assert_eq!(archive(folder.path()), Some(deb));
    }
}
