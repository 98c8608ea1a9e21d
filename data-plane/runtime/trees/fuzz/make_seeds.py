"""Makes small models as seeds: three trees of depth two on three columns, or a linear booster.

    python3.11 -m venv /tmp/seeds && /tmp/seeds/bin/pip install catboost==1.2.10 lightgbm==4.7.0 xgboost==3.2.0
    /tmp/seeds/bin/python make_seeds.py

The binary form of XGBoost takes 1.7.6 or older. What is not installed is left out.
"""

import json
from pathlib import Path

import numpy as np

CORPUS = Path(__file__).resolve().parent / "corpus"
RNG = np.random.RandomState(1)
X = RNG.normal(size=(60, 3))
X[::7, 1] = np.nan
CATEGORY = RNG.randint(0, 6, 60)
Y = np.nan_to_num(X[:, 0]) + (CATEGORY % 3 == 0)
CLASSES = np.digitize(Y, [0.2, 0.8])


def path(target, name):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder / f"seed-{name}")


def xgboost():
    import xgboost as xgb

    binary = tuple(int(part) for part in xgb.__version__.split(".")[:2]) < (2, 0)
    forms = {"xgboost_binary": "bst"} if binary else {"xgboost_json": "json", "xgboost_ubjson": "ubj"}
    table = X.copy()
    table[:, 2] = CATEGORY
    kinds = {
        "squares": ({}, X, Y, {}),
        "classes": ({"objective": "multi:softprob", "num_class": 3}, X, CLASSES, {}),
        "dart": ({"booster": "dart", "objective": "binary:logistic", "rate_drop": 0.5}, X, CLASSES > 1, {}),
        "linear": ({"booster": "gblinear", "updater": "coord_descent"}, np.nan_to_num(X), Y, {}),
    }
    if not binary:
        types = {"feature_types": ["q", "q", "c"], "enable_categorical": True}
        kinds["categories"] = ({"tree_method": "hist", "max_cat_to_onehot": 1}, table, Y, types)
        kinds["vectors"] = ({"multi_strategy": "multi_output_tree"}, X, np.stack([Y, -Y], axis=1), {})
    for name, (parameters, x, y, data) in kinds.items():
        given = {"max_depth": 2, "nthread": 1, **parameters}
        booster = xgb.train(given, xgb.DMatrix(x, label=y, **data), 2)
        for target, ending in forms.items():
            file = path(target, name)
            booster.save_model(f"{file}.{ending}")
            Path(f"{file}.{ending}").rename(file)


def lightgbm():
    import lightgbm as lgb

    kinds = {
        "squares": ({}, {}),
        "classes": ({"objective": "multiclass", "num_class": 3}, {}),
        "forest": ({"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.7}, {}),
        "linear": ({"linear_tree": True}, {}),
        "categories": ({"min_data_per_group": 2, "cat_smooth": 1}, {"categorical_feature": [2]}),
    }
    for name, (parameters, data) in kinds.items():
        x = X.copy()
        if data:
            x[:, 2] = CATEGORY
        y = CLASSES if name == "classes" else Y
        given = {"num_leaves": 4, "min_data_in_leaf": 3, "verbose": -1, "num_threads": 1, **parameters}
        text = lgb.train(given, lgb.Dataset(x, label=y, **data), 2).model_to_string()
        head, tail = text.split("end of trees")
        kept = "".join(line + "\n" for line in tail.splitlines() if "categor" in line)
        Path(path("lightgbm_text", name)).write_text(head + "end of trees\n" + kept)
    extra = 'pandas_categorical:[["a", "b", "c", "d", "e", "f"]]\n'
    text = Path(path("lightgbm_text", "categories")).read_text()
    Path(path("lightgbm_text", "table")).write_text(text.split("pandas_cat")[0] + extra)


def catboost():
    import catboost as cb

    base = {"iterations": 2, "depth": 2, "verbose": 0, "thread_count": 1, "allow_writing_files": False}
    table = [[float(row[0]), float(row[1]), str(category)] for row, category in zip(X, CATEGORY)]
    kinds = {
        "squares": (cb.CatBoostRegressor, {}, X, Y, None),
        "classes": (cb.CatBoostClassifier, {"loss_function": "MultiClass", "grow_policy": "Lossguide"}, X, CLASSES, None),
        "one-hot": (cb.CatBoostClassifier, {"one_hot_max_size": 9}, table, CLASSES > 1, [2]),
        "counters": (cb.CatBoostClassifier, {"one_hot_max_size": 1, "max_ctr_complexity": 2}, table, CLASSES > 1, [2]),
        "mean": (cb.CatBoostClassifier, {"one_hot_max_size": 1, "simple_ctr": ["BinarizedTargetMeanValue"]}, table, CLASSES > 1, [2]),
    }
    for name, (kind, options, x, y, categorical) in kinds.items():
        pool = cb.Pool(x, y, cat_features=categorical)
        model = kind(**base, **options)
        model.fit(pool)
        for key in ["params", "output_options", "training", "catboost_version_info", "train_finish_time"]:
            if key in model.get_metadata().keys():
                kept = model.get_metadata()[key]
                loss = json.loads(kept)["loss_function"] if key == "params" else None
                model.get_metadata()[key] = json.dumps({"loss_function": loss}) if loss else ""
        model.save_model(path("catboost_cbm", name))
        file = path("catboost_json", name)
        model.save_model(file, format="json", pool=pool)
        document = json.loads(Path(file).read_text())
        Path(file).write_text(json.dumps(document, separators=(",", ":")))


if __name__ == "__main__":
    for make in [xgboost, lightgbm, catboost]:
        try:
            make()
        except ImportError as missing:
            print(missing)
