"""ONNX models as other programs export them, in every protocol, over REST and gRPC.

The models are those that the crate `hari-onnx` is tested with: scikit-learn, LightGBM and XGBoost
with texts as labels, maps and doubles; loops, sequences, float16, quantised networks. ONNX Runtime
said what is right.
"""

import json
from pathlib import Path

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc
from tritonclient import grpc as triton_grpc
from tritonclient import http as triton_http

from cases import FIXTURES, case, names
from harness import Server, hari, http

MODELS = Path(__file__).parent / "models"
NAMES = names()
# One step of the scale of a quantised network is allowed, where a half is rounded the other way.
STEPS = {"quantised_dynamic": 0.05, "quantised_operators": 0.05, "quantised_qdq": 0.05}

# A library of ONNX Runtime that the machine may have is left alone.
BUILT_IN = {"HARI_ONNXRUNTIME": "none"}

DATATYPES = {
    "float16": "FP16",
    "float32": "FP32",
    "float64": "FP64",
    "int64": "INT64",
    "uint16": "UINT16",
    "object": "BYTES",
}

DEPLOYMENT = """\
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {{name: {name}}}
spec:
  predictors:
    - name: default
      graph: {{name: {name}, implementation: ONNX_SERVER, modelUri: {uri}}}
"""


def served(name):
    """The name of a fixture as names are in a deployment."""
    return name.replace("_", "-")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """All models in one process: a deployment for each."""
    manifest = tmp_path_factory.mktemp("onnx") / "models.yaml"
    texts = [
        DEPLOYMENT.format(name=served(name), uri=FIXTURES / name / "model.onnx") for name in NAMES
    ]
    manifest.write_text("---\n".join(texts))
    with Server(manifest, env=BUILT_IN) as server:
        yield server


def plain(array):
    """An array as JSON has it; texts are texts."""
    if array.dtype == np.object_:
        array = np.vectorize(lambda text: text.decode(), otypes=[np.object_])(array)
    return array.tolist()


def same(name, found, wanted):
    """Texts and whole numbers are equal, the others near."""
    assert set(found) == set(wanted), (name, sorted(found), sorted(wanted))
    for port, right in wanted.items():
        made = np.asarray(found[port])
        assert made.shape == right.shape, (name, port, made.shape, right.shape)
        if right.dtype == np.object_:
            texts = [text if isinstance(text, bytes) else text.encode() for text in made.ravel()]
            assert texts == right.ravel().tolist(), (name, port)
        elif right.dtype.kind in "iub":
            assert made.tolist() == right.tolist(), (name, port)
        else:
            near = {"float64": 1e-12, "float16": 1e-3}.get(right.dtype.name, 1e-5)
            made, right = made.astype(np.float64), right.astype(np.float64)
            np.testing.assert_allclose(made, right, near, STEPS.get(name, near), err_msg=port)


def test_there_are_models_of_every_kind():
    kinds = {array.dtype.name for name in NAMES for side in case(name) for array in side.values()}
    assert set(DATATYPES) <= kinds
    assert len(NAMES) >= 30


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("client", ["rest", "grpc"])
def test_open_inference(server, client, name):
    inputs, answers = case(name)
    module, address = (
        (triton_http, server.http) if client == "rest" else (triton_grpc, server.grpc)
    )
    given = []
    for port, values in inputs.items():
        kind = DATATYPES[values.dtype.name]
        tensor = module.InferInput(port, list(values.shape), kind)
        given.append(tensor.set_data_from_numpy(values))
    headers = {"seldon": served(name), "namespace": "default"}
    if client == "rest":
        address += f"/seldon/default/{served(name)}"
        headers = None
    with module.InferenceServerClient(address) as connection:
        reply = connection.infer(served(name), given, headers=headers)
        metadata = connection.get_model_metadata(served(name), headers=headers)
    same(name, {port: reply.as_numpy(port) for port in answers}, answers)
    if client == "rest":
        said = {one["name"]: one["datatype"] for one in metadata["outputs"]}
    else:
        said = {one.name: one.datatype for one in metadata.outputs}
    assert said == {port: DATATYPES[array.dtype.name] for port, array in answers.items()}


