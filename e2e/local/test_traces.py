"""OpenTelemetry traces in OpenTelemetry's own collector: one trace from the caller to the last node."""

import contextlib

import grpc
import pytest

from harness import MANIFEST, Server, hari, http as ask, pixels, predict_seven
from otlp import Collector, attributes, only

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
W3C = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
B3 = {"b3": f"{TRACE}-{PARENT}-1"}
B3_MULTI = {"X-B3-TraceId": TRACE, "X-B3-SpanId": PARENT, "X-B3-Sampled": "1"}
JAEGER = {"uber-trace-id": f"{TRACE}:{PARENT}:0:1"}

QUESTION = {"data": {"ndarray": [[1.0]]}}
# `{"strData": "x"}` as a SeldonMessage.
TEXT = b"\x2a\x01x"

GRAPH = """
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: average}
spec:
  predictors:
    - name: default
      graph:
        name: mean
        implementation: AVERAGE_COMBINER
        children:
          - {name: left, implementation: SIMPLE_MODEL}
          - {name: right, implementation: SIMPLE_MODEL}
"""

ELSEWHERE = """
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: front}
spec:
  predictors:
    - name: default
      graph:
        name: far
        type: MODEL
        endpoint: {service_host: 127.0.0.1, httpPort: HTTP, grpcPort: GRPC, type: TYPE}
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    collector = Collector(tmp_path_factory.mktemp("collector"))
    yield collector
    collector.stop()


@pytest.fixture
def collector(shared):
    """The collector, with nothing of earlier tests."""
    with shared.lock:
        shared.batches.clear()
    return shared


@contextlib.contextmanager
def served(tmp_path, text, env):
    manifest = tmp_path / "deployment.yaml"
    manifest.write_text(text)
    with Server(manifest, env=env) as server:
        yield server


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_a_request_is_a_span_in_the_trace_of_its_caller(collector, protocol):
    env = {**collector.settings(protocol), "OTEL_SERVICE_NAME": "digits"}
    with Server(MANIFEST, env=env) as server:
        reply = ask(
            server.url("/api/v1.0/predictions"),
            {"data": {"ndarray": pixels(7).tolist()}},
            {**W3C, "Seldon-Puid": "traced-1"},
        )
        assert reply.status == 200
    # What is left is sent when the process stops.
    ours = collector.spans(TRACE)
    assert {span["service"] for span in ours} == {"digits"}
    root = only(ours, "predictions")
    assert root["parentSpanId"] == PARENT
    assert int(root["endTimeUnixNano"]) > int(root["startTimeUnixNano"])
    assert root["kind"] == 2, "a server"
    facts = attributes(root)
    assert facts["puid"] == "traced-1"
    assert facts["path"] == "/api/v1.0/predictions"
    node = only(ours, "mnist-model")
    assert node["parentSpanId"] == root["spanId"]


@pytest.mark.parametrize("caller", [W3C, B3, B3_MULTI, JAEGER], ids=["w3c", "b3", "multi", "jaeger"])
def test_every_form_of_a_callers_trace_is_continued(collector, tmp_path, caller):
    with served(tmp_path, GRAPH, collector.settings()) as server:
        assert ask(server.url("/api/v1.0/predictions"), QUESTION, caller).status == 200
    assert only(collector.spans(TRACE), "predictions")["parentSpanId"] == PARENT


def test_the_nodes_of_a_graph_are_spans_with_their_parents(collector, tmp_path):
    with served(tmp_path, GRAPH, collector.settings()) as server:
        assert ask(server.url("/api/v1.0/predictions"), QUESTION, W3C).status == 200
    spans = collector.spans(TRACE)
    by_id = {span["spanId"]: span for span in spans}

    def above(span):
        names = []
        while span["parentSpanId"] in by_id:
            span = by_id[span["parentSpanId"]]
            names.append(span["name"])
        return names

    left, right = only(spans, "left"), only(spans, "right")
    combined = only(spans, "mean")
    assert above(left)[-1] == above(right)[-1] == "predictions"
    assert left["parentSpanId"] != right["spanId"] and right["parentSpanId"] != left["spanId"]
    assert attributes(left)["method"] == "predict"
    assert attributes(combined)["method"] == "aggregate"
    assert int(combined["startTimeUnixNano"]) >= int(left["endTimeUnixNano"])
    assert {span["name"] for span in spans} >= {"predictions", "mean", "left", "right"}
    # What libraries trace of themselves is no part of it.
    assert len(spans) < 10, [span["name"] for span in spans]


def test_a_call_over_grpc_is_named_after_its_method(collector, tmp_path):
    with served(tmp_path, GRAPH, collector.settings()) as server:
        with grpc.insecure_channel(server.grpc) as channel:
            predict = channel.unary_unary("/seldon.protos.Seldon/Predict")
            predict(TEXT, metadata=list(W3C.items()))
    root = only(collector.spans(TRACE), "seldon.protos.Seldon/Predict")
    assert root["parentSpanId"] == PARENT


@contextlib.contextmanager
def two_hops(tmp_path, kind, front, back):
    """A graph whose only node is another process: `front` and `back` are their settings."""
    folder = tmp_path / "back"
    folder.mkdir()
    with served(folder, GRAPH, {**back, "OTEL_SERVICE_NAME": "back"}) as far:
        http_port, grpc_port = (address.rsplit(":", 1)[1] for address in (far.http, far.grpc))
        text = ELSEWHERE.replace("TYPE", kind).replace("GRPC", grpc_port, 1)
        text = text.replace("HTTP", http_port, 1)
        with served(tmp_path, text, {**front, "OTEL_SERVICE_NAME": "front"}) as near:
            yield near, far


@pytest.mark.parametrize("caller", [W3C, B3], ids=["w3c", "b3"])
@pytest.mark.parametrize("kind", ["REST", "GRPC"])
def test_a_trace_goes_on_to_a_node_elsewhere(collector, tmp_path, kind, caller):
    env = collector.settings()
    with two_hops(tmp_path, kind, env, env) as (near, _):
        reply = ask(near.url("/api/v1.0/predictions"), QUESTION, caller)
        assert reply.status == 200, reply.body
    spans = collector.spans(TRACE)
    front = [span for span in spans if span["service"] == "front"]
    back = [span for span in spans if span["service"] == "back"]
    call = only(front, "far")
    [arrived] = [span for span in back if span["kind"] == 2]
    assert only(front, "predictions")["parentSpanId"] == PARENT
    assert arrived["parentSpanId"] == call["spanId"]
    assert {span["name"] for span in back} >= {"mean", "left", "right"}


@pytest.mark.parametrize("caller", [W3C, B3, B3_MULTI], ids=["w3c", "b3", "multi"])
def test_a_hop_without_tracing_does_not_cut_a_trace(collector, tmp_path, caller):
    with two_hops(tmp_path, "REST", {}, collector.settings()) as (near, _):
        assert ask(near.url("/api/v1.0/predictions"), QUESTION, caller).status == 200
    spans = collector.spans(TRACE)
    assert {span["service"] for span in spans} == {"back"}
    [arrived] = [span for span in spans if span["kind"] == 2]
    assert arrived["parentSpanId"] == PARENT


def test_a_node_elsewhere_that_is_gone_is_a_failed_span(collector, tmp_path):
    env = collector.settings()
    with two_hops(tmp_path, "REST", env, {}) as (near, far):
        far.terminate()
        reply = ask(near.url("/api/v1.0/predictions"), QUESTION, W3C)
        assert reply.status == 503, reply.body
    spans = collector.spans(TRACE)
    for name in ("far", "predictions"):
        assert only(spans, name)["status"]["code"] == 2, name


def test_without_a_parent_a_trace_begins(collector, tmp_path):
    with served(tmp_path, GRAPH, collector.settings()) as server:
        assert ask(server.url("/api/v1.0/predictions"), QUESTION).status == 200
    roots = [span for span in collector.spans() if not span.get("parentSpanId")]
    [root] = [span for span in roots if span["name"] == "predictions"]
    assert root["service"] == "hari" and int(root["traceId"], 16)


def test_what_fails_is_marked(collector):
    with Server(MANIFEST, env=collector.settings()) as server:
        assert ask(server.url("/api/v1.0/predictions"), QUESTION, W3C).status == 400
    spans = collector.spans(TRACE)
    node = only(spans, "mnist-model")
    assert node["status"]["code"] == 2 and node["status"]["message"], node
    # The caller's own fault is none of the service's.
    assert only(spans, "predictions")["status"].get("code", 0) == 0


def traced(server, count, sampled):
    """Sends requests of `count` traces, whose callers decided `sampled` or nothing."""
    for number in range(1, count + 1):
        flag = {True: "01", False: "00"}.get(sampled)
        headers = {"traceparent": f"00-{number:032x}-{PARENT}-{flag}"} if flag else {}
        assert ask(server.url("/api/v1.0/predictions"), QUESTION, headers).status == 200


def test_a_caller_who_does_not_sample_is_not_traced(collector, tmp_path):
    with served(tmp_path, GRAPH, collector.settings()) as server:
        traced(server, 5, sampled=False)
    assert collector.spans() == []


def test_a_share_of_the_traces_is_kept(collector, tmp_path):
    share = {
        **collector.settings(),
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": "0.5",
    }
    with served(tmp_path, GRAPH, share) as server:
        traced(server, 200, sampled=None)
    kept = {span["traceId"] for span in collector.spans() if span["name"] == "predictions"}
    # 200 coins: beyond these bounds once in a hundred million runs.
    assert 60 < len(kept) < 140
    assert {span["traceId"] for span in collector.spans()} == kept


def test_a_sampler_that_is_not_there_is_refused(tmp_path):
    manifest = tmp_path / "deployment.yaml"
    manifest.write_text(GRAPH)
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_TRACES_SAMPLER": "xray"}
    done = hari("run", manifest, "--http", "127.0.0.1:0", code=1, env=env)
    assert "OTEL_TRACES_SAMPLER" in done.stderr and "`xray`" in done.stderr


def test_a_collector_that_is_away_costs_no_request():
    away = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    with Server(MANIFEST, env=away) as server:
        predict_seven(server)


def test_off_means_off(collector):
    with Server(MANIFEST, env={**collector.settings(), "OTEL_SDK_DISABLED": "true"}) as server:
        predict_seven(server)
    assert collector.spans() == []
