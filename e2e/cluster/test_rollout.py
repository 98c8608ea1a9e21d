"""Progressive canaries on a real API server: steps, promotion, and the way back. No node is here: pods
are said to be ready in the place of the kubelet, and each gets the address of a real `hari engine` on
this machine, whose metrics the operator reads."""

import json
import subprocess

import pytest
from api import SDEPS
from operator_process import Operator, free_port

from harness import binary, environment, http, until

ADDRESSES = {"main": "127.0.0.2", "canary": "127.0.0.3"}
GOOD = {"name": "model", "implementation": "SIMPLE_MODEL"}
POLICY = "steps=20,50; interval=2s; min-requests=30"


@pytest.fixture(scope="module")
def plane(plane):
    plane.namespace("models")
    return plane


class Engine:
    """One predictor's pod, without the pod."""

    def __init__(self, folder, name, predictor, graph, port):
        document = {
            "apiVersion": "machinelearning.seldon.io/v1",
            "kind": "SeldonDeployment",
            "metadata": {"name": name, "namespace": "models"},
            "spec": {"predictors": [{"name": predictor, "graph": graph}]},
        }
        file = folder / f"{predictor}.json"
        file.write_text(json.dumps(document))
        self.url = f"http://{ADDRESSES[predictor]}:{port}"
        line = ["engine", "--file", file, "--predictor", predictor, "--node-ports=false"]
        line += ["--host", ADDRESSES[predictor], "--http-port", port, "--grpc-port", 0]
        line += ["--metrics-port", 8006]
        self.process = subprocess.Popen(
            [str(binary()), *map(str, line)],
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def ask(self, times):
        for _ in range(times):
            http(f"{self.url}/api/v1.0/predictions", {"data": {"ndarray": [[1.0]]}})

    def alive(self):
        try:
            return http(f"{self.url}/live", timeout=5).status == 200
        except OSError:
            return False

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


def apply(plane, name):
    graph = {"name": "model", "implementation": "SIMPLE_MODEL"}
    predictors = [
        {"name": "main", "traffic": 100, "graph": graph},
        {
            "name": "canary",
            "traffic": 0,
            "graph": graph,
            "annotations": {"hari.dev/rollout": POLICY},
        },
    ]
    plane.apply(
        {
            "apiVersion": "machinelearning.seldon.io/v1",
            "kind": "SeldonDeployment",
            "metadata": {"name": name, "namespace": "models"},
            "spec": {"predictors": predictors},
        }
    )


def run_pods(api, name):
    """Says of every pod of the deployment that it is ready, and where."""
    conditions = [
        {"type": kind, "status": "True"} for kind in ("Initialized", "ContainersReady", "Ready")
    ]
    for pod in api.list("/api/v1/namespaces/models/pods"):
        service = pod["metadata"]["labels"].get("seldon-app", "")
        if not service.startswith(name) or pod.get("status", {}).get("podIP"):
            continue
        address = ADDRESSES[service.rsplit("-", 1)[1]]
        status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}
        path = f"/api/v1/namespaces/models/pods/{pod['metadata']['name']}/status"
        api.merge(path, {"status": {**status, "conditions": conditions}})


def rollout(api, name):
    path = f"{SDEPS}/namespaces/models/seldondeployments/{name}"
    return api.call("GET", path).get("status", {}).get("rollout", {})


def driven(api, name, engines, ended):
    """The rollout once it is `ended`, under load."""

    def step():
        run_pods(api, name)
        for engine in engines:
            engine.ask(10)
        found = rollout(api, name)
        return found if ended(found) else None

    return until(step, f"the rollout of {name}", 60)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["good", "bad"])
def test_a_canary_goes_its_way(plane, api, tmp_path, kind):
    port = free_port()
    closed = {"service_host": "127.0.0.1", "service_port": free_port()}
    bad = {"name": "model", "type": "MODEL", "endpoint": {"type": "REST", **closed}}
    engines = [
        Engine(tmp_path, kind, "main", GOOD, port),
        Engine(tmp_path, kind, "canary", GOOD if kind == "good" else bad, port),
    ]
    flags = {"env": {"EXECUTOR_SERVER_PORT": str(port), "EXECUTOR_CONTAINER_IMAGE_AND_VERSION": "hari:1"}}
    try:
        for engine in engines:
            until(engine.alive, "the engine answers", 30)
        with Operator(plane.kubeconfig, **flags) as operator:
            operator.ready()
            apply(plane, kind)
            first = driven(api, kind, engines, lambda found: found.get("weight", 0) > 0)
            assert first["weight"] == 20 and first["phase"] == "Stepping", first
        # Another operator goes on where the first one was.
        with Operator(plane.kubeconfig, **flags) as operator:
            operator.ready()
            over = ("Promoted", "RolledBack")
            end = driven(api, kind, engines, lambda found: found.get("phase") in over)
    finally:
        for engine in engines:
            engine.stop()
    weights = [event["weight"] for event in end["history"]]
    if kind == "good":
        assert (end["phase"], end["weight"], weights) == ("Promoted", 100, [20, 50, 100]), end
    else:
        assert (end["phase"], end["weight"]) == ("RolledBack", 0), end
        assert weights[0] == 20 and weights[-1] == 0
        assert "requests failed" in end["message"]
        events = api.list("/api/v1/namespaces/models/events")
        assert any(event["reason"] == "RolledBack" for event in events)
