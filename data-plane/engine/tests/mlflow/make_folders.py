"""Folders of MLflow, one for each flavour, with what MLflow's own `predict` answers.

Beside each folder's files is `case.json`: a body of `/invocations`, and the predictions.

    pip install -r requirements.txt
    python make_folders.py
"""

import json
import shutil
from pathlib import Path

import catboost
import lightgbm
import mlflow
import numpy as np
import onnx
import pandas as pd
import xgboost
from mlflow.models import infer_signature
from onnx import TensorProto, helper
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

HERE = Path(__file__).parent
RANDOM = np.random.default_rng(7)
# Files that say how Python is set up, which nothing here reads.
SPARE = ["conda.yaml", "python_env.yaml", "requirements.txt", "input_example.json",
         "serving_input_example.json"]


def table(rows):
    """People: numbers, whole numbers and words."""
    return pd.DataFrame({
        "age": RANDOM.integers(18, 80, rows),
        "income": RANDOM.normal(3.0, 1.0, rows).round(3),
        "city": RANDOM.choice(["Oslo", "Rome", "Lima"], rows),
    })


PEOPLE = table(200)
LABELS = np.where(PEOPLE.income + (PEOPLE.city == "Rome") > 3.2, "yes", "no")
CODES = (LABELS == "yes").astype(int) + (PEOPLE.age > 50).astype(int)
NUMBERS = PEOPLE[["age", "income"]].astype(float)
ASKED = table(5)


def save(name, write, asked, form="dataframe_split"):
    """Saves a model with `write`, and what it predicts for the rows `asked`."""
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    write(folder)
    answers = mlflow.pyfunc.load_model(str(folder)).predict(asked)
    for spare in SPARE:
        (folder / spare).unlink(missing_ok=True)
    if form == "dataframe_split":
        rows = json.loads(asked.to_json(orient="split", index=False))
    else:
        rows = np.asarray(asked).tolist()
    answers = answers.to_numpy() if isinstance(answers, pd.DataFrame) else np.asarray(answers)
    case = {"body": {form: rows}, "predictions": answers.tolist()}
    (folder / "case.json").write_text(json.dumps(case) + "\n")


def words():
    columns = make_column_transformer(
        (OneHotEncoder(), ["city"]), (StandardScaler(), ["age", "income"]))
    return make_pipeline(columns, LogisticRegression()).fit(PEOPLE, LABELS)


def numbers():
    asked = ASKED[["age", "income"]].astype(float)
    signature = infer_signature(NUMBERS, CODES)
    return asked, signature


def sklearn():
    model, signature = words(), infer_signature(PEOPLE, LABELS)
    for form in ["cloudpickle", "pickle"]:
        save(f"sklearn-{form}", lambda folder: mlflow.sklearn.save_model(
            model, folder, signature=signature, serialization_format=form), ASKED)
    save("sklearn-proba", lambda folder: mlflow.sklearn.save_model(
        model, folder, signature=signature, pyfunc_predict_fn="predict_proba",
        serialization_format="cloudpickle"), ASKED)
    plain = make_pipeline(StandardScaler(), LogisticRegression()).fit(NUMBERS.to_numpy(), CODES)
    asked, _ = numbers()
    save("sklearn-skops", lambda folder: mlflow.sklearn.save_model(
        plain, folder, serialization_format="skops"), asked.to_numpy(), "inputs")


def boosters():
    asked, signature = numbers()
    quick = {"n_estimators": 8, "max_depth": 3}
    classifier = xgboost.XGBClassifier(**quick).fit(NUMBERS, CODES)
    save("xgboost-classifier", lambda folder: mlflow.xgboost.save_model(
        classifier, folder, signature=signature), asked)
    booster = xgboost.train({"max_depth": 3}, xgboost.DMatrix(NUMBERS, PEOPLE.income), 8)
    save("xgboost-booster", lambda folder: mlflow.xgboost.save_model(
        booster, folder, signature=signature, model_format="json"), asked)
    light = lightgbm.train({"num_leaves": 7, "verbose": -1}, lightgbm.Dataset(NUMBERS, PEOPLE.income), 8)
    save("lightgbm-booster", lambda folder: mlflow.lightgbm.save_model(
        light, folder, signature=signature), asked)
    light = lightgbm.LGBMClassifier(n_estimators=8, num_leaves=7, verbose=-1).fit(NUMBERS, LABELS)
    save("lightgbm-classifier", lambda folder: mlflow.lightgbm.save_model(
        light, folder, signature=signature), asked)
    options = {"iterations": 8, "depth": 3, "verbose": False, "allow_writing_files": False}
    cat = catboost.CatBoostClassifier(**options).fit(NUMBERS, LABELS)
    save("catboost-classifier", lambda folder: mlflow.catboost.save_model(
        cat, folder, signature=signature), asked)
    cat = catboost.CatBoostRegressor(**options, cat_features=["city"]).fit(PEOPLE, PEOPLE.income)
    save("catboost-categories", lambda folder: mlflow.catboost.save_model(
        cat, folder, signature=infer_signature(PEOPLE, np.array(PEOPLE.income))), ASKED)


def network():
    """A layer: two numbers in, one out."""
    weights = helper.make_tensor("w", TensorProto.FLOAT, [2, 1], [0.5, -0.25])
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])], "layer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    frame = NUMBERS.astype(np.float32)
    asked = ASKED[["age", "income"]].astype(np.float32)
    signature = infer_signature(frame, np.zeros((1, 1), np.float32))
    save("onnx", lambda folder: mlflow.onnx.save_model(
        model, folder, signature=signature), asked)


if __name__ == "__main__":
    sklearn()
    boosters()
    network()
