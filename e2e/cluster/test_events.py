"""What `hari operator` hears late, twice or not at all, and what others write meanwhile: in the end there is
what an operator makes that was never disturbed. A real API server and controller manager; the test writes
the pods' status itself, in the place of the kubelet, for there is no node."""

import os
import signal

import pytest
from api import SDEPS, Api, make_pods_ready
from operator_process import Operator
from test_faults import ENDED, shape
from test_reconcile import OWNED, WRITTEN, Space, deployment, reconciles

from harness import until


@pytest.fixture
def spaces(plane, request):
    """Makes namespaces of one test."""
    made = []

    def make(which="it"):
        name = f"{request.node.name.replace('_', '-')[5:45].strip('-')}-{which}"
        plane.namespace(name)
        made.append(name)
        return Space(plane, name)

    yield make
    for name in made:
        plane.kubectl("delete", "sdep", "--all", "-n", name, "--timeout=60s")


def running(space, *flags):
    return Operator(space.plane.kubeconfig, f"--namespace={space.name}", *flags)


def become(api, space, documents):
    """Waits until these deployments are all that there is, and available."""
    names = {one["metadata"]["name"] for one in documents}
    for document in documents:
        space.become(api, document["metadata"]["name"])
    predictors = [(one["metadata"]["name"], of["name"]) for one in documents for of in one["spec"]["predictors"]]

    def is_told(sdep):
        status = sdep["status"]
        return status.get("state") == "Available" and status["observedGeneration"] == sdep["metadata"]["generation"]

    def settled():
        make_pods_ready(api, space.name)
        found = space.all("sdep")
        assert set(found) == names
        wanted = {f"{name}-{predictor}-0-model" for name, predictor in predictors}
        return all(map(is_told, found.values())) and set(space.owned("deployments")) == wanted

    until(settled, "all is as it was asked for", 60, pause=0.2)


def test_what_is_heard_again_and_again_is_written_once(api, spaces):
    space = spaces()
    with running(space) as operator:
        operator.ready()
        space.apply(deployment("touched"))
        space.become(api, "touched")
        before, count = api.settled_writes(WRITTEN), reconciles(operator)
        path = f"{SDEPS}/namespaces/{space.name}/seldondeployments/touched"
        for number in range(50):
            api.merge(path, {"metadata": {"annotations": {"mine": str(number)}, "labels": {"mine": str(number)}}})
        until(lambda: reconciles(operator) > count, "it was looked at", 30)
        written = api.settled_writes(WRITTEN) - before
    assert written == {"PATCH seldondeployments": 50}, "the test's own, and no other"


def test_another_writer_is_outlasted(api, spaces):
    """One that changes what the operator owns, and the deployment itself while the operator works on it."""
    space, rounds = spaces(), 30
    path = f"/namespaces/{space.name}"
    owned, sdep = "fought-main-0-model", f"{SDEPS}{path}/seldondeployments/fought"
    with running(space) as operator:
        operator.ready()
        space.apply(deployment("fought"))
        space.become(api, "fought")
        before = api.settled_writes(WRITTEN)
        for number in range(rounds):
            api.merge(f"/apis/apps/v1{path}/deployments/{owned}", {"spec": {"replicas": 3}})
            api.merge(f"/api/v1{path}/services/fought-main", {"spec": {"selector": {"seldon-app": "elsewhere"}}})
            api.merge(f"{sdep}/status", {"status": {"state": "Failed", "description": "not so"}})
            mine = {"n": str(number)}
            api.merge(sdep, {"metadata": {"labels": mine}, "spec": {"annotations": mine}})
            make_pods_ready(api, space.name)
        become(api, space, [deployment("fought")])
        written = api.settled_writes(WRITTEN) - before
        assert operator.process.poll() is None, operator.words()
        assert space.sdep("fought")["spec"]["annotations"] == {"n": str(rounds - 1)}
        assert space.all("deployments")[owned]["spec"]["replicas"] == 1
        assert space.all("services")["fought-main"]["spec"]["selector"] == {"seldon-app": "fought-main"}
        assert "not so" not in space.status("fought").get("description", "")
    # Each of the other's four writes, and of what followed from it, is answered by a few.
    assert sum(written.values()) < rounds * 4 * 4, written


@pytest.mark.parametrize("count", [1, 3, 5])
def test_a_deployment_that_goes_in_the_middle_leaves_nothing(api, spaces, count):
    space = spaces(str(count))
    with running(space, f"--fail-after-writes={count}") as operator:
        space.apply(deployment("cut"))

        def ended():
            make_pods_ready(api, space.name)
            return operator.process.poll() is not None

        until(ended, "the operator ends", 60, pause=0.1)
        assert operator.process.poll() == ENDED, operator.words()
    space.plane.kubectl("delete", "sdep", "cut", "-n", space.name)
    with running(space) as operator:
        operator.ready()
        until(lambda: not any(space.all(kind) for kind in ("replicasets", *owned_here())), "all is gone", 60)


