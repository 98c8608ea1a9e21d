"""Writes the requests of this folder with Triton's own client, and the replies expected to them
without it; then checks that the client reads the replies.

    python -m venv venv && venv/bin/pip install 'tritonclient[http,grpc]==2.73.0' 'numpy==2.4.6'
    venv/bin/python make.py
"""

import json
import pathlib
import struct

import numpy as np
import tritonclient.grpc as grpc_client
import tritonclient.http as http_client
from tritonclient.grpc._utils import _get_inference_request

HERE = pathlib.Path(__file__).parent
X = np.array([[1.5, -2.0, 3.0], [0.0, 0.25, 1e10]], dtype=np.float32)
NAMES = np.array([b"seaside", b"\xff\x00"], dtype=np.object_)
FLAGS = np.array([True, False])


def inputs(client, **as_json):
    """The three inputs; `as_json` holds the option that makes `flags` travel in JSON."""
    x = client.InferInput("x", [2, 3], "FP32")
    x.set_data_from_numpy(X)
    names = client.InferInput("names", [2], "BYTES")
    names.set_data_from_numpy(NAMES)
    flags = client.InferInput("flags", [2], "BOOL")
    flags.set_data_from_numpy(FLAGS, **as_json)
    return [x, names, flags]


def write_http():
    outputs = [
        http_client.InferRequestedOutput("flags", binary_data=False),
        http_client.InferRequestedOutput("names", binary_data=True),
        http_client.InferRequestedOutput("x", binary_data=False, class_count=2),
    ]
    body, length = http_client.InferenceServerClient.generate_request_body(
        inputs(http_client, binary_data=False), outputs=outputs, request_id="7"
    )
    (HERE / "binary.request").write_bytes(body)
    (HERE / "binary.request.json_len").write_text(f"{length}\n")


def write_http_reply():
    names = b"".join(struct.pack("<I", len(n)) + n for n in NAMES)
    reply = {
        "model_name": "echo",
        "model_version": "1",
        "id": "7",
        "outputs": [
            {"name": "flags", "datatype": "BOOL", "shape": [2], "data": [True, False]},
            {
                "name": "names",
                "datatype": "BYTES",
                "shape": [2],
                "parameters": {"binary_data_size": len(names)},
            },
            {
                "name": "x",
                "datatype": "BYTES",
                "shape": [2, 2],
                "data": ["3.000000:2", "1.500000:0", "10000000000.000000:2", "0.250000:1"],
            },
        ],
    }
    text = json.dumps(reply, separators=(",", ":")).encode()
    (HERE / "binary.reply").write_bytes(text + names)
    (HERE / "binary.reply.json_len").write_text(f"{len(text)}\n")
    result = http_client.InferenceServerClient.parse_response_body(
        text + names, header_length=len(text)
    )
    assert list(result.as_numpy("names")) == list(NAMES)
    assert list(result.as_numpy("flags")) == list(FLAGS)
    assert result.as_numpy("x")[1][0] == "10000000000.000000:2"


def write_json():
    x = http_client.InferInput("x", [2, 2], "INT64")
    x.set_data_from_numpy(np.array([[1, -2], [2**53 + 1, 4]]), binary_data=False)
    names = http_client.InferInput("names", [1], "BYTES")
    names.set_data_from_numpy(np.array(["a \"b\" é"], dtype=np.object_), binary_data=False)
    body, length = http_client.InferenceServerClient.generate_request_body(
        [x, names], parameters={"content_type": "np"}
    )
    assert length is None or length == len(body)
    (HERE / "json.request").write_bytes(body)
    reply = {
        "model_name": "echo",
        "outputs": [
            {"name": "x", "datatype": "INT64", "shape": [2, 2], "data": [1, -2, 2**53 + 1, 4]},
            {"name": "names", "datatype": "BYTES", "shape": [1], "data": ["a \"b\" é"]},
        ],
    }
    text = json.dumps(reply, separators=(",", ":"), ensure_ascii=False).encode()
    # Without `outputs` the client asks for binary ones; the test takes that wish away.
    (HERE / "json.reply").write_bytes(text)
    result = http_client.InferenceServerClient.parse_response_body(text)
    assert result.as_numpy("x")[1][0] == 2**53 + 1


def write_grpc():
    request = _get_inference_request(
        model_name="echo",
        inputs=inputs(grpc_client),
        model_version="1",
        request_id="7",
        outputs=[grpc_client.InferRequestedOutput("x", class_count=1)],
        sequence_id=0,
        sequence_start=False,
        sequence_end=False,
        priority=0,
        timeout=None,
        parameters={"note": "hi", "half": 0.5},
    )
    (HERE / "grpc.request").write_bytes(request.SerializeToString(deterministic=True))


write_http()
write_http_reply()
write_json()
write_grpc()
