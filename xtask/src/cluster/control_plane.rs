//! The control plane of a cluster: etcd, the API server and the controller manager on this machine.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::authority::{Authority, Identity, account_keys};
use super::process::{self, last_words, output, within};

/// In the order in which they are started.
pub(super) const PARTS: [&str; 3] = ["etcd", "kube-apiserver", "kube-controller-manager"];

const PATIENCE: Duration = Duration::from_secs(60);

/// Where a control plane is, and how it is reached. Written to disk, so that it keeps its ports.
pub(super) struct ControlPlane {
    folder: PathBuf,
    address: Ipv4Addr,
    services: String,
    ports: Ports,
}

struct Ports {
    api: u16,
    store: u16,
    store_peer: u16,
    manager: u16,
}

/// What a new control plane is given.
pub(super) struct Place {
    /// The address that the API server listens on and tells pods of.
    pub(super) address: Ipv4Addr,
    /// Addresses of services, such as `10.0.0.0/24`.
    pub(super) services: String,
    /// The first of them, the API server's own service.
    pub(super) first: Ipv4Addr,
}

impl Place {
    /// A control plane without nodes: nothing but this machine reaches it.
    pub(super) fn alone() -> Self {
        Self {
            address: Ipv4Addr::LOCALHOST,
            services: "10.96.0.0/16".to_owned(),
            first: Ipv4Addr::new(10, 96, 0, 1),
        }
    }
}

impl ControlPlane {
    /// The control plane of a folder; its certificates and ports are made if there are none.
    pub(super) fn prepare(folder: &Path, place: Place) -> Result<Self> {
        fs::create_dir_all(folder).context("making the folder of a cluster")?;
        let plane = Self {
            folder: folder.to_owned(),
            address: place.address,
            services: place.services,
            ports: Ports::of(folder, place.address)?,
        };
        plane.certificates(place.first)?;
        Ok(plane)
    }

    fn certificates(&self, service: Ipv4Addr) -> Result<()> {
        let (folder, server) = (&self.folder, self.server());
        let authority = Authority::of(folder)?;
        let admin = Identity::caller("admin", "kubernetes-admin", "system:masters");
        let manager = "system:kube-controller-manager";
        let manager = Identity::caller("kube-controller-manager", manager, "system:authenticated");
        let kubelets = Identity::caller("kubelet-client", "kube-apiserver", "system:masters");
        authority.issue(folder, &self.identity(service))?;
        authority.issue(folder, &kubelets)?;
        authority.kubeconfig(folder, &admin, &server)?;
        authority.kubeconfig(folder, &manager, &server)?;
        account_keys(folder)
    }

    fn identity(&self, service: Ipv4Addr) -> Identity {
        Identity {
            addresses: vec![self.address, service, Ipv4Addr::LOCALHOST],
            names: vec![
                "localhost",
                "kubernetes",
                "kubernetes.default",
                "kubernetes.default.svc",
                "kubernetes.default.svc.cluster.local",
            ],
            ..Identity::caller("kube-apiserver", "kube-apiserver", "kube-apiserver")
        }
    }

    /// `https://ADDRESS:PORT` of the API server.
    pub(super) fn server(&self) -> String {
        format!("https://{}:{}", self.address, self.ports.api)
    }

    /// Starts what does not run yet, and waits until the API server is ready.
    pub(super) fn start(&self, etcd: &Path, kubernetes: &Path) -> Result<()> {
        let [store, api, manager] = PARTS;
        self.run(store, etcd, self.store_arguments())?;
        self.run(api, &kubernetes.join(api), self.api_arguments())?;
        let kubectl = || kubectl(&self.folder, kubernetes);
        let ready = within(PATIENCE, || {
            output(kubectl().args(["get", "--raw", "/readyz"])).is_ok()
                || process::found(&self.folder, api).is_none()
        });
        ensure!(
            ready && process::found(&self.folder, api).is_some(),
            "the API server is not ready; {}",
            last_words(&self.folder, api)
        );
        self.run(manager, &kubernetes.join(manager), self.manager_arguments())?;
        let account = ["get", "serviceaccount", "default"];
        ensure!(
            within(PATIENCE, || output(kubectl().args(account)).is_ok()),
            "the controller manager made no service account; {}",
            last_words(&self.folder, manager)
        );
        Ok(())
    }

