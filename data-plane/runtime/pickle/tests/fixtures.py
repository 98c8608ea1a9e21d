"""Writes tests/fixtures: pickles and joblib files, with what they hold as JSON beside them.

Under each version in tests/requirements-*.txt, the folder being named after scikit-learn's version:
    python tests/fixtures.py tests/fixtures
"""

import collections
import json
import pathlib
import pickle
import struct
import sys
import warnings

import joblib
import numpy as np
import scipy.sparse
import sklearn
from sklearn import (calibration, compose, decomposition, dummy, ensemble, gaussian_process,
                     isotonic, linear_model, model_selection, naive_bayes, neighbors, neural_network,
                     pipeline, preprocessing, svm, tree)
from sklearn.feature_extraction import text

warnings.simplefilter("ignore")
from sklearn.experimental import enable_hist_gradient_boosting  # noqa: E402, F401


def bits(value):
    """Floats exactly: NaN and infinities have no JSON."""
    return struct.pack(">d", float(value)).hex()


def array(value):
    shown = {"array": str(value.dtype.newbyteorder("=")), "shape": list(value.shape)}
    if value.dtype.names:
        shown["array"] = "record"
        shown["fields"] = {n: array(np.ascontiguousarray(value[n])) for n in value.dtype.names}
    elif value.dtype.kind == "O":
        shown["values"] = [show(each) for each in value.ravel(order="C")]
    elif value.dtype.kind == "f":
        shown["values"] = [bits(each) for each in value.ravel(order="C")]
    elif value.dtype.kind == "S":
        shown["values"] = [each.decode() for each in value.ravel(order="C")]
    else:
        shown["values"] = value.ravel(order="C").tolist()
    return shown


def path(kind):
    return f"{kind.__module__}.{kind.__qualname__}"


