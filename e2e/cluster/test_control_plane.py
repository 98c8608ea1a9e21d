"""The CRD on a real API server: established, served in three versions, printed and scaled by kubectl.
No operator runs here."""

import json
import re
from pathlib import Path

import pytest
import yaml
from cluster import CRD, ROOT, ControlPlane, is_alive

from harness import hari, until

GROUP = "machinelearning.seldon.io"
VERSIONS = ("v1", "v1alpha2", "v1alpha3")


def examples():
    """Every SeldonDeployment below examples/: its file and the object."""
    for path in sorted((ROOT / "examples").rglob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            if isinstance(document, dict) and document.get("kind") == "SeldonDeployment":
                yield pytest.param(document, id=str(path.relative_to(ROOT)))


@pytest.fixture(scope="module")
def plane():
    with ControlPlane() as plane:
        plane.apply_crd()
        yield plane


def stored(plane, document, namespace, *arguments):
    """Applies an object in a namespace of its own, and gives what the API server keeps of it."""
    plane.namespace(namespace)
    document = json.loads(json.dumps(document))
    document["metadata"]["namespace"] = namespace
    plane.apply(document, *arguments)
    return plane.get("sdep", document["metadata"]["name"], "-n", namespace)


def missing(given, kept, path=""):
    """Paths of what was given and is not kept."""
    if isinstance(given, dict):
        for name, value in given.items():
            if not isinstance(kept, dict) or name not in kept:
                yield f"{path}.{name}"
            else:
                yield from missing(value, kept[name], f"{path}.{name}")
    elif isinstance(given, list):
        if not isinstance(kept, list) or len(kept) != len(given):
            yield path
        else:
            for index, value in enumerate(given):
                yield from missing(value, kept[index], f"{path}[{index}]")
    elif given != kept:
        yield path


def minimal(name, version="v1", **spec):
    graph = {"name": "model", "implementation": "SKLEARN_SERVER", "modelUri": "gs://bucket/model"}
    return {
        "apiVersion": f"{GROUP}/{version}",
        "kind": "SeldonDeployment",
        "metadata": {"name": name},
        "spec": {"predictors": [{"name": "main", "graph": graph}], **spec},
    }


def test_the_crd_is_accepted_whole_and_its_names_are_those_of_the_original(plane):
    crd = plane.get(CRD)
    conditions = {one["type"]: one for one in crd["status"]["conditions"]}
    assert conditions["NamesAccepted"]["status"] == "True"
    schema = conditions.get("NonStructuralSchema")
    assert schema is None or schema["status"] == "False", schema
    assert crd["status"]["storedVersions"] == ["v1"]
    served = [one["name"] for one in crd["spec"]["versions"] if one["served"]]
    assert sorted(served) == sorted(VERSIONS)
    assert "sdep" in plane.kubectl("api-resources", f"--api-group={GROUP}", "--no-headers")


def test_kubectl_knows_the_fields(plane):
    path = "sdep.spec.predictors.graph.modelUri"
    # The API server tells of a new schema a little after it serves it.
    done = until(lambda: (told := plane.run("explain", path)).returncode == 0 and told, "told", 60)
    assert "modelUri" in done.stdout and "<string>" in done.stdout, done.stdout


def test_the_crd_is_applied_again_without_a_change(plane):
    before = plane.get(CRD)["metadata"]["generation"]
    plane.apply(hari("crd").stdout)
    assert plane.get(CRD)["metadata"]["generation"] == before


@pytest.mark.parametrize("document", examples())
def test_an_example_is_stored_with_every_field(plane, document, request):
    namespace = re.sub("[^a-z0-9]+", "-", request.node.callspec.id.removesuffix(".yaml"))
    kept = stored(plane, document, namespace, "--validate=strict")
    lost = list(missing(document["spec"], kept["spec"], "spec"))
    assert not lost, f"the API server did not keep {lost}"


@pytest.mark.parametrize("version", VERSIONS)
def test_an_object_of_each_version_is_read_in_every_version(plane, version):
    kept = stored(plane, minimal("old", version), f"in-{version}")
    uid = kept["metadata"]["uid"]
    for other in VERSIONS:
        path = f"/apis/{GROUP}/{other}/namespaces/in-{version}/seldondeployments/old"
        found = json.loads(plane.raw(path))
        assert found["apiVersion"] == f"{GROUP}/{other}"
        assert found["metadata"]["uid"] == uid
        assert found["spec"] == kept["spec"]


def test_what_the_schema_forbids_is_refused_with_the_field(plane):
    document = minimal("wrong")
    document["spec"]["predictors"][0]["replicas"] = "three"
    done = plane.run("apply", "--server-side", "-f", "-", input=json.dumps(document))
    assert done.returncode != 0 and "spec.predictors[0].replicas" in done.stderr, done.stderr


def test_kubectl_prints_the_columns(plane):
    stored(plane, minimal("shown"), "columns")
    status = {"status": {"state": "Available", "address": {"url": "http://shown/api"}}}
    patch = ("--subresource=status", "--type=merge", "-p", json.dumps(status))
    plane.kubectl("patch", "sdep", "shown", "-n", "columns", *patch)
    head, row = plane.kubectl("get", "sdep", "-n", "columns").strip().splitlines()
    for column in ("NAME", "STATE", "URL", "AGE"):
        assert column in head.split(), head
    assert {"shown", "Available", "http://shown/api"} <= set(row.split()), row


def test_kubectl_scales(plane):
    stored(plane, minimal("scaled", replicas=1), "scale")
    plane.kubectl("scale", "sdep/scaled", "-n", "scale", "--replicas=3")
    assert plane.get("sdep", "scaled", "-n", "scale")["spec"]["replicas"] == 3
    status = json.dumps({"status": {"replicas": 3}})
    patch = ("--subresource=status", "--type=merge", "-p", status)
    plane.kubectl("patch", "sdep", "scaled", "-n", "scale", *patch)
    path = f"/apis/{GROUP}/v1/namespaces/scale/seldondeployments/scaled/scale"
    scale = json.loads(plane.raw(path))
    assert scale["spec"]["replicas"] == 3 and scale["status"]["replicas"] == 3


def test_a_write_of_the_spec_leaves_the_status_and_the_other_way_round(plane):
    before = stored(plane, minimal("apart"), "apart")
    told = json.dumps({"status": {"state": "Creating"}, "spec": {"replicas": 7}})
    patch = ("--subresource=status", "--type=merge", "-p", told)
    plane.kubectl("patch", "sdep", "apart", "-n", "apart", *patch)
    after = plane.get("sdep", "apart", "-n", "apart")
    assert after["status"]["state"] == "Creating"
    assert after["spec"] == before["spec"]
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    assert stored(plane, minimal("apart", replicas=2), "apart")["status"]["state"] == "Creating"


def test_what_is_owned_goes_with_its_owner(plane):
    owner = stored(plane, minimal("owner"), "owned")
    reference = {
        "apiVersion": f"{GROUP}/v1", "kind": "SeldonDeployment", "name": "owner",
        "uid": owner["metadata"]["uid"], "controller": True, "blockOwnerDeletion": True,
    }
    metadata = {"name": "child", "namespace": "owned", "ownerReferences": [reference]}
    plane.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    plane.kubectl("delete", "sdep", "owner", "-n", "owned")
    until(lambda: not plane.exists("configmap", "child", "-n", "owned"), "it is collected", 60)


def test_the_api_server_is_killed_and_comes_back_with_everything():
    with ControlPlane() as plane:
        if not plane.is_own:
            pytest.skip("the API server of another's cluster is left alone")
        plane.kubectl("create", "configmap", "kept")
        folder = plane.kubeconfig.parent
        plane.kill("kube-apiserver")
        assert plane.run("get", "configmap", "kept", "--request-timeout=5s").returncode != 0
        kept = plane.kubeconfig
        plane.up()
        assert plane.kubeconfig == kept, "the same address and the same certificates"
        assert plane.exists("configmap", "kept")
        processes = [int(path.read_text()) for path in Path(folder).glob("*.pid")]
        assert len(processes) == 3 and all(map(is_alive, processes))
    assert not folder.exists()
    until(lambda: not any(map(is_alive, processes)), "every part has ended")
