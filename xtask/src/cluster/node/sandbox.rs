//! The namespaces of a node: its own network, mounts and processes. When their first process ends,
//! all others end with it, and what was mounted and routed inside is gone.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::cluster::process::{self, remove, within};

/// The name of the process that holds the namespaces.
const HOLDER: &str = "sandbox";

/// The first process: folders of the node in place of the machine's, forwarding on, then nothing
/// but to collect what is orphaned.
const INIT: &str = "set -e
mount --make-rshared /
for folder in run var/lib var/log; do
  mkdir -p \"$1/$folder\"
  mount --bind \"$1/$folder\" \"/$folder\"
done
ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward
: > \"$1/sandbox.ready\"
sleep infinity &
wait
";

/// How long the namespaces may take to be there.
const PATIENCE: Duration = Duration::from_secs(10);

/// The namespaces of the node whose state lies in a folder.
pub(super) struct Sandbox {
    folder: PathBuf,
    /// Programs and libraries of the node, put first on the paths of what runs inside.
    bundle: PathBuf,
}

impl Sandbox {
    pub(super) fn new(folder: &Path, bundle: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            bundle: bundle.to_owned(),
        }
    }

    /// The process that holds the namespaces, if they are there.
    pub(super) fn process(&self) -> Option<u32> {
        process::found(&self.folder, HOLDER)
    }

    /// Makes the namespaces and waits until they are ready.
    pub(super) fn start(&self) -> Result<u32> {
        let ready = self.folder.join("sandbox.ready");
        let script = self.folder.join("init.sh");
        remove(&ready)?;
        fs::write(&script, INIT).context("writing the node's first script")?;
        let mut command = Command::new("unshare");
        command
            .args([
                "--mount",
                "--net",
                "--pid",
                "--fork",
                "--kill-child",
                "--mount-proc",
            ])
            .arg("sh")
            .args([&script, &self.folder]);
        process::start(&self.folder, HOLDER, &mut command)?;
        ensure!(
            within(PATIENCE, || ready.exists()),
            "the node's namespaces could not be made; {}",
            process::last_words(&self.folder, HOLDER)
        );
        self.process()
            .context("the node's namespaces ended at once")
    }

    /// A command that runs inside, with the node's programs first on its path.
    pub(super) fn command(&self, program: impl Into<OsString>) -> Result<Command> {
        let process = self.process().context("the node is not up")?;
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--target={process}"))
            .args(["--mount", "--net"])
            .arg(format!("--pid=/proc/{process}/ns/pid_for_children"))
            .arg("--")
            .arg(program.into())
            .envs(self.environment());
        Ok(command)
    }

    fn environment(&self) -> [(&'static str, OsString); 3] {
        let libraries = self.bundle.join("usr/lib/x86_64-linux-gnu");
        let mut path = OsString::new();
        for folder in ["programs", "usr/sbin", "usr/bin"] {
            path.push(self.bundle.join(folder));
            path.push(":");
        }
        path.push("/usr/sbin:/usr/bin:/sbin:/bin");
        let extensions = libraries.join("xtables").into_os_string();
        [
            ("PATH", path),
            ("LD_LIBRARY_PATH", libraries.into_os_string()),
            ("XTABLES_LIBDIR", extensions),
        ]
    }

    /// Starts a program inside that goes on after this one; its words go to `NAME.log`. Does
    /// nothing if it runs already.
    pub(super) fn daemon(&self, name: &str, arguments: &[OsString]) -> Result<()> {
        let (program, rest) = arguments
            .split_first()
            .context("a daemon without a program")?;
        process::start(&self.folder, name, self.command(program)?.args(rest))
    }

    /// Ends everything inside and waits until it is gone.
    pub(super) fn stop(&self) -> Result<()> {
        process::stop(&self.folder, HOLDER, "-KILL")
    }
}
