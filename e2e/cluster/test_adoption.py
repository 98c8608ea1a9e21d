"""What Seldon Core's operator left in a cluster, taken over by Hari's: adopted, replaced, removed.

The objects are written from what is known of the original's names, labels and selectors, by a manager
with the name of its operator. No node is there: the tests say of pods that they are ready, and pods that
the controller manager takes away are those that would have ended."""

import json

import pytest
from api import make_pods_ready
from operator_process import Operator

from harness import hari, until

GROUP = "machinelearning.seldon.io"
ID = "seldon-deployment-id"
MANAGED = {"app.kubernetes.io/managed-by": "seldon-core"}
VERSIONS = ("v1", "v1alpha2", "v1alpha3")
KINDS = ("deployments", "services", "horizontalpodautoscalers", "replicasets", "pods")


@pytest.fixture
def before(plane, api, request):
    """A namespace with what the original left there."""
    name = request.node.name.replace("_", "-").replace("[", "-").replace("]", "")[-60:].strip("-")
    plane.namespace(name)
    yield Before(plane, api, name)
    plane.kubectl("delete", "sdep", "--all", "-n", name, "--timeout=60s")


class Before:
    """A namespace in which the original's operator has worked."""

    def __init__(self, plane, api, name):
        self.plane, self.api, self.name = plane, api, name

    def create(self, document, manager="manager"):
        """As a program does that knows nothing of server-side apply."""
        document["metadata"]["namespace"] = self.name
        words = ("create", f"--field-manager={manager}", "-o", "json", "-f", "-")
        return json.loads(self.plane.kubectl(*words, input=json.dumps(document)))

    def deployment(self, name, version="v1", **spec):
        graph = {"name": "classifier", "type": "MODEL", "implementation": "SKLEARN_SERVER", "modelUri": "gs://b/m"}
        predictors = [{"name": "default", "replicas": 1, "graph": graph}]
        document = {
            "apiVersion": f"{GROUP}/{version}",
            "kind": "SeldonDeployment",
            "metadata": {"name": name},
            "spec": {"name": name, "predictors": predictors, **spec},
        }
        made = self.create(document, "kubectl-create")
        self.owner = {
            "apiVersion": f"{GROUP}/v1",
            "kind": "SeldonDeployment",
            "name": name,
            "uid": made["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }

    def own(self, kind, name, labels, spec, api_version="v1"):
        """An object that the original made for the deployment made last."""
        metadata = {"name": name, "labels": labels, "ownerReferences": [self.owner]}
        return self.create({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec})

    def pods(self, name, labels, selector, containers):
        """A Deployment of the original's, its pod serving."""
        labels = {**labels, **MANAGED, "app": name, "fluentd": "true"}
        spec = {
            "replicas": 1,
            "selector": {"matchLabels": selector},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": "25%"}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": containers, "terminationGracePeriodSeconds": 20},
            },
        }
        self.own("Deployment", name, labels, spec, "apps/v1")

        def serves():
            make_pods_ready(self.api, self.name)
            return self.one("deployments", name).get("status", {}).get("availableReplicas") == 1

        until(serves, f"{name} serves", 60, pause=0.1)

    def service(self, name, labels, selector, http, grpc):
        ports = [{"name": "http", "port": http, "targetPort": http}, {"name": "grpc", "port": grpc, "targetPort": grpc}]
        self.own("Service", name, {**labels, **MANAGED}, {"selector": selector, "ports": ports})

    def services(self, name):
        entry, unit = f"{name}-default", f"{name}-default-classifier"
        by_unit = {"seldon-app-svc-classifier": unit}
        labels = {ID: name, "seldon-app": entry}
        self.service(entry, labels, {"seldon-app": entry}, 8000, 5001)
        self.service(unit, {**labels, **by_unit, "seldon.io/model": "true"}, by_unit, 9000, 9500)

    def all(self, kind):
        found = self.plane.items(kind, "-n", self.name)
        return {one["metadata"]["name"]: one for one in found if "deletionTimestamp" not in one["metadata"]}

    def one(self, kind, name):
        return self.all(kind).get(name, {})

    def uids(self, kind):
        return {name: one["metadata"]["uid"] for name, one in self.all(kind).items()}

    def available(self, name):
        def there():
            make_pods_ready(self.api, self.name)
            return self.plane.get("sdep", name, "-n", self.name).get("status", {}).get("state") == "Available"

        until(there, f"{name} is Available", 120, pause=0.1)

    def report(self):
        """What `hari migrate --check` says of the one deployment: objects by what becomes of them."""
        environment = {"KUBECONFIG": str(self.plane.kubeconfig)}
        words = ("migrate", "--check", "--cluster", "--json", "--namespace", self.name)
        text = hari(*words, env=environment, code=0).stdout
        return {(one["kind"], one["name"]): one["fate"].lower() for one in objects(json.loads(text))}

    def nothing_is_left(self, name):
        self.plane.kubectl("delete", "sdep", name, "-n", self.name, "--timeout=60s")
        until(lambda: not any(self.all(kind) for kind in KINDS), "all is gone", 90, pause=0.2)


def objects(report):
    """All that has a fate, wherever the report holds it."""
    if isinstance(report, dict):
        found = [report] if "fate" in report else []
        return found + [one for value in report.values() for one in objects(value)]
    return [one for value in report for one in objects(value)] if isinstance(report, list) else []


def unit_labels(name):
    return {ID: name, "seldon-app-svc-classifier": f"{name}-default-classifier"}


