"""`hari operator` ends after each of its writes, one run after another, until one comes to the end:
what is there then is what an undisturbed operator makes. A real API server and controller manager; the
test writes the pods' status itself, in the place of the kubelet, for there is no node."""

import json

from api import make_pods_ready
from operator_process import Operator

from harness import until

ENDED = 86
WHOLE, CUT = "undisturbed", "interrupted"
KINDS = "deployments,services,horizontalpodautoscalers,poddisruptionbudgets"
# What differs from one namespace or one moment to the next.
UNSTABLE = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation", "namespace")


def deployment(namespace, predictors):
    graph = {"name": "model", "implementation": "SKLEARN_SERVER", "modelUri": "gs://bucket/model"}
    container = {"name": "model", "resources": {"requests": {"cpu": "10m"}}}
    specs = [{"spec": {"containers": [container]}, "pdbSpec": {"minAvailable": 1}}]
    return {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": "cut", "namespace": namespace},
        "spec": {
            "predictors": [
                {"name": name, "replicas": 1, "traffic": traffic, "graph": graph, "componentSpecs": specs}
                for name, traffic in predictors.items()
            ]
        },
    }


def shape(plane, namespace):
    """Names, labels and specs of what there is, whatever the namespace is called."""
    found = {}
    text = json.dumps(plane.items(KINDS, "-n", namespace))
    for one in json.loads(text.replace(namespace, "NAMESPACE")):
        metadata = {name: value for name, value in one["metadata"].items() if name not in UNSTABLE}
        for owner in metadata.get("ownerReferences", []):
            owner.pop("uid")
        # Revisions and digests of others' say how it came to be, not what it is.
        metadata["annotations"] = {
            name: value for name, value in metadata.get("annotations", {}).items()
            if not name.startswith(("deployment.kubernetes.io/", "hari.dev/applied"))
        }
        spec = dict(one["spec"])
        for name in ("clusterIP", "clusterIPs"):
            spec.pop(name, None)
        found[one["kind"], metadata["name"]] = (metadata, spec)
    return found


def status(plane, namespace):
    return plane.get("sdep", "cut", "-n", namespace).get("status", {})


def has_ended(plane, namespace, predictors):
    """Whether the operator has nothing left to do."""
    sdep = plane.get("sdep", "cut", "-n", namespace)
    told = sdep.get("status", {})
    current = told.get("observedGeneration") == sdep["metadata"]["generation"]
    made = {
        "deployments": {f"cut-{name}-0-model" for name in predictors},
        "services": {f"cut-{name}{end}" for name in predictors for end in ("", "-model")},
    }
    return told.get("state") == "Available" and current and all(
        {one["metadata"]["name"] for one in plane.items(kind, "-n", namespace)} == names
        for kind, names in made.items()
    )


def undisturbed(plane, api, namespace, *steps):
    with Operator(plane.kubeconfig, f"--namespace={namespace}") as operator:
        operator.ready()
        for predictors in steps:
            plane.apply(deployment(namespace, predictors))

            def ended(predictors=predictors):
                make_pods_ready(api, namespace)
                return has_ended(plane, namespace, predictors)

            until(ended, "all is as it was asked for", 60, pause=0.1)


def cut_off_after_each_write(plane, api, namespace, predictors):
    """Operators that end after one write each; how many it took."""
    plane.apply(deployment(namespace, predictors))
    for count in range(1, 80):
        flags = (f"--namespace={namespace}", "--fail-after-writes=1")
        with Operator(plane.kubeconfig, *flags) as operator:

            def settled(operator=operator):
                make_pods_ready(api, namespace)
                if operator.process.poll() is not None:
                    return True
                return has_ended(plane, namespace, predictors)

            until(settled, "it ends or is done", 60, pause=0.1)
            code = operator.process.poll()
            if code is None:
                return count
            assert code == ENDED, operator.words()
    raise AssertionError("the operators never came to the end")


def test_an_operator_that_is_cut_off_after_each_write_comes_to_the_same_end(plane, api):
    steps = ({"main": 100}, {"main": 80, "canary": 20}, {"canary": 100})
    for namespace in (WHOLE, CUT):
        plane.namespace(namespace)
    undisturbed(plane, api, WHOLE, *steps)
    runs = [cut_off_after_each_write(plane, api, CUT, predictors) for predictors in steps]
    # A Deployment, two Services, a budget and the status were written at least.
    assert runs[0] > 5, runs
    cut, whole = shape(plane, CUT), shape(plane, WHOLE)
    assert sorted(cut) == sorted(whole)
    for key, there in whole.items():
        assert cut[key] == there, key
    print(f"operators for each step: {runs}")
