"""XGBOOST_SERVER, LIGHTGBM_SERVER and CATBOOST_SERVER: what the frameworks saved, asked by tritonclient
and curl."""

import json
import shutil
import subprocess

import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from tritonclient.utils import InferenceServerException

from harness import ROOT, Server, environment, hari, http

FIXTURES = ROOT / "data-plane" / "runtime" / "trees" / "tests" / "fixtures"
XGBOOST = FIXTURES / "xgboost"
LIGHTGBM = FIXTURES / "lightgbm"
CATBOOST = FIXTURES / "catboost"

MANIFEST = """
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: boosters}
spec:
  predictors:
    - name: default
      graph: {name: booster, implementation: IMPLEMENTATION, modelUri: ./model}
"""


def case(file, dtype):
    """Rows and predictions as the framework gave them."""
    expected = json.loads((file.parent / f"{file.name}.expected.json").read_text())
    rows = np.array([[dtype(v) for v in row] for row in expected["rows"]], dtype=dtype)
    prediction = np.array([[dtype(v) for v in row] for row in expected["prediction"]], dtype=dtype)
    return rows, prediction.reshape(len(rows), *expected["shape"])


def deployed(folder, implementation, file, name):
    """A deployment of one booster, laid out as the server of Seldon Core wants it."""
    (folder / "model").mkdir()
    shutil.copy(file, folder / "model" / name)
    manifest = folder / "seldondeployment.yaml"
    manifest.write_text(MANIFEST.replace("IMPLEMENTATION", implementation))
    return manifest


@pytest.fixture(scope="module")
def xgboost(tmp_path_factory):
    file = XGBOOST / "softprob-3.2.json"
    manifest = deployed(tmp_path_factory.mktemp("xgb"), "XGBOOST_SERVER", file, "model.json")
    with Server(manifest) as server:
        yield server


@pytest.fixture(scope="module")
def lightgbm(tmp_path_factory):
    file = LIGHTGBM / "binary-4.7.txt"
    manifest = deployed(tmp_path_factory.mktemp("lgb"), "LIGHTGBM_SERVER", file, "model.txt")
    with Server(manifest) as server:
        yield server


def clients(server):
    yield triton_http, triton_http.InferenceServerClient(server.http)
    yield triton_grpc, triton_grpc.InferenceServerClient(server.grpc)


def asked(module, client, rows, datatype, name="input-0", output="predict"):
    tensor = module.InferInput(name, list(rows.shape), datatype)
    tensor.set_data_from_numpy(rows)
    return client.infer("booster", [tensor]).as_numpy(output)


def test_tritonclient_gets_what_xgboost_predicts(xgboost):
    rows, expected = case(XGBOOST / "softprob-3.2.json", np.float32)
    for module, client in clients(xgboost):
        assert np.array_equal(asked(module, client, rows, "FP32"), expected)
        # As MLServer's clients send it: another name, doubles.
        finite = rows[np.abs(np.nan_to_num(rows)).max(axis=1) < 1e30].astype(np.float64)
        assert asked(module, client, finite, "FP64", name="predict").shape == (len(finite), 3)
        with pytest.raises(InferenceServerException, match="Expected 5 features, got 4"):
            asked(module, client, rows[:, :4].copy(), "FP32")
        client.close()


def test_tritonclient_gets_what_lightgbm_predicts(lightgbm):
    rows, expected = case(LIGHTGBM / "binary-4.7.txt", np.float64)
    for module, client in clients(lightgbm):
        assert np.array_equal(asked(module, client, rows, "FP64"), expected)
        client.close()


def test_a_tensor_for_each_column(lightgbm):
    rows, expected = case(LIGHTGBM / "binary-4.7.txt", np.float64)
    names = ["age", "income", "hours", "gain", "loss"]
    with triton_http.InferenceServerClient(lightgbm.http) as client:
        columns = []
        for at in (3, 0, 4, 1, 2):
            column = np.ascontiguousarray(rows[:, at : at + 1])
            columns.append(triton_http.InferInput(names[at], list(column.shape), "FP64"))
            columns[-1].set_data_from_numpy(column)
        found = client.infer("booster", columns).as_numpy("predict")
        assert np.array_equal(found, expected)
        with pytest.raises(InferenceServerException, match="column `hours` is missing"):
            client.infer("booster", columns[:4])