def server(name="classifier"):
    environment = [{"name": "PREDICTIVE_UNIT_ID", "value": "classifier"}]
    return {"name": name, "image": "seldonio/sklearnserver:1.17.1", "env": environment}


def executor():
    return {
        "name": "seldon-container-engine",
        "image": "seldonio/seldon-core-executor:1.17.1",
        "args": ["--sdep", "x"],
        "env": [{"name": "ENGINE_PREDICTOR", "value": "e30="}],
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_objects_with_the_same_selector_are_adopted(plane, before, version):
    before.deployment("income", version)
    name = "income-default-0-classifier"
    labels = {**unit_labels("income"), "seldon-app": "income-default", "seldon.io/model": "true"}
    selector = {**unit_labels("income"), "seldon-app": "income-default"}
    before.pods(name, labels, selector, [server(), executor()])
    before.services("income")
    # What a release before left behind.
    gone = {"seldon-app": "income-gone"}
    before.service("income-gone", {ID: "income", **gone}, gone, 8000, 5001)
    assert before.report() == {
        ("Deployment", name): "adopted",
        ("Service", "income-default"): "adopted",
        ("Service", "income-default-classifier"): "adopted",
        ("Service", "income-gone"): "removed",
    }
    deployments, services = before.uids("deployments"), before.uids("services")
    (old_pod,) = before.uids("pods").values()
    with Operator(plane.kubeconfig, f"--namespace={before.name}") as operator:
        operator.ready()
        images = lambda: json.dumps(before.one("deployments", name)["spec"]["template"])  # noqa: E731
        until(lambda: "seldonio/" not in images(), "nothing of the original's is in the pod", 60)
        until(lambda: len(before.all("pods")) == 2, "a new pod beside the old one", 60)
        assert old_pod in before.uids("pods").values(), "the old pod serves until the new one is ready"
        before.available("income")
        until(lambda: old_pod not in before.uids("pods").values(), "the old pod goes", 60)
        until(lambda: "income-gone" not in before.all("services"), "what is not asked for goes", 60)
        services.pop("income-gone")
        assert before.uids("deployments") == deployments and before.uids("services") == services
        managers = {one["manager"] for one in before.plane.get(
            "deployment", name, "-n", before.name, "--show-managed-fields")["metadata"]["managedFields"]}
        assert "hari-operator" in managers and "manager" not in managers
        before.nothing_is_left("income")


def test_a_container_of_the_users_waits_by_itself_before_it_stops(plane, before):
    """The original's sleeps by a shell in its image, and no container may do both."""
    own = {"name": "classifier", "image": "acme/classifier:1"}
    graph = {"name": "classifier", "type": "MODEL"}
    specs = [{"spec": {"containers": [own]}}]
    before.deployment("own", predictors=[{"name": "default", "replicas": 1, "graph": graph, "componentSpecs": specs}])
    name = "own-default-0-classifier"
    labels = {**unit_labels("own"), "seldon-app": "own-default"}
    by_shell = {"preStop": {"exec": {"command": ["/bin/sh", "-c", "/bin/sleep 10"]}}}
    before.pods(name, labels, labels, [{**own, "lifecycle": by_shell}, {**executor(), "lifecycle": by_shell}])
    with Operator(plane.kubeconfig, f"--namespace={before.name}") as operator:
        operator.ready()
        before.available("own")
        containers = before.one("deployments", name)["spec"]["template"]["spec"]["containers"]
        (found,) = [one for one in containers if one["name"] == "classifier"]
        assert found["lifecycle"] == {"preStop": {"sleep": {"seconds": 10}}}


def test_what_selects_by_other_labels_is_replaced_and_serves_meanwhile(plane, before):
    """The original labels a separate orchestrator with the Service's name in the place of the id."""
    before.deployment("apart", annotations={"seldon.io/engine-separate-pod": "true"})
    unit, orchestrator = "apart-default-0-classifier", "apart-default-svc-orch"
    before.pods(unit, {**unit_labels("apart"), "seldon.io/model": "true"}, unit_labels("apart"), [server()])
    labels = {"seldon-app": "apart-default", ID: "apart-default"}
    before.pods(orchestrator, labels, labels, [executor()])
    before.services("apart")
    fates = before.report()
    assert fates["Deployment", unit] == "adopted" and fates["Deployment", orchestrator] == "replaced"
    old = before.uids("deployments")
    (old_pod,) = (uid for name, uid in before.uids("pods").items() if name.startswith(orchestrator))
    with Operator(plane.kubeconfig, f"--namespace={before.name}") as operator:
        operator.ready()
        replaced = lambda: before.uids("deployments").get(orchestrator) not in (None, old[orchestrator])  # noqa: E731
        until(replaced, "another Deployment has its name", 90, pause=0.1)
        until(lambda: len(before.all("pods")) == 4, "new pods beside the old ones", 60)
        assert old_pod in before.uids("pods").values(), "the old pod serves until the new ones are ready"
        pods = before.all("pods").values()
        entry = [one for one in pods if one["metadata"]["labels"].get("seldon-app") == "apart-default"]
        assert old_pod in {one["metadata"]["uid"] for one in entry}, "the Service still leads to it"
        before.available("apart")
        until(lambda: len(before.all("pods")) == 2, "the old pods go", 90, pause=0.2)
        assert before.uids("deployments")[unit] == old[unit]
        before.nothing_is_left("apart")