def in_json(server, name):
    """A request of the open inference protocol without binary tensors."""
    tensors = [
        {
            "name": port,
            "datatype": DATATYPES[values.dtype.name],
            "shape": list(values.shape),
            "data": plain(values.ravel()),
        }
        for port, values in case(name)[0].items()
    ]
    path = f"/seldon/default/{served(name)}/v2/models/{served(name)}/infer"
    return http(server.url(path), {"inputs": tensors})


@pytest.mark.parametrize("name", [name for name in NAMES if name != "half"])
def test_open_inference_in_json(server, name):
    reply = in_json(server, name)
    assert reply.status == 200, reply.body
    outputs = reply.json()["outputs"]
    found = {one["name"]: np.reshape(one["data"], one["shape"]) for one in outputs}
    same(name, found, case(name)[1])


def test_halves_have_no_form_in_json(server):
    reply = in_json(server, "half")
    assert reply.status == 400 and "binary" in reply.json()["error"], reply.body


@pytest.mark.parametrize("name", NAMES)
def test_tensorflow_serving_over_rest(server, name):
    inputs, answers = case(name)
    path = f"/seldon/default/{served(name)}/v1/models/{served(name)}:predict"
    body = {"inputs": {port: plain(values) for port, values in inputs.items()}}
    reply = http(server.url(path), body)
    assert reply.status == 200, reply.body
    outputs = reply.json()["outputs"]
    if len(answers) == 1:
        [port] = answers
        outputs = {port: outputs}
    same(name, outputs, answers)


@pytest.mark.parametrize("name", NAMES)
def test_tensorflow_serving_over_grpc(server, name):
    inputs, answers = case(name)
    request = predict_pb2.PredictRequest()
    request.model_spec.name = served(name)
    for port, values in inputs.items():
        request.inputs[port].CopyFrom(tf.make_tensor_proto(values))
    metadata = [("seldon", served(name)), ("namespace", "default")]
    with grpc.insecure_channel(server.grpc) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        reply = stub.Predict(request, timeout=20, metadata=metadata)
    found = {port: tf.make_ndarray(tensor) for port, tensor in reply.outputs.items()}
    same(name, found, answers)


# A Seldon message holds one tensor.
ALONE = [name for name in NAMES if len(case(name)[0]) == 1]


@pytest.mark.parametrize("name", ALONE)
@pytest.mark.parametrize("transport", ["rest", "grpc"])
def test_seldon(server, tmp_path, transport, name):
    inputs, answers = case(name)
    [values] = inputs.values()
    body = {"data": {"ndarray": plain(values)}}
    if transport == "rest":
        reply = http(server.url(f"/seldon/default/{served(name)}/api/v1.0/predictions"), body)
        assert reply.status == 200, reply.body
        said = reply.json()
    else:
        request = tmp_path / "request.json"
        request.write_text(json.dumps(body))
        line = ["--url", f"grpc://{server.grpc}", "--deployment", served(name), "--json-output"]
        said = json.loads(hari("predict", "--json", request, *line).stdout)
    if len(answers) == 1:
        [port] = answers
        found = {port: said["data"]["ndarray"]}
    else:
        found = said["jsonData"]
    same(name, found, answers)


@pytest.mark.parametrize("name", ["logistic_names", "columns", "tfidf"])
def test_a_row_alone_is_answered_as_among_others(server, name):
    inputs, answers = case(name)
    for row in range(next(iter(inputs.values())).shape[0]):
        one = {port: plain(values[row : row + 1]) for port, values in inputs.items()}
        path = f"/seldon/default/{served(name)}/v1/models/{served(name)}:predict"
        reply = http(server.url(path), {"inputs": one})
        wanted = {port: values[row : row + 1] for port, values in answers.items()}
        same(name, reply.json()["outputs"], wanted)


def test_the_keys_of_a_map_name_its_columns(server):
    outputs = {one["name"]: one for one in in_json(server, "forest").json()["outputs"]}
    labels = ["setosa", "versicolor", "virginica"]
    assert outputs["output_probability"]["parameters"]["labels"] == labels
    for row, label in zip(case("forest")[1]["output_probability"], outputs["output_label"]["data"]):
        assert labels[row.argmax()] == label


