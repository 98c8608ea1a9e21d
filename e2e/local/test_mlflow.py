"""MLFLOW_SERVER: folders of every flavour, `/invocations` as MLflow's scoring server answers it."""

import json
import shutil
import subprocess

import numpy as np
import pytest

from harness import MNIST, ROOT, Server, environment, expected, hari, http, pixels

FIXTURES = ROOT / "data-plane" / "runtime" / "trees" / "tests" / "fixtures"
WINE = ROOT / "examples" / "wine-mlflow"
NAMES = ["age", "income", "hours", "gain", "loss"]
COLUMNS = json.dumps([{"type": "double", "name": name, "required": True} for name in NAMES])


def folder(path, flavour, file, name, signature=None):
    """An MLflow folder with `file` in it."""
    path.mkdir(exist_ok=True)
    if file.is_dir():
        shutil.copytree(file, path / name)
    else:
        shutil.copy(file, path / name)
    lines = ["flavors:", f"  {flavour}", "mlflow_version: 3.1.0"]
    if signature:
        lines += ["signature:", f"  inputs: '{signature}'"]
    (path / "MLmodel").write_text("\n".join(lines) + "\n")
    return path


def case(file):
    """Rows and predictions of a booster as its framework gave them."""
    found = json.loads((file.parent / f"{file.name}.expected.json").read_text())
    rows = [[float(v) for v in row] for row in found["rows"]]
    values = [[float(v) for v in np.ravel(row)] for row in found["prediction"]]
    return rows, np.reshape(values, (len(rows), *found["shape"]))


def finite(rows, predictions):
    """Rows that JSON can hold and any float type."""
    keep = [at for at, row in enumerate(rows) if np.all(np.abs(row) < 1e30)]
    return [rows[at] for at in keep], predictions[keep]


@pytest.fixture(scope="module")
def wine():
    with Server(WINE / "seldondeployment.yaml") as server:
        yield server


def invoked(server, body, headers=None):
    return http(server.url("/invocations"), body, headers)


FLAVOURS = {
    "booster": ("xgboost: {data: model.xgb, model_class: xgboost.core.Booster}",
                FIXTURES / "xgboost" / "logistic-3.2.json", "model.xgb"),
    "lightgbm": ("lightgbm: {data: model.lgb, model_class: lightgbm.basic.Booster}",
                 FIXTURES / "lightgbm" / "binary-4.7.txt", "model.lgb"),
}


@pytest.mark.parametrize("name", sorted(FLAVOURS))
def test_boosters_answer_as_their_framework(tmp_path, own, name):
    flavour, file, inside = FLAVOURS[name]
    server = own(folder(tmp_path / "model", flavour, file, inside, COLUMNS))
    rows, wanted = finite(*case(file))
    body = {"dataframe_split": {"columns": NAMES, "data": rows}}
    reply = invoked(server, body)
    assert reply.status == 200, reply.body
    np.testing.assert_allclose(reply.json()["predictions"], wanted, rtol=1e-6)
    # As MLServer's clients send a data frame, in another order.
    inputs = [{"name": NAMES[at], "datatype": "FP64", "shape": [len(rows), 1],
               "data": [row[at] for row in rows]} for at in (4, 2, 0, 1, 3)]
    reply = http(server.url("/v2/models/infer"),
                 {"parameters": {"content_type": "pd"}, "inputs": inputs})
    np.testing.assert_allclose(reply.json()["outputs"][0]["data"], wanted, rtol=1e-6)


def test_a_classifier_of_xgboost_answers_classes(tmp_path, own):
    file = FIXTURES / "xgboost" / "softprob-3.2.json"
    flavour = "xgboost: {data: model.json, model_class: xgboost.sklearn.XGBClassifier}"
    server = own(folder(tmp_path / "model", flavour, file, "model.json"))
    rows, wanted = finite(*case(file))
    reply = invoked(server, {"inputs": rows})
    assert reply.json()["predictions"] == np.argmax(wanted, axis=1).tolist()


def test_catboost_answers_what_its_class_does(tmp_path, own):
    file = FIXTURES / "catboost" / "classes-1.2.cbm"
    known = json.loads((file.parent / f"{file.name}.expected.json").read_text())
    rows = [[float(v) for v in row] for row in known["rows"]]
    keep = [at for at, row in enumerate(rows) if not np.any(np.abs(row) > 1e30)]
    for kind, answers in [("CatBoostClassifier", "class"), ("CatBoost", "raw")]:
        flavour = f"catboost: {{data: model.cb, model_type: {kind}}}"
        server = own(folder(tmp_path / answers, flavour, file, "model.cb"))
        reply = invoked(server, {"inputs": [rows[at] for at in keep]})
        assert reply.status == 200, reply.body
        found = np.array(reply.json()["predictions"]).reshape(len(keep), -1)
        wanted = np.array([known[answers][at] for at in keep])
        if answers == "class":
            assert found.astype(str).tolist() == wanted.astype(str).tolist()
        else:
            np.testing.assert_array_equal(found, wanted.astype(float))


