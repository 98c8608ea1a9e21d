"""Models on ONNX Runtime. Its library comes from its Python package, which says what is right."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from harness import hari
from harness import http as ask

LIBRARY = {"HARI_ONNXRUNTIME": str(Path(onnxruntime.__file__).parent / "capi")}

NAMES = {
    np.dtype("float32"): "FP32",
    np.dtype("float64"): "FP64",
    np.dtype("int64"): "INT64",
    np.dtype("bool"): "BOOL",
}

DEPLOYMENT = """\
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: net}
spec:
  predictors:
    - name: default
      graph:
        name: net
        implementation: ONNX_SERVER
        modelUri: net.onnx
        parameters: [PARAMETERS]
"""


def save(path, nodes, inputs, outputs, weights=()):
    """Writes a model; inputs and outputs are (name, type, shape)."""
    ports = [[helper.make_tensor_value_info(*port) for port in side] for side in (inputs, outputs)]
    weights = [numpy_helper.from_array(value, name) for name, value in weights]
    graph = helper.make_graph(nodes, "net", *ports, weights)
    sets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=sets, ir_version=8)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.fixture
def network(tmp_path):
    """A small network that any engine takes."""
    random = np.random.default_rng(7)
    weights = [
        ("w", random.standard_normal((4, 8)).astype(np.float32)),
        ("b", random.standard_normal(8).astype(np.float32)),
    ]
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["h"]),
        helper.make_node("Softmax", ["h"], ["y"]),
    ]
    x, y = ("x", TensorProto.FLOAT, ["n", 4]), ("y", TensorProto.FLOAT, ["n", 8])
    return save(tmp_path / "net.onnx", nodes, [x], [y], weights)


@pytest.fixture
def doubles(tmp_path):
    """A model that rten does not hold: doubles, whole numbers beyond 32 bits."""
    nodes = [
        helper.make_node("MatMul", ["x", "x"], ["square"]),
        helper.make_node("Sin", ["square"], ["y"]),
        helper.make_node("Add", ["n", "n"], ["m"]),
    ]
    inputs = [("x", TensorProto.DOUBLE, [3, 3]), ("n", TensorProto.INT64, ["k"])]
    outputs = [("y", TensorProto.DOUBLE, [3, 3]), ("m", TensorProto.INT64, ["k"])]
    return save(tmp_path / "doubles.onnx", nodes, inputs, outputs)


def reference(path, **inputs):
    """What ONNX Runtime itself answers."""
    session = onnxruntime.InferenceSession(str(path))
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


def infer(server, model="net", **inputs):
    """Outputs by name, asked for with the open inference protocol."""
    tensors = [
        {
            "name": name,
            "datatype": NAMES[value.dtype],
            "shape": list(value.shape),
            "data": value.ravel().tolist(),
        }
        for name, value in inputs.items()
    ]
    reply = ask(server.url(f"/v2/models/{model}/infer"), {"inputs": tensors})
    assert reply.status == 200, reply.body
    return {
        output["name"]: np.reshape(output["data"], output["shape"])
        for output in reply.json()["outputs"]
    }


def inspected(path, *flags, env=None, code=0):
    done = hari("inspect", path, "--json", *flags, env=env, code=code)
    return json.loads(done.stdout)


# inspect


def test_inspect_says_what_computes_a_model(network):
    assert inspected(network, env={"HARI_ONNXRUNTIME": "none"})["engine"] == "rten"
    asked = inspected(network, "--engine", "onnxruntime", env=LIBRARY)
    assert asked["servable"] and asked["engine"].startswith("onnxruntime")
    assert onnxruntime.__version__ in asked["engine"] and "cpu" in asked["engine"]
    by_setting = inspected(network, env={**LIBRARY, "HARI_ENGINE": "onnxruntime"})
    assert by_setting["engine"] == asked["engine"]
    text = hari("inspect", network, "--engine", "onnxruntime", env=LIBRARY).stdout
    assert f"onnxruntime {onnxruntime.__version__}" in text


def test_a_model_that_rten_does_not_hold_goes_to_the_library_if_there_is_one(doubles):
    assert inspected(doubles, env=LIBRARY)["engine"].startswith("onnxruntime")
    alone = inspected(doubles, env={"HARI_ONNXRUNTIME": "none"})
    assert alone["servable"] and "onnxruntime" not in alone["engine"]


def test_a_library_that_is_not_there_is_an_error_when_it_is_asked_for(network):
    done = hari(
        "inspect", network, "--engine", "onnxruntime", env={"HARI_ONNXRUNTIME": "none"}, code=3
    )
    assert "HARI_ONNXRUNTIME" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("/nowhere/libonnxruntime.so", "no such file"),
        (__file__, "not a shared library"),
        (str(Path(__file__).parent), "holds no ONNX Runtime library"),
    ],
)
def test_a_setting_that_names_no_library_is_an_error(network, value, word):
    env = {"HARI_ONNXRUNTIME": value}
    done = hari("inspect", network, "--engine", "onnxruntime", env=env, code=3)
    said = done.stdout + done.stderr
    assert "HARI_ONNXRUNTIME" in said and word in said


def test_an_unknown_engine_is_refused_with_those_there_are(network):
    done = hari("inspect", network, "--engine", "tract", code=2)
    assert "onnxruntime" in done.stderr
    done = hari("inspect", network, env={"HARI_ENGINE": "tract"}, code=1)
    assert "HARI_ENGINE" in done.stdout + done.stderr


# run


@pytest.mark.parametrize(
    "parameters",
    [
        "{name: engine, value: onnxruntime, type: STRING}",
        "{name: engine, value: onnxruntime, type: STRING}, {name: threads, value: '2', type: INT}, "
        "{name: device, value: cpu, type: STRING}",
    ],
)
def test_a_unit_names_its_engine(own, network, parameters):
    deployment = network.parent / "deployment.yaml"
    deployment.write_text(DEPLOYMENT.replace("PARAMETERS", parameters))
    server = own(deployment, env=LIBRARY)
    x = np.linspace(-1, 1, 20, dtype=np.float32).reshape(5, 4)
    np.testing.assert_allclose(infer(server, x=x)["y"], reference(network, x=x)["y"], atol=1e-6)


def test_a_setting_names_the_engine_of_all(own, network):
    server = own(network, env={**LIBRARY, "HARI_ENGINE": "onnxruntime"})
    x = np.ones((1, 4), dtype=np.float32)
    np.testing.assert_allclose(infer(server, x=x)["y"], reference(network, x=x)["y"], atol=1e-6)


def test_validate_knows_the_engines(network):
    deployment = network.parent / "deployment.yaml"
    wrong = "{name: engine, value: tract, type: STRING}"
    deployment.write_text(DEPLOYMENT.replace("PARAMETERS", wrong))
    done = hari("validate", deployment, code=1)
    assert "onnxruntime" in done.stdout + done.stderr


def test_doubles_and_large_numbers_are_exact(own, doubles):
    x = np.arange(9, dtype=np.float64).reshape(3, 3) / 7
    n = np.array([1 << 40, -(1 << 61), 3])
    right = reference(doubles, x=x, n=n)
    for env in (LIBRARY, {"HARI_ONNXRUNTIME": "none"}):
        server = own(doubles, env=env)
        made = infer(server, "doubles", x=x, n=n)
        assert made["m"].tolist() == right["m"].tolist()
        np.testing.assert_allclose(made["y"], right["y"], rtol=0, atol=1e-14)


def test_many_at_once_get_each_their_own(own, network):
    server = own(network, env={**LIBRARY, "HARI_ENGINE": "onnxruntime"})
    given = [np.full((1 + at % 3, 4), at / 50, dtype=np.float32) for at in range(100)]
    right = [reference(network, x=x)["y"] for x in given]
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda x: infer(server, x=x)["y"], given))
    for found, wanted in zip(made, right, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_a_mistake_is_the_callers_and_the_server_lives_on(own, tmp_path):
    nodes = [helper.make_node("Add", ["a", "b"], ["y"])]
    inputs = [("a", TensorProto.FLOAT, ["n"]), ("b", TensorProto.FLOAT, ["m"])]
    path = save(tmp_path / "net.onnx", nodes, inputs, [("y", TensorProto.FLOAT, ["k"])])
    server = own(path, env={**LIBRARY, "HARI_ENGINE": "onnxruntime"})
    two = {"name": "a", "datatype": "FP32", "shape": [2], "data": [1, 2]}
    three = {"name": "b", "datatype": "FP32", "shape": [3], "data": [1, 2, 3]}
    reply = ask(server.url("/v2/models/net/infer"), {"inputs": [two, three]})
    assert reply.status in (400, 500), reply.body
    assert b".cc" not in reply.body and b"/onnxruntime" not in reply.body
    good = infer(server, a=np.ones(2, np.float32), b=np.ones(2, np.float32))
    assert good["y"].tolist() == [2, 2]
