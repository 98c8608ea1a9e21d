"""Makes the models over tables of the benchmark, and what they are asked.

    python tables.py FOLDER
    python tables.py FOLDER --iris-only     (under the versions that the wrapper has)

iris/model.joblib    StandardScaler and LogisticRegression on Fisher's irises
trees/model.json     XGBoost, 500 trees of depth 6 on 50 features, binary
leaves/model.txt     the same sizes from LightGBM
forest/model.joblib  a random forest of about 100 MB
mlserver/NAME        MLServer's settings for each
iris-*.json, trees-*.json  requests of the Seldon and the open inference protocol; those with a
                     `file` have their numbers beside them
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
TREES_OF_FOREST = 283


def home(folder, name):
    path = folder / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def iris(folder):
    data = load_iris()
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(data.data, data.target)
    joblib.dump(model, home(folder, "iris") / "model.joblib")
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
    booster.save_model(home(folder, "trees") / "model.json")
    parameters = {"objective": "binary", "max_depth": DEPTH, "num_leaves": 2**DEPTH, "verbose": -1,
                  "num_threads": 2}
    gbm = lightgbm.train(parameters, lightgbm.Dataset(rows.astype(float), labels), TREES)
    gbm.save_model(home(folder, "leaves") / "model.txt")
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
    model = RandomForestClassifier(n_estimators=TREES_OF_FOREST, n_jobs=2, random_state=SEED).fit(rows, labels)
    path = home(folder, "forest") / "model.joblib"
    joblib.dump(model, path)
    print(f"forest: {path.stat().st_size / 1e6:.0f} MB")


def servers(folder):
    """MLServer's settings, a folder for each model."""
    for name, kind, file in [("iris", "mlserver_sklearn.SKLearnModel", "model.joblib"),
                             ("trees", "mlserver_xgboost.XGBoostModel", "model.json"),
                             ("leaves", "mlserver_lightgbm.LightGBMModel", "model.txt")]:
        settings = home(folder, f"mlserver/{name}") / "model-settings.json"
        write(settings, {"name": name, "implementation": kind,
                         "parameters": {"uri": str(folder / name / file)}})


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
