"""Scenarios: read from YAML, made into deployments, compared with what is answered."""

from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
FOLDER, COMPONENTS = HERE / "scenarios", HERE / "components"

# How the nodes of a graph are run.
#   rest, grpc   the original's wrapper, over that transport
#   builtin      the implementations that Hari has for some of the nodes, the wrapper for the rest
#   python       Hari's own workers, for scenarios that ask for it: each node is a process
MODES = ("rest", "grpc", "builtin", "python")


def load():
    """Every scenario of every file."""
    files = sorted(FOLDER.glob("*.yaml"))
    return [scenario for file in files for scenario in yaml.safe_load(file.read_text())]


def nodes(node):
    """The node and all below it."""
    yield node
    for child in node.get("children", []):
        yield from nodes(child)


def component(node):
    return node.get("component", node["name"])


def modes(scenario):
    """The modes in which a scenario is replayed."""
    has = {
        "rest": True,
        "grpc": True,
        "builtin": any("builtin" in node for node in nodes(scenario["graph"])),
        "python": scenario.get("python", False),
    }
    return [mode for mode in scenario.get("modes", MODES) if has[mode]]


def deployment(scenario, mode, microservices, classes):
    """The SeldonDeployment of a scenario in a mode."""
    graph = scenario["graph"]
    names = [node["name"] for node in nodes(graph)]
    annotations = {}
    if mode == "grpc":
        annotations["hari.dev/node-transport"] = ", ".join(f"{name}=grpc" for name in names)
    if mode == "python":
        kinds = (f"{node['name']}={classes[component(node)]}" for node in nodes(graph))
        annotations["hari.dev/python-class"] = ", ".join(kinds)
    if scenario.get("optional"):
        spared = (f"{name}=continue" for name in scenario["optional"])
        annotations["hari.dev/on-failure"] = ", ".join(spared)
    return {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": f"{scenario['name']}-{mode}"},
        "spec": {
            "annotations": annotations,
            "predictors": [{"name": "default", "graph": unit(graph, mode, microservices)}],
        },
    }


def unit(node, mode, microservices):
    """A node of a deployment's graph."""
    children = [unit(child, mode, microservices) for child in node.get("children", [])]
    made = {"name": node["name"], "children": children}
    if mode == "builtin" and "builtin" in node:
        return {**made, "implementation": node["builtin"]}
    made["type"] = node["type"]
    made["methods"] = node.get("methods", [])
    if mode == "python":
        return {**made, "implementation": "PYTHON", "modelUri": str(COMPONENTS)}
    served = microservices[component(node)]
    endpoint = {"service_host": "127.0.0.1", "httpPort": served.http, "grpcPort": served.grpc}
    return {**made, "endpoint": endpoint}


def of_mode(value, mode):
    """A value that may be told for each mode."""
    return value.get(mode) if isinstance(value, dict) else value


def misses(expected, found, path="reply"):
    """What of `expected` is not in `found`: objects may have more members, lists may not."""
    if isinstance(expected, dict):
        if not isinstance(found, dict):
            return [f"{path}: expected an object, found {found!r}"]
        missing = [f"{path}.{key}: missing" for key in expected if key not in found]
        shared = (key for key in expected if key in found)
        return missing + [
            miss for key in shared for miss in misses(expected[key], found[key], f"{path}.{key}")
        ]
    if isinstance(expected, list):
        if not isinstance(found, list) or len(found) != len(expected):
            return [f"{path}: expected {expected!r}, found {found!r}"]
        pairs = enumerate(zip(expected, found))
        return [miss for at, (one, two) in pairs for miss in misses(one, two, f"{path}[{at}]")]
    if isinstance(expected, (int, float)) and not isinstance(expected, bool):
        if isinstance(found, (int, float)) and abs(expected - found) <= 1e-6:
            return []
    elif expected == found and type(expected) is type(found):
        return []
    return [f"{path}: expected {expected!r}, found {found!r}"]


def present(unwanted, found, path="reply"):
    """The members of `unwanted`, down to its leaves, that are in `found`."""
    if not isinstance(found, dict):
        return []
    there = []
    for key, value in unwanted.items():
        if key in found and isinstance(value, dict):
            there += present(value, found[key], f"{path}.{key}")
        elif key in found:
            there.append(f"{path}.{key}")
    return there
