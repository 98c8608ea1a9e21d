//! Names in the cluster: CoreDNS as a deployment with its service, its account and its rights.

use serde_json::{Value, json};

use super::network::Network;

/// The image that is loaded into the node for it.
pub(super) const IMAGE: &str = "localhost/coredns:local";
/// Where its program is in the image.
pub(super) const PROGRAM: &str = "coredns";
pub(super) const NAMESPACE: &str = "kube-system";

const NAME: &str = "coredns";
/// Above 1023, so that it needs no right to open it.
const PORT: u16 = 1053;
const READY: u16 = 8181;

/// The cluster's own names, and of all others that they do not exist: the node has no way out.
const COREFILE: &str = "cluster.local:1053 in-addr.arpa:1053 ip6.arpa:1053 {
    errors
    ready :8181
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        ttl 5
    }
}
.:1053 {
    errors
    template ANY ANY {
        rcode NXDOMAIN
    }
}
";

/// The objects of CoreDNS, as one list.
pub(super) fn objects(network: Network) -> Value {
    let name = json!({ "name": NAME, "namespace": NAMESPACE });
    json!({
        "apiVersion": "v1",
        "kind": "List",
        "items": [
            { "apiVersion": "v1", "kind": "ServiceAccount", "metadata": name },
            { "apiVersion": "v1", "kind": "ConfigMap", "metadata": name, "data": { "Corefile": COREFILE } },
            role(),
            binding(),
            deployment(&name),
            service(network),
        ],
    })
}

fn role() -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": { "name": "system:coredns" },
        "rules": [
            {
                "apiGroups": [""],
                "resources": ["endpoints", "services", "pods", "namespaces"],
                "verbs": ["list", "watch"],
            },
            {
                "apiGroups": ["discovery.k8s.io"],
                "resources": ["endpointslices"],
                "verbs": ["list", "watch"],
            },
        ],
    })
}

fn binding() -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": { "name": "system:coredns" },
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:coredns",
        },
        "subjects": [{ "kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE }],
    })
}

fn deployment(name: &Value) -> Value {
    let labels = json!({ "k8s-app": "kube-dns" });
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": name,
        "spec": {
            "replicas": 1,
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": {
                    "serviceAccountName": NAME,
                    "dnsPolicy": "Default",
                    "priorityClassName": "system-cluster-critical",
                    "containers": [container()],
                    "volumes": [{ "name": "config", "configMap": { "name": NAME } }],
                },
            },
        },
    })
}

fn container() -> Value {
    json!({
        "name": NAME,
        "image": IMAGE,
        "imagePullPolicy": "Never",
        "args": ["-conf", "/etc/coredns/Corefile"],
        "ports": [
            { "name": "dns", "containerPort": PORT, "protocol": "UDP" },
            { "name": "dns-tcp", "containerPort": PORT, "protocol": "TCP" },
        ],
        "readinessProbe": { "httpGet": { "path": "/ready", "port": READY }, "periodSeconds": 1 },
        "resources": { "requests": { "cpu": "10m", "memory": "32Mi" } },
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "capabilities": { "drop": ["ALL"] },
            "readOnlyRootFilesystem": true,
            "runAsNonRoot": true,
            "runAsUser": 65532,
        },
        "volumeMounts": [{ "name": "config", "mountPath": "/etc/coredns", "readOnly": true }],
    })
}

fn service(network: Network) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": { "name": "kube-dns", "namespace": NAMESPACE },
        "spec": {
            "clusterIP": network.dns(),
            "selector": { "k8s-app": "kube-dns" },
            "ports": [
                { "name": "dns", "port": 53, "targetPort": PORT, "protocol": "UDP" },
                { "name": "dns-tcp", "port": 53, "targetPort": PORT, "protocol": "TCP" },
            ],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_and_names_of_the_objects_agree() {
        let list = objects(Network::numbered("200").unwrap());
        let of = |kind: &str| {
            let items = list["items"].as_array().unwrap();
            items.iter().find(|item| item["kind"] == kind).unwrap()
        };
        assert_eq!(COREFILE.matches(&format!(":{PORT} ")).count(), 4);
        assert!(COREFILE.contains(&format!("ready :{READY}\n")));
        assert_eq!(of("Service")["spec"]["clusterIP"], "10.200.16.10");
        let selector = &of("Service")["spec"]["selector"];
        let labels = &of("Deployment")["spec"]["template"]["metadata"]["labels"];
        assert_eq!(selector, labels);
        assert_eq!(
            of("ClusterRoleBinding")["roleRef"]["name"],
            of("ClusterRole")["metadata"]["name"]
        );
    }
}
