"""Every example: its requests, its images, and the commands of its README as they stand there."""

import json
import re
import shlex

import numpy as np
import pytest

from harness import (
    MNIST,
    REQUESTS,
    ROOT,
    close,
    expected,
    hari,
    http,
    pixels,
    probabilities,
)
from readme import answers, commands, here, shell

PATHS = {
    "seldon-ndarray.json": "/api/v1.0/predictions",
    "seldon-tensor.json": "/api/v1.0/predictions",
    "v2-infer.json": "/v2/models/mnist-model/infer",
    "tensorflow-predict.json": "/v1/models/mnist-model:predict",
}


def test_every_request_file_is_sent_by_a_test():
    files = {path.name for path in REQUESTS.glob("*.json")} - {"expected.json"}
    assert files == set(PATHS)


@pytest.mark.parametrize("name", sorted(PATHS))
def test_a_request_file(mnist, name):
    body = (REQUESTS / name).read_bytes()
    for prefix in ("", "/seldon/default/mnist"):
        reply = http(mnist.url(prefix + PATHS[name]), body, {"Content-Type": "application/json"})
        assert reply.status == 200, reply.body
        close(probabilities(reply.json()), expected(7))


@pytest.mark.parametrize("digit", range(10))
def test_a_digit_in_every_protocol(mnist, digit):
    image = pixels(digit)
    flat = image.ravel().tolist()
    bodies = {
        "/api/v1.0/predictions": {"data": {"ndarray": image.tolist()}},
        "/api/v0.1/predictions": {"data": {"tensor": {"shape": [1, 28, 28, 1], "values": flat}}},
        "/v2/models/mnist-model/infer": {
            "inputs": [
                {"name": "image", "shape": [1, 28, 28, 1], "datatype": "FP32", "data": flat}
            ]
        },
        "/v1/models/mnist-model:predict": {"instances": image.tolist()},
    }
    for path, body in bodies.items():
        reply = http(mnist.url(path), body)
        assert reply.status == 200, reply.body
        found = probabilities(reply.json())
        close(found, expected(digit))
        assert np.argmax(found) == digit


def test_the_curl_commands_of_the_readme(mnist):
    for reply in answers(MNIST / "README.md", mnist, 4):
        close(probabilities(reply), expected(7))


def test_the_predict_command_of_the_readme(mnist):
    [line] = [line for line in commands(MNIST / "README.md") if " predict " in line]
    words = shlex.split(here(line, mnist))[1:]
    done = hari(*words, "--url", mnist.url(), cwd=ROOT)
    assert re.search(r"\b7\b", done.stdout), done.stdout


def test_the_run_command_of_the_readme_names_this_deployment():
    [line] = [line for line in commands(MNIST / "README.md") if " run examples" in line]
    words = shlex.split(line)
    assert (ROOT / words[-1]).is_file()
    hari("validate", words[-1], cwd=ROOT)


def test_the_line_that_run_prints_works_when_pasted(own):
    server = own(MNIST / "seldondeployment.yaml")
    [line] = [text for text in server.stdout().splitlines() if text.strip().startswith("curl ")]
    reply = json.loads(shell(line))
    found = probabilities(reply)
    assert np.asarray(found).shape == (1, 10), reply
    assert abs(np.sum(found) - 1) < 1e-4
