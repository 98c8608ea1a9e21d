"""`examples/resnet-onnx`: its pictures, its requests and the commands of its README."""

import json
import shlex

import numpy as np
import pytest
from PIL import Image
from tritonclient import grpc as triton_grpc
from tritonclient import http as triton_http

from harness import ROOT, Server, close, hari, http, probabilities
from readme import answers, commands, here

EXAMPLE = ROOT / "examples" / "resnet-onnx"
REQUESTS = EXAMPLE / "requests"
# A library of ONNX Runtime that the machine may have is left alone.
BUILT_IN = {"HARI_ONNXRUNTIME": "none"}
ANSWERS = json.loads((REQUESTS / "expected.json").read_text())
SHAPES = sorted(ANSWERS)
README = EXAMPLE / "README.md"
# The JSON requests hold four decimals of each pixel.
ROUNDED = 1e-4
PATHS = {
    "seldon-ndarray.json": "/api/v1.0/predictions",
    "v2-infer.json": "/v2/models/resnet/infer",
    "tensorflow-predict.json": "/v1/models/resnet:predict",
}


@pytest.fixture(scope="module")
def server():
    with Server(EXAMPLE / "seldondeployment.yaml", env=BUILT_IN) as server:
        yield server


def planes(shape):
    """A picture as the network takes it: float32 `[1, 3, 64, 64]`, 0 to 1."""
    image = np.asarray(Image.open(EXAMPLE / "images" / f"{shape}.png").convert("RGB"))
    return np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32) / np.float32(255)


def wanted(*shapes):
    return np.array([ANSWERS[shape] for shape in shapes])


def test_every_request_file_is_sent_by_a_test():
    files = {path.name for path in REQUESTS.iterdir()} - {"expected.json", "v2-infer.bin"}
    assert files == set(PATHS)


@pytest.mark.parametrize("name", sorted(PATHS))
def test_a_request_file(server, name):
    body = (REQUESTS / name).read_bytes()
    for prefix in ("", "/seldon/default/shapes"):
        reply = http(server.url(prefix + PATHS[name]), body, {"Content-Type": "application/json"})
        assert reply.status == 200, reply.body
        close(probabilities(reply.json()), wanted("star"), ROUNDED)


def test_the_binary_request_file(server):
    headers = {
        "Content-Type": "application/octet-stream",
        "Inference-Header-Content-Length": "256",
    }
    body = (REQUESTS / "v2-infer.bin").read_bytes()
    reply = http(server.url(PATHS["v2-infer.json"]), body, headers)
    assert reply.status == 200, reply.body
    close(probabilities(reply.json()), wanted("star"))


@pytest.mark.parametrize("client", [triton_http, triton_grpc], ids=["rest", "grpc"])
def test_all_pictures_in_one_batch(server, client):
    images = np.concatenate([planes(shape) for shape in SHAPES])
    given = client.InferInput("image", list(images.shape), "FP32")
    given.set_data_from_numpy(images)
    address = server.http if client is triton_http else server.grpc
    with client.InferenceServerClient(address) as connection:
        found = connection.infer("resnet", [given]).as_numpy("probabilities")
    close(found, wanted(*SHAPES))
    assert [SHAPES[row.argmax()] for row in found] == SHAPES


def test_the_curl_commands_of_the_readme(server):
    for reply in answers(README, server, 4):
        close(probabilities(reply), wanted("star"), ROUNDED)


def test_the_predict_command_of_the_readme(server):
    [line] = [line for line in commands(README) if " predict " in line]
    words = shlex.split(here(line, server))[1:]
    done = hari(*words, "--url", server.url(), "--json-output", cwd=ROOT)
    close(probabilities(json.loads(done.stdout)), wanted("star"))


def test_the_other_commands_of_the_readme_name_what_is_there():
    [line] = [line for line in commands(README) if " run examples" in line]
    hari("validate", shlex.split(line)[-1], cwd=ROOT)
    [line] = [line for line in commands(README) if " inspect examples" in line]
    done = hari("inspect", shlex.split(line)[-1], cwd=ROOT)
    assert "[-1, 3, 64, 64]" in done.stdout and "ONNX_SERVER" in done.stdout


def test_a_picture_of_another_size_is_refused_by_shape(server):
    given = {"name": "image", "datatype": "FP32", "shape": [1, 3, 8, 8], "data": [0.5] * 192}
    reply = http(server.url(PATHS["v2-infer.json"]), {"inputs": [given]})
    assert reply.status == 400, reply.body
    said = reply.json()["error"]
    assert "image" in said and "64" in said and "8" in said, said
