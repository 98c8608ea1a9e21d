//! containerd of a node: its configuration, the network of its pods, its start, its images.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use super::network::Network;
use super::sandbox::Sandbox;
use crate::cluster::process::{last_words, output, within};

/// Where containerd listens inside the node, as on any machine.
pub(super) const SOCKET: &str = "/run/containerd/containerd.sock";
/// Where the kubelet's images are.
const NAMESPACE: &str = "k8s.io";
/// The image that holds the namespaces of a pod.
pub(super) const PAUSE: &str = "localhost/pause:local";

const PATIENCE: Duration = Duration::from_secs(20);

/// Starts containerd, if it does not run yet, and waits until it answers.
pub(super) fn start(
    sandbox: &Sandbox,
    folder: &Path,
    bundle: &Path,
    network: Network,
) -> Result<()> {
    if answers(sandbox) {
        return Ok(());
    }
    let path = folder.join("containerd.toml");
    let networks = folder.join("networks");
    fs::create_dir_all(&networks).context("making the folder of pod networks")?;
    fs::write(networks.join("10-pods.conflist"), pod_network(network))?;
    fs::write(
        &path,
        configuration(folder, bundle, snapshotter(sandbox, folder)?),
    )?;
    let arguments = [
        "containerd".into(),
        "--config".into(),
        path.into_os_string(),
    ];
    sandbox.daemon("containerd", &arguments)?;
    ensure!(
        within(PATIENCE, || answers(sandbox)),
        "containerd does not answer; {}",
        last_words(folder, "containerd")
    );
    Ok(())
}

/// Whether containerd answers.
pub(super) fn answers(sandbox: &Sandbox) -> bool {
    control(sandbox, &["version".into()]).is_ok()
}

/// Brings the images of OCI archives into the kubelet's namespace; gives what was told of them.
pub(super) fn load(sandbox: &Sandbox, archives: &[PathBuf]) -> Result<String> {
    let mut told = String::new();
    for archive in archives {
        let path = archive.canonicalize();
        let path = path.with_context(|| format!("finding the archive {}", archive.display()))?;
        let arguments = ["images".into(), "import".into(), path.into_os_string()];
        told += &control(sandbox, &arguments)?;
    }
    Ok(told)
}

/// Whether an image is there already.
pub(super) fn has_image(sandbox: &Sandbox, reference: &str) -> Result<bool> {
    let filter = format!("name=={reference}");
    let arguments = ["images".into(), "list".into(), "-q".into(), filter.into()];
    Ok(!control(sandbox, &arguments)?.trim().is_empty())
}

fn control(sandbox: &Sandbox, arguments: &[OsString]) -> Result<String> {
    let mut command = sandbox.command("ctr")?;
    command.args(["--address", SOCKET, "--namespace", NAMESPACE]);
    output(command.args(arguments))
}

/// Overlays where the disk carries them (an overlay does not), else whole copies.
fn snapshotter(sandbox: &Sandbox, folder: &Path) -> Result<&'static str> {
    let trial = folder.join("trial");
    let [lower, upper, work, merged] =
        ["lower", "upper", "work", "merged"].map(|name| trial.join(name));
    for part in [&lower, &upper, &work, &merged] {
        fs::create_dir_all(part).context("trying an overlay")?;
    }
    let options = format!(
        "lowerdir={},upperdir={},workdir={}",
        lower.display(),
        upper.display(),
        work.display()
    );
    let mut mount = sandbox.command("mount")?;
    mount
        .args(["-t", "overlay", "overlay", "-o", &options])
        .arg(&merged);
    if output(&mut mount).is_err() {
        return Ok("native");
    }
    output(sandbox.command("umount")?.arg(&merged))?;
    Ok("overlayfs")
}

/// containerd's own file: everything below the node's folder or inside the node. Root of a virtual
/// machine may lack the right to protect a process from lack of memory, so none is asked for.
fn configuration(folder: &Path, bundle: &Path, snapshotter: &str) -> String {
    let (folder, bundle) = (folder.display(), bundle.display());
    format!(
        r#"version = 2
root = "{folder}/containerd"
state = "/run/containerd"

[grpc]
address = "{SOCKET}"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE}"
restrict_oom_score_adj = true

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{bundle}/usr/lib/cni"
conf_dir = "{folder}/networks"

[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "{snapshotter}"
default_runtime_name = "runc"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
BinaryName = "{bundle}/usr/sbin/runc"
"#
    )
}

/// A bridge for the pods. Nothing is masqueraded: the machine has a route to them.
fn pod_network(network: Network) -> String {
    let network = json!({
        "cniVersion": "0.4.0",
        "name": "pods",
        "plugins": [
            {
                "type": "bridge",
                "bridge": "pods",
                "isGateway": true,
                "hairpinMode": true,
                "ipMasq": false,
                "ipam": {
                    "type": "host-local",
                    "dataDir": "/run/cni/addresses",
                    "ranges": [[{ "subnet": network.pods() }]],
                    "routes": [{ "dst": "0.0.0.0/0" }],
                },
            },
            { "type": "portmap", "capabilities": { "portMappings": true } },
        ],
    });
    format!("{network:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_machine_is_named() {
        let text = configuration(Path::new("/state/one"), Path::new("/bundle"), "native");
        for line in text.lines().filter(|line| line.contains("= \"/")) {
            let ours = ["\"/state/one/", "\"/bundle/", "\"/run/"];
            assert!(ours.iter().any(|start| line.contains(start)), "{line}");
        }
        assert!(text.contains("snapshotter = \"native\""), "{text}");
        assert!(
            text.contains("sandbox_image = \"localhost/pause:local\""),
            "{text}"
        );
    }

    #[test]
    fn pods_get_addresses_of_the_cluster() {
        let text = pod_network(Network::numbered("207").unwrap());
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        let ranges = &read["plugins"][0]["ipam"]["ranges"];
        assert_eq!(ranges[0][0]["subnet"], "10.207.1.0/24");
    }
}