def show(value):
    """The same form as the test makes of what it reads."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return {"int": str(value)}
    if isinstance(value, np.generic):
        return {"scalar": array(np.asarray(value))}
    if isinstance(value, float):
        return {"float": bits(value)}
    if isinstance(value, (bytes, bytearray)):
        return {"bytes": bytes(value).hex()}
    if isinstance(value, np.ma.MaskedArray):
        return {"object": "numpy.ma.core.MaskedArray"}
    if isinstance(value, np.ndarray):
        return array(value)
    if isinstance(value, np.dtype):
        return {"dtype": str(value)}
    if isinstance(value, (set, frozenset)):
        return {"set": sorted((show(each) for each in value), key=json.dumps)}
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        return {type(value).__name__: [show(each) for each in value]}
    if type(value) in (dict, collections.OrderedDict, collections.defaultdict):
        return {"dict": [[show(key), show(each)] for key, each in value.items()]}
    if isinstance(value, (type, np.ufunc)) or callable(value) and hasattr(value, "__name__"):
        return {"name": value.__name__}
    shown = {"object": path(type(value))}
    reduced = value.__reduce_ex__(5)
    state = reduced[2] if len(reduced) > 2 else None
    if isinstance(state, dict) and type(value).__module__.startswith("sklearn."):
        shown["attributes"] = {key: show(each) for key, each in sorted(state.items())}
    return shown


RNG = np.random.RandomState(7)
X = RNG.normal(size=(40, 3))
Y = (X[:, 0] + X[:, 1] > 0).astype(int)
WORDS = np.array(["no", "yes"])[Y]
TEXT = ["one two", "two three three", "é one", "four"] * 2


def values():
    """Plain Python and numpy."""
    numbers = np.arange(6).reshape(2, 3)
    nested = {"a": [1, -1, 2**31, -2**63, 2**64, -2**70, 0.5, float("inf")], "b": (None, True, False)}
    yield "plain", {**nested, "text": "é€😀\\\n", "bytes": b"\0\xff", "set": {1, 2}, "none": ()}
    yield "containers", [collections.OrderedDict(a=1), collections.defaultdict(int, b=2),
                         frozenset([3]), bytearray(b"xy"), bytearray(), b"", set(), [], {}, [[]]]
    yield "arrays", {
        **{t: numbers.astype(t) for t in "? i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 >f8 >i4 >U3 U3 S3".split()},
        "fortran": np.asfortranarray(numbers * 0.5), "rank0": np.array(2.5), "empty": np.empty((0, 3)),
        "cube": np.asfortranarray(np.arange(24.0).reshape(2, 3, 4)), "special": np.array([np.nan, np.inf, -0.0]),
        "view": numbers[:, ::2]}
    yield "objects", {
        "strings": np.array(["b", "aa", "é"], dtype=object), "mixed": np.array([1, "a", None, 2.5, True], dtype=object),
        "grid": np.array([["a", "b"], ["c", "d"]], dtype=object).T, "arrays": [np.array([1, 2]), np.array(["x"], dtype=object)]}
    yield "records", np.array([(1, 2.5, b"a", "é"), (3, -1.0, b"bc", "x")],
                              dtype=[("i", "<i8"), ("f", ">f4"), ("s", "S2"), ("u", "<U1")])
    yield "aligned", np.array([(1, 2.5), (3, -1.0)], dtype=np.dtype([("i", "i1"), ("f", "f8")], align=True))
    yield "scalars", [np.float64(0.1), np.float32(0.1), np.int64(-3), np.bool_(True), np.str_("é"),
                      np.uint8(200), np.float16(1.5), np.bytes_(b"a"), np.dtype("f8"), np.dtype("<U7")]
    yield "names", [np.log1p, np.float64, int, np.ndarray]


def models():
    scaled = pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression())
    table = compose.ColumnTransformer([("n", preprocessing.MinMaxScaler(), [0]),
                                       ("c", preprocessing.OneHotEncoder(handle_unknown="ignore"), [1, 2])])
    yield "logistic_pipeline", scaled.fit(X, WORDS)
    yield "tree", tree.DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, Y)
    yield "forest", ensemble.RandomForestRegressor(3, max_depth=2, random_state=0).fit(X, X[:, 2])
    yield "gradient_boosting", ensemble.GradientBoostingClassifier(n_estimators=2, random_state=0).fit(X, Y)
    yield "hist_gradient_boosting", ensemble.HistGradientBoostingClassifier(max_iter=2).fit(X, Y)
    yield "svc", svm.SVC(probability=True, random_state=RNG).fit(X, WORDS)
    yield "kd_tree", neighbors.KNeighborsClassifier(algorithm="kd_tree", leaf_size=5).fit(X, Y)
    yield "ball_tree", neighbors.KNeighborsRegressor(algorithm="ball_tree", leaf_size=5).fit(X, Y)
    yield "tfidf", text.TfidfVectorizer(stop_words=["four"]).fit(TEXT)
    yield "columns", table.fit(np.round(X))
    yield "log_function", preprocessing.FunctionTransformer(np.log1p).fit(np.abs(X))
    yield "search", model_selection.GridSearchCV(linear_model.Ridge(), {"alpha": [0.1, 1]}, cv=2).fit(X, Y)
    yield "sgd", linear_model.SGDClassifier(random_state=0).fit(X, Y)
    yield "perceptrons", neural_network.MLPClassifier((2,), max_iter=3, random_state=0).fit(X, Y)
    yield "gaussian_process", gaussian_process.GaussianProcessRegressor().fit(X[:5], Y[:5])
    yield "isotonic", isotonic.IsotonicRegression().fit(X[:, 0], Y)
    yield "calibrated", calibration.CalibratedClassifierCV(naive_bayes.GaussianNB(), cv=2).fit(X, Y)
    yield "isolation", ensemble.IsolationForest(n_estimators=2, random_state=0).fit(X)
    yield "components", decomposition.PCA(2).fit(X)
    yield "dummy", dummy.DummyClassifier().fit(X, WORDS)


def main():
    folder = pathlib.Path(sys.argv[1]) / sklearn.__version__
    folder.mkdir(parents=True, exist_ok=True)

    def expect(name, value):
        (folder / f"{name}.json").write_text(json.dumps(show(value), ensure_ascii=False) + "\n")

    for name, value in values():
        expect(name, value)
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            (folder / f"{name}.{protocol}.pkl").write_bytes(pickle.dumps(value, protocol))
        joblib.dump(value, folder / f"{name}.joblib")
    for name, value in models():
        expect(name, value)
        joblib.dump(value, folder / f"{name}.joblib")
        (folder / f"{name}.pkl").write_bytes(pickle.dumps(value))
    sparse = scipy.sparse.random(5, 4, 0.3, random_state=1)
    for form in ("csr", "csc"):
        matrix = sparse.asformat(form)
        dense = {"sparse": form, "dense": array(matrix.toarray())}
        (folder / f"{form}.json").write_text(json.dumps(dense) + "\n")
        joblib.dump(matrix, folder / f"{form}.joblib")
        (folder / f"{form}.pkl").write_bytes(pickle.dumps(matrix, 2))
    small = {"weights": np.arange(200.0), "names": np.array(["a", "b"], dtype=object), "version": "1"}
    expect("compressed", small)
    for method in ("zlib", "gzip", "bz2", "lzma", "xz", "lz4"):
        joblib.dump(small, folder / f"compressed.{method}.joblib", compress=(method, 3))
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        joblib.dump(small, folder / f"compressed.{protocol}.joblib", protocol=protocol)


main()
