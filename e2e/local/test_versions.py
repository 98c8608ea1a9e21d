"""Several versions of one model: policy, labels, canary, and requests that warm it up."""

import json
import re
from collections import Counter

import numpy as np
import pytest

from harness import ROOT, Server, hari, http
from readme import answers

EXAMPLE = ROOT / "examples" / "two-versions"
REQUESTS = EXAMPLE / "requests"
ANSWERS = json.loads((REQUESTS / "expected.json").read_text())
INFER = json.loads((REQUESTS / "v2-infer.json").read_text())
PREDICT = json.loads((REQUESTS / "tensorflow-predict.json").read_text())


@pytest.fixture(scope="module")
def both():
    with Server(EXAMPLE / "seldondeployment.yaml") as server:
        yield server


def near(found, version):
    np.testing.assert_allclose(np.ravel(found), ANSWERS[version], rtol=1e-5)


def infer(server, path):
    reply = http(server.url(path), INFER)
    assert reply.status == 200, reply.body
    return reply.json()


@pytest.mark.parametrize(
    "path, version",
    [
        ("/v2/models/progression/infer", "2"),
        ("/v2/models/progression/versions/1/infer", "1"),
        ("/v2/models/progression/versions/2/infer", "2"),
    ],
)
def test_a_version_in_the_url_of_the_open_inference_protocol(both, path, version):
    reply = infer(both, path)
    assert reply["model_version"] == version
    near(reply["outputs"][0]["data"], version)


@pytest.mark.parametrize(
    "path, version",
    [
        ("/v1/models/progression:predict", "2"),
        ("/v1/models/progression/versions/1:predict", "1"),
        ("/v1/models/progression/labels/stable:predict", "1"),
        ("/v1/models/progression/labels/canary:predict", "2"),
    ],
)
def test_a_version_or_label_in_the_url_of_tensorflow_serving(both, path, version):
    reply = http(both.url(path), PREDICT)
    assert reply.status == 200, reply.body
    near(reply.json()["predictions"], version)


def test_a_version_that_is_not_there_is_not_found(both):
    for path in ("/versions/3:predict", "/labels/old:predict"):
        reply = http(both.url("/v1/models/progression" + path), PREDICT)
        assert reply.status == 404, reply.body
        assert "served" in reply.json()["error"]
    assert http(both.url("/v2/models/progression/versions/3/infer"), INFER).status == 404


def test_every_version_is_told(both):
    status = http(both.url("/v1/models/progression")).json()["model_version_status"]
    assert [(one["version"], one["state"]) for one in status] == [
        ("2", "AVAILABLE"),
        ("1", "AVAILABLE"),
    ]
    assert http(both.url("/v2/models/progression")).json()["versions"] == ["2", "1"]
    assert "2, 1" in both.stdout()


def test_versions_over_grpc(both):
    from tritonclient import grpc as triton

    client = triton.InferenceServerClient(both.grpc)
    tensor = triton.InferInput("X", [3, 10], "FP32")
    tensor.set_data_from_numpy(np.float32(PREDICT["instances"]))
    for version in ("1", "2"):
        reply = client.infer("progression", [tensor], model_version=version)
        near(reply.as_numpy("variable"), version)
    assert client.is_model_ready("progression", "1")
    assert not client.is_model_ready("progression", "3")


def test_a_canary_answers_its_share(own):
    server = own(EXAMPLE / "canary.yaml")
    found = Counter()
    for _ in range(300):
        reply = infer(server, "/v2/models/progression/infer")
        near(reply["outputs"][0]["data"], reply["model_version"])
        found[reply["model_version"]] += 1
    # Of 300 with a share of 0.2 fewer than 25 or more than 100 come once in ten million runs.
    assert 25 < found["2"] < 100, found


def test_the_commands_of_the_readme(both):
    replies = answers(EXAMPLE / "README.md", both, 3)
    for reply, version in zip(replies, ["2", "1", "1"]):
        near(reply.get("predictions") or reply["outputs"][0]["data"], version)


def copy_of_the_model(folder, warmup=None):
    """Both versions in a folder of its own, version 2 with another warm-up file if given."""
    for version in ("1", "2"):
        (folder / version).mkdir()
        model = (EXAMPLE / "model" / version / "model.onnx").read_bytes()
        (folder / version / "model.onnx").write_bytes(model)
    if warmup is not None:
        (folder / "2" / "warmup.jsonl").write_text(warmup)
    manifest = folder / "deployment.yaml"
    manifest.write_text(
        (EXAMPLE / "seldondeployment.yaml").read_text().replace("modelUri: model", "modelUri: .")
    )
    return manifest


@pytest.mark.parametrize(
    "line, words",
    [
        ('{"data": {"ndarray": [[1, 2]]}}', "warm-up request, warmup.jsonl line 1"),
        ("nonsense", "warmup.jsonl line 1: expected a request as JSON"),
    ],
)
def test_a_warm_up_that_fails_keeps_the_model_from_serving(tmp_path, line, words):
    manifest = copy_of_the_model(tmp_path, line)
    bind = ["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]
    done = hari("run", *bind, manifest, code=1)
    assert words in done.stderr, done.stderr


def prediction_log(rows):
    """A record of TensorFlow Serving's warm-up format."""
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.model_spec.name = "progression"
    log.predict_log.request.inputs["X"].CopyFrom(tf.make_tensor_proto(np.float32(rows)))
    return log.SerializeToString()


def test_tensorflow_servings_own_warm_up_records_are_run(own, tmp_path):
    import tensorflow as tf

    manifest = copy_of_the_model(tmp_path)
    extra = tmp_path / "2" / "assets.extra"
    extra.mkdir()
    path = str(extra / "tf_serving_warmup_requests")
    with tf.io.TFRecordWriter(path) as writer:
        writer.write(prediction_log(PREDICT["instances"]))
        writer.write(prediction_log(PREDICT["instances"]))
    server = own(manifest)
    ran = re.findall(r"hari_model_batch_rows_count\{[^}]*\} (\d+)", server.scrape())
    assert ran and sum(map(int, ran)) >= 2, server.scrape()
    near(infer(server, "/v2/models/progression/infer")["outputs"][0]["data"], "2")


def test_a_record_that_the_model_cannot_answer_is_named(tmp_path):
    import tensorflow as tf

    manifest = copy_of_the_model(tmp_path)
    extra = tmp_path / "2" / "assets.extra"
    extra.mkdir()
    with tf.io.TFRecordWriter(str(extra / "tf_serving_warmup_requests")) as writer:
        writer.write(prediction_log(PREDICT["instances"]))
        writer.write(prediction_log([[1.0, 2.0]]))
    bind = ["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]
    done = hari("run", *bind, manifest, code=1)
    assert "tf_serving_warmup_requests record 1" in done.stderr, done.stderr
    assert "progression" in done.stderr


def test_a_policy_that_makes_no_sense_is_an_issue(tmp_path):
    manifest = tmp_path / "deployment.yaml"
    text = (EXAMPLE / "seldondeployment.yaml").read_text()
    manifest.write_text(text.replace("value: all", "value: newest"))
    done = hari("validate", manifest, code=1)
    assert "version_policy" in done.stdout + done.stderr
    assert "latest:2" in done.stdout + done.stderr
