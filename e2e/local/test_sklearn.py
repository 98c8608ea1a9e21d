"""SKLEARN_SERVER: what scikit-learn saved, asked by tritonclient, curl and in Seldon's protocol."""

import json
import shutil
import struct

import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from tritonclient.utils import InferenceServerException

from harness import ROOT, Server, hari, http

FIXTURES = ROOT / "data-plane" / "runtime" / "sklearn" / "tests" / "fixtures" / "1.9.1"
COLUMNS = FIXTURES / "composition" / "columns_named"
IRIS = ROOT / "examples" / "iris-sklearn"
TEXTS = ROOT / "examples" / "text-tfidf" / "model" / "model.joblib"

MANIFEST = """
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: estimators}
spec:
  predictors:
    - name: default
      graph:
        name: estimator
        implementation: SKLEARN_SERVER
        modelUri: ./model
        parameters: PARAMETERS
"""


def deployed(folder, file, name="model.joblib", method=None):
    """A deployment of one estimator, laid out as the server of Seldon Core wants it."""
    (folder / "model").mkdir()
    shutil.copy(file, folder / "model" / name)
    parameters = [{"name": "method", "type": "STRING", "value": method}] if method else []
    manifest = folder / "seldondeployment.yaml"
    manifest.write_text(MANIFEST.replace("PARAMETERS", json.dumps(parameters)))
    return manifest


def double(bits):
    return struct.unpack(">d", bytes.fromhex(bits))[0]


def table():
    """The rows of a fixture with words in them, by column, and what scikit-learn makes of them."""
    case = json.loads(COLUMNS.with_suffix(".json").read_text())
    columns = {}
    for one in case["rows"]["columns"]:
        numbers = one.get("numbers")
        columns[one["name"]] = [double(bits) for bits in numbers] if numbers else one["texts"]
    expected = case["expected"]["transform"]
    values = [double(bits) for bits in expected["values"]]
    return columns, np.reshape(values, expected["shape"])


@pytest.fixture(scope="module")
def columns(tmp_path_factory):
    folder = tmp_path_factory.mktemp("columns")
    with Server(deployed(folder, COLUMNS.with_suffix(".joblib"))) as server:
        yield server


@pytest.fixture(scope="module")
def iris():
    with Server(IRIS / "model" / "model.joblib") as server:
        yield server


def flowers():
    requests = json.loads((IRIS / "requests" / "seldon-ndarray.json").read_text())
    expected = json.loads((IRIS / "requests" / "expected.json").read_text())
    return requests["data"]["ndarray"], expected


def clients(server):
    yield triton_http, triton_http.InferenceServerClient(server.http)
    yield triton_grpc, triton_grpc.InferenceServerClient(server.grpc)


def column(module, name, values):
    text = isinstance(values[0], str)
    array = np.array(values, dtype=np.object_ if text else np.float64).reshape(-1, 1)
    tensor = module.InferInput(name, list(array.shape), "BYTES" if text else "FP64")
    tensor.set_data_from_numpy(array)
    return tensor


def test_a_tensor_for_each_column_binary_and_over_grpc(columns):
    rows, expected = table()
    for module, client in clients(columns):
        inputs = [column(module, name, rows[name]) for name in ("hours", "job", "age")]
        found = client.infer("estimator", inputs).as_numpy("transform")
        np.testing.assert_allclose(found, expected, rtol=1e-12)
        with pytest.raises(InferenceServerException, match="column `job` is missing"):
            client.infer("estimator", [inputs[0], inputs[2]])
        swapped = [column(module, "age", rows["job"]), *inputs[:2]]
        with pytest.raises(InferenceServerException, match="column `age`, row 0: expected a number"):
            client.infer("estimator", swapped)
        client.close()


