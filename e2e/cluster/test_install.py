"""Installing, upgrading and uninstalling, on a real API server: Helm and kubectl are the counterparts.

The operator runs on this machine with the token of the service account that the chart made, so it may
do what the chart's roles allow and nothing else. Pods are not needed here, and none run.
"""

import base64
import json

import pytest
import yaml
from api import Api, make_pods_ready
from charts import OPERATOR, ROOT, helm, settings
from cluster import ControlPlane
from operator_process import Operator, free_port

from harness import until

DEFINITION = "crd/seldondeployments.machinelearning.seldon.io"
# The API server of these tests cannot reach a Service, so it does not insist on an answer.
UNREACHED = ["hari.webhook.failurePolicy=Ignore", "hari.webhook.timeoutSeconds=1"]


@pytest.fixture(scope="module")
def plane():
    with ControlPlane() as plane:
        yield plane


@pytest.fixture
def namespace(plane, request):
    """A namespace of the test's own; a release of Helm in it is uninstalled."""
    name = request.node.name.replace("_", "-")[:40].rstrip("-")
    plane.kubectl("create", "namespace", name)
    yield name
    installed(plane, name, "uninstall", "seldon-core", "--ignore-not-found", "--wait")
    plane.kubectl("delete", "namespace", name, "--wait=false")


def installed(plane, namespace, *arguments, check=True):
    """Helm on the plane."""
    return helm(
        *arguments, "--namespace", namespace, "--kubeconfig", plane.kubeconfig, check=check
    )


def install(plane, namespace, *values, chart=OPERATOR):
    """The chart as the release `seldon-core`, installed or upgraded."""
    return installed(
        plane, namespace, "upgrade", "--install", "seldon-core", chart, *settings(values)
    )


def test_the_commands_of_the_tutorial(plane, namespace):
    for flags in [
        ["--set", "usageMetrics.enabled=true", "--set", "istio.enabled=true"],
        ["--set", "usageMetrics.enabled=true", "--set", "ambassador.enabled=true"],
    ]:
        done = installed(plane, namespace, "install", "seldon-core", OPERATOR, *flags)
        assert "kubectl rollout status deployment/seldon-controller-manager" in done.stdout
        established = ["wait", "--for=condition=Established", DEFINITION, "--timeout=5s"]
        until(lambda: plane.run(*established).returncode == 0, "the definition is there")
        assert plane.exists("deployment/seldon-controller-manager", "-n", namespace)
        installed(plane, namespace, "uninstall", "seldon-core", "--wait")
    assert plane.exists(DEFINITION), "uninstalling leaves the definition, and so the deployments"
    assert plane.items("all", "-n", namespace) == []


def test_releases_share_one_definition(plane, namespace):
    """One that is there already is left to whoever made it, and the notes say so."""
    done = install(plane, namespace)
    assert "was there already" in done.stdout
    owner = plane.get(DEFINITION)["metadata"]["annotations"]["meta.helm.sh/release-namespace"]
    assert owner != namespace


def test_a_release_leaves_room_in_its_secret(plane, namespace):
    """Helm keeps a release in one Secret, which holds a MiB."""
    plane.kubectl("delete", DEFINITION)
    assert "was there already" not in install(plane, namespace).stdout
    (secret,) = plane.items("secrets", "-n", namespace, "-l", "owner=helm")
    assert len(base64.b64decode(secret["data"]["release"])) < 512 * 1024


