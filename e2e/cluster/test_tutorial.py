"""The tutorial on a cluster, from `helm install` to ten probabilities: the manifests of
`examples/mnist-cluster` on a node that runs them, the model in a MinIO that asks for a password. What
routes from outside is the Kubernetes Service and the port-forward."""

import contextlib
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest
import yaml
from charts import OPERATOR, ROOT, helm, settings
from cluster import Cluster
from test_image import make

from harness import until

EXAMPLES = ROOT / "examples" / "mnist-cluster"
REQUESTS = ROOT / "examples" / "mnist" / "requests"
SEVEN = 7
SYSTEM = "seldon-system"
MANAGER = "deployment/seldon-controller-manager"
IMAGE = "docker.io/library/hari:under-test"
# Room for a program with debug assertions on a machine that compiles meanwhile; a release on an idle
# one is asked for less than five.
SECONDS = 30


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """The image of the program under test, without the tables of a debugger."""
    folder = tmp_path_factory.mktemp("image")
    program = folder / "hari"
    subprocess.run(["strip", "-o", program, os.environ["HARI_BIN"]], check=True, timeout=120)
    make(folder / "hari.tar", "--name", IMAGE, binary=program)
    return folder / "hari.tar"


@pytest.fixture(scope="module")
def cluster(archive):
    """A cluster with the operator, and the bucket with the model."""
    with Cluster() as cluster:
        cluster.load(archive)
        install(cluster)
        fill(cluster)
        for file in ("namespace", "bucket"):
            cluster.kubectl("apply", "-f", EXAMPLES / f"{file}.yaml")
        yield cluster


def install(cluster, *values):
    """The operator by its chart, with more values as `name=value`."""
    cluster.kubectl("create", "namespace", SYSTEM)
    named = ("--namespace", SYSTEM, "--kubeconfig", cluster.kubeconfig)
    helm("install", "seldon-core", OPERATOR, *named, *settings(["image.tag=under-test", *values]))
    rolled_out(cluster, MANAGER, SYSTEM)


def fill(cluster):
    """Starts MinIO and puts the model into it."""
    (minio,) = [
        one for one in yaml.safe_load_all((EXAMPLES / "minio.yaml").read_text()) if one["kind"] == "Deployment"
    ]
    (container,) = minio["spec"]["template"]["spec"]["containers"]
    cluster.load_program(os.environ["HARI_E2E_MINIO"], f"docker.io/{container['image']}")
    cluster.kubectl("apply", "-f", EXAMPLES / "minio.yaml")
    rolled_out(cluster, "deployment/minio", "minio")
    with forwarded(cluster, "minio", "service/minio", 9000) as url:
        subprocess.run([EXAMPLES / "upload.sh", url], check=True, timeout=60)


def rolled_out(cluster, name, namespace):
    cluster.kubectl("rollout", "status", name, "-n", namespace, "--timeout=90s", timeout=100)


@contextlib.contextmanager
def forwarded(cluster, namespace, name, port):
    """The URL of a port that `kubectl port-forward` makes."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        local = free.getsockname()[1]
    command = [cluster.program, "--kubeconfig", str(cluster.kubeconfig), "port-forward", "-n", namespace]
    forward = subprocess.Popen([*command, name, f"{local}:{port}"], stdout=subprocess.PIPE, text=True)
    try:
        assert "Forwarding from" in forward.stdout.readline(), f"{name} is not forwarded"
        yield f"http://127.0.0.1:{local}"
    finally:
        forward.terminate()
        forward.wait(10)


def asked(url, request, seconds=10):
    call = urllib.request.Request(url, (REQUESTS / request).read_bytes(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(call, timeout=seconds) as answer:
        return json.load(answer)


def is_a_seven(probabilities):
    assert len(probabilities) == 10 and abs(sum(probabilities) - 1) < 1e-4
    return max(range(10), key=probabilities.__getitem__) == SEVEN


def address(cluster, name):
    service = cluster.run("get", "service", name, "-n", "seldon", "-o", "jsonpath={.spec.clusterIP}")
    return service.stdout


def first_answer(cluster, name):
    """The answer of a predictor's Service, asked from this machine; None while there is none."""
    with contextlib.suppress(OSError, urllib.error.URLError):
        if found := address(cluster, name):
            # A connection from before kube-proxy knew the Service is never answered.
            return asked(f"http://{found}:8000/api/v1.0/predictions", "seldon-ndarray.json", seconds=1)
    return None


