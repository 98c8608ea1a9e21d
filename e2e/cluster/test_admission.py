"""Admission, certificates, configuration and leader election, on a real API server: kubectl and the
API server are the counterparts. Pods are not needed here, and none run."""

import base64
import contextlib
import json
import signal
import socket
import ssl

import pytest
from cluster import ControlPlane
from operator_process import (
    CONFIGURATION,
    NAMESPACE,
    Operator,
    free_port,
    webhook_configuration,
)

from harness import until

SECRET = "seldon-webhook-server-cert"
LEASE = "a33bd623.machinelearning.seldon.io"


@pytest.fixture(scope="module")
def plane():
    with ControlPlane() as plane:
        if not plane.is_own:
            pytest.skip("the API server of another machine cannot ask a webhook on this one")
        plane.apply_crd()
        plane.kubectl("create", "namespace", NAMESPACE)
        yield plane


@contextlib.contextmanager
def admitting(plane, *flags, env=None):
    """An operator with a webhook that the API server asks; both are gone afterwards."""
    port = free_port()
    plane.apply(json.dumps(webhook_configuration(port)))
    try:
        with Operator(plane.kubeconfig, *flags, webhook_port=port, env=env) as operator:
            yield operator.ready()
    finally:
        plane.kubectl("delete", "validatingwebhookconfiguration", CONFIGURATION)
        plane.kubectl("delete", "sdep", "--all", "-A", "--wait=true", "--timeout=30s")


def deployment(name, implementation="TENSORFLOW_SERVER", version="v1", **predictor):
    return {
        "apiVersion": f"machinelearning.seldon.io/{version}",
        "kind": "SeldonDeployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "predictors": [
                {
                    "name": "main",
                    "graph": {
                        "name": "model",
                        "implementation": implementation,
                        "modelUri": "gs://bucket/model",
                    },
                    **predictor,
                }
            ]
        },
    }


def applied(plane, manifest):
    """kubectl's exit code and words, whatever they are."""
    done = plane.run("apply", "-f", "-", input=json.dumps(manifest))
    return done.returncode, done.stdout + done.stderr


def bundle(plane):
    path = "{.webhooks[0].clientConfig.caBundle}"
    found = plane.kubectl("get", "validatingwebhookconfiguration", CONFIGURATION, "-o", f"jsonpath={path}")
    return base64.b64decode(found).decode()


def secret(plane):
    found = plane.kubectl("get", "secret", SECRET, "-n", NAMESPACE, "-o", "json")
    data = json.loads(found).get("data") or {}
    return {key: base64.b64decode(text).decode() for key, text in data.items()}


def certificate_of(operator, authorities):
    """What the webhook shows to a client that trusts these authorities, as PEM."""
    context = ssl.create_default_context(cadata=authorities)
    with socket.create_connection(("127.0.0.1", operator.webhook_port), timeout=5) as raw:
        with context.wrap_socket(raw, server_hostname="127.0.0.1") as encrypted:
            return ssl.DER_cert_to_PEM_cert(encrypted.getpeercert(binary_form=True))


def test_everything_that_is_wrong_is_said_at_once(plane):
    with admitting(plane) as operator:
        bad = deployment("bad", "TENSORFLOW_SERVRE", traffic=150)
        bad["spec"]["predictors"].append(dict(bad["spec"]["predictors"][0], replicas=-1))
        code, words = applied(plane, bad)
        assert code != 0
        assert "Invalid value" in words and "did you mean `TENSORFLOW_SERVER`" in words, words
        assert "spec.predictors[1].name" in words, "all errors, not the first"
        assert operator.metric('hari_operator_admissions_total{outcome="denied"}') >= 1
        assert plane.run("get", "sdep", "bad").returncode != 0


@pytest.mark.parametrize("version", ["v1", "v1alpha2", "v1alpha3"])
def test_every_version_is_judged(plane, version):
    with admitting(plane):
        assert applied(plane, deployment("good", version=version))[0] == 0
        code, words = applied(plane, deployment("bad", "NO_SUCH_SERVER", version=version))
        assert code != 0 and "NO_SUCH_SERVER" in words, words


def test_kubectl_prints_warnings(plane):
    with admitting(plane):
        manifest = deployment("warned")
        manifest["spec"]["annotations"] = {"seldon.io/rest-timout": "5000"}
        code, words = applied(plane, manifest)
        assert code == 0, words
        assert "Warning:" in words and "did you mean `seldon.io/rest-timeout`" in words, words


def test_an_object_that_was_invalid_can_be_labelled_and_deleted_but_not_changed(plane):
    assert applied(plane, deployment("stored", "NO_SUCH_SERVER"))[0] == 0, "no webhook yet"
    with admitting(plane) as operator:
        plane.kubectl("label", "sdep", "stored", "team=a")
        assert operator.metric('hari_operator_admissions_total{outcome="unchanged"}') >= 1
        changed = deployment("stored", "NO_SUCH_SERVER", replicas=2)
        assert applied(plane, changed)[0] != 0
        plane.kubectl("delete", "sdep", "stored", "--timeout=20s")