def test_a_deployment_of_an_older_chart_is_upgraded(plane, namespace, tmp_path):
    """Whatever selector the Deployment has: it cannot be changed, so it stays."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: older\nversion: 1.17.1\n")
    selector = {"app": "seldon", "control-plane": "seldon-controller-manager", "release": "older"}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "seldon-controller-manager"},
        "spec": {
            "selector": {"matchLabels": selector},
            "template": {
                "metadata": {"labels": selector},
                "spec": {"containers": [{"name": "manager", "image": "older:1"}]},
            },
        },
    }
    (tmp_path / "templates/deployment.yaml").write_text(yaml.safe_dump(deployment))
    install(plane, namespace, chart=tmp_path)
    before = plane.get("deployment/seldon-controller-manager", "-n", namespace)
    install(plane, namespace)
    after = plane.get("deployment/seldon-controller-manager", "-n", namespace)
    assert after["metadata"]["uid"] == before["metadata"]["uid"], "the same Deployment"
    assert after["spec"]["selector"]["matchLabels"] == selector
    assert selector.items() <= after["spec"]["template"]["metadata"]["labels"].items()
    (container,) = after["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "hari:0.1.0"
    service = plane.get("service/seldon-webhook-service", "-n", namespace)
    assert service["spec"]["selector"] == selector


def test_an_upgrade_keeps_what_the_operator_wrote(plane, namespace):
    """The certificate and the authority that the API server trusts outlive `helm upgrade`."""
    install(plane, namespace, *UNREACHED)
    with operator(plane, namespace) as running:
        running.ready()
        until(lambda: trusted(plane, namespace), "the API server trusts the certificate")
        before = trusted(plane, namespace), certificate(plane, namespace)
        install(plane, namespace, *UNREACHED, "hari.replicas=2", "manager.logLevel=DEBUG")
        assert (trusted(plane, namespace), certificate(plane, namespace)) == before


def test_the_operator_gets_by_with_its_roles(plane, namespace):
    """Certificate, lease and configuration; nothing that it asks of the API server is forbidden."""
    install(plane, namespace, *UNREACHED)
    with operator(plane, namespace, "--enable-leader-election") as running:
        running.ready()
        until(lambda: trusted(plane, namespace), "the API server trusts the certificate")
        until(lambda: leader(plane, namespace), "a replica leads")
        assert certificate(plane, namespace)
        everything_once(plane, "default")
        ended_well(running)
    assert not leader(plane, namespace), "the lease is given back at the end"


def test_one_namespace_gets_by_with_roles(plane, namespace):
    install(plane, namespace, *UNREACHED, "singleNamespace=true")
    flags = ["--enable-leader-election", f"--namespace={namespace}"]
    with operator(plane, namespace, *flags) as running:
        running.ready()
        until(lambda: leader(plane, namespace), "a replica leads")
        everything_once(plane, namespace)
        ended_well(running)


def everything_once(plane, namespace):
    """A deployment of all kinds that need no API of others: made, changed, pruned, taken away."""
    bucket = {"name": "bucket", "namespace": namespace}
    plane.apply([
        {"apiVersion": "v1", "kind": "Secret", "metadata": bucket, "data": {"awsSecretAccessKey": "YQ=="}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": bucket, "secrets": [{"name": "bucket"}]},
    ])
    plane.apply(of_all_kinds(namespace, "first"))
    made = ["deployment", "service", "hpa", "pdb"]
    for kind in made:
        until(lambda kind=kind: of_it(plane, kind, namespace), f"there is a {kind}", 60)
    with Api(plane) as api:
        until(lambda: state_once_ready(api, plane, namespace) == "Available", "the deployment is available", 60)
        plane.apply(of_all_kinds(namespace, "second"))
        until(
            lambda: state_once_ready(api, plane, namespace) == "Available" and not left(plane, namespace),
            "the second has taken over, and nothing of the first is left", 60,
        )
    plane.kubectl("delete", "sdep/all", "-n", namespace, "--timeout=30s")
    until(lambda: not of_it(plane, "deployment", namespace), "all is gone", 60)


def of_all_kinds(namespace, predictor):
    return {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": "all", "namespace": namespace},
        "spec": {
            "predictors": [
                {
                    "name": predictor,
                    "graph": {
                        "name": "model",
                        "implementation": "SKLEARN_SERVER",
                        "modelUri": "s3://bucket/model",
                        "serviceAccountName": "bucket",
                    },
                    "componentSpecs": [
                        {
                            "hpaSpec": {
                                "maxReplicas": 2,
                                "metrics": [
                                    {"type": "Resource", "resource": {"name": "cpu", "targetAverageUtilization": 10}}
                                ],
                            },
                            "pdbSpec": {"minAvailable": 1},
                            "spec": {"containers": [{"name": "model"}]},
                        }
                    ],
                }
            ]
        },
    }


def of_it(plane, kind, namespace):
    """Names of the objects of a kind that belong to the deployment."""
    return [one["metadata"]["name"] for one in plane.items(kind, "-n", namespace, "-l", "seldon-deployment-id=all")]


def left(plane, namespace):
    """What belongs to the first predictor."""
    kinds = ["deployment", "service", "hpa", "pdb"]
    return [name for kind in kinds for name in of_it(plane, kind, namespace) if "first" in name]


def state_once_ready(api, plane, namespace):
    """The state, while pods that nothing runs are said to be ready."""
    make_pods_ready(api, namespace)
    return plane.get("sdep/all", "-n", namespace).get("status", {}).get("state")


def test_the_operator_may_not_do_more(plane, namespace):
    """What an operator whose pod was taken over could not do."""
    install(plane, namespace)
    account = f"--as=system:serviceaccount:{namespace}:seldon-manager"

    def may(*what):
        return plane.run("auth", "can-i", *what, account).stdout.strip() == "yes"

    assert may("create", "deployments", "-n", "default")
    assert may("update", "seldondeployments/status", "-n", "default", "--subresource=status")
    for what in [
        ("create", "secrets", "-n", "default"),
        ("create", "secrets", "-n", namespace),
        ("list", "secrets", "-A"),
        ("create", "pods", "-n", "default"),
        ("create", "pods/exec", "-n", "default"),
        ("create", "clusterrolebindings"),
        ("update", "clusterroles"),
        ("escalate", "clusterroles"),
        ("impersonate", "users"),
        ("delete", "crd"),
        ("delete", "namespaces"),
        ("patch", "validatingwebhookconfigurations/of-another"),
        ("update", "seldondeployments", "-n", "default"),
        ("get", "nodes"),
        ("create", "serviceaccounts/token", "-n", namespace),
    ]:
        assert not may(*what), what


def test_values_of_both_routes_are_stored(plane, namespace):
    """Every set of values that needs no API of others is taken by the API server."""
    for values in [
        ["singleNamespace=true", "hari.networkPolicy.enabled=true", "hari.replicas=2"],
        ["managerCreateResources=true", "hari.priorityClass.create=true"],
        ["controllerId=a", "hari.gateway.name=public", "hari.ingress.enabled=true"],
        ["hari.webhook.enabled=false", "kubeflow=true", "hostNetwork=true"],
    ]:
        install(plane, namespace, *values)


@pytest.mark.parametrize("folder", ["cluster", "namespace"])
def test_plain_manifests_are_applied(plane, folder):
    apply = ["apply", "--server-side", "-k", str(ROOT / "install" / folder)]
    # The definition may be there from Helm, who then is not its only manager.
    plane.kubectl(*apply, "--force-conflicts")
    try:
        assert plane.exists("deployment/seldon-controller-manager", "-n", "seldon-system")
        again = plane.kubectl(*apply)
        assert "serverside-applied" in again
    finally:
        files = ROOT / "install" / folder
        plane.kubectl("delete", "-f", files / "operator.yaml", "--ignore-not-found")
        plane.kubectl("delete", "namespace", "seldon-system", "--wait=false")
        until(
            lambda: not plane.exists("namespace/seldon-system"), "the namespace is gone", 60
        )


def operator(plane, namespace, *flags):
    """The operator of the chart in that namespace, as its service account."""
    return Operator(
        as_account(plane, namespace),
        *flags,
        webhook_port=free_port(),
        namespace=namespace,
    )


def as_account(plane, namespace):
    """A kubeconfig with a token of the chart's service account."""
    given = yaml.safe_load(plane.kubeconfig.read_text())
    token = plane.kubectl("create", "token", "seldon-manager", "-n", namespace).strip()
    given["users"] = [{"name": "operator", "user": {"token": token}}]
    for context in given["contexts"]:
        context["context"]["user"] = "operator"
    file = plane.kubeconfig.parent / f"{namespace}.kubeconfig"
    file.write_text(json.dumps(given))
    return file


def certificate(plane, namespace):
    data = plane.get("secret/seldon-webhook-server-cert", "-n", namespace).get("data") or {}
    return data.get("tls.crt")


def trusted(plane, namespace):
    name = f"seldon-validating-webhook-configuration-{namespace}"
    (webhook,) = plane.get("validatingwebhookconfiguration", name)["webhooks"]
    return webhook["clientConfig"].get("caBundle")


def leader(plane, namespace):
    if not plane.exists("lease/a33bd623.machinelearning.seldon.io", "-n", namespace):
        return None
    lease = plane.get("lease/a33bd623.machinelearning.seldon.io", "-n", namespace)
    return lease["spec"].get("holderIdentity")


def ended_well(running):
    """Ends an operator, which was forbidden nothing."""
    assert running.stop() == 0
    assert "forbidden" not in running.words().lower(), running.words()
