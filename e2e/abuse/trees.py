"""Hostile boosters of XGBoost, LightGBM and CatBoost, as (name, file name, bytes)."""

import json
import random
import re
import struct
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "data-plane" / "runtime" / "trees" / "tests" / "fixtures"
XGBOOST = FIXTURES / "xgboost" / "squared-3.2.json"
LIGHTGBM = FIXTURES / "lightgbm" / "binary-4.7.txt"
CATBOOST = FIXTURES / "catboost" / "binary-1.2.json"


def xgboost():
    text = XGBOOST.read_text()

    def changed(change):
        model = json.loads(text)
        change(model["learner"], model["learner"]["gradient_booster"]["model"]["trees"][0])
        return json.dumps(model).encode()

    def put(name, index, value):
        def change(_learner, tree):
            tree[name][index] = value
        return change

    def features(learner, _tree):
        learner["learner_model_param"]["num_feature"] = str(2**62)

    yield "xgboost root is its child", changed(put("left_children", 0, 0))
    yield "xgboost child out of range", changed(put("right_children", 0, 2**30))
    yield "xgboost child below zero", changed(put("left_children", 0, -7))
    yield "xgboost feature out of range", changed(put("split_indices", 0, 2**31 - 1))
    yield "xgboost two parents", changed(lambda _learner, tree: tree.update(right_children=tree["left_children"]))
    yield "xgboost lists that differ", changed(lambda _learner, tree: tree.update(split_conditions=[]))
    yield "xgboost deep", b'{"learner":' * 100_000
    yield "xgboost cut", text[: len(text) // 2].encode()
    yield "xgboost features", changed(features)


def lightgbm():
    text = LIGHTGBM.read_text()

    def changed(field, value):
        return re.sub(rf"(?m)^{field}=.*$", f"{field}={value}", text, count=1).encode()

    yield "lightgbm cycle", changed("left_child", "0 0 0 0")
    yield "lightgbm child out of range", changed("right_child", f"{2**30} -1 -2")
    yield "lightgbm feature out of range", changed("split_feature", f"{2**31 - 1} 0 0")
    yield "lightgbm leaves that are not there", changed("num_leaves", 2**31 - 1)
    yield "lightgbm leaves below zero", changed("num_leaves", -1)
    yield "lightgbm thresholds", changed("threshold", "nan")
    yield "lightgbm trees an iteration", changed("num_tree_per_iteration", 2**31 - 1)
    yield "lightgbm cut", text[: len(text) // 3].encode()


def catboost():
    def changed(change):
        model = json.loads(CATBOOST.read_text())
        change(model["oblivious_trees"][0])
        return json.dumps(model).encode()

    yield "catboost leaves that are missing", changed(lambda tree: tree.update(leaf_values=[1.0]))
    yield "catboost splits that are too many", changed(lambda tree: tree.update(splits=tree["splits"] * 40))
    yield "catboost feature out of range", changed(
        lambda tree: tree["splits"][0].update(split_index=2**31 - 1, float_feature_index=2**31 - 1))
    yield "catboost core alone", b"CBM1" + struct.pack("<I", 2**32 - 1)
    yield "catboost offset out of range", b"CBM1" + struct.pack("<II", 16, 2**31 - 1) + bytes(12)
    cbm = CATBOOST.with_suffix(".cbm").read_bytes()
    yield "catboost cut", cbm[: len(cbm) // 2]


def refused():
    """Files that are no models."""
    for name, file in xgboost():
        yield name, "model.json", file
    for name, file in lightgbm():
        yield name, "model.txt", file
    for name, file in catboost():
        yield name, "model.cbm" if file.startswith(b"CBM1") else "model.json", file


def claimed():
    """Counts that are not so, of what the file has all the same: no memory is taken for them."""
    model = json.loads(XGBOOST.read_text())
    parts = model["learner"]["gradient_booster"]["model"]
    parts["gbtree_model_param"]["num_trees"] = str(2**31 - 1)
    yield "xgboost trees that are not there", "model.json", json.dumps(model).encode()
    model = json.loads(XGBOOST.read_text())
    tree = model["learner"]["gradient_booster"]["model"]["trees"][0]
    tree["tree_param"]["num_nodes"] = str(2**31 - 1)
    yield "xgboost nodes that are not there", "model.json", json.dumps(model).encode()
    text = LIGHTGBM.read_text()
    for field, value in (("num_class", 2**31 - 1), ("tree_sizes", 2**62)):
        changed = re.sub(rf"(?m)^{field}=.*$", f"{field}={value}", text, count=1)
        yield f"lightgbm {field}", "model.txt", changed.encode()


def flipped(count=25):
    """Real boosters with a few bits changed: refused, or read as the other values that they are."""
    random.seed(20261122)
    models = [(XGBOOST, "model.json"), (XGBOOST.with_name("logistic-1.7.ubj"), "model.ubj"),
              (LIGHTGBM, "model.txt"), (CATBOOST.with_suffix(".cbm"), "model.cbm")]
    for path, name in models:
        file = path.read_bytes()
        for index in range(count):
            changed = bytearray(file)
            for _ in range(random.randint(1, 3)):
                changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
            yield f"{path.name} flipped {index}", name, bytes(changed)
