"""Makes the models over tables of the benchmark, and what they are asked.

    python tables.py FOLDER
    python tables.py FOLDER --iris-only     (under the versions that the wrapper has)

iris.joblib    StandardScaler and LogisticRegression on Fisher's irises
trees.json     XGBoost, 500 trees of depth 6 on 50 features, binary
trees.txt      the same sizes from LightGBM
forest.joblib  a random forest of about 100 MB
trees-1.json, trees-1000.json, iris-1.json, ...  requests of the open inference protocol
"""

import json
import sys
from pathlib import Path

import joblib
import numpy as np
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SEED = 0
FEATURES, ROWS = 50, 20_000
TREES, DEPTH = 500, 6


def iris(folder):
    data = load_iris()
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(data.data, data.target)
    joblib.dump(model, folder / "iris.joblib")
    row = data.data[:1]
    write(folder / "iris-seldon.json", {"data": {"ndarray": row.tolist()}})
    write(folder / "iris-v2.json", {"inputs": [tensor("input-0", "FP64", row)],
                                    "outputs": [{"name": "predict_proba"}]})


def tensor(name, datatype, rows):
    return {"name": name, "datatype": datatype, "shape": list(rows.shape), "data": rows.ravel().tolist()}


def write(path, value):
    path.write_text(json.dumps(value))


def boosters(folder):
    import lightgbm
    import xgboost

    random = np.random.default_rng(SEED)
    rows = random.normal(size=(ROWS, FEATURES)).astype(np.float32)
    noise = random.normal(size=ROWS)
    labels = (rows[:, 0] * rows[:, 1] + rows[:, 2:10].sum(axis=1) + noise > 0).astype(int)
    parameters = {"objective": "binary:logistic", "max_depth": DEPTH, "eta": 0.05, "nthread": 2}
    booster = xgboost.train(parameters, xgboost.DMatrix(rows, labels), num_boost_round=TREES)
    booster.save_model(folder / "trees.json")
    parameters = {"objective": "binary", "max_depth": DEPTH, "num_leaves": 2**DEPTH, "verbose": -1,
                  "num_threads": 2}
    gbm = lightgbm.train(parameters, lightgbm.Dataset(rows.astype(float), labels), TREES)
    gbm.save_model(folder / "trees.txt")
    for count in [1, 1000]:
        asked = random.normal(size=(count, FEATURES)).astype(np.float32)
        asked.tofile(folder / f"trees-{count}.f32")
        asked.astype(float).tofile(folder / f"trees-{count}.f64")
        for form, datatype in [("f32", "FP32"), ("f64", "FP64")]:
            head = {"name": "input-0", "datatype": datatype, "shape": [count, FEATURES]}
            write(folder / f"trees-{count}-{form}.json",
                  {"inputs": [{**head, "file": f"trees-{count}.{form}"}], "outputs": [{"name": "predict"}]})
        write(folder / f"trees-{count}-v2.json", {"inputs": [tensor("input-0", "FP32", asked)]})
    return rows, labels


def forest(folder, rows, labels):
    """Grown until it is about 100 MB on disk."""
    model = RandomForestClassifier(n_estimators=290, n_jobs=2, random_state=SEED).fit(rows, labels)
    joblib.dump(model, folder / "forest.joblib")
    size = (folder / "forest.joblib").stat().st_size / 1e6
    print(f"forest.joblib: {size:.0f} MB")


def servers(folder):
    """MLServer's settings, a folder for each model."""
    for name, kind, file in [("iris", "mlserver_sklearn.SKLearnModel", "iris.joblib"),
                             ("trees", "mlserver_xgboost.XGBoostModel", "trees.json"),
                             ("leaves", "mlserver_lightgbm.LightGBMModel", "trees.txt")]:
        home = folder / "mlserver" / name
        home.mkdir(parents=True, exist_ok=True)
        write(home / "model-settings.json", {
            "name": name, "implementation": kind, "parameters": {"uri": str(folder / file)}})


def main():
    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    iris(folder)
    if "--iris-only" not in sys.argv:
        forest(folder, *boosters(folder))
        servers(folder)
    (folder / "made").touch()


if __name__ == "__main__":
    main()
