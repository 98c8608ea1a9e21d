//! The node of a cluster: kubelet, kube-proxy, scheduler and containerd in namespaces of their own
//! on this machine, and CoreDNS in a pod. The machine's own network, mounts and services are not
//! touched but for one link and its routes.

mod agents;
mod cgroups;
mod dns;
mod health;
mod images;
mod needs;
mod network;
mod runtime;
mod sandbox;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::authority::Identity;
use super::control_plane::Place;
use super::process::{self, last_words, output, within};
use crate::tools::debian;
use agents::Agents;
use network::Network;
use sandbox::Sandbox;

/// What the cluster calls its node.
const NAME: &str = "node";

/// Debian's packages, with the libraries that they need, unpacked into one tree.
const PACKAGES: [&str; 12] = [
    "containerd",
    "containernetworking-plugins",
    "iptables",
    "libip4tc2",
    "libip6tc2",
    "libmnl0",
    "libnetfilter-conntrack3",
    "libnfnetlink0",
    "libnftnl11",
    "libseccomp2",
    "libxtables12",
    "runc",
];

/// Names under which one program does the work of many, as Debian's alternatives make them.
const IPTABLES: [&str; 6] = [
    "iptables",
    "iptables-restore",
    "iptables-save",
    "ip6tables",
    "ip6tables-restore",
    "ip6tables-save",
];

/// How long the kubelet may take to report that the node is ready, and CoreDNS to be there.
const PATIENCE: Duration = Duration::from_secs(60);

/// Programs that run on the node, built from Go modules.
pub(super) struct Programs {
    pub(super) kubelet: PathBuf,
    pub(super) kube_proxy: PathBuf,
    pub(super) kube_scheduler: PathBuf,
    pub(super) coredns: PathBuf,
    /// The source of the first program in a pod, `pause.c`.
    pub(super) pause: PathBuf,
}

impl Programs {
    /// Those in the folder of Kubernetes, and CoreDNS. Images are kept beside what they hold.
    pub(super) fn of(kubernetes: &Path, coredns: PathBuf) -> Self {
        Self {
            kubelet: kubernetes.join("kubelet"),
            kube_proxy: kubernetes.join("kube-proxy"),
            kube_scheduler: kubernetes.join("kube-scheduler"),
            pause: kubernetes.join("pause.c"),
            coredns,
        }
    }
}

/// A part of the node, and whether it is well.
pub(super) struct Part {
    pub(super) name: &'static str,
    pub(super) is_well: bool,
    pub(super) log: PathBuf,
}

/// A node whose state lies in a folder.
pub(super) struct Node {
    folder: PathBuf,
    /// The control group of its pods.
    group: String,
    bundle: PathBuf,
    sandbox: Sandbox,
    network: Network,
}

/// An error that names all that this machine lacks for a node.
pub(super) fn check() -> Result<()> {
    needs::check()
}

impl Node {
    /// Makes the namespaces and the link of the cluster `name`, so that the API server has an
    /// address to listen on. Finds what is there already.
    pub(super) fn prepare(folder: &Path, name: &str) -> Result<Self> {
        fs::create_dir_all(folder).context("making the folder of a node")?;
        let bundle = bundle()?;
        let sandbox = Sandbox::new(folder, &bundle);
        let network = match found_network(folder)? {
            Some(network) if sandbox.process().is_some() => network,
            left => connected(folder, &sandbox, left)?,
        };
        let node = Self {
            folder: folder.to_owned(),
            group: group(name),
            bundle,
            sandbox,
            network,
        };
        cgroups::make(Path::new(cgroups::ROOT), &node.group)?;
        runtime::start(&node.sandbox, folder, &node.bundle, network)?;
        Ok(node)
    }

    /// The node of the cluster `name`, if its state is in the folder.
    pub(super) fn found(folder: &Path, name: &str) -> Result<Option<Self>> {
        let Some(network) = found_network(folder)? else {
            return Ok(None);
        };
        let bundle = bundle()?;
        Ok(Some(Self {
            folder: folder.to_owned(),
            group: group(name),
            sandbox: Sandbox::new(folder, &bundle),
            bundle,
            network,
        }))
    }

    /// What the control plane must be given, so that it and the pods reach each other.
    pub(super) fn place(&self) -> Place {
        Place {
            address: self.network.host(),
            services: self.network.services(),
            first: self.network.api_service(),
        }
    }

    /// Whose certificates `start` finds in the folder, each with a `NAME.kubeconfig`, beside
    /// `ca.crt`.
    pub(super) fn identities(&self) -> Vec<Identity> {
        let caller = |name, user| Identity::caller(name, user, "system:authenticated");
        let kubelet = Identity {
            addresses: vec![self.network.node()],
            ..Identity::caller("kubelet", &format!("system:node:{NAME}"), "system:nodes")
        };
        vec![
            kubelet,
            caller("kube-proxy", "system:kube-proxy"),
            caller("kube-scheduler", "system:kube-scheduler"),
        ]
    }

    /// Starts what does not run yet, and waits until the node is ready and names are resolved.
    pub(super) fn start(&self, programs: &Programs, kubectl: impl Fn() -> Command) -> Result<()> {
        let agents = Agents {
            sandbox: &self.sandbox,
            folder: &self.folder,
            node: NAME,
            group: &self.group,
            network: self.network,
        };
        self.load_own_images(programs)?;
        agents.kubelet(&programs.kubelet)?;
        agents.proxy(&programs.kube_proxy)?;
        agents.scheduler(&programs.kube_scheduler)?;
        self.resolve_names(kubectl())?;
        self.ready(&kubectl)
    }

