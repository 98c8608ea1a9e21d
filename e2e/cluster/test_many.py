"""Five hundred deployments on a real API server and controller manager: created, changed and deleted;
what a restart of the operator costs; what its memory does. No node is here: the test writes the pods'
status itself, in the place of the kubelet."""

import time
from pathlib import Path

import pytest
from api import SDEPS, Api, make_pods_ready
from cluster import ControlPlane
from operator_process import NAMESPACE, Operator

from harness import until

COUNT = 500
SPACE = "many"
PATH = f"{SDEPS}/namespaces/{SPACE}/seldondeployments"
OWNED = {
    "deployments": f"/apis/apps/v1/namespaces/{SPACE}/deployments",
    "services": f"/api/v1/namespaces/{SPACE}/services",
    "poddisruptionbudgets": f"/apis/policy/v1/namespaces/{SPACE}/poddisruptionbudgets",
    "horizontalpodautoscalers": f"/apis/autoscaling/v2/namespaces/{SPACE}/horizontalpodautoscalers",
}
WRITTEN = (*OWNED, "seldondeployments", "events")
# The queue, the caches and the connections of five hundred deployments.
MEMORY = 200 * 1024 * 1024


def deployment(number, predictor="main"):
    graph = {"name": "model", "implementation": "SKLEARN_SERVER", "modelUri": "gs://bucket/model"}
    return {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": f"sdep-{number:03}"},
        "spec": {"predictors": [{"name": predictor, "replicas": 1, "graph": graph}]},
    }


def states(api):
    return [one.get("status", {}).get("state") for one in api.list(PATH)]


def all_available(api):
    """Waits until every deployment is available; the seconds that it took."""
    start = time.monotonic()

    def there():
        make_pods_ready(api, SPACE)
        found = states(api)
        return len(found) == COUNT and set(found) == {"Available"}

    until(there, f"{COUNT} are available", 420, pause=1)
    return time.monotonic() - start


def resident(operator):
    """The most memory that the operator ever had, and what it has; bytes."""
    text = Path(f"/proc/{operator.process.pid}/status").read_text()
    lines = dict(line.split(":", 1) for line in text.splitlines())
    return tuple(int(lines[name].split()[0]) * 1024 for name in ("VmHWM", "VmRSS"))


def reconciles(operator):
    lines = operator.get("/metrics")[1].splitlines()
    found = [line for line in lines if line.startswith("hari_operator_reconciles_total")]
    return sum(float(line.rsplit(" ", 1)[1]) for line in found)


def shape(api):
    """What there is, without what differs from one cluster to the next."""
    return {kind: sorted(one["metadata"]["name"] for one in api.list(path)) for kind, path in OWNED.items()}


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_five_hundred_deployments():
    with ControlPlane() as plane:
        plane.apply_crd()
        for name in (NAMESPACE, SPACE):
            plane.namespace(name)
        with Api(plane) as api:
            with Operator(plane.kubeconfig) as operator:
                operator.ready()
                start = time.monotonic()
                for number in range(COUNT):
                    api.call("POST", PATH, deployment(number))
                seconds = {"created": time.monotonic() - start, "available": all_available(api)}
                made = shape(api)
                assert len(made["deployments"]) == COUNT and len(made["services"]) == 2 * COUNT
                memory = {"created": resident(operator)}
                before = api.settled_writes(WRITTEN)

            # A restart: everything is looked at, and nothing is written.
            with Operator(plane.kubeconfig) as operator:
                start = time.monotonic()
                operator.ready()
                until(lambda: reconciles(operator) >= COUNT, "all were looked at", 120)
                seconds["unchanged"] = time.monotonic() - start
                assert api.settled_writes(WRITTEN) == before, "a restart wrote"
                memory["unchanged"] = resident(operator)

                for number in range(COUNT):
                    path = f"{PATH}/sdep-{number:03}"
                    api.merge(path, {"spec": deployment(number, "other")["spec"]})
                until(lambda: "Creating" in states(api), "the change is seen", 60)
                seconds["renamed"] = all_available(api)
                names = sorted(f"sdep-{number:03}-other-0-model" for number in range(COUNT))
                until(lambda: shape(api)["deployments"] == names, "nothing is left of before", 120, pause=1)
                until(lambda: len(shape(api)["services"]) == 2 * COUNT, "no Service either", 120, pause=1)

                start = time.monotonic()
                api.call("DELETE", PATH)
                empty = {kind: [] for kind in OWNED}
                until(lambda: shape(api) == empty, "all is gone", 300, pause=1)
                seconds["deleted"] = time.monotonic() - start
                memory["deleted"] = resident(operator)
                assert operator.process.poll() is None, operator.words()

    for name, value in seconds.items():
        print(f"{name}: {value:.1f} s")
    for name, (most, now) in memory.items():
        print(f"memory, {name}: at most {most >> 20} MiB, now {now >> 20} MiB")
    assert max(most for most, _ in memory.values()) < MEMORY
