"""Changes while requests arrive: `hari verify-rollout` sends them at a fixed rate through the ingress
gateway, `kubectl` or Helm makes the change, and no request fails or is answered by a version that is gone."""

import json
import os
import subprocess

import istio
import pytest
from changes import CHANGES, DEPLOYMENT, FOLDERS, NAME, NAMESPACE, ONE, SECOND_VERSION, VERSIONS, deployment, predictor
from charts import OPERATOR, settings
from cluster import Cluster
from test_image import make
from test_tutorial import EXAMPLES, IMAGE, MANAGER, REQUESTS, SYSTEM, archive, fill, forwarded, install  # noqa: F401

from harness import ROOT, environment, until

RATE, LEAST = 100, 3000
OTHER_IMAGE = IMAGE.replace("under-test", "other")
# A change needs room for new pods beside the old ones.
VALUES = ["istio.enabled=true", "executor.resources.cpuRequest=50m", "executor.resources.memoryRequest=100Mi"]
OPERATORS = "control-plane=seldon-controller-manager"
# Those that run every time; the others take a quarter of an hour, and run with `-m slow`.
ALWAYS = {"version", "reshape"}
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def cluster(archive, tmp_path_factory):  # noqa: F811
    """A cluster with the gateway, the operator, the bucket, and the image under two names."""
    with Cluster() as cluster:
        other = tmp_path_factory.mktemp("other") / "hari.tar"
        make(other, "--name", OTHER_IMAGE, binary=archive.parent / "hari")
        cluster.load(archive, other)
        istio.install(cluster, IMAGE)
        cluster.apply(istio.gateways())
        install(cluster, *VALUES)
        fill(cluster)
        with forwarded(cluster, "minio", "service/minio", 9000) as url:
            for folder, version in FOLDERS.items():
                upload(url, f"digits/{folder}/{version}")
        for file in ("namespace", "bucket"):
            cluster.kubectl("apply", "-f", EXAMPLES / f"{file}.yaml")
        yield cluster


def upload(store, folder):
    """Puts the model into a folder of the bucket."""
    model = ROOT / "examples" / "mnist" / "model" / "1"
    signed = ["--aws-sigv4", "aws:amz:us-east-1:s3", "--user", "tutorial:tutorial-secret"]
    for file in sorted(path for path in model.rglob("*") if path.is_file()):
        url = f"{store}/models/{folder}/{file.relative_to(model)}"
        subprocess.run(["curl", "-sSf", *signed, "-T", file, url], check=True, timeout=30)


@pytest.fixture(scope="module")
def url(cluster):
    """Of the gateway."""
    service = cluster.get("service", istio.GATEWAY, "-n", istio.NAMESPACE)
    return f"http://{service['spec']['clusterIP']}:{istio.PORTS['istio'][0]}"


def put(cluster, url, manifest):
    """Applies the deployment, and waits until nothing of an earlier one is left and the gateway leads to
    this one."""
    cluster.apply(manifest)
    until(lambda: is_alone(cluster), "nothing else runs", 240, pause=0.3)
    request = ["--json", REQUESTS / "seldon-ndarray.json", "--duration", "1s", "--rate", "20"]
    until(lambda: sent(cluster, url, *request).returncode == 0, "the gateway leads to it", 60, pause=0.3)


def is_alone(cluster):
    """Whether the deployment is available, and has no pods but those that it wants."""
    sdep = cluster.get("sdep", NAME, "-n", NAMESPACE)
    status = sdep.get("status", {})
    wanted = sum(one.get("replicas", 0) for one in status.get("deploymentStatus", {}).values())
    is_new = status.get("observedGeneration") == sdep["metadata"]["generation"]
    return is_new and status["state"] == "Available" and len(pods(cluster)) == wanted > 0


def pods(cluster):
    return cluster.items("pods", "-n", NAMESPACE, "-l", f"seldon-deployment-id={NAME}")


def sent(cluster, url, *arguments):
    """What `hari verify-rollout` did."""
    line = [os.environ["HARI_BIN"], "verify-rollout", "--url", url, "--deployment", DEPLOYMENT, *arguments]
    variables = environment({"KUBECONFIG": str(cluster.kubeconfig)})
    return subprocess.run(list(map(str, line)), env=variables, capture_output=True, text=True, timeout=600)


