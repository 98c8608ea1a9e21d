"""The tutorial through an ingress that routes: Istio's own control plane drives an Envoy, by the
VirtualService and the DestinationRules that the operator makes, and on another port by the HTTPRoute and
the GRPCRoute that it makes beside them. Shares, copies, gRPC, a change under load, and the end."""

import contextlib
import json
import subprocess
import urllib.error
from urllib.parse import urlsplit

import istio
import pytest
import yaml
from cluster import Cluster
from test_tutorial import EXAMPLES, IMAGE, REQUESTS, archive, asked, fill, install, is_a_seven  # noqa: F401

from harness import ROOT, binary, environment, hari, http, until

NAMESPACE, NAME = "seldon", "mnist"
DEPLOYMENT = f"{NAMESPACE}/{NAME}"
PREDICTIONS = f"/seldon/{DEPLOYMENT}/api/v1.0/predictions"
SEVEN = ROOT / "examples" / "mnist" / "digits" / "7.png"
# Room for a machine that compiles meanwhile: the first test waits for a cluster with all that is on it.
pytestmark = pytest.mark.timeout(900)
ASKED = 400
# Of a binomial distribution: less than one run in ten million is outside.
SIGMAS = 5.5
REQUESTS_COUNT = "seldon_api_executor_server_requests_seconds_count"
ROUTES = "virtualservices,destinationrules,httproutes,grpcroutes"


@pytest.fixture(scope="module")
def cluster(archive):  # noqa: F811
    """A cluster with Istio, the operator that makes routes of both kinds, and the bucket."""
    with Cluster() as cluster:
        cluster.load(archive)
        istio.install(cluster, IMAGE)
        named = [f"hari.gateway.name={istio.ENTRANCE}", f"hari.gateway.namespace={istio.NAMESPACE}"]
        install(cluster, "istio.enabled=true", *named)
        fill(cluster)
        for file in ("namespace", "bucket"):
            cluster.kubectl("apply", "-f", EXAMPLES / f"{file}.yaml")
        istio.wait(cluster)
        # Istio's webhook judges them.
        cluster.apply(istio.gateways())
        yield cluster


@pytest.fixture(scope="module")
def entrance(cluster):
    """The address of the ingress gateway, and its port for each kind of routes."""
    service = cluster.get("service", istio.GATEWAY, "-n", istio.NAMESPACE)
    address = service["spec"]["clusterIP"]
    return {name: f"{address}:{port}" for name, (port, _) in istio.PORTS.items()}


@pytest.fixture(scope="module")
def mnist(cluster, entrance):
    """The deployment of the tutorial, which answers both ways."""
    put(cluster, [predictor("default", 100)])
    for way in istio.PORTS:
        until(lambda way=way: answer(entrance[way]), f"an answer by {way}", 60)
    return entrance


@pytest.fixture(params=istio.PORTS)
def way(request, mnist):
    """Address and port."""
    return mnist[request.param]


def predictor(name, traffic, **more):
    """The predictor of the tutorial under another name; units tell which one answered."""
    (first,) = yaml.safe_load((EXAMPLES / "mnist.yaml").read_text())["spec"]["predictors"]
    graph = {**first["graph"], "name": f"of-{name}"}
    return {**first, "name": name, "traffic": traffic, "graph": graph, **more}


def put(cluster, predictors, annotations=None):
    """Applies the deployment with these predictors, and waits until the operator says it is ready."""
    manifest = yaml.safe_load((EXAMPLES / "mnist.yaml").read_text())
    manifest["metadata"]["annotations"] = annotations or {}
    manifest["spec"]["predictors"] = predictors
    cluster.apply(manifest)
    generation = cluster.get("sdep", NAME, "-n", NAMESPACE)["metadata"]["generation"]

    def ready():
        status = cluster.get("sdep", NAME, "-n", NAMESPACE).get("status", {})
        conditions = {one["type"]: one["status"] for one in status.get("conditions", [])}
        return status.get("observedGeneration") == generation and conditions.get("Ready") == "True"

    until(ready, "the deployment is ready", 120, pause=0.2)


def answer(address):
    """What is answered at the address of a gateway; None while nothing is."""
    with contextlib.suppress(OSError, urllib.error.URLError):
        return asked(f"http://{address}{PREDICTIONS}", "seldon-ndarray.json", seconds=5)
    return None


def who(address):
    """Name of the predictor that answered."""
    reply = asked(f"http://{address}{PREDICTIONS}", "seldon-ndarray.json", seconds=30)
    (unit,) = reply["meta"]["requestPath"]
    return unit.removeprefix("of-")


