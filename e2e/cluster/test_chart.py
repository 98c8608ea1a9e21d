"""The charts as Helm renders them: golden files, values that are refused, and what must not change.

No cluster is needed. `HARI_WRITE_GOLDEN=1` writes the golden files and the manifests of `install/`.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml
from charts import CHARTS, OPERATOR, ROOT, Objects, helm, operator, settings, template

GOLDEN = Path(__file__).parent / "golden" / "chart"
WRITE = os.environ.get("HARI_WRITE_GOLDEN") == "1"

# Values by the name of the golden file.
SETS = {
    "default": [],
    "tutorial-istio": ["usageMetrics.enabled=true", "istio.enabled=true"],
    "tutorial-ambassador": ["usageMetrics.enabled=true", "ambassador.enabled=true"],
    "single-namespace": ["singleNamespace=true"],
    "controller-id": ["controllerId=team-a", "namespaceOverride=elsewhere"],
    "cert-manager": ["certManager.enabled=true", "kubeflow=true"],
    "create-resources": ["managerCreateResources=true"],
    "original-values": [
        "image.repository=seldonio/seldon-core-operator",
        "image.tag=1.17.1",
        "executor.image.repository=seldonio/seldon-core-executor",
        "executor.image.tag=1.17.1",
        "storageInitializer.image=seldonio/rclone-storage-initializer:1.17.1",
        "predictor_servers.MINE.protocols.seldon.image=acme/mine",
        "predictor_servers.MINE.protocols.seldon.defaultImageVersion=3.1-a",
        "manager.containerSecurityContext.securityContext.runAsUser=1000",
        "crd.forcev1=true",
        "defaultUserID=",
        "executor.user=1000660000",
        "managerUserID=1000660000",
    ],
    "own-registry": [
        "image.registry=registry.example:5000",
        "image.repository=serving/hari",
        "image.digest=sha256:" + "0123456789abcdef" * 4,
        "executor.image.repository=serving/engine",
        "executor.image.registry=registry.example:5000",
        "executor.image.tag=2",
        "hari.imagePullSecrets[0].name=registry",
        "hari.pythonImage=registry.example:5000/serving/hari-python:2",
    ],
    "hardened": [
        "hari.networkPolicy.enabled=true",
        "hari.replicas=2",
        "hari.priorityClass.create=true",
        "hari.serviceMonitor.enabled=true",
        "hari.serviceMonitor.labels.release=prometheus",
    ],
    "gateway": ["hari.gateway.name=public", "hari.gateway.namespace=infra"],
    "ingress": ["hari.ingress.className=nginx"],
    "no-webhook": ["hari.webhook.enabled=false", "rbac.configmap.create=false"],
    "by-hand": ["rbac.create=false", "serviceAccount.create=false", "serviceAccount.name=mine"],
    "ports": [
        "webhook.port=9443",
        "metrics.port=9090",
        "executor.port=8100",
        "predictiveUnit.httpPort=9100",
        "hostNetwork=true",
        "manager.priorityClassName=system-cluster-critical",
        "manager.annotations.team=models",
        "manager.deploymentNameAsPrefix=true",
    ],
}


@pytest.mark.parametrize("name", SETS)
def test_the_chart_renders_as_written_down(name):
    found = template(OPERATOR, *settings(["crd.create=false", *SETS[name]])).stdout
    compare(GOLDEN / f"{name}.yaml", found)


def compare(file, found):
    """Whether a file holds what was found; with HARI_WRITE_GOLDEN=1, it is made to."""
    if WRITE:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(found)
    assert file.read_text() == found, f"{file.name} differs: HARI_WRITE_GOLDEN=1 writes it"


REFUSED = {
    "istio.enable=true": "additional properties 'enable' not allowed",
    "usageMetric.enabled=true": "additional properties 'usageMetric' not allowed",
    "istio.enabled=yes": "at '/istio/enabled': got string, want boolean",
    "ambassador.version=v3": "value must be one of 'v1', 'v2'",
    "manager.cpuLimit=much": "'much' does not match",
    "image.pullPolicy=Sometimes": "value must be one of 'Always', 'IfNotPresent', 'Never'",
    "image.digest=md5:1": "at '/image/digest'",
    "webhook.port=0": "minimum: got 0, want 1",
    "metrics.port=4443": "webhook.port and metrics.port are both 4443",
    "managerUserID=0": "minimum: got 0, want 1",
    "defaultUserID=root": "'root' does not match",
    "hari.replicas=0": "minimum: got 0, want 1",
    "hari.webhook.timeoutSeconds=31": "maximum: got 31, want 30",
    "hari.webhook.failurePolicy=Maybe": "value must be one of 'Fail', 'Ignore'",
    "manager.leaderElectionRenewDeadlineSecs=15": "has to be more than",
    "predictor_servers.X.protocols.smtp.image=a": "invalid propertyName 'smtp'",
    "predictor_servers.X.protocols.v2.defaultImageVersion=3": "got number, want string",
    "managerCreateResources=true,certManager.enabled=true": "exclude each other",
    "manager.logLevel=loud": "'loud' does not match",
}


@pytest.mark.parametrize("value", REFUSED)
def test_what_cannot_be_meant_is_refused_with_words(value):
    done = template(OPERATOR, *settings(["crd.create=false", value]), check=False)
    assert done.returncode != 0
    assert REFUSED[value] in done.stderr


def test_charts_pass_helms_own_check():
    for chart in sorted(CHARTS.iterdir()):
        done = helm("lint", "--strict", chart, "--kube-version", "1.34.0", "--set", LINTED.get(chart.name, "a=b"))
        assert "WARNING" not in done.stdout, done.stdout


LINTED = {"seldon-single-model": "model.image=a", "seldon-core-operator": "keda.enabled=true"}


def test_the_selector_is_that_of_earlier_releases():
    """A Deployment's selector cannot be changed: `helm upgrade` of another's release would fail."""
    expected = {
        "app.kubernetes.io/instance": "seldon1",
        "app.kubernetes.io/name": "seldon",
        "app.kubernetes.io/version": "v0.5",
        "control-plane": "seldon-controller-manager",
    }
    for values in SETS.values():
        objects = operator(*values)
        deployment = objects.of("Deployment")["seldon-controller-manager"]
        assert deployment["spec"]["selector"]["matchLabels"] == expected
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert expected.items() <= labels.items()
        for service in objects.of("Service").values():
            assert service["spec"]["selector"] == expected


def test_a_role_names_what_it_can():
    """Writing in the operator's namespace, and to what belongs to no namespace, is by name."""
    free = {"create", "list", "watch"}
    objects = operator()
    for role in [*objects.of("Role").values(), objects.of("ClusterRole")["seldon-webhook-role-seldon-system"]]:
        for rule in role["rules"]:
            assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"]
            named = "resourceNames" in rule or rule["resources"] == ["events"]
            assert named or set(rule["verbs"]) <= free, rule
    secrets = [
        rule
        for role in [*objects.of("Role").values(), *objects.of("ClusterRole").values()]
        for rule in role["rules"]
        if "secrets" in rule["resources"]
    ]
    assert all(set(rule["verbs"]) <= {"get", "update"} for rule in secrets)
    assert all("resourceNames" in rule for rule in secrets if "update" in rule["verbs"])