    fn run(&self, name: &str, program: &Path, arguments: Vec<String>) -> Result<()> {
        process::start(&self.folder, name, Command::new(program).args(arguments))
    }

    /// Nothing that is kept here needs to outlive the machine.
    fn store_arguments(&self) -> Vec<String> {
        let clients = format!("http://127.0.0.1:{}", self.ports.store);
        let peers = format!("http://127.0.0.1:{}", self.ports.store_peer);
        vec![
            format!("--data-dir={}", self.path("etcd")),
            format!("--listen-client-urls={clients}"),
            format!("--advertise-client-urls={clients}"),
            format!("--listen-peer-urls={peers}"),
            format!("--initial-advertise-peer-urls={peers}"),
            format!("--initial-cluster=default={peers}"),
            "--unsafe-no-fsync".to_owned(),
            "--log-level=warn".to_owned(),
        ]
    }

    fn api_arguments(&self) -> Vec<String> {
        let file = |flag: &str, name: &str| format!("--{flag}={}", self.path(name));
        vec![
            format!("--etcd-servers=http://127.0.0.1:{}", self.ports.store),
            format!("--bind-address={}", self.address),
            format!("--advertise-address={}", self.address),
            format!("--secure-port={}", self.ports.api),
            format!("--service-cluster-ip-range={}", self.services),
            file("client-ca-file", "ca.crt"),
            file("tls-cert-file", "kube-apiserver.crt"),
            file("tls-private-key-file", "kube-apiserver.key"),
            file("service-account-key-file", "accounts.pub"),
            file("service-account-signing-key-file", "accounts.key"),
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local".to_owned(),
            file("kubelet-certificate-authority", "ca.crt"),
            file("kubelet-client-certificate", "kubelet-client.crt"),
            file("kubelet-client-key", "kubelet-client.key"),
            "--kubelet-preferred-address-types=InternalIP".to_owned(),
            "--authorization-mode=Node,RBAC".to_owned(),
            "--enable-admission-plugins=NodeRestriction".to_owned(),
            "--allow-privileged=true".to_owned(),
        ]
    }

    fn manager_arguments(&self) -> Vec<String> {
        vec![
            format!(
                "--kubeconfig={}",
                self.path("kube-controller-manager.kubeconfig")
            ),
            format!(
                "--service-account-private-key-file={}",
                self.path("accounts.key")
            ),
            format!("--root-ca-file={}", self.path("ca.crt")),
            "--use-service-account-credentials=true".to_owned(),
            "--leader-elect=false".to_owned(),
            // Hundreds of objects at a time are what tests are for; 20 requests a second are usual.
            "--kube-api-qps=500".to_owned(),
            "--kube-api-burst=500".to_owned(),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--secure-port={}", self.ports.manager),
        ]
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }
}

/// kubectl with all rights on the cluster of a folder.
pub(super) fn kubectl(folder: &Path, kubernetes: &Path) -> Command {
    let mut command = Command::new(kubernetes.join("kubectl"));
    command
        .arg("--kubeconfig")
        .arg(folder.join("admin.kubeconfig"));
    command
}

/// Ends the control plane of a folder, the last part first. At once: an API server that is asked to
/// end waits a minute for those who watch, and nothing that it holds is kept.
pub(super) fn stop(folder: &Path) -> Result<()> {
    let mut parts = PARTS.iter().rev();
    parts.try_for_each(|name| process::stop(folder, name, "-KILL"))
}

