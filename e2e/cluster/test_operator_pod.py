"""The operator as users have it: Hari's image in pods of the chart, on a node, with admission through
its Service. The image is the one that `cargo xtask image` makes of the program under test."""

import concurrent.futures
import json
import os
import subprocess
import threading

import pytest
from charts import OPERATOR, helm, settings
from cluster import Cluster
from test_image import make

from harness import until

NAMESPACE = "seldon-system"
IMAGE = "docker.io/library/hari:under-test"
DEPLOYMENT = "deployment/seldon-controller-manager"
# Model pods would not run there, and need not.
RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """The archive, of a program without the tables of a debugger."""
    folder = tmp_path_factory.mktemp("image")
    program = folder / "hari"
    subprocess.run(["strip", "-o", program, os.environ["HARI_BIN"]], check=True, timeout=120)
    make(folder / "hari.tar", "--name", IMAGE, binary=program)
    return folder / "hari.tar"


@pytest.fixture(scope="module")
def cluster(image):
    with Cluster() as cluster:
        cluster.load(image)
        cluster.kubectl("create", "namespace", NAMESPACE)
        cluster.kubectl("label", "namespace", NAMESPACE, RESTRICTED)
        install(cluster)
        yield cluster
        helm("uninstall", "seldon-core", "-n", NAMESPACE, "--kubeconfig", cluster.kubeconfig)


def install(cluster, *values):
    """The chart with two operators, and their start waited for."""
    values = settings(["image.tag=under-test", "hari.replicas=2", *values])
    helm(
        "upgrade", "--install", "seldon-core", OPERATOR, "-n", NAMESPACE,
        "--kubeconfig", cluster.kubeconfig, *values,
    )
    wait = ["rollout", "status", DEPLOYMENT, "-n", NAMESPACE, "--timeout=100s"]
    try:
        cluster.kubectl(*wait, timeout=120)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{words(cluster)}") from None


def words(cluster):
    """What the operators say, and what the cluster says of them."""
    asked = [("describe", "pods"), ("logs", DEPLOYMENT, "--tail=30")]
    return "\n".join(cluster.run(*what, "-n", NAMESPACE).stdout[-4000:] for what in asked)


def deployment(name, **graph):
    return {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"predictors": [{"name": "main", "graph": {"name": "model", **graph}}]},
    }


def admitted(cluster, **graph):
    """What the API server says to a deployment that it is not to keep."""
    document = json.dumps(deployment("asked", **graph))
    return cluster.run("apply", "--dry-run=server", "-f", "-", input=document)


def test_pods_run_confined(cluster):
    pods = cluster.items("pods", "-n", NAMESPACE, "-l", "control-plane=seldon-controller-manager")
    assert len(pods) == 2
    for pod in pods:
        (status,) = pod["status"]["containerStatuses"]
        assert status["ready"] and status["restartCount"] == 0


def test_admission_answers_through_the_service(cluster):
    good = admitted(cluster, implementation="SKLEARN_SERVER", modelUri="gs://bucket/model")
    assert good.returncode == 0, good.stderr
    bad = admitted(cluster, implementation="SKLEARN_SERVER")
    assert bad.returncode != 0
    assert "spec.predictors[0].graph.modelUri" in bad.stderr


def test_one_of_two_leads(cluster):
    lease = cluster.get("lease/a33bd623.machinelearning.seldon.io", "-n", NAMESPACE)
    pods = cluster.items("pods", "-n", NAMESPACE, "-l", "control-plane=seldon-controller-manager")
    names = {pod["metadata"]["name"] for pod in pods}
    assert any(lease["spec"]["holderIdentity"].startswith(name) for name in names)


def test_an_upgrade_refuses_nobody(cluster):
    """While new operators take the place of the old, every question to admission is answered."""
    over = threading.Event()
    asked = []

    def ask():
        while not over.is_set():
            asked.append(admitted(cluster, implementation="SKLEARN_SERVER", modelUri="gs://b/m"))

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        asking = [pool.submit(ask) for _ in range(2)]
        until(lambda: len(asked) > 5, "admission is asked")
        try:
            install(cluster, "manager.annotations.turn=two")
            until(lambda: len(running(cluster)) == 2, "the old operators are gone", 60)
        finally:
            over.set()
        for one in asking:
            one.result()
    failed = [one.stderr for one in asked if one.returncode]
    assert not failed, f"{len(failed)} of {len(asked)}: {failed[0]}"
    assert all(pod["metadata"]["annotations"].get("turn") == "two" for pod in running(cluster))


def running(cluster):
    """Pods of operators, those that are going included, those that are done not."""
    pods = cluster.items("pods", "-n", NAMESPACE, "-l", "control-plane=seldon-controller-manager")
    return [pod for pod in pods if pod["status"]["phase"] == "Running"]
