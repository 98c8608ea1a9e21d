"""`hari operator` on a real API server and controller manager: what it makes, changes, tells and takes
away. No node is here, so nothing runs the pods: where a test needs them ready, it writes their status
itself, in the place of the kubelet. What follows from it - replica sets, Deployments, the operator's
own status - is real."""

import json
import signal
from collections import Counter

import pytest
from api import Api, make_pods_ready
from operator_process import Operator

from harness import until

ID = "seldon-deployment-id"
OWNED = ("deployments", "services", "horizontalpodautoscalers", "poddisruptionbudgets")
WRITTEN = (*OWNED, "seldondeployments", "events")


@pytest.fixture(scope="module")
def operator(plane):
    with Operator(plane.kubeconfig) as operator:
        yield operator.ready()


@pytest.fixture
def space(plane, request):
    """A namespace of one test."""
    name = request.node.name.replace("_", "-").replace("[", "-").replace("]", "")[:63].strip("-")
    plane.namespace(name)
    yield Space(plane, name)
    plane.kubectl("delete", "sdep", "--all", "-n", name, "--timeout=60s")


def deployment(name, predictor="main", replicas=1, labels=None, **fields):
    graph = {"name": "model", "implementation": "SKLEARN_SERVER", "modelUri": "gs://bucket/model"}
    return {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {
            "predictors": [{"name": predictor, "replicas": replicas, "graph": graph, **fields}]
        },
    }


class Space:
    """A namespace, and what is in it."""

    def __init__(self, plane, name):
        self.plane, self.name = plane, name

    def apply(self, document):
        document = json.loads(json.dumps(document))
        document["metadata"]["namespace"] = self.name
        self.plane.apply(document)

    def sdep(self, name):
        return self.plane.get("sdep", name, "-n", self.name)

    def status(self, name):
        return self.sdep(name).get("status", {})

    def state(self, name):
        return self.status(name).get("state")

    def all(self, kind, *arguments):
        """Objects of a kind by name, without those that are about to go."""
        found = self.plane.items(kind, "-n", self.name, *arguments)
        return {one["metadata"]["name"]: one for one in found if "deletionTimestamp" not in one["metadata"]}

    def owned(self, kind):
        found = self.all(kind)
        return {name: one for name, one in found.items() if one["metadata"].get("ownerReferences")}

    def versions(self):
        """Resource versions of everything that the operator writes here."""
        found = self.plane.items(",".join(("sdep", *OWNED)), "-n", self.name)
        metadata = [(one["kind"], one["metadata"]) for one in found]
        return {(kind, one["name"]): one["resourceVersion"] for kind, one in metadata}

    def become(self, api, name, state="Available", seconds=60):
        """Waits for a state, pods being ready at once."""
        def there():
            make_pods_ready(api, self.name)
            status = self.status(name)
            return status.get("state") == state and status

        try:
            return until(there, f"{name} is {state}", seconds, pause=0.1)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{json.dumps(self.status(name), indent=1)}") from None

    def patch(self, kind, name, change, *arguments):
        text = json.dumps(change)
        self.plane.kubectl("patch", kind, name, "-n", self.name, "--type=merge", "-p", text, *arguments)


def reconciles(operator):
    """How many deployments the operator has gone through."""
    lines = operator.get("/metrics")[1].splitlines()
    found = [line for line in lines if line.startswith("hari_operator_reconciles_total")]
    return sum(float(line.rsplit(" ", 1)[1]) for line in found)


def test_objects_are_made_owned_and_told_of(operator, api, space):
    space.apply(deployment("first"))
    made = until(lambda: space.owned("deployments"), "a Deployment", 30)
    assert set(made) == {"first-main-0-model"}
    uid = space.sdep("first")["metadata"]["uid"]
    services = until(lambda: len(found := space.owned("services")) == 2 and found, "two Services", 30)
    assert set(services) == {"first-main", "first-main-model"}
    for one in [*made.values(), *services.values()]:
        (owner,) = one["metadata"]["ownerReferences"]
        assert owner["uid"] == uid and owner["controller"] is True
        assert one["metadata"]["labels"][ID] == "first"
    until(lambda: space.state("first") == "Creating", "it is being created", 30)
    status = space.become(api, "first")
    assert status["replicas"] == 1
    assert status["deploymentStatus"]["first-main-0-model"] == {"replicas": 1, "availableReplicas": 1}
    url = f"http://first-main.{space.name}.svc.cluster.local:8000/api/v1.0/predictions"
    assert status["address"]["url"] == url
    space.plane.kubectl("wait", "sdep/first", "-n", space.name, "--for=condition=Ready", "--timeout=20s")
    told = space.plane.items("events", "-n", space.name)
    reasons = {one["reason"] for one in told if one["involvedObject"]["kind"] == "SeldonDeployment"}
    assert {"CreateDeployment", "CreateService"} <= reasons, reasons