def owned_here():
    return [kind for kind in OWNED if kind != "horizontalpodautoscalers"]


def test_deployments_that_come_and_go_at_once_leave_nothing(api, spaces):
    """The operator is in the middle of each of them when it goes."""
    space = spaces()
    path = f"{SDEPS}/namespaces/{space.name}/seldondeployments"
    with running(space) as operator:
        operator.ready()
        for number in range(40):
            api.call("POST", path, deployment(f"brief-{number}"))
            if number >= 2:
                api.call("DELETE", f"{path}/brief-{number - 2}")
        for number in (38, 39):
            api.call("DELETE", f"{path}/brief-{number}")
        until(lambda: not any(space.all(kind) for kind in owned_here()), "all is gone", 90, pause=0.5)
        space.apply(deployment("after"))
        space.become(api, "after")
        assert set(space.owned("deployments")) == {"after-main-0-model"}


def test_a_namespace_that_goes_holds_up_nothing(plane, api, spaces):
    space, other = spaces(), spaces("other")
    with Operator(plane.kubeconfig) as operator:
        operator.ready()
        for name in ("one", "two", "three"):
            space.apply(deployment(name))
            space.become(api, name)
        plane.kubectl("delete", "namespace", space.name, "--timeout=90s", timeout=100)
        other.apply(deployment("next"))
        other.become(api, "next")
        count = reconciles(operator)
        assert operator.get("/readyz")[0] == 200
        plane.namespace(space.name)
        space.apply(deployment("one"))
        space.become(api, "one")
        # What is gone is not tried again and again.
        assert reconciles(operator) - count < 40, operator.words()
        assert operator.words().count("not done") < 20, operator.words()


BEFORE = [deployment(name) for name in ("changed", "renamed", "shorn", "altered", "kept")]
AFTER = [
    deployment("changed", replicas=2, annotations={"mine": "new"}),
    deployment("renamed", predictor="other"),
    *BEFORE[2:],
    deployment("new"),
]


def change_everything(space):
    """Of the deployments and of what was made for them."""
    names = ["-n", space.name]
    for document in AFTER:
        space.apply(document)
    space.plane.kubectl("delete", "sdep", "gone", *names)
    space.plane.kubectl("delete", "service", "shorn-main", *names)
    space.plane.kubectl("delete", "deployment", "shorn-main-0-model", *names)
    space.plane.kubectl("scale", "deployment", "altered-main-0-model", "--replicas=4", *names)
    space.patch("service", "altered-main-model", {"spec": {"selector": {"seldon-app-svc": "elsewhere"}}})
    space.patch("sdep", "kept", {"status": {"state": "Failed"}}, "--subresource=status")


def same_as_fresh(plane, api, space, fresh):
    """What is there is what an operator makes of the same deployments in an empty namespace."""
    for document in AFTER:
        fresh.apply(document)
    with running(fresh) as operator:
        operator.ready()
        become(api, fresh, AFTER)
    found, wanted = shape(plane, space.name), shape(plane, fresh.name)
    assert sorted(found) == sorted(wanted)
    for key, there in wanted.items():
        assert found[key] == there, key


def test_what_happened_while_no_operator_ran(plane, api, spaces):
    space, fresh = spaces(), spaces("fresh")
    before = [*BEFORE, deployment("gone")]
    with running(space) as operator:
        operator.ready()
        for document in before:
            space.apply(document)
        become(api, space, before)
    change_everything(space)
    with running(space) as operator:
        operator.ready()
        become(api, space, AFTER)
        until(lambda: "shorn-main" in space.owned("services"), "a lost Service is made again", 30)
    same_as_fresh(plane, api, space, fresh)


def test_what_an_operator_did_not_hear(plane, spaces):
    """It stands still while everything changes; when it goes on its watches are cut, and the API server
    remembers nothing of what it saw last."""
    if not plane.is_own:
        pytest.skip("the API server of another's cluster is left alone")
    space, fresh = spaces(), spaces("fresh")
    before = [*BEFORE, deployment("gone")]
    with running(space) as operator:
        operator.ready()
        with Api(plane) as api:
            for document in before:
                space.apply(document)
            become(api, space, before)
        os.kill(operator.process.pid, signal.SIGSTOP)
        try:
            change_everything(space)
            plane.kill("kube-apiserver")
            plane.up()
        finally:
            os.kill(operator.process.pid, signal.SIGCONT)
        with Api(plane) as api:
            become(api, space, AFTER)
            until(lambda: "shorn-main" in space.owned("services"), "a lost Service is made again", 30)
            assert operator.process.poll() is None, operator.words()
            same_as_fresh(plane, api, space, fresh)
