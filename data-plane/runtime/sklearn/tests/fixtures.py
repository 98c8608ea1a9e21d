"""Writes tests/fixtures: fitted estimators as joblib files, with what they answer as JSON beside them.

Under each version in tests/requirements-*.txt, the folder being named after scikit-learn's version:
    python tests/fixtures.py tests/fixtures [family...]

A family is a module of tests/cases with a function `cases(version)` that yields `Case`s. The
family `boosters` needs tests/requirements-boosters-*.txt, and is written only where it is named.
"""

import importlib
import json
import pathlib
import struct
import sys
import warnings

import joblib
import numpy as np
import sklearn

warnings.simplefilter("ignore")
sys.path.insert(0, str(pathlib.Path(__file__).parent))
METHODS = ["predict", "predict_proba", "decision_function", "transform", "score_samples"]


class Case:
    """A fitted estimator and the rows that it is asked.

    rows: an array [rows, features], a DataFrame, or a list of documents.
    tolerance: the largest deviation allowed, by method or for all: see tests/parity.rs for how it
        is measured. `why` says why where it is not 1e-12.
    methods: those that are compared; by default all that the estimator has.
    cls: the class that the case is for, where it is not the estimator's own (inside a pipeline).
    asked: what is asked in the estimator's place, where that takes no plain rows.
    """

    def __init__(self, name, estimator, rows, tolerance=1e-12, why="", methods=None, cls=None):
        assert tolerance == 1e-12 or why, name
        self.name, self.estimator, self.rows = name, estimator, rows
        self.tolerance, self.why, self.methods, self.cls = tolerance, why, methods, cls
        self.asked = estimator


def bits(value):
    """Floats exactly: NaN and infinities have no JSON."""
    return struct.pack(">d", float(value)).hex()


def values(array):
    """dtype, shape and values: floats as bits."""
    array = np.asarray(array)
    if array.dtype.kind == "f":
        kind, found = "float", [bits(each) for each in array.ravel()]
    elif array.dtype.kind == "b":
        kind, found = "bool", [bool(each) for each in array.ravel()]
    elif array.dtype.kind in "iu":
        kind, found = "int", [int(each) for each in array.ravel()]
    elif all(isinstance(each, str) for each in array.ravel()):
        kind, found = "text", [str(each) for each in array.ravel()]
    else:
        return values(np.array(array.tolist()))
    return {"type": kind, "shape": list(array.shape), "values": found}


def column(series):
    """A column of numbers, or of text in which None and NaN are missing."""
    array = np.asarray(series)
    if array.dtype.kind in "fiub":
        return {"numbers": [bits(each) for each in array]}
    missing = [each is None or isinstance(each, float) and np.isnan(each) for each in array]
    return {"texts": [None if gone else str(each) for each, gone in zip(array, missing)]}


def rows(given):
    if isinstance(given, list):
        return {"documents": given}
    if hasattr(given, "columns"):
        return {"columns": [{"name": str(name), **column(given[name])} for name in given.columns]}
    array = np.asarray(given)
    if array.dtype.kind in "fiub":
        return {"matrix": values(array.astype(float))}
    return {"columns": [{"name": str(at), **column(array[:, at])} for at in range(array.shape[1])]}


def answer(case, method):
    found = getattr(case.asked, method)(case.rows)
    if hasattr(found, "toarray"):
        found = found.toarray()
    if isinstance(found, list) and len({np.shape(each) for each in found}) > 1:
        return {f"{method}_{at}": values(each) for at, each in enumerate(found)}
    return {method: values(found)}


def has(estimator, method):
    try:
        return callable(getattr(estimator, method))
    except Exception:
        return False


def write(folder, case):
    expected = {}
    for method in case.methods or [each for each in METHODS if has(case.estimator, each)]:
        expected.update(answer(case, method))
    kind = case.cls or f"{type(case.estimator).__module__}.{type(case.estimator).__qualname__}"
    shown = {"class": kind, "tolerance": case.tolerance, "why": case.why, "rows": rows(case.rows),
             "expected": expected}
    joblib.dump(case.estimator, folder / f"{case.name}.joblib", compress=("zlib", 6), protocol=4)
    (folder / f"{case.name}.json").write_text(json.dumps(shown, ensure_ascii=False) + "\n")


def main():
    out = pathlib.Path(sys.argv[1]) / sklearn.__version__
    here = pathlib.Path(__file__).parent / "cases"
    families = sys.argv[2:] or sorted({each.stem for each in here.glob("[a-z]*.py")} - {"boosters"})
    version = tuple(int(part) for part in sklearn.__version__.split(".")[:2])
    for family in families:
        folder = out / family
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        for case in importlib.import_module(f"cases.{family}").cases(version):
            write(folder, case)


# Case modules import this one by its name.
sys.modules["fixtures"] = sys.modules[__name__]
if __name__ == "__main__":
    main()
