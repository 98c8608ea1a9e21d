"""The Prometheus exposition, read by Prometheus' own parser: the names and labels users query."""

import grpc
import pytest
from prometheus_client.parser import text_string_to_metric_families

from harness import MANIFEST, MNIST, Server, http, predict_seven

SERVER = "seldon_api_executor_server_requests_seconds"
BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
LABELS = {"deployment_name", "predictor_name", "predictor_version", "service", "method", "code"}


def families(server):
    return {family.name: family for family in text_string_to_metric_families(server.scrape())}


def count(server, **labels):
    """How many requests with these labels the server histogram has counted."""
    samples = families(server)[SERVER].samples
    return sum(
        sample.value
        for sample in samples
        if sample.name == SERVER + "_count"
        and all(sample.labels.get(name) == value for name, value in labels.items())
    )


@pytest.fixture(scope="module")
def server():
    with Server(MANIFEST) as server:
        predict_seven(server)
        http(server.url("/api/v1.0/predictions"), {"data": {"ndarray": [[1.0]]}})
        http(server.url("/api/v1.0/feedback"), {"reward": 1.0})
        http(server.url("/api/v1.0/metadata/mnist-model"))
        http(server.url("/api/v1.0/status/mnist-model"))
        http(server.url("/v2/models/nosuch/infer"), {"inputs": []})
        with grpc.insecure_channel(server.grpc) as channel:
            ready = channel.unary_unary("/inference.GRPCInferenceService/ModelReady")
            ready(b"\x0a\x0bmnist-model")
        yield server


def test_both_paths_expose_the_same(server):
    for path in ("/metrics", "/prometheus"):
        reply = http(f"http://{server.metrics}{path}")
        assert reply.status == 200
        assert reply.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert SERVER in reply.body.decode()


def test_server_requests_have_the_labels_that_dashboards_query(server):
    mnist = {"deployment_name": "mnist", "predictor_name": "default"}
    assert count(server, service="predictions", method="post", code="200", **mnist) == 1
    assert count(server, service="predictions", method="post", code="400", **mnist) == 1
    assert count(server, service="predictions", method="post", code="404") == 1
    assert count(server, service="feedback", method="post", **mnist) == 1
    assert count(server, service="metadata", method="get", code="200", **mnist) == 1
    assert count(server, service="status", method="get", code="200", **mnist) == 1
    unary = "/inference.GRPCInferenceService/ModelReady"
    assert count(server, service=unary, method="unary", code="OK", **mnist) == 1


def test_the_histogram_has_the_buckets_of_the_contract(server):
    family = families(server)[SERVER]
    assert family.type == "histogram"
    one = {"service": "predictions", "code": "200"}
    buckets = [
        float(sample.labels["le"])
        for sample in family.samples
        if sample.name.endswith("_bucket") and one.items() <= sample.labels.items()
    ]
    assert buckets == [*BUCKETS, float("inf")]
    assert all(set(sample.labels) - {"le"} == LABELS for sample in family.samples)


def test_the_summary_has_the_quantiles_of_the_contract(server):
    family = families(server)[SERVER + "_summary"]
    assert family.type == "summary"
    found = {
        sample.labels["quantile"] for sample in family.samples if "quantile" in sample.labels
    }
    assert {float(text) for text in found} == {0.5, 0.75, 0.9, 0.98, 0.99, 1.0}


def test_the_models_own_metrics(server):
    found = families(server)
    node = {
        "deployment_name": "mnist",
        "predictor_name": "default",
        "model_name": "mnist-model",
    }
    [load] = found["hari_model_load_seconds"].samples
    assert load.labels == node and 0 < load.value < 30
    [memory] = found["hari_model_memory_bytes"].samples
    assert memory.labels == node and memory.value > 37_250 * 4
    runs = {sample.name: sample for sample in found["hari_model_inference_seconds"].samples}
    assert runs["hari_model_inference_seconds_count"].value >= 1
    assert runs["hari_model_inference_seconds_sum"].value > 0
    assert "hari_decode_seconds" in found
    assert "hari_model_batch_rows" in found
    assert "hari_model_queue_wait_seconds" in found


def test_the_process_own_metrics(server):
    found = families(server)
    [resident] = found["process_resident_memory_bytes"].samples
    assert abs(resident.value - server.resident()) < 32 << 20
    [descriptors] = found["process_open_fds"].samples
    assert descriptors.value > 5


def test_probes_options_and_scrapes_are_not_counted(server):
    before = count(server)
    for path in ("/live", "/ready"):
        assert http(server.url(path)).status == 200
        assert http(f"http://{server.metrics}{path}").status == 200
    http(server.url("/api/v1.0/predictions"), method="OPTIONS")
    server.scrape()
    assert count(server) == before
    predict_seven(server)
    assert count(server) == before + 1


def test_a_counter_goes_up_when_a_limit_refuses(own):
    server = own(MANIFEST, env={"HARI_MAX_BODY_BYTES": "100000"})
    body = b'{"data":{"ndarray":[[' + b"1," * 60_000 + b"1]]}}"
    reply = http(server.url("/api/v1.0/predictions"), body, {"Content-Type": "application/json"})
    assert reply.status == 413, reply.body
    samples = families(server)["hari_requests_rejected"].samples
    assert {sample.labels["reason"]: sample.value for sample in samples}["body"] == 1
    predict_seven(server)


