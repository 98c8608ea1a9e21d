"""Kinds that other projects define, with their own published schemas: KEDA and cert-manager. The API server
judges what the operator writes; nothing here acts on it."""

import os
from pathlib import Path

import pytest
from charts import operator as chart
from operator_process import NAMESPACE, Operator
from test_reconcile import Space, scaled

from harness import until

SCALED = {"KEDA_ENABLED": "true"}
TRIGGER = {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "70"}}
KEDA = {"minReplicaCount": 1, "maxReplicaCount": 4, "triggers": [TRIGGER]}


@pytest.fixture(scope="module")
def plane(plane):
    if not plane.is_own:
        pytest.skip("definitions of others come and go: a cluster of the tests' own is needed")
    return plane


@pytest.fixture
def space(plane, request):
    name = request.node.name.replace("_", "-")[:60].strip("-")
    plane.namespace(name)
    yield Space(plane, name)
    plane.kubectl("delete", "sdep", "--all", "-n", name, "--timeout=60s")


def define(plane, folder):
    """Applies definitions, and waits until the API server knows them."""
    plane.kubectl("apply", "--server-side", "-f", folder, timeout=120)
    plane.kubectl("wait", "crd", "--all", "--for=condition=Established", "--timeout=100s", timeout=120)


def of(name):
    return Path(os.environ["HARI_E2E_DEFINITIONS"]) / name


def test_a_kind_that_is_not_there_is_told_and_made_once_it_is(plane, api, space):
    if plane.exists("crd", "scaledobjects.keda.sh"):
        pytest.skip("KEDA is there")
    _, document = scaled("early", kedaSpec=KEDA)
    with Operator(plane.kubeconfig, f"--namespace={space.name}", env=SCALED) as operator:
        operator.ready()
        space.apply(document)

        def told():
            conditions = space.status("early").get("conditions", [])
            messages = [one.get("message") or "" for one in conditions if one["type"] == "KedaReady"]
            return any("does not know ScaledObject: install" in message for message in messages)

        until(told, "what is missing is told", 60, pause=0.2)
        assert "early-main-0-model" in space.owned("deployments"), "the rest is made"
        define(plane, of("keda"))
        until(lambda: space.owned("scaledobjects"), "it is made, and no operator was started anew", 60)
        space.become(api, "early")


def test_keda_takes_over_from_an_autoscaler_and_gives_back(plane, api, space):
    define(plane, of("keda"))
    metrics, _ = scaled("grown")
    hpa = {"minReplicas": 1, "maxReplicas": 3, "metrics": metrics}
    name = "grown-main-0-model"

    def asked(**spec):
        return scaled("grown", **spec)[1]

    def has(kind):
        return name in space.owned(kind)

    with Operator(plane.kubeconfig, f"--namespace={space.name}", env=SCALED) as operator:
        operator.ready()
        space.apply(asked(hpaSpec=hpa))
        until(lambda: has("hpa"), "an autoscaler", 60)
        space.become(api, "grown")
        space.plane.kubectl("scale", f"deployment/{name}", "-n", space.name, "--replicas=3")
        space.apply(asked(kedaSpec=KEDA))
        until(lambda: has("scaledobjects") and not has("hpa"), "KEDA's in its place", 90, pause=0.2)
        space.become(api, "grown")
        assert space.all("deployments")[name]["spec"]["replicas"] == 3, "who scales decides"
        found = space.owned("scaledobjects")[name]["spec"]
        assert found["scaleTargetRef"]["name"] == name and found["maxReplicaCount"] == 4
        # KEDA may scale to nothing, and that is what was asked for.
        space.plane.kubectl("scale", f"deployment/{name}", "-n", space.name, "--replicas=0")
        until(lambda: not space.status("grown").get("replicas"), "nothing runs", 60)
        space.become(api, "grown")
        space.apply(asked(hpaSpec=hpa))
        until(lambda: has("hpa") and not has("scaledobjects"), "the autoscaler again", 90, pause=0.2)
        space.apply(asked())
        until(lambda: not has("hpa") and not has("scaledobjects"), "neither", 90, pause=0.2)


def test_cert_manager_takes_what_the_chart_asks_of_it(plane):
    define(plane, of("cert-manager"))
    objects = chart("certManager.enabled=true")
    asked = [one for one in objects.all if one["apiVersion"].startswith("cert-manager.io/")]
    assert sorted(one["kind"] for one in asked) == ["Certificate", "Issuer"]
    for one in asked:
        one["metadata"]["namespace"] = NAMESPACE
    plane.apply(asked)
    certificate = objects.one("Certificate")
    stored = plane.get("certificates.cert-manager.io", certificate["metadata"]["name"], "-n", NAMESPACE)
    assert stored["spec"] == certificate["spec"], "no field that the definition does not know"
    secret = certificate["spec"]["secretName"]
    volumes = objects.one("Deployment")["spec"]["template"]["spec"]["volumes"]
    assert secret in [one.get("secret", {}).get("secretName") for one in volumes]