def judge(cluster, url, change, versions, final=()):
    """Makes a change by a command, under load: nothing may fail, and of the versions the last may answer
    in the end, or those of `final`."""
    is_v2 = "model_version" in versions[0]
    request = ["--json", REQUESTS / ("v2-infer.json" if is_v2 else "seldon-ndarray.json")]
    done = sent(
        *(cluster, url, *request, *(["--model", "digits"] if is_v2 else [])),
        *("--rate", RATE, "--requests", LEAST, "--before", "5s", "--after", "10s", "--within", "4m"),
        *("--change", change, "--until-available", DEPLOYMENT, "--json-output"),
        *(f"--expect-version={place}={json.dumps(holds)}" for place, holds in enumerate(versions)),
        *(f"--final={place}" for place in final),
    )
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    everything = report["phases"]["all"]
    print(json.dumps({"change": report.get("change"), "phases": report["phases"]}))
    assert report["passed"], json.dumps({**report, "timeline": None}, indent=1)
    assert everything["ok"] == everything["sent"] >= LEAST


def kubectl(cluster, *words):
    """A command for a shell."""
    return " ".join([str(cluster.program), "--kubeconfig", str(cluster.kubeconfig), *map(str, words)])


def applied(cluster, folder, manifest):
    """The command that applies a manifest."""
    file = folder / "manifest.json"
    file.write_text(json.dumps(manifest))
    return kubectl(cluster, "apply", "--server-side", "--force-conflicts", "-f", file)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in ALWAYS else [pytest.mark.slow]) for name in CHANGES]
)
def test_a_change_loses_no_request(cluster, url, tmp_path, name):
    change = CHANGES[name]
    put(cluster, url, change.before)
    judge(cluster, url, applied(cluster, tmp_path, change.after), change.versions, change.final)


def test_an_operator_that_ends_in_the_middle_loses_no_request(cluster, url, tmp_path):
    put(cluster, url, ONE)
    end = kubectl(cluster, "delete", "pod", "-n", SYSTEM, "-l", OPERATORS, "--wait=false", "--grace-period=0", "--force")
    judge(cluster, url, f"{applied(cluster, tmp_path, SECOND_VERSION)} && {end}", VERSIONS)


@pytest.mark.slow
def test_an_upgrade_of_the_operator_loses_no_request(cluster, url, tmp_path):
    """Operator and pods get another image, and the deployment a new version meanwhile."""
    put(cluster, url, ONE)
    values = settings(["image.tag=other", *VALUES])
    chart = [os.environ["HARI_E2E_HELM"], "upgrade", "seldon-core", OPERATOR, "-n", SYSTEM, *values]
    upgrade = " ".join(map(str, [*chart, "--kubeconfig", cluster.kubeconfig]))
    ready = kubectl(cluster, "rollout", "status", MANAGER, "-n", SYSTEM, "--timeout=120s")
    judge(cluster, url, f"{upgrade} && {applied(cluster, tmp_path, SECOND_VERSION)} && {ready}", VERSIONS)
    until(lambda: is_alone(cluster), "nothing else runs", 240, pause=0.3)
    images = {one["image"] for pod in pods(cluster) for one in pod["spec"]["containers"]}
    assert {image.rsplit(":", 1)[1] for image in images} == {"other"}


@pytest.mark.slow
def test_pods_that_are_evicted_lose_no_request(cluster, url, tmp_path):
    """What a drain of a node does to each pod, one after the other, as the disruption budget lets it."""
    budget = {"spec": {"containers": [{"name": "digits"}]}, "pdbSpec": {"maxUnavailable": 1}}
    put(cluster, url, deployment(predictor(replicas=3, componentSpecs=[budget])))
    script = [evicted(cluster, tmp_path, pod["metadata"]["name"]) for pod in pods(cluster)]
    judge(cluster, url, " && ".join(script), CHANGES["fewer-replicas"].versions)


def evicted(cluster, folder, pod):
    """The command that evicts a pod, asked again while the budget does not let it."""
    metadata = {"name": pod, "namespace": NAMESPACE}
    file = folder / f"{pod}.json"
    file.write_text(json.dumps({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}))
    create = kubectl(cluster, "create", "--raw", f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}/eviction", "-f", file)
    return f"until {create}; do sleep 1; done"