def shares(address, times):
    """How often each predictor answered, each time over a connection of its own."""
    answered = [who(address) for _ in range(times)]
    return {name: answered.count(name) for name in set(answered)}


def split(url):
    """The same for a load of `ASKED` requests over connections that are kept, by HTTP or gRPC."""
    load = ["--rate", "200", "--requests", str(ASKED), "--duration", "1s", "--new-connection-every", "0"]
    line = [*verify_rollout(url, ("default", "canary")), *load, "--json-output"]
    done = subprocess.run(line, env=environment(), capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)["phases"]["all"]["versions"]


def verify_rollout(url, versions):
    """A command of `hari verify-rollout`, which tells predictors apart by the names of their units."""
    path = {name: json.dumps({"meta": {"requestPath": {f"of-{name}": "tensorflow_savedmodel"}}}) for name in versions}
    return [
        *(binary(), "verify-rollout", "--url", url, "--deployment", DEPLOYMENT, "--timeout", "20s"),
        *("--json", REQUESTS / "seldon-ndarray.json"),
        *(f"--expect-version={name}={path[name]}" for name in versions),
    ]


def is_share(count, share):
    """Whether a count fits to a share of `ASKED` requests."""
    return abs(count - ASKED * share) < SIGMAS * (ASKED * share * (1 - share)) ** 0.5


def digit(url):
    """What `hari predict` reads in a picture: the line with the star."""
    told = hari("predict", "--url", url, "--deployment", DEPLOYMENT, "--image", SEVEN).stdout
    lines = [line.split() for line in told.splitlines()]
    assert len(lines) == 10, told
    (best,) = [line[0] for line in lines if line[-1] == "*"]
    return int(best)


def only_pod(cluster, name):
    """The address of a predictor's pod, once those from before it are gone."""

    def alone():
        pods = cluster.items("pods", "-n", NAMESPACE, "-l", f"seldon-app={NAME}-{name}")
        return pods[0]["status"].get("podIP") if len(pods) == 1 else None

    return until(alone, f"{name} has one pod", 60, pause=0.2)


def counted(address):
    """How many predictions a pod has answered."""
    page = http(f"http://{address}:8000/prometheus").body.decode()
    lines = [line for line in page.splitlines() if line.startswith(f"{REQUESTS_COUNT}{{")]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if 'service="predictions"' in line)


def settled(address):
    """The same, once no more requests are on their way."""
    seen = []

    def still():
        seen.append(counted(address))
        return len(seen) > 10 and len(set(seen[-10:])) == 1

    until(still, "no more requests arrive", 60, pause=0.1)
    return seen[-1]


def test_ten_probabilities_come_through_the_gateway(way):
    assert is_a_seven(answer(way)["data"]["ndarray"][0])
    assert digit(f"http://{way}") == 7


def test_grpc_comes_through_by_its_headers(way):
    assert digit(f"grpc://{way}") == 7


def test_the_other_protocol_comes_through(way):
    body = (REQUESTS / "v2-infer.json").read_bytes()
    path = f"/seldon/{DEPLOYMENT}/v2/models/of-default/infer"
    reply = http(f"http://{way}{path}", body, {"Content-Type": "application/json"})
    assert reply.status == 200, reply.body
    assert is_a_seven(reply.json()["outputs"][0]["data"])


def test_nobody_else_is_found_at_the_gateway(way):
    """Neither another path nor gRPC without the headers leads to the deployment."""
    assert http(f"http://{way}/seldon/{NAMESPACE}/other/api/v1.0/predictions", {}).status == 404
    assert http(f"http://{way}/seldon/{DEPLOYMENT}-other/api/v1.0/predictions", {}).status == 404
    refused = hari("predict", "--url", f"grpc://{way}", "--image", SEVEN, code=1)
    assert "Unimplemented" in refused.stderr and not refused.stdout


def test_the_address_of_the_status_answers(cluster, mnist):
    url = urlsplit(cluster.get("sdep", NAME, "-n", NAMESPACE)["status"]["address"]["url"])
    service, namespace = url.hostname.split(".")[:2]
    assert url.hostname == f"{service}.{namespace}.svc.cluster.local"
    address = cluster.get("service", service, "-n", namespace)["spec"]["clusterIP"]
    reply = asked(f"http://{address}:{url.port}{url.path}", "seldon-ndarray.json")
    assert is_a_seven(reply["data"]["ndarray"][0])