def test_one_namespace_needs_no_right_outside_of_it():
    objects = operator("singleNamespace=true")
    (role,) = objects.of("ClusterRole").values()
    (rule,) = role["rules"]
    assert rule["resourceNames"] == ["seldon-validating-webhook-configuration-seldon-system"]
    without = operator("singleNamespace=true", "hari.webhook.enabled=false")
    assert not without.of("ClusterRole") and not without.of("ClusterRoleBinding")


def test_all_objects_go_where_they_are_told():
    objects = operator("namespaceOverride=there", "serviceAccount.name=me", "singleNamespace=true")
    for one in objects.all:
        assert one["metadata"].get("namespace", "there") == "there", one["metadata"]
        for subject in one.get("subjects", []):
            assert (subject["namespace"], subject["name"]) == ("there", "me")


@pytest.mark.parametrize("name", SETS)
def test_the_operators_pod_passes_the_restricted_standard(name):
    """What Kubernetes' pod security standard `restricted` asks of a pod."""
    pod = operator(*SETS[name]).of("Deployment")["seldon-controller-manager"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    context = container["securityContext"]
    assert context["allowPrivilegeEscalation"] is False
    assert context["readOnlyRootFilesystem"] is True
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert set(container["resources"]) == {"limits", "requests"}


def test_the_definition_is_the_one_of_the_code():
    objects = operator("crd.annotations.team=models", crd=True)
    definition = objects.one("CustomResourceDefinition")
    annotations = definition["metadata"]["annotations"]
    assert annotations["helm.sh/resource-policy"] == "keep"
    assert annotations["team"] == "models"
    committed = ROOT / "docs/generated/seldondeployment-crd.yaml"
    expected = yaml.load(committed.read_text(), Loader=yaml.CSafeLoader)["spec"]
    for version in expected["versions"][1:]:
        version["schema"] = unexplained(version["schema"])
    assert definition["spec"] == expected


def unexplained(schema):
    """A schema without its descriptions."""
    if isinstance(schema, list):
        return [unexplained(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {k: v for k, v in schema.items() if not (k == "description" and isinstance(v, str))}
    return {key: unexplained(value) for key, value in kept.items()}


def test_the_configuration_is_json():
    numbers = ["storageInitializer.cpuLimit=1.5", "credentials.s3.s3UseHttps=0"]
    data = operator(*SETS["original-values"], *numbers).one("ConfigMap")["data"]
    read = {key: json.loads(text) for key, text in data.items()}
    assert read["predictor_servers"]["MINE"]["protocols"]["seldon"] == {
        "image": "acme/mine",
        "defaultImageVersion": "3.1-a",
    }
    assert read["storageInitializer"]["cpuLimit"] == "1.5"
    assert read["credentials"]["s3"]["s3UseHttps"] == "0"
    assert set(read) == {"predictor_servers", "storageInitializer", "explainer", "credentials"}


MODELS = {
    "single-model": ("seldon-single-model", ["model.implementation=SKLEARN_SERVER", "model.uri=gs://a/b"]),
    "single-model-hpa": (
        "seldon-single-model",
        ["model.image=acme/m:1", "hpa.enabled=true", "model.logger.enabled=true", "labels.team=a"],
    ),
    "single-model-mlflow": (
        "seldon-single-model",
        ["model.implementation=MLFLOW_SERVER", "model.uri=s3://a/b", "model.mlflow.xtype=DataFrame",
         "model.envSecretRefName=bucket", "protocol=v2"],
    ),
    "abtest": ("seldon-abtest", ["traffic_modela_percentage=0.3", "replicas=2"]),
    "abtest-one-pod": ("seldon-abtest", ["separate_pods=false"]),
    "mab": ("seldon-mab", ["mab.epsilon=0.4"]),
    "mab-own-router": ("seldon-mab", ["mab.image.name=acme/router", "mab.image.version=2", "engine.env.A=1"]),
}


@pytest.mark.parametrize("name", MODELS)
def test_model_charts_make_deployments_that_are_valid(name, tmp_path):
    chart, values = MODELS[name]
    found = template(CHARTS / chart, *settings(values), release="mine", namespace="models").stdout
    compare(GOLDEN / "models" / f"{name}.yaml", found)
    file = tmp_path / "deployment.yaml"
    file.write_text(found)
    done = subprocess.run(
        [os.environ["HARI_BIN"], "validate", file], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert Objects(found).one("SeldonDeployment")["metadata"]["namespace"] == "models"


def test_a_model_chart_asks_for_a_model():
    done = template(CHARTS / "seldon-single-model", check=False)
    assert "model.implementation or model.image has to say" in done.stderr


# Manifests for `kubectl apply`, by folder of `install/`.
INSTALLS = {
    "cluster": [],
    "namespace": ["singleNamespace=true"],
}


@pytest.mark.parametrize("name", INSTALLS)
def test_plain_manifests_are_those_of_the_chart(name):
    """`install/` holds the chart's objects, without what only Helm reads."""
    text = template(OPERATOR, *settings(INSTALLS[name]), release="seldon-core").stdout
    documents = list(yaml.load_all(text, Loader=yaml.CSafeLoader))
    kept = [plain(document) for document in documents if document]
    definition = [one for one in kept if one["kind"] == "CustomResourceDefinition"]
    others = [one for one in kept if one["kind"] != "CustomResourceDefinition"]
    committed = (ROOT / "install/crd/crd.yaml").read_text()
    (committed,) = Objects(committed).all
    assert [one["spec"] for one in definition] == [committed["spec"]]
    compare(ROOT / "install" / name / "operator.yaml", written(others))


def plain(document):
    """An object without the labels and annotations of Helm."""
    for labels in ("labels", "annotations"):
        found = document["metadata"].get(labels) or {}
        for key in ("helm.sh/chart", "app.kubernetes.io/managed-by", "helm.sh/resource-policy"):
            found.pop(key, None)
        if not found:
            document["metadata"].pop(labels, None)
    return document


def written(objects):
    """Objects as YAML."""
    notice = "# Made from charts/seldon-core-operator by e2e/cluster/test_chart.py. Do not edit.\n"
    return notice + yaml.dump_all(objects, Dumper=yaml.CSafeDumper, sort_keys=False, width=100)