def test_what_did_not_change_is_not_written(plane, api, space):
    """By anyone: the API server itself counts."""
    with Operator(plane.kubeconfig, f"--namespace={space.name}") as operator:
        operator.ready()
        for name in ("one", "two"):
            space.apply(deployment(name))
            space.become(api, name)
        before = api.settled_writes(WRITTEN)
    kept = space.versions()
    with Operator(plane.kubeconfig, f"--namespace={space.name}") as operator:
        operator.ready()
        until(lambda: reconciles(operator) >= 2, "both were looked at", 60)
        count = reconciles(operator)
        # A label: an annotation would begin another generation of the Deployment.
        space.patch("deployment", "one-main-0-model", {"metadata": {"labels": {"mine": "yes"}}})
        until(lambda: reconciles(operator) > count, "one was looked at again", 60)
        own = Counter({"PATCH deployments": 1})
        assert api.settled_writes(WRITTEN) - before == own, "the test's own"
    now = space.versions()
    changed = {key for key in kept | now if kept.get(key) != now.get(key)}
    assert changed == {("Deployment", "one-main-0-model")}


def test_what_another_changed_is_put_back_and_what_another_added_stays(operator, api, space):
    space.apply(deployment("drift", replicas=2))
    space.become(api, "drift")
    name = "drift-main-0-model"
    space.plane.kubectl("scale", f"deployment/{name}", "-n", space.name, "--replicas=5")
    until(lambda: space.all("deployments")[name]["spec"]["replicas"] == 2, "two again", 30)
    space.patch("service", "drift-main", {"metadata": {"annotations": {"mine": "yes"}}})
    space.patch("service", "drift-main", {"spec": {"selector": {"seldon-app": "elsewhere"}}})
    selector = lambda: space.all("services")["drift-main"]["spec"]["selector"]  # noqa: E731
    until(lambda: selector() == {"seldon-app": "drift-main"}, "the selector is back", 30)
    assert space.all("services")["drift-main"]["metadata"]["annotations"]["mine"] == "yes"


@pytest.mark.parametrize("kind", ["deployment", "service"])
def test_what_another_deleted_is_made_again(operator, api, space, kind):
    space.apply(deployment("again"))
    space.become(api, "again")
    name = {"deployment": "again-main-0-model", "service": "again-main"}[kind]
    old = space.all(kind)[name]["metadata"]["uid"]
    space.plane.kubectl("delete", kind, name, "-n", space.name)
    anew = until(lambda: space.all(kind).get(name), "made again", 30)
    assert anew["metadata"]["uid"] != old
    space.become(api, "again")


def test_a_renamed_predictor_keeps_the_old_one_until_the_new_one_is_ready(operator, api, space):
    space.apply(deployment("moved"))
    space.become(api, "moved")
    space.apply(deployment("moved", predictor="other"))
    until(lambda: "moved-other-0-model" in space.owned("deployments"), "the new one", 30)
    until(lambda: space.sdep("moved")["status"].get("state") == "Creating", "it is seen", 30)
    assert {"moved-main-0-model", "moved-other-0-model"} == set(space.owned("deployments"))
    assert "moved-main" in space.owned("services")
    space.become(api, "moved")
    until(lambda: set(space.owned("deployments")) == {"moved-other-0-model"}, "the old one goes", 30)
    until(lambda: set(space.owned("services")) == {"moved-other", "moved-other-model"}, "its Services", 30)


def test_an_invalid_change_is_told_and_what_was_good_goes_on(operator, api, space):
    space.apply(deployment("spoilt"))
    space.become(api, "spoilt")
    kept = space.owned("deployments")["spoilt-main-0-model"]["metadata"]["resourceVersion"]
    bad = deployment("spoilt")
    bad["spec"]["predictors"][0]["graph"]["implementation"] = "NO_SUCH_SERVER"
    space.apply(bad)
    until(lambda: space.state("spoilt") == "Failed", "it is told", 30)
    assert "NO_SUCH_SERVER" in space.status("spoilt")["description"]
    assert space.owned("deployments")["spoilt-main-0-model"]["metadata"]["resourceVersion"] == kept
    space.apply(deployment("spoilt"))
    space.become(api, "spoilt")


def test_one_that_is_invalid_holds_up_no_other(operator, api, space):
    bad = deployment("bad")
    bad["spec"]["predictors"][0]["graph"]["implementation"] = "NO_SUCH_SERVER"
    space.apply(bad)
    space.apply(deployment("good"))
    space.become(api, "good")
    assert space.state("bad") == "Failed"
    assert not [name for name in space.owned("deployments") if name.startswith("bad")]


