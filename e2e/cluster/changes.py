"""What is changed under load: a deployment before and after, and what its answers hold. The deployment is
the digits of the tutorial; its model lies in the bucket twice, as versions 1 and 7."""

from dataclasses import dataclass, field

NAMESPACE, NAME = "seldon", "digits"
DEPLOYMENT = f"{NAMESPACE}/{NAME}"
# The folder of the model in the bucket, and the version that it holds.
FOLDERS = {"one": "1", "two": "7"}


@dataclass
class Change:
    """A deployment before and after. `versions` are what answers hold; those of `final`, by place, may
    answer once the change is complete."""

    before: dict
    after: dict
    versions: list
    final: list = field(default_factory=list)


def unit(name="digits", folder="one"):
    """A node with the model."""
    graph = {"name": name, "implementation": "TENSORFLOW_SERVER", "modelUri": f"s3://models/digits/{folder}"}
    return {**graph, "serviceAccountName": "model-reader"}


def predictor(name="main", traffic=100, graph=None, replicas=1, **more):
    return {"name": name, "traffic": traffic, "graph": graph or unit(), "replicas": replicas, **more}


def deployment(*predictors, annotations=None, **spec):
    spec = {**spec, "annotations": annotations or {}, "predictors": list(predictors or [predictor()])}
    head = {"apiVersion": "machinelearning.seldon.io/v1", "kind": "SeldonDeployment"}
    return {**head, "metadata": {"name": NAME, "namespace": NAMESPACE}, "spec": spec}


def over(implementation, kind):
    """A predictor whose root joins two nodes with the model, or chooses between them."""
    nodes = [unit("left"), unit("right")]
    return predictor(graph={"name": "root", "implementation": implementation, "type": kind, "children": nodes})


def passed(node):
    """What answers that came from a node hold."""
    return {"meta": {"requestPath": {node: "tensorflow_savedmodel"}}}


def with_resources():
    busy = {"name": "digits", "resources": {"requests": {"cpu": "60m", "memory": "90Mi"}}}
    return predictor(componentSpecs=[{"spec": {"containers": [busy]}}])


ONE = deployment()
SECOND_VERSION = deployment(predictor(graph=unit(folder="two")))
THREE = deployment(predictor(replicas=3))
MAIN, CANARY = predictor("main", 75), predictor("canary", 25, unit("other"))
SPLIT = deployment(MAIN, CANARY)
ALL_TO_CANARY = deployment({**MAIN, "traffic": 0}, {**CANARY, "traffic": 100})
SHADOWED = deployment(predictor(), {**CANARY, "traffic": 0, "shadow": True})
RENAMED = deployment(predictor("renamed", graph=unit("other")))
SEPARATE = deployment(annotations={"seldon.io/engine-separate-pod": "true"})
OLD, NEW, LEFT, RIGHT = (passed(node) for node in ("digits", "other", "left", "right"))
VERSIONS = [{"model_version": version} for version in FOLDERS.values()]

CHANGES = {
    "version": Change(ONE, SECOND_VERSION, VERSIONS),
    "canary": Change(ONE, SPLIT, [OLD, NEW], final=[0, 1]),
    "weights": Change(SPLIT, ALL_TO_CANARY, [OLD, NEW]),
    "canary-gone": Change(SPLIT, ONE, [NEW, OLD]),
    "shadow": Change(ONE, SHADOWED, [OLD]),
    "shadow-gone": Change(SHADOWED, ONE, [OLD]),
    "rename": Change(ONE, RENAMED, [OLD, NEW]),
    "abtest": Change(ONE, deployment(over("RANDOM_ABTEST", "ROUTER")), [OLD, LEFT, RIGHT], final=[1, 2]),
    "reshape": Change(ONE, deployment(over("AVERAGE_COMBINER", "COMBINER")), [OLD, LEFT]),
    "more-replicas": Change(ONE, THREE, [OLD]),
    "fewer-replicas": Change(THREE, ONE, [OLD]),
    "resources": Change(ONE, deployment(with_resources()), [OLD]),
    "protocol": Change(ONE, deployment(protocol="v2"), VERSIONS[:1]),
    "separate": Change(ONE, SEPARATE, [OLD]),
    "together": Change(SEPARATE, ONE, [OLD]),
}