def test_replicas_share_one_authority_and_an_emptied_secret_is_filled_anew(plane):
    with admitting(plane) as first:
        port = free_port()
        with Operator(plane.kubeconfig, webhook_port=port) as second:
            second.ready()
            kept = secret(plane)
            assert certificate_of(first, kept["ca.crt"]) == certificate_of(second, kept["ca.crt"])
            assert bundle(plane) == kept["ca.crt"]
        emptied = json.dumps({"data": {"ca.crt": "", "tls.crt": "", "tls.key": ""}})
        plane.kubectl("patch", "secret", SECRET, "-n", NAMESPACE, "-p", emptied)
        until(lambda: secret(plane)["ca.crt"], "a new certificate", 60)
        anew = secret(plane)
        assert anew["ca.crt"] != kept["ca.crt"]
        until(lambda: bundle(plane) == anew["ca.crt"], "the API server trusts it", 60)
        until(lambda: applied(plane, deployment("after"))[0] == 0, "admitted", 30)


def test_a_bundle_that_was_taken_away_is_put_back(plane):
    with admitting(plane):
        taken = json.dumps([{"op": "remove", "path": "/webhooks/0/clientConfig/caBundle"}])
        plane.kubectl("patch", "validatingwebhookconfiguration", CONFIGURATION, "--type=json", "-p", taken)
        until(lambda: bundle(plane) == secret(plane)["ca.crt"], "put back", 60)


def test_a_broken_configuration_is_said_and_the_last_good_one_holds(plane):
    def configure(text):
        plane.apply(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": {"name": "seldon-config", "namespace": NAMESPACE},
                    "data": {"predictor_servers": text},
                }
            )
        )

    image = {"image": "acme/mine", "defaultImageVersion": "1"}
    configure(json.dumps({"MINE": {"protocols": {"seldon": image}}}))
    try:
        with admitting(plane) as operator:
            valid = lambda: operator.metric("hari_operator_configuration_valid")  # noqa: E731
            assert valid() == 1
            assert applied(plane, deployment("mine", "MINE"))[0] == 0
            configure("{oops")
            until(lambda: valid() == 0, "the fault is seen")
            assert applied(plane, deployment("still", "MINE"))[0] == 0
            events = lambda: plane.kubectl("get", "events", "-n", NAMESPACE)  # noqa: E731
            until(lambda: "InvalidConfiguration" in events(), "an event says it")
            configure(json.dumps({"OTHER": {"protocols": {"seldon": image}}}))
            until(lambda: valid() == 1, "mended")
            assert applied(plane, deployment("other", "OTHER"))[0] == 0
            assert applied(plane, deployment("gone", "MINE"))[0] != 0
    finally:
        plane.kubectl("delete", "configmap", "seldon-config", "-n", NAMESPACE)


def leads(operator):
    return operator.metric("hari_operator_leader") == 1


def holder(plane):
    return plane.kubectl("get", "lease", LEASE, "-n", NAMESPACE, "-o", "jsonpath={.spec.holderIdentity}")


def test_one_of_two_leads_and_the_other_follows_at_once(plane):
    names = [{"POD_NAME": name} for name in ("first", "second")]
    with Operator(plane.kubeconfig, "--enable-leader-election", env=names[0]) as first:
        until(lambda: leads(first), "the first leads", 30)
        with Operator(plane.kubeconfig, "--enable-leader-election", env=names[1]) as second:
            second.ready()
            assert holder(plane).startswith("first_")
            assert not leads(second)
            assert first.stop() == 0
            until(lambda: leads(second), "the second leads, long before the lease ends", 6)
            assert holder(plane).startswith("second_")


def test_one_that_vanishes_is_followed_when_its_lease_ends(plane):
    flags = [
        "--enable-leader-election",
        "--leader-election-lease-duration-secs=4",
        "--leader-election-renew-deadline-secs=3",
        "--leader-election-retry-period-secs=1",
    ]
    with Operator(plane.kubeconfig, *flags) as first:
        until(lambda: leads(first), "the first leads", 30)
        with Operator(plane.kubeconfig, *flags) as second:
            second.ready()
            assert first.stop(signal.SIGKILL) == -signal.SIGKILL
            until(lambda: leads(second), "the second leads", 15)


def test_one_whose_lease_was_taken_stops_reconciling(plane):
    with Operator(plane.kubeconfig, "--enable-leader-election") as operator:
        until(lambda: leads(operator), "it leads", 30)
        thief = json.dumps({"spec": {"holderIdentity": "thief", "renewTime": "2100-01-01T00:00:00.000000Z"}})
        plane.kubectl("patch", "lease", LEASE, "-n", NAMESPACE, "--type=merge", "-p", thief)
        until(lambda: not leads(operator), "it has stopped", 10)
        assert operator.process.poll() is None, "it waits for the lease"
    plane.kubectl("delete", "lease", LEASE, "-n", NAMESPACE)


def test_what_the_operator_makes_by_itself(plane):
    port = free_port()
    flags = ("--create-resources=true",)
    with Operator(plane.kubeconfig, *flags, webhook_port=port) as operator:
        operator.ready()
        names = plane.kubectl("get", "service,configmap", "-n", NAMESPACE, "-o", "name")
        assert "service/seldon-webhook-service" in names and "configmap/seldon-config" in names
        made = plane.kubectl("get", "validatingwebhookconfiguration", CONFIGURATION, "-o", "json")
        webhook = json.loads(made)["webhooks"][0]
        assert webhook["clientConfig"]["service"]["namespace"] == NAMESPACE
        until(lambda: bundle(plane) == secret(plane)["ca.crt"], "trusted", 30)
        version = "{.metadata.annotations.hari\\.dev/version}"
        crd = "seldondeployments.machinelearning.seldon.io"
        assert plane.kubectl("get", "crd", crd, "-o", f"jsonpath={version}")
    plane.kubectl("delete", "validatingwebhookconfiguration", CONFIGURATION)
    plane.kubectl("delete", "service/seldon-webhook-service", "configmap/seldon-config", "-n", NAMESPACE)