impl Ports {
    /// The ports that the folder says, else free ones, which it says from now on.
    fn of(folder: &Path, address: Ipv4Addr) -> Result<Self> {
        let path = folder.join("ports.json");
        if let Ok(bytes) = fs::read(&path) {
            return Self::read(&serde_json::from_slice(&bytes)?);
        }
        let ports = Self::free(address)?;
        let text = json!({
            "api": ports.api, "store": ports.store,
            "store-peer": ports.store_peer, "manager": ports.manager,
        });
        fs::write(path, text.to_string()).context("writing the ports of a cluster")?;
        Ok(ports)
    }

    fn read(text: &Value) -> Result<Self> {
        let port = |name: &str| {
            let number = text[name]
                .as_u64()
                .and_then(|number| number.try_into().ok());
            number.with_context(|| format!("the cluster's ports.json has no port {name}"))
        };
        Ok(Self {
            api: port("api")?,
            store: port("store")?,
            store_peer: port("store-peer")?,
            manager: port("manager")?,
        })
    }

    /// All are held until all are chosen, so that they differ.
    fn free(address: Ipv4Addr) -> Result<Self> {
        let mut candidates = candidates(std::process::id());
        let mut held = |address| {
            let mut free = candidates
                .by_ref()
                .filter_map(|port| TcpListener::bind((address, port)).ok());
            free.next()
                .context("no port below those of connections is free")
        };
        let api = held(address)?;
        let others = [(); 3].map(|()| held(Ipv4Addr::LOCALHOST));
        let [store, store_peer, manager] = others;
        let port = |listener: &TcpListener| Ok::<_, anyhow::Error>(listener.local_addr()?.port());
        let (store, store_peer, manager) = (store?, store_peer?, manager?);
        Ok(Self {
            api: port(&api)?,
            store: port(&store)?,
            store_peer: port(&store_peer)?,
            manager: port(&manager)?,
        })
    }
}

/// Ports below those that the kernel gives to connections: one that asks a server which has ended,
/// over and over, may be given the server's own port, and hold it. Each process begins elsewhere.
fn candidates(process: u32) -> impl Iterator<Item = u16> {
    const FIRST: u32 = 12_000;
    const COUNT: u32 = 20_000;
    let start = process.wrapping_mul(37);
    let ports = (0..COUNT).map(move |number| FIRST + start.wrapping_add(number) % COUNT);
    ports.filter_map(|port| u16::try_from(port).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_not_those_of_connections() {
        for process in [0, 1, 12_345, u32::MAX] {
            let ports: Vec<_> = candidates(process).collect();
            assert_eq!(ports.len(), 20_000);
            assert!(ports.iter().all(|port| (12_000..32_000).contains(port)));
        }
        assert_ne!(candidates(1).next(), candidates(2).next());
    }

    #[test]
    fn a_cluster_keeps_its_ports() {
        let folder = tempfile::tempdir().unwrap();
        let first = Ports::of(folder.path(), Ipv4Addr::LOCALHOST).unwrap();
        let again = Ports::of(folder.path(), Ipv4Addr::LOCALHOST).unwrap();
        let of = |ports: &Ports| [ports.api, ports.store, ports.store_peer, ports.manager];
        assert_eq!(of(&first), of(&again));
        let mut ports = of(&first).to_vec();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 4);
    }

    #[test]
    fn what_listens_is_on_the_address_of_the_place_or_on_loopback() {
        let folder = tempfile::tempdir().unwrap();
        let plane = ControlPlane::prepare(folder.path(), Place::alone()).unwrap();
        let arguments = [
            plane.store_arguments(),
            plane.api_arguments(),
            plane.manager_arguments(),
        ];
        for argument in arguments.iter().flatten() {
            let listens = ["--listen", "--bind", "--advertise"];
            if listens.iter().any(|start| argument.starts_with(start)) {
                assert!(argument.contains("127.0.0.1"), "{argument}");
            }
        }
        assert!(plane.server().starts_with("https://127.0.0.1:"));
    }
}
