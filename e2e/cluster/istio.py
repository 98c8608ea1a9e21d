"""Istio on a cluster: its own control plane out of its own chart, and an ingress gateway that is
Envoy's program as Envoy's authors build it, with a bootstrap of ours.

Istio's own Envoy has filters that nobody else's has, for its metrics and for TLS between pods. The
control plane is told not to ask for them; routes, shares, copies and retries are Envoy's own."""

import json
import os
import re
import subprocess
from pathlib import Path

import yaml
from charts import ROOT, Objects, settings, template

EXAMPLES = ROOT / "examples" / "mnist-cluster"
NAMESPACE = "istio-system"
# What both Gateways of the tutorial are called.
ENTRANCE = "seldon-gateway"
GATEWAY = "istio-ingressgateway"
PILOT = "docker.io/istio/pilot:test"
# The ports of the ingress gateway: what Istio's Gateway and the Gateway API's listen on, and where.
PORTS = {"istio": (80, 8080), "gateway-api": (81, 8081)}
ADMIN = 15000
# Nobody in particular: Istio's images run as this user.
USER = 1337
VALUES = [
    "autoscaleEnabled=false",
    "telemetry.enabled=false",
    "meshConfig.enableAutoMtls=false",
    "env.PILOT_ENABLE_METADATA_EXCHANGE=false",
    "env.PILOT_ENABLE_ALPN_FILTER=false",
    "resources.requests.memory=256Mi",
    "resources.requests.cpu=10m",
    "global.imagePullPolicy=Never",
    f"image={PILOT}",
]


def install(cluster, image):
    """Applies Istio, and an ingress gateway whose pod has the image `image`, any that is on the node."""
    folder = Path(os.environ["HARI_E2E_ISTIO"])
    cluster.load_program(os.environ["HARI_E2E_PILOT"], PILOT)
    cluster.kubectl("apply", "--server-side", "-f", folder / "istio.yaml", "-f", folder / "gateway-api")
    cluster.namespace(NAMESPACE)
    cluster.apply(control_plane(folder / "istiod"))
    cluster.apply([bootstrap(), service(), proxy(image)])


def wait(cluster):
    """Waits until its pods are ready."""
    for name in ("istiod", GATEWAY):
        ready = ("rollout", "status", f"deployment/{name}", "-n", NAMESPACE, "--timeout=170s")
        cluster.kubectl(*ready, timeout=175)


def control_plane(chart):
    """The objects of Istio's chart. The image is one program that names no user."""
    made = Objects(template(chart, *settings(VALUES), release="istiod", namespace=NAMESPACE).stdout)
    made.one("Deployment")["spec"]["template"]["spec"]["securityContext"] = {"runAsUser": USER}
    return made.all


def bootstrap():
    """What Envoy starts with: where the control plane is, and who asks it."""
    by_control_plane = {"ads": {}, "resource_api_version": "V3"}
    http2 = {"explicit_http_config": {"http2_protocol_options": {}}}
    options = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    address = {"address": f"istiod.{NAMESPACE}.svc.cluster.local", "port_value": 15010}
    endpoint = {"endpoint": {"address": {"socket_address": address}}}
    config = {
        "node": {
            "metadata": {
                "CLUSTER_ID": "Kubernetes",
                "LABELS": labels(),
                "NAMESPACE": NAMESPACE,
                "WORKLOAD_NAME": GATEWAY,
            }
        },
        "admin": {"address": {"socket_address": {"address": "0.0.0.0", "port_value": ADMIN}}},
        "dynamic_resources": {
            "lds_config": by_control_plane,
            "cds_config": by_control_plane,
            "ads_config": {
                "api_type": "GRPC",
                "transport_api_version": "V3",
                "set_node_on_first_message_only": True,
                "grpc_services": [{"envoy_grpc": {"cluster_name": "xds-grpc"}}],
            },
        },
        "static_resources": {
            "clusters": [
                {
                    "name": "xds-grpc",
                    "type": "STRICT_DNS",
                    "dns_lookup_family": "V4_ONLY",
                    "connect_timeout": "1s",
                    "typed_extension_protocol_options": {
                        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {"@type": options, **http2}
                    },
                    "load_assignment": {"cluster_name": "xds-grpc", "endpoints": [{"lb_endpoints": [endpoint]}]},
                }
            ]
        },
    }
    data = {"bootstrap.json": json.dumps(config)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(), "data": data}


def labels():
    """What a Gateway selects."""
    return {"app": GATEWAY, "istio": "ingressgateway"}


def metadata():
    return {"name": GATEWAY, "namespace": NAMESPACE}


def service():
    ports = [
        {"name": f"http-{name}", "port": port, "targetPort": target}
        for name, (port, target) in PORTS.items()
    ]
    spec = {"selector": labels(), "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata(), "spec": spec}


def proxy(image):
    """Envoy in a pod. The node sees the files of this machine: its program lies there, and the C library
    that it links to. Of the image nothing is used."""
    program = Path(os.environ["HARI_E2E_ENVOY"])
    loader = dynamic_loader(program)
    folders = {"envoy": program.parent, "libraries": loader.parent}
    node = f"router~$(POD_IP)~$(POD_NAME).{NAMESPACE}~{NAMESPACE}.svc.cluster.local"
    container = {
        "name": "envoy",
        "image": image,
        "imagePullPolicy": "Never",
        "command": [f"/libraries/{loader.name}", "--library-path", "/libraries", "/envoy/envoy"],
        "args": [
            *("-c", "/etc/envoy/bootstrap.json", "--service-cluster", GATEWAY, "--service-node", node),
            *("--concurrency", "1", "--log-level", "warning"),
        ],
        "env": [
            {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}
            for name, path in (("POD_IP", "status.podIP"), ("POD_NAME", "metadata.name"))
        ],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": ADMIN}, "periodSeconds": 1, "timeoutSeconds": 5},
        "volumeMounts": [
            {"name": name, "mountPath": path, "readOnly": True}
            for name, path in (("envoy", "/envoy"), ("libraries", "/libraries"), ("bootstrap", "/etc/envoy"))
        ],
    }
    pod = {
        "securityContext": {"runAsNonRoot": True, "runAsUser": USER},
        "containers": [container],
        "volumes": [
            {"name": "bootstrap", "configMap": {"name": GATEWAY}},
            *({"name": name, "hostPath": {"path": str(path)}} for name, path in folders.items()),
        ],
    }
    template = {"metadata": {"labels": labels()}, "spec": pod}
    spec = {"selector": {"matchLabels": labels()}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata(), "spec": spec}


def dynamic_loader(program):
    """What starts a program that links to libraries; in the folder where they are."""
    told = subprocess.run(["ldd", program], capture_output=True, text=True, check=True, timeout=10).stdout
    (loader,) = re.findall(r"^\s*(/\S*/ld-\S+)", told, re.MULTILINE)
    return Path(loader).resolve()


def gateways():
    """The Gateways of the tutorial, on the two ports of the one Envoy."""
    of_istio = yaml.safe_load((EXAMPLES / "istio-gateway.yaml").read_text())
    *_, gateway = yaml.safe_load_all((EXAMPLES / "gateway.yaml").read_text())
    gateway["metadata"]["namespace"] = NAMESPACE
    # The Service that is there, so that Istio makes none of its own.
    hostname = f"{GATEWAY}.{NAMESPACE}.svc.cluster.local"
    gateway["spec"] |= {"gatewayClassName": "istio", "addresses": [{"type": "Hostname", "value": hostname}]}
    gateway["spec"]["listeners"][0]["port"] = PORTS["gateway-api"][0]
    return [of_istio, gateway]