def test_only_the_outputs_that_are_asked_for(server):
    inputs, answers = case("forest")
    given = triton_http.InferInput("x", list(inputs["x"].shape), "FP32")
    given.set_data_from_numpy(inputs["x"])
    wanted = [triton_http.InferRequestedOutput("output_label")]
    with triton_http.InferenceServerClient(server.http + "/seldon/default/forest") as client:
        reply = client.infer("forest", [given], outputs=wanted)
    assert [one["name"] for one in reply.get_response()["outputs"]] == ["output_label"]
    label = "output_label"
    same("forest", {label: reply.as_numpy(label)}, {label: answers[label]})


@pytest.mark.parametrize(
    "tensor, words",
    [
        ({"name": "x", "datatype": "BYTES", "shape": [1, 4], "data": ["a"] * 4}, ["`x`", "FP64"]),
        ({"name": "x", "datatype": "FP64", "shape": [1, 3], "data": [1, 2, 3]}, ["`x`", "4", "3"]),
        ({"name": "z", "datatype": "FP64", "shape": [1, 4], "data": [1] * 4}, ["`z`", "`x`"]),
    ],
)
def test_what_does_not_fit_is_refused_by_name(server, tensor, words):
    path = "/seldon/default/mlp-double/v2/models/mlp-double/infer"
    reply = http(server.url(path), {"inputs": [tensor]})
    assert reply.status == 400, reply.body
    for word in words:
        assert word in reply.json()["error"], reply.body


# inspect


@pytest.mark.parametrize("name", NAMES)
def test_inspect(name):
    inputs, answers = case(name)
    done = hari("inspect", FIXTURES / name / "model.onnx", "--json", env=BUILT_IN)
    said = json.loads(done.stdout)
    assert said["servable"] and said["implementation"] == "ONNX_SERVER"
    assert said["engine"] in ("rten", "rten and own operators")
    [signature] = said["signatures"]
    for side, arrays in (("inputs", inputs), ("outputs", answers)):
        types = {spec["name"]: spec["datatype"] for spec in signature[side]}
        assert types == {port: DATATYPES[array.dtype.name] for port, array in arrays.items()}


def test_inspect_says_why_a_model_is_not_the_built_in_engines():
    done = hari("inspect", FIXTURES / "mlp_double" / "model.onnx", env=BUILT_IN)
    assert "`x` is FP64" in done.stdout and "own operators" in done.stdout


# models that no exporter makes

SHARED = json.loads((MODELS / "case.json").read_text())


def test_weights_in_a_file_beside_the_model(own):
    server = own(MODELS / "external")
    reply = http(server.url("/api/v1.0/predictions"), {"data": {"ndarray": SHARED["x"]}})
    assert reply.status == 200, reply.body
    np.testing.assert_allclose(reply.json()["data"]["ndarray"], SHARED["y"], atol=1e-5)


BIND = ["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]


@pytest.mark.parametrize("command", [["inspect"], ["run", *BIND]], ids=["inspect", "run"])
@pytest.mark.parametrize(
    "folder, words",
    [("outside", ["`w`", "../external/weights.data"]), ("short", ["`b`", "incomplete"])],
)
def test_weights_that_are_not_there_are_named(command, folder, words):
    done = hari(*command, MODELS / folder, code=1)
    for word in words:
        assert word in done.stdout + done.stderr, (done.stdout, done.stderr)


def test_all_operators_that_nobody_has_are_named_at_once():
    done = hari("run", *BIND, MODELS / "unservable.onnx", code=1)
    inspected = hari("inspect", MODELS / "unservable.onnx", code=1)
    for said in (done.stderr, inspected.stdout):
        for word in ("Crease", "Fold", "com.example", "Sparkle", "sharp", "origami", "glitter"):
            assert word in said, said
    listed = json.loads(hari("inspect", MODELS / "unservable.onnx", "--json", code=1).stdout)
    assert not listed["servable"]
    assert len(listed["unsupported"]) == 3, listed