    fn load_own_images(&self, programs: &Programs) -> Result<()> {
        for (reference, archive) in [
            (runtime::PAUSE, images::pause(&programs.pause)?),
            (dns::IMAGE, images::dns(&programs.coredns)?),
            (images::BUSYBOX, images::busybox()?),
        ] {
            if !runtime::has_image(&self.sandbox, reference)? {
                runtime::load(&self.sandbox, &[archive])?;
            }
        }
        Ok(())
    }

    fn resolve_names(&self, mut kubectl: Command) -> Result<()> {
        kubectl.args(["apply", "--server-side", "--force-conflicts", "-f", "-"]);
        kubectl.stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = kubectl.spawn().context("starting kubectl")?;
        let mut input = child.stdin.take().context("kubectl takes no input")?;
        write!(input, "{}", dns::objects(self.network))?;
        drop(input);
        let status = child.wait().context("waiting for kubectl")?;
        ensure!(
            status.success(),
            "kubectl could not apply the objects of CoreDNS"
        );
        Ok(())
    }

    fn ready(&self, kubectl: &impl Fn() -> Command) -> Result<()> {
        let node = format!("node/{NAME}");
        let there = within(PATIENCE, || output(kubectl().args(["get", &node])).is_ok());
        ensure!(
            there,
            "the kubelet did not register the node; {}",
            last_words(&self.folder, "kubelet")
        );
        let wait = format!("--timeout={}s", PATIENCE.as_secs());
        let arguments = ["wait", "--for=condition=Ready", &node, &wait];
        output(kubectl().args(arguments)).with_context(|| last_words(&self.folder, "kubelet"))?;
        let arguments = [
            "-n",
            dns::NAMESPACE,
            "rollout",
            "status",
            "deployment/coredns",
            &wait,
        ];
        output(kubectl().args(arguments)).context("CoreDNS is not ready")?;
        Ok(())
    }

    /// Each part and its health.
    pub(super) fn status(&self) -> Vec<Part> {
        let well = |port| health::is_well(self.network.node(), port);
        let runs = |name| process::found(&self.folder, name).is_some();
        let parts = [
            ("containerd", runtime::answers(&self.sandbox)),
            ("kubelet", runs("kubelet") && well(agents::KUBELET_HEALTH)),
            (
                "kube-proxy",
                runs("kube-proxy") && well(agents::PROXY_HEALTH),
            ),
            ("kube-scheduler", runs("kube-scheduler")),
        ];
        let part = |(name, is_well)| Part {
            name,
            is_well,
            log: process::log(&self.folder, name),
        };
        parts.into_iter().map(part).collect()
    }

    /// Brings the images of OCI archives onto the node; gives what was told of them.
    pub(super) fn load(&self, archives: &[PathBuf]) -> Result<String> {
        runtime::load(&self.sandbox, archives)
    }

    /// Brings a static program onto the node as the image `reference`.
    pub(super) fn load_program(&self, program: &Path, reference: &str) -> Result<String> {
        let archive = images::program(program, reference, &self.folder)?;
        let told = runtime::load(&self.sandbox, std::slice::from_ref(&archive))?;
        fs::remove_file(archive).context("removing an archive that was loaded")?;
        Ok(told)
    }

    /// Ends all that runs on the node and takes away what is left of it on the machine.
    pub(super) fn stop(&self) -> Result<()> {
        self.sandbox.stop()?;
        self.network.disconnect();
        let emptied = within(PATIENCE, || {
            cgroups::remove(Path::new(cgroups::ROOT), &self.group).is_ok()
        });
        ensure!(
            emptied,
            "the control group {} of the node is not empty",
            self.group
        );
        fs::remove_dir_all(&self.folder).context("removing the folder of the node")
    }
}

/// Namespaces and a link, new ones where the old ones have ended.
fn connected(folder: &Path, sandbox: &Sandbox, left: Option<Network>) -> Result<Network> {
    sandbox.stop()?;
    if let Some(left) = left {
        left.disconnect();
    }
    let network = Network::free()?;
    fs::write(folder.join("network"), network.number().to_string())
        .context("writing the number of a network")?;
    let process = sandbox.start()?;
    network.connect(process, || sandbox.command("ip"))?;
    Ok(network)
}

fn found_network(folder: &Path) -> Result<Option<Network>> {
    match fs::read_to_string(folder.join("network")) {
        Ok(text) => Network::numbered(&text).map(Some),
        Err(_) => Ok(None),
    }
}

fn group(name: &str) -> String {
    format!("hari-{name}")
}

/// Debian's programs, and links for those that have several names.
fn bundle() -> Result<PathBuf> {
    let root = debian::tree("node", &PACKAGES)?;
    let folder = root.join("programs");
    fs::create_dir_all(&folder).context("making the folder of programs")?;
    for name in IPTABLES {
        let link = folder.join(name);
        if !link.is_symlink() {
            std::os::unix::fs::symlink("../usr/sbin/xtables-nft-multi", &link)
                .with_context(|| format!("linking {name}"))?;
        }
    }
    Ok(root)
}
