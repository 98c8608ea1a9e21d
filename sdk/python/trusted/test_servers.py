"""Models whose code is trusted, made by scikit-learn and MLflow themselves, in real workers."""

import pickle

import joblib
import mlflow.pyfunc
import numpy as np
import pandas as pd
import pytest
from mlflow.models import infer_signature
from parent import Parent, Refused
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

IRIS = load_iris(as_frame=True)
ROWS = IRIS.data.iloc[[0, 60, 120]]
ESTIMATOR = "hari.servers.sklearn.Estimator"
FUNCTION = "hari.servers.mlflow.PythonFunction"

HELPER = """
def halved(rows):
    return rows / 2
"""


def data(rows, names=()):
    return {"data": {"names": list(names), "ndarray": np.asarray(rows).tolist()}}


def answer(worker, message):
    return np.array(worker.call("predict", message)["data"]["ndarray"])


@pytest.fixture(scope="module")
def classifier():
    return LogisticRegression(max_iter=500).fit(IRIS.data, IRIS.target)


@pytest.mark.parametrize("name", ["model.joblib", "model.pickle", "model.pkl"])
@pytest.mark.parametrize("method", ["", "predict", "predict_proba", "decision_function"])
def test_an_estimator_answers_as_in_its_own_process(tmp_path, classifier, name, method):
    path = tmp_path / name
    if name.endswith("joblib"):
        joblib.dump(classifier, path)
    else:
        path.write_bytes(pickle.dumps(classifier))
    wanted = getattr(classifier, method or "predict_proba")(ROWS)
    parameters = {"model_uri": str(path), **({"method": method} if method else {})}
    with Parent(ESTIMATOR, parameters, folder=tmp_path) as worker:
        np.testing.assert_allclose(answer(worker, data(ROWS)), wanted, atol=1e-12)


def test_columns_are_put_in_order_by_name(tmp_path, classifier):
    joblib.dump(classifier, tmp_path / "model.joblib")
    turned = ROWS[ROWS.columns[::-1]]
    with Parent(ESTIMATOR, {"model_uri": str(tmp_path)}, folder=tmp_path) as worker:
        found = answer(worker, data(turned, turned.columns))
        np.testing.assert_allclose(found, classifier.predict_proba(ROWS), atol=1e-12)
        # Other names, those of a transformer before say, are taken in order.
        counted = answer(worker, data(ROWS, ["t:0", "t:1", "t:2", "t:3"]))
        np.testing.assert_allclose(counted, classifier.predict_proba(ROWS), atol=1e-12)
        with pytest.raises(Refused, match="expected rows of 4 features: sepal length"):
            worker.call("predict", data([[1.0, 2.0]]))
        assert "UserWarning" not in worker.output()


def test_a_regression_predicts(tmp_path):
    model = LinearRegression().fit(IRIS.data.to_numpy()[:, :3], IRIS.data.to_numpy()[:, 3])
    joblib.dump(model, tmp_path / "model.joblib")
    with Parent(ESTIMATOR, folder=tmp_path) as worker:
        found = answer(worker, data(ROWS.to_numpy()[:, :3]))
    np.testing.assert_allclose(found, model.predict(ROWS.to_numpy()[:, :3]))


def test_code_beside_the_model_is_imported(tmp_path, monkeypatch):
    (tmp_path / "helper.py").write_text(HELPER)
    monkeypatch.syspath_prepend(str(tmp_path))
    import helper

    model = make_pipeline(FunctionTransformer(helper.halved), StandardScaler(), LinearRegression())
    rows = IRIS.data.to_numpy()
    model.fit(rows, IRIS.target)
    joblib.dump(model, tmp_path / "model.joblib")
    with Parent(ESTIMATOR, folder=tmp_path) as worker:
        np.testing.assert_allclose(answer(worker, data(ROWS)), model.predict(ROWS.to_numpy()))


@pytest.mark.parametrize(
    "parameters, words",
    [
        ({"method": "fit"}, "method: expected one of predict_proba, predict, .* found 'fit'"),
        ({"method": "transform"}, "a LogisticRegression has no method 'transform'"),
        ({"model_uri": "nowhere"}, "expected one of model.joblib, model.pickle, model.pkl"),
    ],
)
def test_what_does_not_fit_is_told_at_load(tmp_path, classifier, parameters, words):
    joblib.dump(classifier, tmp_path / "model.joblib")
    with Parent(ESTIMATOR, load=False, folder=tmp_path) as worker:
        with pytest.raises(Refused, match=words):
            worker.load(ESTIMATOR, parameters, tmp_path)


DOUBLED = """
import mlflow
import numpy as np
import pandas as pd


class Doubled(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        if isinstance(model_input, pd.DataFrame):
            return pd.DataFrame({"sum": model_input.sum(axis=1) * 2})
        return np.asarray(model_input).sum(axis=1) * 2


mlflow.models.set_model(Doubled())
"""


def saved(folder, signature=None):
    """A model of MLflow's: it answers a table with a column of sums, an array with an array."""
    code, path = folder / "doubled.py", folder / "model"
    code.write_text(DOUBLED)
    mlflow.pyfunc.save_model(
        str(path), python_model=str(code), signature=signature, pip_requirements=["numpy"]
    )
    return path


def test_a_python_function_is_given_a_table(tmp_path):
    frame = pd.DataFrame([[1.0, 2.0], [3.0, 4.0]], columns=["a", "b"])
    path = saved(tmp_path, infer_signature(frame, pd.DataFrame({"sum": [6.0]})))
    with Parent(FUNCTION, {"xtype": "DataFrame"}, folder=path) as worker:
        for names in ((), ("a", "b")):
            assert answer(worker, data(frame, names)).tolist() == [[6.0], [14.0]]
        with pytest.raises(Refused, match="expected rows of 2 columns: a, b"):
            worker.call("predict", data([[1.0]]))


@pytest.mark.parametrize(
    "xtype, wanted", [("ndarray", [6.0, 14.0]), ("DataFrame", [[6.0], [14.0]])]
)
def test_a_python_function_without_a_signature_is_given_what_xtype_says(tmp_path, xtype, wanted):
    path = saved(tmp_path)
    with Parent(FUNCTION, {"xtype": xtype}, folder=path) as worker:
        assert answer(worker, data([[1.0, 2.0], [3.0, 4.0]])).tolist() == wanted


def test_messages_work_under_the_newest_protobuf():
    """Not of these servers, but this environment has a protobuf that no other test has."""
    with Parent("components.Proto") as worker:
        reply = worker.call("predict", {"strData": "x"}, transport="grpc")
    assert reply["strData"] == "x"
