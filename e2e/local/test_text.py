"""`examples/text-keras`: words in, topics out, in every protocol; the commands of its README."""

import json
import shlex
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc
from tritonclient import grpc as triton_grpc
from tritonclient import http as triton_http

from harness import ROOT, Server, close, hari, http, probabilities
from readme import answers, commands

EXAMPLE = ROOT / "examples" / "text-keras"
REQUESTS = EXAMPLE / "requests"
# A library of ONNX Runtime that the machine may have is left alone.
BUILT_IN = {"HARI_ONNXRUNTIME": "none"}
EXPECTED = json.loads((REQUESTS / "expected.json").read_text())
ANSWERS = np.array(EXPECTED["probabilities"])
TEXTS = json.loads((REQUESTS / "tensorflow-predict.json").read_text())["instances"]
README = EXAMPLE / "README.md"
PATHS = {
    "seldon-ndarray.json": "/api/v1.0/predictions",
    "v2-infer.json": "/v2/models/topics/infer",
    "tensorflow-predict.json": "/v1/models/topics:predict",
}


@pytest.fixture(scope="module")
def server():
    with Server(EXAMPLE / "seldondeployment.yaml", env=BUILT_IN) as server:
        yield server


def test_every_request_file_is_sent_by_a_test():
    files = {path.name for path in REQUESTS.iterdir()} - {"expected.json"}
    assert files == set(PATHS)


@pytest.mark.parametrize("name", sorted(PATHS))
def test_a_request_file(server, name):
    body = (REQUESTS / name).read_bytes()
    for prefix in ("", "/seldon/default/messages"):
        reply = http(server.url(prefix + PATHS[name]), body, {"Content-Type": "application/json"})
        assert reply.status == 200, reply.body
        close(probabilities(reply.json()), ANSWERS)


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_byte_strings_over_rest(server, binary):
    given = triton_http.InferInput("text", [len(TEXTS)], "BYTES")
    given.set_data_from_numpy(np.array(TEXTS, dtype=np.object_), binary_data=binary)
    with triton_http.InferenceServerClient(server.http) as client:
        close(client.infer("topics", [given]).as_numpy("output_0"), ANSWERS)


def test_byte_strings_over_grpc(server):
    given = triton_grpc.InferInput("text", [len(TEXTS)], "BYTES")
    given.set_data_from_numpy(np.array(TEXTS, dtype=np.object_))
    with triton_grpc.InferenceServerClient(server.grpc) as client:
        close(client.infer("topics", [given]).as_numpy("output_0"), ANSWERS)


def test_tensorflow_servings_client(server):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "topics"
    request.inputs["text"].CopyFrom(tf.make_tensor_proto(TEXTS, dtype=tf.string))
    with grpc.insecure_channel(server.grpc) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        reply = stub.Predict(request, timeout=20)
    close(tf.make_ndarray(reply.outputs["output_0"]), ANSWERS)


def test_a_text_alone_is_answered_as_among_others(server):
    def ask(at):
        at %= len(TEXTS)
        reply = http(server.url("/v1/models/topics:predict"), {"instances": [TEXTS[at]]})
        assert reply.status == 200, reply.body
        close(reply.json()["predictions"], ANSWERS[at : at + 1])

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(ask, range(40)))


@pytest.mark.parametrize("text", ["", "   ", "!?", "ÄÖÜ 漢字 \u0000 🎈", "word " * 5000])
def test_a_text_of_any_kind_has_topics(server, text):
    reply = http(server.url("/api/v1.0/predictions"), {"data": {"ndarray": [text]}})
    assert reply.status == 200, reply.body
    [row] = reply.json()["data"]["ndarray"]
    assert len(row) == len(EXPECTED["topics"]) and abs(sum(row) - 1) < 1e-4


def test_a_number_is_refused_by_name(server):
    given = {"name": "text", "datatype": "FP32", "shape": [1], "data": [1.5]}
    reply = http(server.url("/v2/models/topics/infer"), {"inputs": [given]})
    assert reply.status == 400, reply.body
    said = reply.json()["error"]
    assert "text" in said and "BYTES" in said and "FP32" in said, said


def test_the_curl_commands_of_the_readme(server):
    for reply in answers(README, server, 4):
        found = probabilities(reply)
        close(found, ANSWERS[: len(found)])


def test_the_other_commands_of_the_readme_name_what_is_there():
    [line] = [line for line in commands(README) if " run examples" in line]
    hari("validate", shlex.split(line)[-1], cwd=ROOT)
    [line] = [line for line in commands(README) if " inspect examples" in line]
    done = hari("inspect", shlex.split(line)[-1], cwd=ROOT)
    assert "BYTES" in done.stdout and "StringSplitV2" in done.stdout