def test_mixed_rows_in_the_seldon_protocol(columns):
    rows, expected = table()
    names = list(rows)
    mixed = [list(row) for row in zip(*rows.values())]
    orders = [names, names[::-1]]
    for order in orders:
        data = [[row[names.index(name)] for name in order] for row in mixed]
        body = {"data": {"names": order, "ndarray": data}}
        reply = http(columns.url("/api/v1.0/predictions"), body)
        assert reply.status == 200, reply.body
        np.testing.assert_allclose(reply.json()["data"]["ndarray"], expected, rtol=1e-12)
    records = [dict(zip(names, row)) for row in mixed]
    for body in ({"data": {"ndarray": records}}, {"jsonData": records}, {"jsonData": rows}):
        reply = http(columns.url("/api/v1.0/predictions"), body)
        assert reply.status == 200, reply.body
        data = reply.json()["data"]
        found = data.get("ndarray") or np.reshape(data["tensor"]["values"], data["tensor"]["shape"])
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    reply = http(columns.url("/v1/models/estimator:predict"), {"instances": records})
    np.testing.assert_allclose(reply.json()["predictions"], expected, rtol=1e-12)


def test_the_protocol_and_the_outputs_choose_the_method(iris):
    rows, expected = flowers()
    reply = http(iris.url("/api/v1.0/predictions"), {"data": {"ndarray": rows}}).json()
    assert reply["data"]["names"] == ["t:0", "t:1", "t:2"]
    np.testing.assert_allclose(reply["data"]["ndarray"], expected["probabilities"], rtol=1e-9)
    for module, client in clients(iris):
        tensor = module.InferInput("x", [len(rows), 4], "FP64")
        tensor.set_data_from_numpy(np.array(rows))
        found = client.infer("model", [tensor]).as_numpy("predict")
        assert [label.decode() for label in found] == expected["species"]
        asked = [module.InferRequestedOutput("predict_proba"), module.InferRequestedOutput("predict")]
        both = client.infer("model", [tensor], outputs=asked)
        np.testing.assert_allclose(both.as_numpy("predict_proba"), expected["probabilities"], rtol=1e-9)
        with pytest.raises(InferenceServerException, match="no output `score`"):
            client.infer("model", [tensor], outputs=[module.InferRequestedOutput("score")])
        client.close()


def test_the_parameter_says_the_method(tmp_path, own):
    rows, expected = flowers()
    server = own(deployed(tmp_path, IRIS / "model" / "model.joblib", "model.pkl", "predict"))
    reply = http(server.url("/api/v1.0/predictions"), {"data": {"ndarray": rows}}).json()
    assert reply["data"]["ndarray"] == expected["species"]


def test_what_is_missing_is_said(iris):
    body = {"data": {"ndarray": [[5.1, None, 1.4, 0.2]]}}
    reply = http(iris.url("/api/v1.0/predictions"), body)
    assert reply.status == 400
    assert "NaN" in reply.json()["status"]["info"]
    body = {"data": {"ndarray": [[5.1, 1.4, 0.2]]}}
    reply = http(iris.url("/api/v1.0/predictions"), body)
    assert "Expected 4 features, got 3" in reply.json()["status"]["info"]


def test_texts_in_every_form(own):
    server = own(TEXTS)
    text = "where is the train station"
    for body in (
        {"data": {"ndarray": [text]}},
        {"data": {"ndarray": [[text]]}},
        {"strData": text},
        {"jsonData": [text]},
    ):
        reply = http(server.url("/api/v1.0/predictions"), body)
        assert reply.status == 200, reply.body
        data = reply.json()["data"]
        row = data["ndarray"][0] if "ndarray" in data else data["tensor"]["values"]
        assert np.argmax(row) == 1, body
    infer = {"inputs": [{"name": "q", "datatype": "BYTES", "shape": [1], "data": [text],
                         "parameters": {"content_type": "str"}}]}
    reply = http(server.url("/v2/models/model/infer"), infer).json()
    assert reply["outputs"][0]["data"] == ["english"]
    missing = http(server.url("/api/v1.0/predictions"), {"data": {"ndarray": [text, None]}})
    assert missing.status == 400 and b"missing" in missing.body


def test_inspect_names_the_class_the_methods_and_the_columns():
    found = hari("inspect", COLUMNS.with_suffix(".joblib")).stdout
    for words in ("ColumnTransformer", "scikit-learn 1.9.1", "age, job (text), note (not used), hours"):
        assert words in found, found


def test_a_pickle_that_is_no_model_is_refused(tmp_path):
    evil = b"\x80\x04cposix\nsystem\n(Vtouch /tmp/hari-was-here\ntR."
    (tmp_path / "model.pkl").write_bytes(evil)
    done = hari("run", tmp_path, code=1)
    assert "posix.system" in done.stderr or "posix" in done.stderr, done.stderr
