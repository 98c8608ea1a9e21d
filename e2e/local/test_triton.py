"""A Triton model repository: TRITON_SERVER with ONNX and TensorFlow models, and an ensemble."""

import json
import shutil

import numpy as np
import pytest
from tritonclient import grpc as triton_grpc
from tritonclient import http as triton_http

from harness import MNIST, ROOT, Server, close, expected, hari, http, pixels

VERSIONS = ROOT / "examples" / "two-versions"
PREDICT = json.loads((VERSIONS / "requests" / "tensorflow-predict.json").read_text())
ANSWERS = json.loads((VERSIONS / "requests" / "expected.json").read_text())
ROWS = np.float32(PREDICT["instances"])

ONNX_CONFIG = """
# As Triton's documentation writes them.
name: "progression"
platform: "onnxruntime_onnx"
max_batch_size: 16
input [
  { name: "X", data_type: TYPE_FP32, dims: [ 10 ] }
]
output [
  { name: "variable", data_type: TYPE_FP32, dims: [ 1 ] }
]
version_policy: { all { } }
dynamic_batching { preferred_batch_size: [ 4, 8 ] max_queue_delay_microseconds: 100 }
instance_group [ { count: 2, kind: KIND_CPU } ]
model_warmup [
  {
    name: "zeros"
    batch_size: 2
    inputs { key: "X" value: { data_type: TYPE_FP32, dims: [ 10 ], zero_data: true } }
  }
]
"""

ENSEMBLE_CONFIG = """
name: "twice"
platform: "ensemble"
max_batch_size: 16
input [ { name: "PATIENT", data_type: TYPE_FP32, dims: [ 10 ] } ]
output [
  { name: "OLD", data_type: TYPE_FP32, dims: [ 1 ] },
  { name: "NEW", data_type: TYPE_FP32, dims: [ 1 ] }
]
ensemble_scheduling {
  step [
    {
      model_name: "progression"
      model_version: 1
      input_map { key: "X" value: "PATIENT" }
      output_map { key: "variable" value: "OLD" }
    },
    {
      model_name: "progression"
      model_version: -1
      input_map { key: "X" value: "PATIENT" }
      output_map { key: "variable" value: "NEW" }
    }
  ]
}
"""

DEPLOYMENT = """
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {{name: triton}}
spec:
  protocol: v2
  predictors:
    - name: default
      graph:
        name: {node}
        implementation: TRITON_SERVER
        modelUri: repository
        parameters: {parameters}
"""


def repository(folder, onnx=ONNX_CONFIG, ensemble=ENSEMBLE_CONFIG):
    root = folder / "repository"
    for version in ("1", "2"):
        (root / "progression" / version).mkdir(parents=True)
        shutil.copy(
            VERSIONS / "model" / version / "model.onnx",
            root / "progression" / version / "model.onnx",
        )
    (root / "progression" / "config.pbtxt").write_text(onnx)
    shutil.copytree(MNIST / "model" / "1", root / "digits" / "1" / "model.savedmodel")
    (root / "twice" / "1").mkdir(parents=True)
    (root / "twice" / "config.pbtxt").write_text(ensemble)
    return root


def manifest(folder, node="progression", parameters="[]"):
    path = folder / "deployment.yaml"
    path.write_text(DEPLOYMENT.format(node=node, parameters=parameters))
    return path


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("triton")
    repository(folder)
    with Server(manifest(folder)) as server:
        yield server


@pytest.fixture(params=["http", "grpc"])
def client(request, server):
    if request.param == "http":
        with triton_http.InferenceServerClient(server.http) as client:
            yield triton_http, client
    else:
        with triton_grpc.InferenceServerClient(server.grpc) as client:
            yield triton_grpc, client


def tensor(module, name, values):
    given = module.InferInput(name, list(values.shape), "FP32")
    given.set_data_from_numpy(values)
    return given


def near(found, version):
    np.testing.assert_allclose(np.ravel(found), ANSWERS[version], rtol=1e-5)


def test_every_model_answers_under_its_name(client):
    module, client = client
    reply = client.infer("progression", [tensor(module, "X", ROWS)])
    near(reply.as_numpy("variable"), "2")
    image = np.float32(pixels(7)).reshape(1, 28, 28, 1)
    reply = client.infer("digits", [tensor(module, "image", image)])
    close(reply.as_numpy("output_0"), expected(7))


def test_versions_of_a_model(client):
    module, client = client
    for version in ("1", "2"):
        given = [tensor(module, "X", ROWS)]
        reply = client.infer("progression", given, model_version=version)
        near(reply.as_numpy("variable"), version)
        assert client.is_model_ready("progression", version)


def test_an_ensemble_hands_tensors_on(client):
    module, client = client
    reply = client.infer("twice", [tensor(module, "PATIENT", ROWS)])
    near(reply.as_numpy("OLD"), "1")
    near(reply.as_numpy("NEW"), "2")
    only = [module.InferRequestedOutput("NEW")]
    reply = client.infer("twice", [tensor(module, "PATIENT", ROWS)], outputs=only)
    near(reply.as_numpy("NEW"), "2")
    assert reply.as_numpy("OLD") is None