@pytest.fixture(scope="module")
def mnist(cluster, record_testsuite_property):
    """The deployment of the tutorial, which has answered."""
    started = time.monotonic()
    cluster.kubectl("apply", "-f", EXAMPLES / "mnist.yaml")
    reply = until(lambda: first_answer(cluster, "mnist-default"), "the first answer", SECONDS * 2)
    seconds = time.monotonic() - started
    record_testsuite_property("seconds from apply to the first answer", f"{seconds:.1f}")
    print(f"from apply to the first answer: {seconds:.1f} s")
    assert is_a_seven(reply["data"]["ndarray"][0])
    assert seconds < SECONDS
    cluster.kubectl("wait", "sdep/mnist", "-n", "seldon", "--for=condition=Ready", "--timeout=30s")
    return "mnist"


def test_it_is_said_to_be_available(cluster, mnist):
    (line,) = cluster.kubectl("get", "sdep", "-n", "seldon", "--no-headers").splitlines()
    assert line.split()[:2] == ["mnist", "Available"]
    assert cluster.get("sdep", mnist, "-n", "seldon")["status"]["state"] == "Available"


def test_the_pod_answers_on_the_port_of_its_unit(cluster, mnist):
    (pod,) = cluster.items("pods", "-n", "seldon", "-l", "seldon-deployment-id=mnist")
    with forwarded(cluster, "seldon", f"pod/{pod['metadata']['name']}", 9000) as url:
        assert is_a_seven(asked(f"{url}/predict", "seldon-ndarray.json")["data"]["ndarray"][0])


def test_the_service_answers_in_each_protocol(cluster, mnist):
    with forwarded(cluster, "seldon", "service/mnist-default", 8000) as url:
        reply = asked(f"{url}/api/v1.0/predictions", "seldon-ndarray.json")
        assert is_a_seven(reply["data"]["ndarray"][0])
        reply = asked(f"{url}/v2/models/mnist-model/infer", "v2-infer.json")
        assert is_a_seven(reply["outputs"][0]["data"][:10])


def test_a_wrong_password_is_told_and_serves_nothing(cluster, mnist):
    """The bucket demands its password: with another one the deployment does not become available, and
    its status says why in the init container's own words."""
    secret, account = yaml.safe_load_all((EXAMPLES / "bucket.yaml").read_text())
    secret["metadata"]["name"] = "wrong"
    secret["stringData"]["awsSecretAccessKey"] = "another-secret"
    account["metadata"]["name"] = "wrong"
    account["secrets"] = [{"name": "wrong"}]
    denied = yaml.safe_load((EXAMPLES / "mnist.yaml").read_text())
    denied["metadata"]["name"] = "denied"
    denied["spec"]["predictors"][0]["graph"]["serviceAccountName"] = "wrong"
    cluster.apply([secret, account, denied])

    def told():
        status = cluster.get("sdep", "denied", "-n", "seldon").get("status", {})
        assert status.get("state") != "Available"
        words = json.dumps(status)
        return words if "SignatureDoesNotMatch" in words or "403" in words else None

    said = until(told, "the status says what the bucket answered", 60)
    assert "init container" in said and "exit code" in said
    assert first_answer(cluster, "denied-default") is None
    cluster.kubectl("delete", "sdep", "denied", "-n", "seldon")


def test_a_canary_answers_beside_the_first_version(cluster, mnist):
    cluster.kubectl("apply", "-f", EXAMPLES / "canary.yaml")
    until(lambda: first_answer(cluster, "mnist-canary"), "the canary answers", SECONDS * 2)
    cluster.kubectl("wait", "sdep/mnist", "-n", "seldon", "--for=condition=Ready", "--timeout=60s", timeout=70)
    for name in ("mnist-default", "mnist-canary"):
        assert is_a_seven(first_answer(cluster, name)["data"]["ndarray"][0])


def test_a_deployment_that_is_deleted_leaves_nothing(cluster, mnist):
    cluster.kubectl("delete", "sdep", mnist, "-n", "seldon")

    def left():
        return cluster.kubectl(
            "get", "deployments,services,pods,hpa", "-n", "seldon", "-l", "seldon-deployment-id=mnist", "-o", "name"
        )

    until(lambda: not left(), "nothing is left", 60)
