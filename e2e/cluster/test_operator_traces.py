"""Traces of the operator in OpenTelemetry's own collector: a span for each reconcile, with the writes below
it, and one for each request of the webhook. A real API server; where pods have to be ready, the test says so."""

from collections import Counter

import pytest
from operator_process import Operator
from test_admission import admitting, applied
from test_reconcile import Space, deployment

from harness import until
from otlp import Collector, attributes

CLIENT, SERVER, ERROR = 3, 2, 2
BLIND = "NO_SUCH_SERVER"


@pytest.fixture
def space(plane, request):
    name = request.node.name.replace("_", "-")[:60].strip("-")
    plane.namespace(name)
    yield Space(plane, name)
    plane.kubectl("delete", "sdep", "--all", "-n", name, "--timeout=60s")


@pytest.fixture
def collector(tmp_path):
    collector = Collector(tmp_path)
    yield collector
    collector.stop()


def unfit(name):
    """A deployment that cannot be served as it is written."""
    document = deployment(name)
    document["spec"]["predictors"][0]["graph"]["implementation"] = BLIND
    return document


def named(collector, name, **facts):
    """Spans of a name with these attributes, as they began."""
    found = [span for span in collector.spans() if span["name"] == name]
    found = [span for span in found if facts.items() <= attributes(span).items()]
    return sorted(found, key=lambda span: int(span["startTimeUnixNano"]))


def reconciles(collector, space, name):
    return named(collector, "reconcile", namespace=space.name, deployment=name)


def below(collector, parent):
    """Spans of the writes of a reconcile."""
    spans = collector.spans(parent["traceId"])
    return [span for span in spans if span.get("parentSpanId") == parent["spanId"]]


def failed(span):
    return span["status"].get("code", 0) == ERROR


def test_a_reconcile_is_a_trace_with_its_writes(plane, api, space, collector):
    scope = f"--namespace={space.name}"
    env = {**collector.settings(), "OTEL_SERVICE_NAME": "seldon-operator"}
    with Operator(plane.kubeconfig, scope, env=env) as operator:
        operator.ready()
        space.apply(deployment("first"))
        space.become(api, "first")
        until(lambda: reconciles(collector, space, "first"), "spans leave while it runs", 30)
    # What is left is sent when the process stops.
    assert {span["service"] for span in collector.spans()} == {"seldon-operator"}
    made, *later = reconciles(collector, space, "first")
    assert not made.get("parentSpanId"), "what libraries trace of themselves is no part of it"
    assert attributes(made)["generation"] == "1" and attributes(made)["outcome"] == "ok"
    writes = Counter((span["name"], attributes(span)["object"]) for span in below(collector, made))
    assert writes == {
        ("apply Deployment", "first-main-0-model"): 1,
        ("apply Service", "first-main"): 1,
        ("apply Service", "first-main-model"): 1,
        ("patch SeldonDeployment", "first"): 1,
    }
    for span in below(collector, made):
        assert span["kind"] == CLIENT and not failed(span), span
        assert int(made["startTimeUnixNano"]) <= int(span["startTimeUnixNano"])
        assert int(span["endTimeUnixNano"]) <= int(made["endTimeUnixNano"])
    told = [span["name"] for one in later for span in below(collector, one)]
    assert set(told) == {"patch SeldonDeployment"}, "nothing but the status changed afterwards"
    traces = {one["traceId"] for one in (made, *later)}
    assert len(traces) == 1 + len(later), "each reconcile is a trace of its own"


def test_a_deployment_that_is_invalid_is_a_failed_reconcile(plane, api, space, collector):
    with Operator(plane.kubeconfig, f"--namespace={space.name}", env=collector.settings()) as operator:
        operator.ready()
        space.apply(unfit("unfit"))
        space.apply(deployment("good"))
        space.become(api, "good")
        until(lambda: space.state("unfit") == "Failed", "it is told", 30)
    spans = reconciles(collector, space, "unfit")
    assert spans and all(failed(span) and BLIND in span["status"]["message"] for span in spans), spans
    assert attributes(spans[0])["outcome"] == "invalid"
    (told,) = below(collector, spans[0])
    assert told["name"] == "patch SeldonDeployment" and not failed(told), "the status was written well"
    assert not [span for span in reconciles(collector, space, "good") if failed(span)]
    assert {span["service"] for span in spans} == {"hari"}


def test_a_write_that_the_api_server_refuses_is_marked_and_its_reconcile_too(plane, api, space, collector):
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"}}
    space.apply({**quota, "spec": {"hard": {"services": "0"}}})
    enforced = lambda: space.all("resourcequota")["few"].get("status", {}).get("hard")  # noqa: E731
    until(enforced, "the quota holds", 30)
    with Operator(plane.kubeconfig, f"--namespace={space.name}", env=collector.settings()) as operator:
        operator.ready()
        space.apply(deployment("refused"))
        until(lambda: space.state("refused") == "Failed", "it is told", 30)
        plane.kubectl("delete", "resourcequota", "few", "-n", space.name)
        space.become(api, "refused")
    first, *later = reconciles(collector, space, "refused")
    (write,) = [span for span in below(collector, first) if failed(span)]
    assert write["name"] == "apply Service"
    assert "exceeded quota" in write["status"]["message"], write
    assert failed(first) and attributes(first)["outcome"] == "failed"
    assert write["status"]["message"] in first["status"]["message"]
    well = [span for span in later if attributes(span).get("outcome") == "ok"]
    assert well and not any(failed(span) for span in well)


def test_a_request_of_the_webhook_is_a_span(plane, space, collector):
    if not plane.is_own:
        pytest.skip("the API server of another machine cannot ask a webhook on this one")
    with admitting(plane, f"--namespace={space.name}", env=collector.settings()):
        for document, taken in ((deployment("good"), True), (unfit("bad"), False)):
            document["metadata"]["namespace"] = space.name
            assert (applied(plane, document)[0] == 0) == taken
    for name, outcome in (("good", "allowed"), ("bad", "denied")):
        spans = named(collector, "admission", namespace=space.name, deployment=name)
        assert spans and {attributes(span)["outcome"] for span in spans} == {outcome}
        # What the caller did wrong is none of the operator's faults.
        assert all(span["kind"] == SERVER and not failed(span) for span in spans)
    assert not reconciles(collector, space, "bad"), "what is refused is not there to be made"


def test_a_collector_that_is_away_holds_nothing_up(plane, api, space):
    away = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    with Operator(plane.kubeconfig, f"--namespace={space.name}", env=away) as operator:
        operator.ready()
        space.apply(deployment("alone"))
        space.become(api, "alone")
        assert operator.stop() == 0