def test_metadata_and_index(server):
    with triton_http.InferenceServerClient(server.http) as client:
        metadata = client.get_model_metadata("twice")
        assert metadata["platform"] == "ensemble"
        assert [one["name"] for one in metadata["inputs"]] == ["PATIENT"]
        assert client.get_model_metadata("progression")["versions"] == ["2", "1"]
        names = {one["name"] for one in client.get_model_repository_index()}
        assert names == {"progression", "digits", "twice"}


def test_the_index_holds_models_alone(own, tmp_path):
    """Triton knows no unit around a repository; each name in the index can be asked."""
    server = own(repository(tmp_path))
    index = http(server.url("/v2/repository/index"), b"", method="POST").json()
    names = [one["name"] for one in index]
    assert sorted(names) == ["digits", "progression", "progression", "twice"]
    for name in names:
        assert http(server.url(f"/v2/models/{name}")).status == 200, name
    with triton_grpc.InferenceServerClient(server.grpc) as client:
        index = client.get_model_repository_index()
        assert [model.name for model in index.models] == names


def test_an_ensemble_names_what_is_wrong_with_a_request(server):
    reply = http(
        server.url("/v2/models/twice/infer"),
        {"inputs": [{"name": "X", "datatype": "FP32", "shape": [1], "data": [1]}]},
    )
    assert reply.status == 400
    assert "PATIENT" in reply.json()["error"]
    short = {"name": "PATIENT", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}
    reply = http(server.url("/v2/models/twice/infer"), {"inputs": [short]})
    assert reply.status == 400
    assert "progression" in reply.json()["error"]


def test_the_other_protocols_reach_the_models_too(server):
    reply = http(server.url("/v1/models/progression/versions/1:predict"), PREDICT)
    near(reply.json()["predictions"], "1")
    body = {"data": {"ndarray": PREDICT["instances"]}}
    reply = http(server.url("/api/v1.0/predictions"), body)
    near(reply.json()["data"]["ndarray"], "2")


def test_only_what_load_model_names_is_loaded(own, tmp_path):
    repository(tmp_path)
    parameters = (
        "[{name: model_control_mode, type: STRING, value: explicit}, "
        "{name: load_model, type: STRING, value: twice}]"
    )
    server = own(manifest(tmp_path, "twice", parameters))
    with triton_http.InferenceServerClient(server.http) as client:
        names = {one["name"] for one in client.get_model_repository_index()}
    # What the ensemble calls comes with it.
    assert names == {"twice", "progression"}


def refused(folder, **parts):
    repository(folder, **parts)
    bind = ["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]
    return hari("run", *bind, manifest(folder), code=1).stderr


@pytest.mark.parametrize(
    "change, words",
    [
        (("dims: [ 10 ] }\n]\noutput", "dims: [ 11 ] }\n]\noutput"), "input `X` FP32 [11]"),
        (('name: "progression"', 'name: "other"'), "`name` is `other`"),
        (("onnxruntime_onnx", "pytorch_libtorch"), "platform `pytorch_libtorch`"),
        (("max_batch_size", "max_batchsize"), "max_batchsize"),
        (("all { }", "specific { versions: [ 1, 9 ] }"), "version 9"),
        (('key: "X"', 'key: "Y"'), "model_warmup `zeros`"),
    ],
)
def test_a_configuration_that_does_not_fit_is_named(tmp_path, change, words):
    errors = refused(tmp_path, onnx=ONNX_CONFIG.replace(*change))
    assert words in errors and "progression" in errors, errors


@pytest.mark.parametrize(
    "change, words",
    [
        (('value: "OLD"', 'value: "AGE"'), "no step makes the output `OLD`"),
        (("dims: [ 10 ]", "dims: [ 11 ]"), "input `PATIENT` FP32 [11]"),
        (('"NEW", data_type: TYPE_FP32', '"NEW", data_type: TYPE_FP64'), "output `NEW` FP64 [1]"),
    ],
)
def test_an_ensemble_that_does_not_fit_is_named(tmp_path, change, words):
    errors = refused(tmp_path, ensemble=ENSEMBLE_CONFIG.replace(*change))
    assert words in errors and "twice" in errors, errors


def test_a_bare_repository_is_served(own, tmp_path):
    server = own(repository(tmp_path))
    with triton_http.InferenceServerClient(server.http) as client:
        reply = client.infer("twice", [tensor(triton_http, "PATIENT", ROWS)])
        near(reply.as_numpy("OLD"), "1")
    reply = http(server.url("/api/v1.0/predictions"), {"data": {"ndarray": [[1]]}})
    assert reply.status == 404
    assert "name one of `digits`, `progression`, `twice`" in reply.body.decode()


def test_a_repository_is_inspected(tmp_path):
    root = repository(tmp_path)
    text = hari("inspect", root).stdout
    assert "progression: ONNX, versions 2, 1; batches of up to 16 rows" in text
    assert "digits: TensorFlow SavedModel, version 1" in text
    assert "twice: ensemble of progression, progression" in text
    models = json.loads(hari("inspect", root, "--json").stdout)["models"]
    assert [model["name"] for model in models] == ["digits", "progression", "twice"]
    (root / "twice" / "config.pbtxt").write_text("backend: 'python'")
    assert "model `twice`: backend `python`" in hari("inspect", root, code=1).stderr
