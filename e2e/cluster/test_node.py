"""The node of `cargo xtask cluster`: what the tests above it take for granted. Everything is the real
thing: containerd and runc, kubelet, kube-proxy, scheduler, CoreDNS."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from cluster import Cluster, is_alive
from harness import until

IMAGE = "localhost/busybox:local"
# Answers with the name of its pod and the text that it was given.
SERVER = 'mkdir /www; echo "$TEXT $(hostname)" > /www/index.html; echo serving; exec httpd -f -p 8080 -h /www'


@pytest.fixture(scope="module")
def cluster():
    with Cluster() as cluster:
        yield cluster


def container(**more):
    return {"name": "web", "image": IMAGE, "imagePullPolicy": "Never", **more}


def deployment(name, text, replicas=2):
    """A deployment of a web server that says `text`, and its service."""
    labels = {"app": name}
    web = container(
        command=["sh", "-c", SERVER],
        env=[{"name": "TEXT", "value": text}],
        ports=[{"name": "http", "containerPort": 8080}],
        readinessProbe={"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1},
        lifecycle={"preStop": {"sleep": {"seconds": 2}}},
    )
    spec = {"terminationGracePeriodSeconds": 3, "containers": [web]}
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name},
            "spec": {
                "replicas": replicas,
                "strategy": rolling,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": spec},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name},
            "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": "http"}]},
        },
    ]


def pod(name, *command, **spec):
    """A pod that is not started again."""
    spec = {"restartPolicy": "Never", "containers": [container(command=list(command))], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def rolled_out(cluster, name):
    cluster.kubectl("rollout", "status", f"deployment/{name}", "--timeout=60s", timeout=70)


def pods(cluster, name):
    return cluster.items("pods", "-l", f"app={name}", "--field-selector=status.phase=Running")


def said(url):
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read().decode()


def answers(url):
    try:
        return said(url)
    except OSError:
        return None


@pytest.fixture(scope="module")
def web(cluster):
    """Two replicas and a service."""
    cluster.apply(deployment("web", "one"))
    rolled_out(cluster, "web")
    yield "web"
    cluster.kubectl("delete", "deployment,service", "web")


def address_of(cluster, name):
    return cluster.get("service", name)["spec"]["clusterIP"]


def test_a_service_leads_to_every_replica_from_this_machine(cluster, web):
    url = f"http://{address_of(cluster, web)}/"
    until(lambda: answers(url), "kube-proxy knows the service", 10)
    names = {one["metadata"]["name"] for one in pods(cluster, web)}
    assert len(names) == 2
    seen = {said(url) for _ in range(60)}
    assert seen == {f"one {name}\n" for name in names}


def test_names_are_resolved_and_services_reached_from_a_pod(cluster, web):
    script = "wget -q -O - http://web.default.svc.cluster.local/ && wget -q -O - http://web/"
    cluster.apply(pod("asks", "sh", "-c", script))
    cluster.kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/asks", "--timeout=30s")
    lines = cluster.kubectl("logs", "asks").splitlines()
    assert len(lines) == 2 and all(line.startswith("one web-") for line in lines)
    cluster.kubectl("delete", "pod", "asks")


def test_a_name_outside_is_said_not_to_exist(cluster, web):
    name = pods(cluster, web)[0]["metadata"]["name"]
    done = cluster.run("exec", name, "--", "nslookup", "example.com")
    assert done.returncode != 0 and "NXDOMAIN" in done.stdout + done.stderr


def test_logs_and_exec_reach_the_container(cluster, web):
    name = pods(cluster, web)[0]["metadata"]["name"]
    assert cluster.kubectl("logs", name) == "serving\n"
    assert cluster.kubectl("exec", name, "--", "hostname") == f"{name}\n"
    assert cluster.kubectl("exec", "-i", name, "--", "cat", input="a\nb\n") == "a\nb\n"
    assert cluster.run("exec", name, "--", "sh", "-c", "exit 7").returncode == 7


def test_a_port_is_forwarded(cluster, web):
    name = pods(cluster, web)[0]["metadata"]["name"]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [cluster.program, "--kubeconfig", str(cluster.kubeconfig), "port-forward", f"pod/{name}"]
    forward = subprocess.Popen([*command, f"{port}:8080"], stdout=subprocess.PIPE, text=True)
    try:
        assert "Forwarding from" in forward.stdout.readline()
        assert said(f"http://127.0.0.1:{port}/") == f"one {name}\n"
    finally:
        forward.terminate()
        forward.wait(10)


def test_a_pod_calls_the_api_server_with_its_account(cluster):
    account = "/var/run/secrets/kubernetes.io/serviceaccount"
    # busybox does not check certificates of TLS 1.3 servers; that it is answered at all is what counts.
    script = f"cat {account}/namespace && nc -w 3 kubernetes.default.svc 443 < /dev/null && echo reached"
    cluster.apply(pod("calls", "sh", "-c", script))
    cluster.kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/calls", "--timeout=30s")
    assert cluster.kubectl("logs", "calls") == "defaultreached\n"
    cluster.kubectl("delete", "pod", "calls")


def test_a_rolling_update_drops_no_request(cluster, web):
    url = f"http://{address_of(cluster, web)}/"
    cluster.apply(deployment("web", "two"))
    rollout = [cluster.program, "--kubeconfig", str(cluster.kubeconfig), "rollout", "status", "deployment/web"]
    watching = subprocess.Popen([*rollout, "--timeout=60s"], stdout=subprocess.DEVNULL)
    seen = []
    while watching.poll() is None:
        seen.append(said(url).split()[0])
    assert watching.returncode == 0
    assert set(seen) <= {"one", "two"} and len(seen) > 20
    until(lambda: {said(url).split()[0] for _ in range(20)} == {"two"}, "the old pods get no request", 10)
    cluster.apply(deployment("web", "one"))
    rolled_out(cluster, "web")


def test_a_volume_outlives_its_pod(cluster, tmp_path):
    access = {"accessModes": ["ReadWriteOnce"], "storageClassName": "here"}
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "kept"},
        "spec": {"capacity": {"storage": "1Mi"}, "hostPath": {"path": str(tmp_path)}, **access},
    }
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "kept"},
        "spec": {"resources": {"requests": {"storage": "1Mi"}}, "volumeName": "kept", **access},
    }
    cluster.apply([volume, claim])
    mount = [{"name": "data", "mountPath": "/data"}]
    data = [{"name": "data", "persistentVolumeClaim": {"claimName": "kept"}}]
    for name, script in (("writes", "echo kept > /data/file"), ("reads", "cat /data/file")):
        web = container(command=["sh", "-c", script], volumeMounts=mount)
        cluster.apply(pod(name, containers=[web], volumes=data))
        done = "--for=jsonpath={.status.phase}=Succeeded"
        cluster.kubectl("wait", done, f"pod/{name}", "--timeout=30s")
    assert cluster.kubectl("logs", "reads") == "kept\n"
    assert (tmp_path / "file").read_text() == "kept\n"
    cluster.kubectl("delete", "pod/writes", "pod/reads", "pvc/kept", "pv/kept")


def test_limits_of_a_container_are_kept(cluster):
    """A container that takes more memory than its limit is killed for it, alone."""
    greedy = container(
        command=["sh", "-c", "x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done"],
        resources={"limits": {"memory": "32Mi"}},
    )
    cluster.apply(pod("greedy", containers=[greedy]))
    cluster.kubectl("wait", "--for=jsonpath={.status.phase}=Failed", "pod/greedy", "--timeout=30s")
    state = cluster.get("pod", "greedy")["status"]["containerStatuses"][0]["state"]["terminated"]
    assert state["reason"] == "OOMKilled" and state["exitCode"] == 137
    cluster.kubectl("delete", "pod", "greedy")


def test_a_node_is_drained_and_taken_back(cluster, web):
    drain = ("--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout=60s")
    cluster.kubectl("drain", "node", *drain, timeout=70)
    assert not pods(cluster, web)
    cluster.kubectl("uncordon", "node")
    rolled_out(cluster, "web")
    assert len(pods(cluster, web)) == 2
    cluster.kubectl("-n", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=60s", timeout=70)


def test_what_has_crashed_is_started_again(cluster, web):
    node = cluster.kubeconfig.parent / "node"
    for part in ("kubelet", "kube-proxy", "kube-scheduler"):
        outside = int((node / f"{part}.pid").read_text())
        children = Path(f"/proc/{outside}/task/{outside}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)
        until(lambda: not is_alive(outside), f"{part} has ended")
    cluster.up()
    started = time.monotonic()
    cluster.apply(deployment("again", "one", replicas=1))
    rolled_out(cluster, "again")
    assert time.monotonic() - started < 30
    url = f"http://{address_of(cluster, 'again')}/"
    until(lambda: answers(url), "kube-proxy knows the service", 10)
    assert said(url).startswith("one again-")
    cluster.kubectl("delete", "deployment,service", "again")


def traces(name, folder, link):
    """What there is of a cluster on this machine: control groups, links, mounts, processes."""
    groups = [str(one) for one in Path("/sys/fs/cgroup").glob(f"*/hari-{name}")]
    links = json.loads(subprocess.check_output(["ip", "-j", "link"]))
    links = [one["ifname"] for one in links if one["ifname"] == link]
    mounts = [line for line in Path("/proc/mounts").read_text().splitlines() if str(folder) in line]
    return groups + links + mounts + [one for one in processes() if str(folder) in one]


def processes():
    for one in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield one.read_text(errors="replace").replace("\0", " ")
        except (FileNotFoundError, ProcessLookupError):
            continue


@pytest.mark.skipif("KUBECONFIG" in os.environ, reason="that cluster is left as it is")
def test_nothing_is_left():
    with Cluster() as cluster:
        folder = cluster.kubeconfig.parent
        link = "hari" + (folder / "node" / "network").read_text()
        cluster.apply(deployment("web", "one"))
        rolled_out(cluster, "web")
        there = traces(cluster.name, folder, link)
        assert any(link == one for one in there) and any("containerd-shim" in one or "kubelet" in one for one in there)
    assert not traces(cluster.name, folder, link)
    assert not folder.exists()
