"""Pods of other shapes than the tutorial's, on a node that runs them, in a namespace that takes none but
restricted ones: models on a claim, images of the user's own, no orchestrator, certificates; and what the
status says where no pod comes up."""

import contextlib
import http.client
import json
import shutil
import ssl
import urllib.request

import pytest
from cluster import Cluster
from test_tutorial import EXAMPLES, IMAGE, REQUESTS, archive, fill, forwarded, install, is_a_seven  # noqa: F401

from harness import ROOT, certificate, until

NAMESPACE = "seldon"
ENGINE = "seldon-container-engine"
CHAIN = ROOT / "examples" / "transformer-chain"
# What the policy asks of a container whose image is not Hari's.
RESTRICTED = {
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
# More pods fit on a small node.
VALUES = ["executor.resources.cpuRequest=50m", "executor.resources.memoryRequest=100Mi"]
SECONDS = 60


@pytest.fixture(scope="module")
def cluster(archive, tmp_path_factory):  # noqa: F811
    """A cluster with the operator, the bucket, and a namespace of restricted pods that has a claim."""
    with Cluster() as cluster:
        for file in ("namespace", "bucket"):
            cluster.kubectl("apply", "-f", EXAMPLES / f"{file}.yaml")
        cluster.kubectl("label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted")
        # First, for the controller takes its time to bind it.
        claim(cluster, tmp_path_factory.mktemp("volume"))
        cluster.load(archive)
        install(cluster, *VALUES)
        fill(cluster)
        yield cluster


def claim(cluster, folder):
    """The claim `models`, whose volume is a folder of the node with models in it."""
    shutil.copytree(ROOT / "examples" / "mnist" / "model", folder / "digits")
    shutil.copytree(CHAIN / "models", folder / "wines")
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    folder.chmod(0o755)
    size, modes = {"storage": "1Gi"}, ["ReadOnlyMany"]
    source = {"hostPath": {"path": str(folder), "type": "Directory"}}
    volume = {"capacity": size, "accessModes": modes, "storageClassName": "", **source}
    wanted = {"accessModes": modes, "storageClassName": "", "resources": {"requests": size}, "volumeName": "models"}
    cluster.apply(named("v1", "PersistentVolume", "models", spec=volume))
    cluster.apply(named("v1", "PersistentVolumeClaim", "models", NAMESPACE, spec=wanted))


def named(version, kind, name, namespace=None, **more):
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **more}


def node(name="digits", uri="s3://models/mnist", **more):
    """A node with the model, which reads the bucket as the tutorial's account does."""
    graph = {"name": name, "implementation": "TENSORFLOW_SERVER", "modelUri": uri}
    return {**graph, **({} if "envSecretRefName" in more else {"serviceAccountName": "model-reader"}), **more}


def predictor(graph, name="default", **more):
    return {"name": name, "replicas": 1, "graph": graph, **more}


def own(**container):
    """A predictor with a container of the user's own."""
    spec = {"spec": {"containers": [{"name": "digits", **container}]}}
    return predictor({"name": "digits", "type": "MODEL"}, componentSpecs=[spec])


@contextlib.contextmanager
def deployed(cluster, name, *predictors, **spec):
    """A deployment, which goes at the end."""
    spec = {**spec, "predictors": list(predictors)}
    cluster.apply(named("machinelearning.seldon.io/v1", "SeldonDeployment", name, NAMESPACE, spec=spec))
    try:
        yield name
    finally:
        cluster.kubectl("delete", "sdep", name, "-n", NAMESPACE, "--wait=false")


def status(cluster, name):
    return cluster.get("sdep", name, "-n", NAMESPACE).get("status", {})


def comes(cluster, name, is_so, what):
    """Waits until the status of a deployment is so, and returns it; fails with what it is."""
    last = {}

    def found():
        last.update(now=status(cluster, name))
        return last["now"] if is_so(last["now"]) else None

    try:
        return until(found, what, SECONDS, pause=0.2)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{json.dumps(last, indent=1)}") from None


def available(cluster, name):
    """Waits until a deployment is said to be available."""
    return comes(cluster, name, lambda found: found.get("state") == "Available", f"{name} is available")