def curl(server, path, body):
    done = subprocess.run(
        ["curl", "-s", "-H", "Content-Type: application/json", "-d", json.dumps(body), server.url(path)],
        env=environment(),
        capture_output=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def test_curl_speaks_the_seldon_protocol(xgboost):
    rows, expected = case(XGBOOST / "softprob-3.2.json", np.float32)
    whole = [at for at, row in enumerate(rows) if np.isfinite(row).all()][:3]
    body = {"data": {"ndarray": rows[whole].astype(float).tolist()}}
    reply = curl(xgboost, "/api/v1.0/predictions", body)
    assert np.array_equal(np.float32(reply["data"]["ndarray"]), expected[whole])
    # A missing number.
    first = int(np.flatnonzero(np.isnan(rows).any(axis=1))[0])
    gap = [None if np.isnan(v) else float(v) for v in rows[first]]
    text = json.dumps({"data": {"ndarray": [gap]}}).replace("null", "NaN")
    reply = http(xgboost.url("/api/v1.0/predictions"), text.encode()).json()
    assert np.array_equal(np.float32(reply["data"]["ndarray"])[0], expected[first])
    wrong = curl(xgboost, "/api/v1.0/predictions", {"data": {"ndarray": [[1.0, 2.0]]}})
    assert "Expected 5 features, got 2" in json.dumps(wrong)


def test_curl_names_columns(lightgbm):
    rows, expected = case(LIGHTGBM / "binary-4.7.txt", np.float64)
    at = int(np.flatnonzero(np.isfinite(rows).all(axis=1))[0])
    names = ["age", "income", "hours", "gain", "loss"]
    body = {"data": {"names": names[::-1], "ndarray": [rows[at, ::-1].tolist()]}}
    reply = curl(lightgbm, "/api/v1.0/predictions", body)
    assert reply["data"]["ndarray"] == [expected[at]]
    body["data"]["names"] = [*names[:4], "debt"]
    assert "column `debt` is unknown" in json.dumps(curl(lightgbm, "/api/v1.0/predictions", body))


@pytest.mark.parametrize(
    "file, name",
    [
        (XGBOOST / "partition-3.2.json", "model.json"),
        (XGBOOST / "dart-1.7.bst", "model.bst"),
        (XGBOOST / "one-hot-2.1.ubj", "model.ubj"),
        (LIGHTGBM / "categories-3.3.txt", "model.txt"),
    ],
)
def test_a_bare_file_is_served(tmp_path, file, name):
    model = tmp_path / "prices" / name
    model.parent.mkdir()
    shutil.copy(file, model)
    dtype, datatype = (np.float64, "FP64") if name == "model.txt" else (np.float32, "FP32")
    rows, expected = case(file, dtype)
    with Server(model) as server, triton_grpc.InferenceServerClient(server.grpc) as client:
        tensor = triton_grpc.InferInput("input-0", list(rows.shape), datatype)
        tensor.set_data_from_numpy(rows)
        found = client.infer("prices", [tensor]).as_numpy("predict")
        assert np.array_equal(found, expected)
    report = json.loads(hari("inspect", str(model), "--json").stdout)
    assert report["servable"] and report["runtime"] == "trees"
    assert report["implementation"] == ("LIGHTGBM_SERVER" if name == "model.txt" else "XGBOOST_SERVER")


def test_a_damaged_model_is_refused_with_its_place(tmp_path):
    good = (XGBOOST / "squared-3.2.json").read_text()
    model = tmp_path / "model.json"
    model.write_text(good.replace('"left_children":[1,', '"left_children":[0,'))
    refused = hari("inspect", str(model), code=1)
    assert "node 0 has two parents" in refused.stdout + refused.stderr


def categories(file):
    """Rows with categories among them, by column, and CatBoost's own answers."""
    known = json.loads((file.parent / f"{file.name}.expected.json").read_text())
    text = known["categorical"]
    rows = [[v if at in text else float(v) for at, v in enumerate(row)] for row in known["rows"]]
    keep = [at for at, row in enumerate(rows)
            if all(isinstance(v, str) or not abs(v) > 1e30 for v in row)]
    return [rows[at] for at in keep], np.array([known["natural"][at] for at in keep], dtype=float)


def json_rows(rows):
    """Rows for JSON, where a missing number is null."""
    return [[None if isinstance(v, float) and np.isnan(v) else v for v in row] for row in rows]


def test_catboost_with_categories(tmp_path, own):
    file = CATBOOST / "counters-1.2.cbm"
    server = own(deployed(tmp_path, "CATBOOST_SERVER", file, "model.cbm"))
    rows, wanted = categories(file)
    found = curl(server, "/api/v1.0/predictions", {"data": {"ndarray": json_rows(rows)}})
    np.testing.assert_array_equal(found["data"]["ndarray"], wanted)
    inputs = http(server.url("/v2/models/booster")).json()["inputs"]
    assert [one["datatype"] for one in inputs] == ["FP64", "BYTES", "BYTES", "FP64", "BYTES"]
    for module, client in clients(server):
        tensors = []
        for at, one in enumerate(inputs):
            kind = np.object_ if one["datatype"] == "BYTES" else np.float64
            column = np.array([row[at] for row in rows], dtype=kind)
            tensors.append(module.InferInput(one["name"], list(column.shape), one["datatype"]))
            tensors[-1].set_data_from_numpy(column)
        assert np.array_equal(client.infer("booster", tensors).as_numpy("predict"), wanted)
        client.close()


def test_null_is_missing_where_the_model_takes_it(xgboost):
    rows, expected = case(XGBOOST / "softprob-3.2.json", np.float32)
    at = [bool(np.all(np.abs(np.nan_to_num(row)) < 1e30)) for row in rows]
    rows, expected = rows[at], expected[at]
    found = curl(xgboost, "/api/v1.0/predictions", {"data": {"ndarray": json_rows(rows.tolist())}})
    np.testing.assert_allclose(found["data"]["ndarray"], expected, rtol=1e-6)
    found = curl(xgboost, "/v1/models/booster:predict", {"instances": json_rows(rows.tolist())})
    np.testing.assert_allclose(found["predictions"], expected, rtol=1e-6)
    flat = [v for row in json_rows(rows.tolist()) for v in row]
    body = {"inputs": [{"name": "x", "datatype": "FP32", "shape": list(rows.shape), "data": flat}]}
    found = curl(xgboost, "/v2/models/booster/infer", body)["outputs"][0]
    np.testing.assert_allclose(np.reshape(found["data"], found["shape"]), expected, rtol=1e-6)