CLIENT = "seldon_api_executor_client_requests_seconds"


def test_calls_to_nodes_have_the_labels_that_dashboards_query(server):
    family = families(server)[CLIENT]
    assert family.type == "histogram"
    calls = {
        (sample.labels["service"], sample.labels["code"]): sample
        for sample in family.samples
        if sample.name == CLIENT + "_count"
    }
    node = {
        "deployment_name": "mnist",
        "predictor_name": "default",
        "predictor_version": "default",
        "method": "post",
        "model_name": "mnist-model",
        "model_image": "tensorflow",
        "model_version": "",
    }
    for code in ("200", "400"):
        sample = calls["/predict", code]
        assert sample.value >= 1
        assert {**node, "service": "/predict", "code": code} == sample.labels
    buckets = {
        float(sample.labels["le"]) for sample in family.samples if sample.name.endswith("_bucket")
    }
    assert buckets == {*BUCKETS, float("inf")}
    assert families(server)[CLIENT + "_summary"].type == "summary"


def test_feedback_counts_without_a_reward_too(own):
    server = own(MANIFEST)
    for reward in (1.0, 0.0, 0.5):
        assert http(server.url("/api/v1.0/feedback"), {"reward": reward}).status == 200
    found = families(server)
    [count] = found["seldon_api_model_feedback"].samples
    [reward] = found["seldon_api_model_feedback_reward_total"].samples
    assert (count.value, reward.value) == (3, 1.5)
    assert count.labels == reward.labels
    assert count.labels["method"] == "feedback"
    assert count.labels["seldon_deployment_name"] == "mnist"


def test_the_readiness_of_a_predictor(server):
    [ready] = families(server)["hari_ready"].samples
    assert ready.labels == {"deployment_name": "mnist", "predictor_name": "default"}
    assert ready.value == 1


def test_a_unit_beside_an_engine_leaves_the_requests_to_it(own):
    """Both are scraped under the same deployment: each request counts once."""
    env = {
        "SELDON_DEPLOYMENT_ID": "digits",
        "PREDICTOR_ID": "canary",
        "PREDICTIVE_UNIT_METRICS_ENDPOINT": "/unit-metrics",
    }
    unit = own("--name", "seven", "--model-uri", MNIST / "model", command="serve", env=env)
    predict_seven(unit)
    assert http(unit.url("/api/v1.0/feedback"), {"reward": 1.0}).status == 200
    reply = http(f"http://{unit.metrics}/unit-metrics")
    assert reply.status == 200 and b"hari_model_memory_bytes" in reply.body
    found = families(unit)
    assert SERVER not in found and CLIENT not in found
    [count] = found["seldon_api_model_feedback"].samples
    labels = {"deployment_name": "digits", "predictor_name": "canary", "model_name": "seven"}
    assert labels.items() <= count.labels.items()
    [memory] = found["hari_model_memory_bytes"].samples
    assert memory.labels == labels


FAR = """
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: front}
spec:
  predictors:
    - name: default
      labels: {version: v7}
      componentSpecs:
        - spec: {containers: [{name: far, image: "registry:5000/team/far:0.3"}]}
      graph:
        name: far
        type: MODEL
        endpoint: {service_host: 127.0.0.1, httpPort: HTTP, grpcPort: RPC, type: TYPE}
"""


@pytest.mark.parametrize(
    ("kind", "service", "method", "codes"),
    [
        ("REST", "/predict", "post", ["200", "503"]),
        ("GRPC", "/seldon.protos.Model/Predict", "unary", ["OK", "Unavailable"]),
    ],
)
def test_calls_to_a_node_elsewhere_have_its_image_and_its_path(
    own, tmp_path, kind, service, method, codes
):
    far = Server(MANIFEST)
    manifest = tmp_path / "front.yaml"
    ports = [address.rsplit(":", 1)[1] for address in (far.http, far.grpc)]
    text = FAR.replace("HTTP", ports[0]).replace("RPC", ports[1]).replace("TYPE", kind)
    manifest.write_text(text)
    try:
        front = own(manifest)
        predict_seven(front)
    finally:
        far.stop()
    question = {"data": {"ndarray": [[1.0]]}}
    assert http(front.url("/api/v1.0/predictions"), question).status == 503
    found = [
        sample.labels
        for sample in families(front)[CLIENT].samples
        if sample.name == CLIENT + "_count"
    ]
    labels = {
        "deployment_name": "front",
        "predictor_name": "default",
        "predictor_version": "v7",
        "service": service,
        "method": method,
        "model_name": "far",
        "model_image": "registry:5000/team/far",
        "model_version": "0.3",
    }
    expected = [{**labels, "code": code} for code in codes]
    assert sorted(found, key=lambda one: one["code"]) == sorted(
        expected, key=lambda one: one["code"]
    )
    # It exposes what it says of itself; a second series under the same labels would count it twice.
    assert "seldon_api_model_feedback" not in families(front)