def told(cluster, name, *words):
    """Waits until a deployment that is not available says all the words, in its description and in the
    condition that `kubectl wait` looks at."""

    def is_told(found):
        assert found.get("state") != "Available"
        (ready,) = [one for one in found.get("conditions", []) if one["type"] == "Ready"] or [{}]
        texts = [found.get("description", ""), ready.get("message", "")]
        return all(word in text for word in words for text in texts)

    print(comes(cluster, name, is_told, f"{name} says {words}")["description"])


def containers(cluster, name):
    """The names of the containers of each pod of a deployment."""
    pods = cluster.items("pods", "-n", NAMESPACE)
    pods = [pod for pod in pods if pod["metadata"]["name"].startswith(f"{name}-")]
    return sorted(sorted(one["name"] for one in pod["spec"]["containers"]) for pod in pods)


def asked(url, request, trusted=None):
    """An answer in Seldon's protocol."""
    call = urllib.request.Request(
        f"{url}/api/v1.0/predictions", request.read_bytes(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(call, timeout=10, context=trusted) as answer:
        return json.load(answer)


def digits(cluster, service, port=8000):
    """Asks a Service for the picture of a seven."""
    with forwarded(cluster, NAMESPACE, f"service/{service}", port) as url:
        reply = asked(url, REQUESTS / "seldon-ndarray.json")
    assert is_a_seven(reply["data"]["ndarray"][0])


def test_the_tutorials_deployment_is_admitted_where_pods_are_restricted(cluster):
    cluster.kubectl("apply", "-f", EXAMPLES / "mnist.yaml")
    available(cluster, "mnist")
    digits(cluster, "mnist-default")
    cluster.kubectl("delete", "sdep", "mnist", "-n", NAMESPACE, "--wait=false")


def test_a_model_on_a_claim_is_read_where_it_lies(cluster):
    with deployed(cluster, "claimed", predictor(node(uri="pvc://models/digits"))):
        available(cluster, "claimed")
        digits(cluster, "claimed-default")
        (pod,) = cluster.items("pods", "-n", NAMESPACE, "-l", "seldon-deployment-id=claimed")
        assert not pod["spec"].get("initContainers")


def test_a_secret_is_the_environment_of_the_download(cluster):
    """The names are those of Amazon's own tools, and no service account is asked."""
    login = {"AWS_ACCESS_KEY_ID": "tutorial", "AWS_SECRET_ACCESS_KEY": "tutorial-secret"}
    login["AWS_ENDPOINT_URL"] = "http://minio.minio.svc.cluster.local:9000"
    cluster.apply(named("v1", "Secret", "by-environment", NAMESPACE, stringData=login))
    with deployed(cluster, "secret", predictor(node(envSecretRefName="by-environment"))):
        available(cluster, "secret")
        digits(cluster, "secret-default")


def test_a_container_of_ones_own_answers_between_built_in_servers(cluster):
    """The second of three steps runs in an image that the user names, here Hari's under another command,
    and finds its model where the original put it."""
    steps = {name: f"pvc://models/wines/{name}" for name in ("scaler", "components", "classifier")}
    last = {"name": "classifier", "implementation": "SKLEARN_SERVER", "modelUri": steps["classifier"]}
    second = {"name": "components", "type": "MODEL", "modelUri": steps["components"], "children": [last]}
    first = {"name": "scaler", "implementation": "SKLEARN_SERVER", "modelUri": steps["scaler"], "children": [second]}
    container = {"name": "components", "image": IMAGE, "args": ["serve"], "securityContext": RESTRICTED}
    spec = {"spec": {"containers": [container]}}
    with deployed(cluster, "wines", predictor(first, componentSpecs=[spec])):
        available(cluster, "wines")
        with forwarded(cluster, NAMESPACE, "service/wines-default", 8000) as url:
            reply = asked(url, CHAIN / "requests" / "seldon-ndarray.json")
        expected = json.loads((CHAIN / "requests" / "expected.json").read_text())["classifier"]
        assert reply["data"]["ndarray"] == [pytest.approx(row, abs=1e-5) for row in expected]
        assert sorted(reply["meta"]["requestPath"]) == ["classifier", "components", "scaler"]
        assert containers(cluster, "wines") == [["components", ENGINE]]


def test_an_orchestrator_in_a_pod_of_its_own_asks_the_server_in_another(cluster):
    annotations = {"seldon.io/engine-separate-pod": "true"}
    with deployed(cluster, "separate", predictor(node()), annotations=annotations):
        available(cluster, "separate")
        digits(cluster, "separate-default")
        assert containers(cluster, "separate") == [["digits"], [ENGINE]]


def test_without_an_orchestrator_the_service_leads_to_the_server(cluster):
    without = predictor(node(), annotations={"seldon.io/no-engine": "true"})
    with deployed(cluster, "direct", without):
        available(cluster, "direct")
        digits(cluster, "direct-default", 9000)
        assert containers(cluster, "direct") == [["digits"]]


@pytest.mark.parametrize("separate", ["false", "true"])
def test_with_a_certificate_nothing_but_https_answers(cluster, tmp_path, separate):
    """At the orchestrator, beside its server or in a pod of its own; and where the Service leads to the
    server alone."""
    certificate(tmp_path, "pods")
    files = {f"tls.{kind}": (tmp_path / f"chosen.{kind}").read_text() for kind in ("crt", "key")}
    cluster.apply(named("v1", "Secret", "pods-tls", NAMESPACE, type="kubernetes.io/tls", stringData=files))
    shared = {"ssl": {"certSecretName": "pods-tls"}, "traffic": 50}
    direct = {"seldon.io/no-engine": "true"}
    both = [predictor(node(), **shared), predictor(node(), "direct", annotations=direct, **shared)]
    trusted = ssl.create_default_context(cafile=tmp_path / "chosen.crt")
    name = f"tls-{separate}"
    with deployed(cluster, name, *both, annotations={"seldon.io/engine-separate-pod": separate}):
        available(cluster, name)
        for service, port in {f"{name}-default": 8000, f"{name}-direct": 9000}.items():
            with forwarded(cluster, NAMESPACE, f"service/{service}", port) as url:
                reply = asked(url.replace("http:", "https:"), REQUESTS / "seldon-ndarray.json", trusted)
                assert is_a_seven(reply["data"]["ndarray"][0])
                with pytest.raises((OSError, http.client.HTTPException)):
                    asked(url, REQUESTS / "seldon-ndarray.json")


def test_a_quota_is_told_until_it_is_lifted(cluster):
    quota = named("v1", "ResourceQuota", "small", NAMESPACE, spec={"hard": {"pods": "0"}})
    cluster.apply(quota)
    until(lambda: cluster.get("quota", "small", "-n", NAMESPACE)["status"].get("used"), "the quota counts", 30)
    try:
        with deployed(cluster, "squeezed", predictor(node())):
            told(cluster, "squeezed", "exceeded quota: small", "limited: pods=0")
            cluster.kubectl("delete", "quota", "small", "-n", NAMESPACE)
            available(cluster, "squeezed")
            assert not status(cluster, "squeezed").get("description")
            digits(cluster, "squeezed-default")
    finally:
        cluster.kubectl("delete", "quota", "small", "-n", NAMESPACE, "--ignore-not-found")


def test_a_pod_that_the_policy_refuses_is_told(cluster):
    with deployed(cluster, "refused", own(image=IMAGE, args=["serve"])):
        told(cluster, "refused", 'violates PodSecurity "restricted:latest"', 'container "digits" must set')


def test_an_image_that_is_not_there_is_told(cluster):
    """Nothing listens where its registry should."""
    image = "127.0.0.1:9/models/digits:1"
    with deployed(cluster, "unpulled", own(image=image, securityContext=RESTRICTED)):
        told(cluster, "unpulled", "pod unpulled-default-0-digits-", f"image {image} of container digits")


def test_a_model_that_is_not_in_the_bucket_is_told(cluster):
    with deployed(cluster, "modelless", predictor(node(uri="s3://models/nothing"))):
        pod, container = "pod modelless-default-0-digits-", "init container digits-model-initializer"
        told(cluster, "modelless", pod, container, "s3://models/nothing", "there is nothing at `nothing`")
