//! Kubernetes' own programs of a node: kubelet, kube-proxy and the scheduler, each with its file.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::network::Network;
use super::runtime::SOCKET;
use super::sandbox::Sandbox;

/// Ports of the programs' own health, on the node's address.
pub(super) const KUBELET_HEALTH: u16 = 10248;
pub(super) const PROXY_HEALTH: u16 = 10256;

/// A node as its programs see it.
pub(super) struct Agents<'a> {
    pub(super) sandbox: &'a Sandbox,
    /// Folder of state, with the certificates and kubeconfigs.
    pub(super) folder: &'a Path,
    /// What the node is called in the cluster.
    pub(super) node: &'a str,
    /// The control group that pods are below.
    pub(super) group: &'a str,
    pub(super) network: Network,
}

impl Agents<'_> {
    /// Starts the kubelet, if it does not run yet.
    pub(super) fn kubelet(&self, program: &Path) -> Result<()> {
        fs::write(self.folder.join("resolv.conf"), "").context("the node's resolv.conf")?;
        let config = self.file("kubelet.json", &self.kubelet_configuration())?;
        let arguments = [
            program.into(),
            format!("--config={config}").into(),
            format!("--kubeconfig={}", self.kubeconfig("kubelet")).into(),
            format!("--hostname-override={}", self.node).into(),
            format!("--node-ip={}", self.network.node()).into(),
        ];
        self.sandbox.daemon("kubelet", &arguments)
    }

    /// Starts kube-proxy, if it does not run yet.
    pub(super) fn proxy(&self, program: &Path) -> Result<()> {
        let config = self.file("kube-proxy.json", &self.proxy_configuration())?;
        let arguments = [program.into(), format!("--config={config}").into()];
        self.sandbox.daemon("kube-proxy", &arguments)
    }

    /// Starts the scheduler, if it does not run yet.
    pub(super) fn scheduler(&self, program: &Path) -> Result<()> {
        let arguments = [
            program.into(),
            format!("--kubeconfig={}", self.kubeconfig("kube-scheduler")).into(),
            "--leader-elect=false".into(),
            "--bind-address=127.0.0.1".into(),
        ];
        self.sandbox.daemon("kube-scheduler", &arguments)
    }

    fn kubeconfig(&self, name: &str) -> String {
        self.path(&format!("{name}.kubeconfig"))
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    /// Writes a configuration; JSON is YAML. kube-proxy ends when its file is written again.
    fn file(&self, name: &str, configuration: &Value) -> Result<String> {
        let (path, text) = (self.folder.join(name), format!("{configuration:#}\n"));
        let is_there = fs::read_to_string(&path).is_ok_and(|there| there == text);
        if !is_there {
            fs::write(&path, text).with_context(|| format!("writing {name}"))?;
        }
        Ok(path.display().to_string())
    }

    /// Nothing is evicted and no image collected: the disk and the images are not this node's.
    fn kubelet_configuration(&self) -> Value {
        json!({
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": self.network.node(),
            "healthzBindAddress": self.network.node(),
            "healthzPort": KUBELET_HEALTH,
            "authentication": {
                "anonymous": { "enabled": false },
                "webhook": { "enabled": true },
                "x509": { "clientCAFile": self.path("ca.crt") },
            },
            "authorization": { "mode": "Webhook" },
            "tlsCertFile": self.path("kubelet.crt"),
            "tlsPrivateKeyFile": self.path("kubelet.key"),
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": format!("/{}", self.group),
            "enforceNodeAllocatable": [],
            "failCgroupV1": false,
            "failSwapOn": false,
            "clusterDNS": [self.network.dns()],
            "clusterDomain": "cluster.local",
            "resolvConf": self.path("resolv.conf"),
            "containerRuntimeEndpoint": format!("unix://{SOCKET}"),
            "imageGCHighThresholdPercent": 100,
            "evictionHard": {
                "memory.available": "0%", "nodefs.available": "0%",
                "nodefs.inodesFree": "0%", "imagefs.available": "0%",
            },
            "volumePluginDir": "/var/lib/kubelet/volume-plugins",
        })
    }

    /// The table of tracked connections is the machine's: it is left as it is.
    fn proxy_configuration(&self) -> Value {
        json!({
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "iptables",
            "clientConnection": { "kubeconfig": self.kubeconfig("kube-proxy") },
            "clusterCIDR": self.network.pods(),
            "hostnameOverride": self.node,
            "healthzBindAddress": format!("{}:{PROXY_HEALTH}", self.network.node()),
            "metricsBindAddress": "127.0.0.1:10249",
            "conntrack": {
                "maxPerCore": 0, "min": 0,
                "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s",
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_agents(check: impl Fn(&Agents<'_>)) {
        let folder = Path::new("/state/one");
        let sandbox = Sandbox::new(folder, Path::new("/bundle"));
        check(&Agents {
            sandbox: &sandbox,
            folder,
            node: "node",
            group: "hari-one",
            network: Network::numbered("203").unwrap(),
        });
    }

    #[test]
    fn the_kubelet_listens_on_the_node_alone_and_asks_who_calls() {
        with_agents(|agents| {
            let text = agents.kubelet_configuration();
            assert_eq!(text["address"], "10.203.0.2");
            assert_eq!(text["healthzBindAddress"], "10.203.0.2");
            assert_eq!(text["authentication"]["anonymous"]["enabled"], false);
            assert_eq!(text["clusterDNS"][0], "10.203.16.10");
            assert_eq!(text["cgroupRoot"], "/hari-one");
        });
    }

    #[test]
    fn the_proxy_knows_which_addresses_are_pods() {
        with_agents(|agents| {
            let text = agents.proxy_configuration();
            assert_eq!(text["clusterCIDR"], "10.203.1.0/24");
            assert_eq!(text["healthzBindAddress"], "10.203.0.2:10256");
            let kubeconfig = &text["clientConnection"]["kubeconfig"];
            assert_eq!(kubeconfig, "/state/one/kube-proxy.kubeconfig");
        });
    }
}
