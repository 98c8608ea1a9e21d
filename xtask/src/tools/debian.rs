//! Programs of Debian's packages, unpacked into the cache folder rather than installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::venv::{cache_dir, run};

/// The folder that has several packages unpacked into one tree, made once for each list.
pub(crate) fn tree(name: &str, packages: &[&str]) -> Result<PathBuf> {
    let root = cache_dir()?.join(format!("debian-{name}"));
    let (list, complete) = (packages.join(" "), root.join("complete"));
    if std::fs::read_to_string(&complete).is_ok_and(|text| text == list) {
        return Ok(root);
    }
    if root.exists() {
        std::fs::remove_dir_all(&root).context("removing a tree of other packages")?;
    }
    unpack(packages, &root)?;
    std::fs::write(complete, list).context("marking the tree as complete")?;
    Ok(root)
}

/// The folder with the programs of `package`, unpacked once.
pub(super) fn programs(package: &str, names: &[&str]) -> Result<PathBuf> {
    let root = cache_dir()?.join(format!("debian-{package}"));
    let folder = root.join("usr/bin");
    if !complete(&folder, names) {
        unpack(&[package], &root)?;
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

/// Downloads the packages beside `root` and unpacks them there. The lists of packages are fetched
/// if they are not there yet.
fn unpack(packages: &[&str], root: &Path) -> Result<()> {
    let aside = root.with_extension("download");
    std::fs::create_dir_all(&aside)?;
    let mut download = Command::new("apt-get");
    download
        .args(["-q", "download"])
        .args(packages)
        .current_dir(&aside);
    if run(&mut download).is_err() {
        run(Command::new("apt-get").arg("update"))?;
        run(&mut download)?;
    }
    let archives = archives(&aside)?;
    ensure!(!archives.is_empty(), "apt-get left none of {packages:?}");
    for archive in archives {
        run(Command::new("dpkg").arg("-x").arg(archive).arg(root))?;
    }
    Ok(std::fs::remove_dir_all(aside)?)
}

fn archives(folder: &Path) -> Result<Vec<PathBuf>> {
    let files = std::fs::read_dir(folder)?.filter_map(|file| Some(file.ok()?.path()));
    let is_archive = |file: &PathBuf| file.extension().is_some_and(|end| end == "deb");
    Ok(files.filter(is_archive).collect())
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
    fn archives_are_found_beside_other_files() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(archives(folder.path()).unwrap(), [] as [PathBuf; 0]);
        std::fs::write(folder.path().join("partial"), "").unwrap();
        let deb = folder.path().join("x_1_amd64.deb");
        std::fs::write(&deb, "").unwrap();
        assert_eq!(archives(folder.path()).unwrap(), [deb]);
    }
}