def test_a_canary_gets_its_share_and_then_all(cluster, mnist):
    put(cluster, [predictor("default", 75), predictor("canary", 25)])
    for name, address in mnist.items():
        until(lambda at=address: "canary" in shares(at, 20), f"the canary answers by {name}", 60)
        for protocol in ("http", "grpc"):
            counts = split(f"{protocol}://{address}")
            assert sum(counts.values()) == ASKED and is_share(counts["canary"], 0.25), f"{protocol} by {name}: {counts}"
    put(cluster, [predictor("default", 0), predictor("canary", 100)])
    for name, address in mnist.items():
        until(lambda at=address: shares(at, 20) == {"canary": 20}, f"the canary has all by {name}", 60)
        assert shares(address, 100) == {"canary": 100}


def test_a_shadow_gets_copies_and_answers_nobody(cluster, mnist):
    put(cluster, [predictor("default", 100), predictor("canary", 0, shadow=True)])
    pod = only_pod(cluster, "canary")
    for name, address in mnist.items():
        until(lambda at=address: shares(at, 20) == {"default": 20}, f"the shadow is none by {name}", 60)

        def copied(at=address):
            before = counted(pod)
            answer(at)
            return counted(pod) > before

        until(copied, f"requests are copied by {name}", 60)
        before = settled(pod)
        assert shares(address, 50) == {"default": 50}
        until(lambda due=before + 50: counted(pod) >= due, f"50 copies by {name}", 60)
        assert settled(pod) == before + 50


def test_a_shadow_gets_a_share_at_the_host_that_an_annotation_names(cluster, mnist):
    """The host tells when the gateway has heard of the change: it is in the same VirtualService."""
    predictors = [predictor("default", 100), predictor("canary", 30, shadow=True)]
    put(cluster, predictors, {"seldon.io/istio-host": "models.example", "seldon.io/istio-retries": "2"})
    pod = only_pod(cluster, "canary")
    url = f"http://{mnist['istio']}{PREDICTIONS}"
    body = (REQUESTS / "seldon-ndarray.json").read_bytes()
    headers = {"Content-Type": "application/json", "Host": "models.example"}
    until(lambda: http(url, body, headers).status == 200, "the host is known", 60)
    assert http(url, {}).status == 404
    before = settled(pod)
    assert {http(url, body, headers).status for _ in range(ASKED)} == {200}
    assert is_share(settled(pod) - before, 0.3)


def test_a_renamed_predictor_loses_no_request(cluster, mnist, tmp_path):
    """Requests come by both kinds of routes; the first of the two runs makes the change."""
    put(cluster, [predictor("default", 100)])
    for name, address in mnist.items():
        until(lambda at=address: answer(at), f"every host is known by {name}", 60)
        until(lambda at=address: shares(at, 20) == {"default": 20}, f"one predictor is left by {name}", 60)
    patch = [{"op": "replace", "path": "/spec/predictors/0", "value": predictor("renamed", 100)}]
    (tmp_path / "patch.json").write_text(json.dumps(patch))
    kubectl = f"{cluster.program} --kubeconfig {cluster.kubeconfig} -n {NAMESPACE}"
    changes = [f"{kubectl} patch sdep {NAME} --type=json --patch-file={tmp_path / 'patch.json'}", "true"]
    # The old pods are gone, not only asked to go.
    gone = f"all=$({kubectl} get pods -o name) && ! echo $all | grep -q {NAME}-default"
    runs = [
        verify(address, tmp_path / name, "--change", change, "--until", gone)
        for (name, address), change in zip(mnist.items(), changes, strict=True)
    ]
    codes = {name: run.wait(170) for name, run in zip(mnist, runs, strict=True)}
    told = {name: (tmp_path / name).read_text() for name in mnist}
    print(*told.values(), sep="\n")
    assert set(codes.values()) == {0}, told


def verify(address, out, *change):
    """Starts a load while the predictor `default` becomes `renamed`; what is said of it goes into a file."""
    line = [
        *verify_rollout(f"http://{address}", ("default", "renamed")),
        *("--rate", "40", "--before", "2s", "--after", "3s", "--within", "2m", *change),
    ]
    with out.open("wb") as file:
        return subprocess.Popen(line, env=environment(), stdout=file, stderr=file)


def test_what_is_deleted_is_found_no_more(cluster, mnist):
    def routes():
        return cluster.kubectl("get", ROUTES, "-n", NAMESPACE, "-o", "name").split()

    until(lambda: len(routes()) == 4, "one route of each kind", 60)
    cluster.kubectl("delete", "sdep", NAME, "-n", NAMESPACE)
    until(lambda: not routes(), "no route is left", 60)
    for name, address in mnist.items():
        url = f"http://{address}{PREDICTIONS}"
        until(lambda url=url: http(url, {}).status == 404, f"nothing is found by {name}", 60)