def test_a_saved_model_in_a_folder(tmp_path, own):
    saved = MNIST / "model" / "1"
    flavour = "tensorflow: {data: data, model_type: keras, saved_model_dir: data/model}"
    path = tmp_path / "model"
    (path / "data").mkdir(parents=True)
    folder(path, flavour, saved, "data/model")
    server = own(path)
    reply = invoked(server, {"inputs": pixels(7).tolist()})
    assert reply.status == 200, reply.body
    np.testing.assert_allclose(reply.json()["predictions"], expected(7), atol=1e-5)


def test_csv_and_the_probes(wine):
    rows = json.loads((WINE / "requests" / "dataframe-split.json").read_text())["dataframe_split"]
    lines = [",".join(rows["columns"])] + [",".join(map(str, row)) for row in rows["data"]]
    done = subprocess.run(
        ["curl", "-s", "-H", "Content-Type: text/csv", "--data-binary", "@-", wine.url("/invocations")],
        input="\n".join(lines).encode(), env=environment(), capture_output=True, timeout=30,
    )
    grapes = json.loads((WINE / "requests" / "expected.json").read_text())["grapes"]
    assert json.loads(done.stdout) == {"predictions": grapes}
    for path in ("/ping", "/health"):
        assert http(wine.url(path)).status == 200
    assert http(wine.url("/version")).body == b"3.17.2"


def test_the_signature_is_enforced(wine):
    good = json.loads((WINE / "requests" / "dataframe-records.json").read_text())
    [first, *_] = good["dataframe_records"]
    for change, words in [
        ({"hue": None}, None),
        ({"hue": "1"}, "column `hue`, row 0: expected a number, found the string \"1\""),
        ({"more": 1}, None),
        ({"hue": True}, "expected a number, found a boolean"),
    ]:
        reply = invoked(wine, {"dataframe_records": [{**first, **change}]})
        if words is None and "more" in change:
            assert reply.status == 200, reply.body
        elif words:
            error = reply.json()
            assert reply.status == 400 and error["error_code"] == "BAD_REQUEST"
            assert words in error["message"], error
    short = {name: value for name, value in first.items() if name != "hue"}
    error = invoked(wine, {"dataframe_records": [short]}).json()
    assert "Model is missing inputs `hue`" in error["message"]
    error = invoked(wine, {"inputs": [[1]], "params": {"k": 1}}).json()
    assert "params: `k` is unknown" in error["message"]
    assert "exactly one of the input fields" in invoked(wine, {}).json()["message"]
    assert invoked(wine, b"x", {"Content-Type": "text/plain"}).status == 415


def test_xtype_of_a_frame_wants_the_names(tmp_path, own):
    shutil.copytree(WINE / "model", tmp_path / "model")
    text = (WINE / "seldondeployment.yaml").read_text()
    uri = next(line for line in text.splitlines() if "modelUri" in line)
    indent = uri[: len(uri) - len(uri.lstrip())]
    parameter = f"{indent}parameters: [{{name: xtype, type: STRING, value: dataframe}}]"
    manifest = tmp_path / "seldondeployment.yaml"
    manifest.write_text(text.replace(uri, f"{indent}modelUri: ./model\n{parameter}"))
    server = own(manifest)
    body = json.loads((WINE / "requests" / "seldon-ndarray.json").read_text())
    assert http(server.url("/api/v1.0/predictions"), body).status == 200
    body["data"]["names"] = [f"x{at}" for at in range(7)]
    reply = http(server.url("/api/v1.0/predictions"), body)
    assert reply.status == 400 and b"Model is missing inputs" in reply.body


def test_code_is_refused_with_a_hint(tmp_path):
    (tmp_path / "MLmodel").write_text(
        "flavors:\n  python_function: {loader_module: mlflow.pyfunc.model, python_model: m.pkl}\n"
    )
    done = hari("run", tmp_path, code=1)
    assert "mlflow.sklearn.log_model" in done.stderr, done.stderr
    done = hari("inspect", WINE / "model")
    assert "MLflow 3.17.2" in done.stdout and "alcohol, malic_acid" in done.stdout
