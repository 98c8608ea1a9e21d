"""Nodes that others wrote: MLServer, the original's Python wrapper; and a model repository of ours."""

import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from harness import MNIST, ROOT, Server, environment, expected, http, pixels, until

sys.path.append(str(ROOT / "e2e" / "parity"))

from wrapper import Microservice, free_ports, listens  # noqa: E402

RUNTIMES = Path(__file__).resolve().parent / "peers" / "mlserver"
VERSIONS = ROOT / "examples" / "two-versions"
ROWS = np.float32(
    json.loads((VERSIONS / "requests" / "tensorflow-predict.json").read_text())["instances"]
)
ANSWERS = np.array(json.loads((VERSIONS / "requests" / "expected.json").read_text())["2"])
TRANSPORTS = ["rest", "grpc"]


class MLServer:
    """MLServer with the models of `peers/mlserver`, in one process."""

    def __init__(self, folder):
        interpreter = os.environ["HARI_E2E_MLSERVER"]
        self.http, self.grpc, metrics = free_ports(3)
        settings = {
            "MLSERVER_HOST": "127.0.0.1",
            "MLSERVER_HTTP_PORT": str(self.http),
            "MLSERVER_GRPC_PORT": str(self.grpc),
            "MLSERVER_METRICS_PORT": str(metrics),
            "MLSERVER_PARALLEL_WORKERS": "0",
            "PROMETHEUS_MULTIPROC_DIR": str(folder),
            "PYTHONPATH": str(RUNTIMES),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self._log = Path(folder) / "mlserver.log"
        line = "from mlserver.cli import main; main()"
        with open(self._log, "wb") as log:
            self.process = subprocess.Popen(
                [interpreter, "-c", line, "start", str(RUNTIMES)],
                cwd=folder,
                env=environment(settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def ready(self):
        assert self.process.poll() is None, self._log.read_text(errors="replace")
        if not (listens(self.http) and listens(self.grpc)):
            return False
        return http(f"http://127.0.0.1:{self.http}/v2/health/ready").status == 200

    def stop(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


@pytest.fixture(scope="module")
def mlserver(tmp_path_factory):
    running = MLServer(tmp_path_factory.mktemp("mlserver"))
    try:
        until(running.ready, "MLServer", 90)
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def shift(tmp_path_factory):
    """A transformer behind the original's wrapper: one more on the way down, 100 on the way up."""
    running = Microservice("shift", tmp_path_factory.mktemp("wrapper"))
    try:
        until(running.ready, "the wrapper", 60)
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """This binary with a repository of models as Triton has them."""
    folder = tmp_path_factory.mktemp("triton")
    root = folder / "repository"
    (root / "progression" / "1").mkdir(parents=True)
    shutil.copy(VERSIONS / "model" / "2" / "model.onnx", root / "progression" / "1")
    shutil.copytree(MNIST / "model" / "1", root / "digits" / "1" / "model.savedmodel")
    graph = {"name": "digits", "implementation": "TRITON_SERVER", "modelUri": str(root)}
    with Server(written(folder, deployment("triton", graph, protocol="v2"))) as server:
        yield server


def written(folder, *documents):
    path = folder / "deployments.yaml"
    path.write_text(yaml.safe_dump_all(documents))
    return path


def deployment(name, graph, annotations=None, protocol="seldon"):
    return {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": name},
        "spec": {
            "protocol": protocol,
            "annotations": annotations or {},
            "predictors": [{"name": "default", "graph": graph}],
        },
    }


def elsewhere(name, peer, kind="MODEL", **more):
    """A node that `peer` serves."""
    ports = [int(str(port).rsplit(":", 1)[-1]) for port in (peer.http, peer.grpc)]
    endpoint = {"service_host": "127.0.0.1", "httpPort": ports[0], "grpcPort": ports[1]}
    return {"name": name, "type": kind, "endpoint": endpoint, **more}


def spoken(**nodes):
    """The annotations for nodes that speak V2 over the transport given for them."""
    return {
        "hari.dev/node-protocol": ", ".join(f"{name}=v2" for name in nodes),
        "hari.dev/node-transport": ", ".join(f"{name}={over}" for name, over in nodes.items()),
    }


@pytest.fixture(scope="module")
def relay(mlserver, tmp_path_factory):
    """This binary before MLServer, as a node for another one."""
    echo = deployment("relay", elsewhere("echo", mlserver), spoken(echo="grpc"), protocol="v2")
    with Server(written(tmp_path_factory.mktemp("relay"), echo)) as server:
        yield server


@pytest.fixture(scope="module")
def front(mlserver, shift, repository, relay, tmp_path_factory):
    """Deployments whose nodes are elsewhere."""
    documents = []
    for over in TRANSPORTS:
        documents.append(deployment(f"relay-{over}", elsewhere("echo", relay), spoken(echo=over)))
        for name in ("echo", "scale"):
            graph = elsewhere(name, mlserver)
            documents.append(deployment(f"{name}-{over}", graph, spoken(**{name: over})))
        chain = elsewhere("digits", repository, children=[elsewhere("progression", repository)])
        both = spoken(digits=over, progression=over)
        documents.append(deployment(f"chain-{over}", chain, both))
    mixed = {
        **elsewhere("shift", shift, "TRANSFORMER"),
        "methods": ["TRANSFORM_INPUT", "TRANSFORM_OUTPUT"],
        "children": [
            {
                "name": "progression",
                "implementation": "ONNX_SERVER",
                "modelUri": str(VERSIONS / "model" / "2"),
                "children": [elsewhere("scale", mlserver)],
            }
        ],
    }
    documents.append(deployment("mixed", mixed, spoken(scale="grpc")))
    with Server(written(tmp_path_factory.mktemp("front"), *documents)) as server:
        yield server


def infer(server, deployment, model, inputs, **more):
    """The outputs of a request in V2, which must be answered."""
    path = f"/seldon/default/{deployment}/v2/models/{model}/infer"
    reply = http(server.url(path), {"inputs": inputs, **more})
    assert reply.status == 200, reply.body
    return reply.json()["outputs"]


def tensor(name, datatype, shape, data):
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


@pytest.mark.parametrize("over", TRANSPORTS)
def test_mlserver_answers_with_numbers(front, over):
    """Three times each number, in V2 and in Seldon's protocol, which has no names and types."""
    sent = tensor("rows", "FP32", [2, 1], [1.5, -2])
    [output] = infer(front, f"scale-{over}", "scale", [sent])
    assert (output["name"], output["shape"], output["data"]) == ("tripled", [2, 1], [4.5, -6])
    path = f"/seldon/default/scale-{over}/api/v1.0/predictions"
    reply = http(front.url(path), {"data": {"ndarray": [[1], [2.5]]}})
    assert reply.status == 200, reply.body
    assert reply.json()["data"]["ndarray"] == [[3], [7.5]]


@pytest.mark.parametrize("way", ["echo-rest", "echo-grpc", "relay-rest", "relay-grpc"])
def test_every_element_comes_back_from_mlserver(front, way):
    sent = [
        tensor("words", "BYTES", [2], ["é", "seaside"]),
        tensor("large", "INT64", [3], [2**53 + 1, -(2**63), 2**63 - 1]),
        tensor("flags", "BOOL", [2, 1], [True, False]),
        tensor("bytes", "UINT8", [2], [0, 255]),
        tensor("singles", "FP32", [1, 2], [0.1, 1e30]),
    ]
    found = {one["name"]: one for one in infer(front, way, "echo", sent)}
    for one in sent:
        back = found[one["name"]]
        assert (back["datatype"], back["shape"]) == (one["datatype"], one["shape"])
        if one["datatype"] == "FP32":
            np.testing.assert_array_equal(np.float32(back["data"]), np.float32(one["data"]))
        else:
            assert back["data"] == one["data"], one["name"]


@pytest.mark.parametrize("way", ["echo-grpc", "relay-rest", "relay-grpc"])
def test_half_precision_and_bytes_that_are_no_text_come_back(front, way):
    """As binary data, which MLServer has over gRPC alone, and this binary over REST too."""
    half = np.float16([1.5, -2, 65504]).tobytes()
    raw = b"".join(struct.pack("<I", len(one)) + one for one in (b"\xff\x00", b""))
    inputs = [
        {"name": "half", "datatype": "FP16", "shape": [3], "parameters": {"binary_data_size": 6}},
        {
            "name": "raw",
            "datatype": "BYTES",
            "shape": [2],
            "parameters": {"binary_data_size": len(raw)},
        },
    ]
    head = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
    reply = http(
        front.url(f"/seldon/default/{way}/v2/models/echo/infer"),
        head + half + raw,
        {"Inference-Header-Content-Length": str(len(head))},
    )
    assert reply.status == 200, reply.body
    length = int(reply.headers["Inference-Header-Content-Length"])
    assert reply.body[length:] == half + raw


def test_wrapper_model_and_mlserver_in_one_graph(front):
    """100 + 3 f(x + 1): the original's wrapper, a model in this process, MLServer over gRPC."""
    reply = http(
        front.url("/seldon/default/mixed/api/v1.0/predictions"),
        {"data": {"ndarray": (np.float64(ROWS) - 1).tolist()}},
    )
    assert reply.status == 200, reply.body
    found = np.array(reply.json()["data"]["ndarray"]).ravel()
    np.testing.assert_allclose(found, 100 + 3 * ANSWERS, rtol=1e-5)


@pytest.mark.parametrize("over", TRANSPORTS)
def test_two_nodes_of_a_repository_in_a_row(front, repository, over):
    """The second takes what the first gives, under another name."""
    image = pixels(3)
    sent = tensor("image", "FP32", list(image.shape), image.ravel().tolist())
    [found] = infer(front, f"chain-{over}", "digits", [sent])
    between = tensor("X", "FP32", [1, 10], expected(3).ravel().tolist())
    path = "/v2/models/progression/infer"
    alone = http(repository.url(path), {"inputs": [between]}).json()["outputs"][0]
    assert found["shape"] == alone["shape"] == [1, 1]
    np.testing.assert_allclose(found["data"], alone["data"], rtol=1e-5)


@pytest.mark.parametrize("over", TRANSPORTS)
def test_a_node_is_described_as_mlserver_describes_it(front, over):
    def described():
        reply = http(front.url(f"/seldon/default/scale-{over}/api/v1.0/metadata/scale"))
        return reply.status == 200 and reply.json()["inputs"] and reply.json()

    found = until(described, "the metadata of the node")
    assert found["platform"] == "arithmetic"
    assert found["inputs"] == [{"name": "rows", "datatype": "FP32", "shape": [-1, 1]}]
    assert found["outputs"] == [{"name": "tripled", "datatype": "FP32", "shape": [-1, 1]}]


@pytest.mark.parametrize("over", TRANSPORTS)
def test_what_mlserver_refuses_is_told_in_its_words(front, over):
    path = f"/seldon/default/echo-{over}/v2/models/echo/infer"
    sent = tensor("rows", "FP32", [1], [1])
    good = http(front.url(path), {"inputs": [sent]})
    assert good.status == 200, good.body
    path = f"/seldon/default/scale-{over}/v2/models/scale/infer"
    reply = http(front.url(path), {"inputs": [tensor("rows", "BYTES", [1], ["x"])]})
    assert reply.status >= 400
    assert "scale" in reply.body.decode()
    assert "127.0.0.1" not in reply.body.decode()


def test_nodes_that_are_asked_for_their_health_say_yes(mlserver, shift, tmp_path):
    """`/ready` is 200 once the wrapper and MLServer answered their own health checks with 200."""
    health = {"HARI_FULL_HEALTH_CHECKS": "true"}
    graph = elsewhere("shift", shift, "TRANSFORMER", children=[elsewhere("scale", mlserver)])
    manifest = written(tmp_path, deployment("asked", graph, spoken(scale="rest")))
    with Server(manifest, env=health) as server:
        assert server.ready()


def test_a_port_that_only_listens_is_not_healthy(own, tmp_path):
    """A connection is enough, unless health is asked for: here nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        endpoint = {"service_host": "127.0.0.1", "httpPort": port, "grpcPort": port}
        graph = {"name": "silent", "type": "MODEL", "endpoint": endpoint}
        manifest = written(tmp_path, deployment("silent", graph))
        own(manifest)
        asked = own(manifest, env={"HARI_FULL_HEALTH_CHECKS": "true"}, ready=False)
        assert not asked.ready()