def test_credentials_that_are_not_there_are_told_and_found_once_they_are(operator, api, space):
    wanting = deployment("wanting")
    wanting["spec"]["predictors"][0]["graph"]["serviceAccountName"] = "reader"
    space.apply(wanting)
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "secrets": [{"name": "bucket"}]}
    secret = {"apiVersion": "v1", "kind": "Secret", "stringData": {"AWS_ACCESS_KEY_ID": "reader"}}

    def told(what):
        conditions = {one["type"]: one for one in space.status("wanting").get("conditions", [])}
        return what in conditions.get("CredentialsReady", {}).get("message", "")

    until(lambda: told("service account reader is not there"), "the account is told of", 60, pause=0.2)
    space.apply({**account, "metadata": {"name": "reader"}})
    until(lambda: told("secret bucket, which service account reader lists"), "the secret is told of", 60, pause=0.2)
    assert "bucket" in space.status("wanting")["description"]
    space.apply({**secret, "metadata": {"name": "bucket"}})

    def handed_over():
        pod = space.owned("deployments")["wanting-main-0-model"]["spec"]["template"]["spec"]
        return "bucket" in json.dumps(pod["initContainers"])

    until(handed_over, "the download gets what is in the secret", 60, pause=0.2)
    status = space.become(api, "wanting")
    assert "CredentialsReady" not in {one["type"] for one in status["conditions"]}


def test_no_replicas_are_what_was_asked_for(operator, api, space):
    space.apply(deployment("none", replicas=0))
    status = space.become(api, "none")
    assert status.get("replicas", 0) == 0
    space.apply(deployment("none", replicas=1))
    assert space.become(api, "none")["replicas"] == 1 or until(
        lambda: space.status("none").get("replicas") == 1, "one", 30
    )


def test_the_last_setting_can_be_taken_away(operator, api, space):
    """A server-side apply that takes the last key of a map away leaves null in its place."""
    separate = deployment("plain", labels={})
    separate["spec"]["annotations"] = {"seldon.io/engine-separate-pod": "true"}
    space.apply(separate)
    space.become(api, "plain")
    assert len(space.owned("deployments")) == 2
    space.apply({**separate, "spec": {**separate["spec"], "annotations": {}}})
    space.become(api, "plain")
    until(lambda: len(space.owned("deployments")) == 1, "one pod for all", 30)


def scaled(name, **fields):
    metrics = [{"type": "Resource", "resource": {"name": "cpu", "targetAverageUtilization": 70}}]
    spec = {
        "spec": {"containers": [{"name": "model", "resources": {"requests": {"cpu": "10m"}}}]},
        **fields,
    }
    return metrics, deployment(name, componentSpecs=[spec])


def test_an_autoscaler_and_a_budget_come_and_go(operator, api, space):
    metrics, _ = scaled("extra")
    hpa = {"minReplicas": 2, "maxReplicas": 4, "metrics": metrics}
    _, document = scaled("extra", hpaSpec=hpa, pdbSpec={"minAvailable": 1})
    document["spec"]["predictors"][0].pop("replicas")
    space.apply(document)
    name = "extra-main-0-model"
    found = until(lambda: space.owned("hpa").get(name), "an autoscaler", 30)
    assert found["spec"]["maxReplicas"] == 4
    assert until(lambda: space.owned("pdb").get(name), "a budget", 30)["spec"]["minAvailable"] == 1
    space.become(api, "extra")
    _, plain = scaled("extra")
    space.apply(plain)
    until(lambda: not space.owned("hpa") and not space.owned("pdb"), "both are gone", 30)
    assert name in space.owned("deployments")


def test_everything_goes_with_its_deployment(operator, api, space):
    space.apply(deployment("gone"))
    space.become(api, "gone")
    space.plane.kubectl("delete", "sdep", "gone", "-n", space.name, "--timeout=30s")
    until(lambda: not any(space.owned(kind) for kind in OWNED), "all is gone", 60)


def test_deployments_of_another_controller_are_left_alone(plane, operator, api, space):
    space.apply(deployment("theirs", labels={"seldon.io/controller-id": "blue"}))
    space.apply(deployment("ours"))
    space.become(api, "ours")
    assert not space.status("theirs") and not space.all("deployments", "-l", f"{ID}=theirs")
    with Operator(plane.kubeconfig, "--controller-id=blue") as blue:
        blue.ready()
        space.become(api, "theirs")


def test_a_change_that_came_while_no_operator_ran_is_seen(plane, api, space):
    scope = f"--namespace={space.name}"
    space.apply(deployment("kept", labels={"seldon.io/controller-id": "off"}))
    with Operator(plane.kubeconfig, scope, "--controller-id=off") as operator:
        operator.ready()
        space.become(api, "kept")
    space.apply(deployment("kept", predictor="later", labels={"seldon.io/controller-id": "off"}))
    with Operator(plane.kubeconfig, scope, "--controller-id=off") as operator:
        operator.ready()
        until(lambda: "kept-later-0-model" in space.owned("deployments"), "the new one", 30)
        space.become(api, "kept")
        until(lambda: set(space.owned("deployments")) == {"kept-later-0-model"}, "the old one goes", 30)
        assert operator.stop(signal.SIGTERM) == 0


def test_the_api_server_is_killed_in_the_middle(plane, operator, space):
    if not plane.is_own:
        pytest.skip("the API server of another's cluster is left alone")
    for number in range(10):
        space.apply(deployment(f"many-{number}"))
    plane.kill("kube-apiserver")
    plane.up()
    with Api(plane) as api:
        for number in range(10):
            space.become(api, f"many-{number}", seconds=90)
    assert len(space.owned("deployments")) == 10 and len(space.owned("services")) == 20
    assert operator.process.poll() is None, operator.words()
