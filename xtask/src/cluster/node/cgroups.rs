//! The control groups that hold a node's pods: made before the kubelet, removed after it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// Where Linux distributions mount them.
pub(super) const ROOT: &str = "/sys/fs/cgroup";

/// The hierarchies below `root`: one for each controller (version 1), or `root` itself (version 2).
pub(super) fn hierarchies(root: &Path) -> Result<Vec<PathBuf>> {
    if root.join("cgroup.controllers").exists() {
        return Ok(vec![root.to_owned()]);
    }
    let entries = fs::read_dir(root).context("reading the control groups")?;
    let folders = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut folders: Vec<_> = folders
        .filter(|path| path.join("cgroup.procs").exists() && !path.is_symlink())
        .collect();
    folders.sort();
    Ok(folders)
}

/// Makes the group in every hierarchy.
pub(super) fn make(root: &Path, group: &str) -> Result<()> {
    for hierarchy in hierarchies(root)? {
        let folder = hierarchy.join(group);
        fs::create_dir_all(&folder)
            .with_context(|| format!("making the control group {}", folder.display()))?;
        inherit(&hierarchy, &folder)?;
    }
    Ok(())
}

/// A new group of version 1 has no processors and no memory nodes until it is given some.
fn inherit(hierarchy: &Path, folder: &Path) -> Result<()> {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        let from = hierarchy.join(file);
        let is_v1 = from.exists() && hierarchy.join("tasks").exists();
        if is_v1 {
            let text = fs::read(&from)?;
            fs::write(folder.join(file), text).with_context(|| format!("setting {file}"))?;
        }
    }
    Ok(())
}

/// Removes the group and those below it, which are empty once the node has ended.
pub(super) fn remove(root: &Path, group: &str) -> Result<()> {
    for hierarchy in hierarchies(root)? {
        remove_tree(&hierarchy.join(group))?;
    }
    Ok(())
}

fn remove_tree(folder: &Path) -> Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).context("reading a control group"),
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        }
    }
    fs::remove_dir(folder)
        .with_context(|| format!("removing the control group {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hierarchy(root: &Path, name: &str) -> PathBuf {
        let folder = root.join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("cgroup.procs"), "").unwrap();
        fs::write(folder.join("tasks"), "").unwrap();
        folder
    }

    #[test]
    fn a_group_is_made_in_every_hierarchy_of_version_1() {
        let root = tempfile::tempdir().unwrap();
        let (cpuset, memory) = (
            hierarchy(root.path(), "cpuset"),
            hierarchy(root.path(), "memory"),
        );
        fs::create_dir(root.path().join("no-hierarchy")).unwrap();
        fs::write(cpuset.join("cpuset.cpus"), "0-1\n").unwrap();
        fs::write(cpuset.join("cpuset.mems"), "0\n").unwrap();
        make(root.path(), "hari-one").unwrap();
        assert_eq!(
            fs::read(cpuset.join("hari-one/cpuset.cpus")).unwrap(),
            b"0-1\n"
        );
        assert!(memory.join("hari-one").is_dir());
        assert!(!root.path().join("no-hierarchy/hari-one").exists());
    }

    #[test]
    fn version_2_is_one_hierarchy() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("cgroup.controllers"), "cpu memory").unwrap();
        assert_eq!(hierarchies(root.path()).unwrap(), [root.path()]);
    }

    #[test]
    fn a_group_is_removed_with_those_below_it_and_twice_is_no_error() {
        let root = tempfile::tempdir().unwrap();
        let memory = hierarchy(root.path(), "memory");
        fs::create_dir_all(memory.join("hari-one/kubepods/pod1")).unwrap();
        remove(root.path(), "hari-one").unwrap();
        assert!(!memory.join("hari-one").exists() && memory.exists());
        remove(root.path(), "hari-one").unwrap();
    }
}
