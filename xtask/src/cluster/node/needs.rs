//! What a machine must have to run a node, and what exactly it lacks.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use super::cgroups;
use crate::cluster::process::output;

/// Programs that are taken from the machine, and Debian's packages of them.
const PROGRAMS: [(&str, &str); 7] = [
    ("apt-get", "apt"),
    ("cc", "gcc libc6-dev"),
    ("dpkg", "dpkg"),
    ("ip", "iproute2"),
    ("mount", "mount"),
    ("nsenter", "util-linux"),
    ("unshare", "util-linux"),
];

/// What is tried in namespaces of its own, and what it means if it fails.
const TRIALS: [(&str, &str); 5] = [
    ("true", "namespaces of network, mounts and processes"),
    (
        "ip link add one type veth peer name two",
        "virtual links (veth)",
    ),
    ("ip link add one type bridge", "bridges"),
    ("mount --make-rshared /", "shared mounts"),
    (
        "test -e /proc/sys/net/ipv4/ip_forward",
        "forwarding of IPv4",
    ),
];

/// Controllers that a kubelet asks for.
const CONTROLLERS: [&str; 6] = ["cpu", "cpuacct", "cpuset", "devices", "memory", "pids"];

/// An error that names all that this machine lacks.
pub(super) fn check() -> Result<()> {
    let missing = if is_root() {
        missing()
    } else {
        vec!["the rights of root".to_owned()]
    };
    ensure!(
        missing.is_empty(),
        "this machine cannot run a node; it lacks:\n  {}\nA cluster without nodes needs none of \
         this: --tier control-plane",
        missing.join("\n  ")
    );
    Ok(())
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

fn missing() -> Vec<String> {
    let mut missing: Vec<String> = programs().collect();
    if missing.is_empty() {
        missing.extend(trials());
    }
    missing.extend(controllers(Path::new(cgroups::ROOT)));
    missing
}

fn programs() -> impl Iterator<Item = String> {
    let absent = |name: &str| {
        let found = output(Command::new("sh").args(["-c", &format!("command -v {name}")]));
        found.is_err()
    };
    let lacking = PROGRAMS.iter().filter(move |(name, _)| absent(name));
    lacking.map(|(name, package)| format!("the program {name} (Debian: apt-get install {package})"))
}

fn trials() -> impl Iterator<Item = String> {
    TRIALS.iter().filter_map(|(script, meaning)| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--net", "--pid", "--fork", "--mount-proc"]);
        let error = output(command.args(["sh", "-c", script])).err()?;
        Some(format!("{meaning}: {error}"))
    })
}

fn controllers(root: &Path) -> Vec<String> {
    let v2 = fs::read_to_string(root.join("cgroup.controllers")).ok();
    // Devices are no controller of version 2, and the time of processors is counted by `cpu`.
    let has = |name: &str| match &v2 {
        Some(listed) => {
            ["cpuacct", "devices"].contains(&name)
                || listed.split_whitespace().any(|one| one == name)
        }
        None => root.join(name).join("cgroup.procs").exists(),
    };
    let lacking = CONTROLLERS.iter().filter(|name| !has(name));
    lacking
        .map(|name| format!("the control group {name}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controllers_that_are_absent_are_named() {
        let root = tempfile::tempdir().unwrap();
        for name in CONTROLLERS.iter().filter(|name| **name != "memory") {
            fs::create_dir(root.path().join(name)).unwrap();
            fs::write(root.path().join(name).join("cgroup.procs"), "").unwrap();
        }
        assert_eq!(controllers(root.path()), ["the control group memory"]);
    }

    #[test]
    fn version_2_lists_its_controllers() {
        let root = tempfile::tempdir().unwrap();
        fs::write(
            root.path().join("cgroup.controllers"),
            "cpuset cpu io memory\n",
        )
        .unwrap();
        assert_eq!(controllers(root.path()), ["the control group pids"]);
    }
}
