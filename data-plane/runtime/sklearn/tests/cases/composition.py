"""Pipelines, columns, searches, transformed targets and dummies."""

import numpy as np
import pandas as pd
from fixtures import Case
from sklearn import compose, dummy, linear_model, model_selection, pipeline, preprocessing

RNG = np.random.RandomState(3)
X = RNG.normal(size=(60, 4))
Y = (X[:, 0] - X[:, 1] > 0).astype(int)
Z = np.exp(X @ [0.3, -0.2, 0.1, 0.4])
FRAME = pd.DataFrame({
    "age": RNG.randint(18, 80, 60).astype(float), "job": RNG.choice(["cook", "judge", "nurse"], 60),
    "note": ["unused"] * 60, "hours": RNG.normal(40, 5, 60)})
ROWS = RNG.normal(size=(25, 4))


def cases(version):
    scaled = pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression())
    yield Case("pipeline", scaled.fit(X, Y), ROWS)
    yield Case("pipeline_passthrough", pipeline.Pipeline(
        [("a", "passthrough"), ("b", preprocessing.MinMaxScaler())]).fit(X), ROWS)
    yield Case("union", pipeline.FeatureUnion(
        [("a", preprocessing.StandardScaler()), ("b", preprocessing.MinMaxScaler())],
        transformer_weights={"b": 2.5}).fit(X), ROWS)
    columns = compose.ColumnTransformer([
        ("n", preprocessing.StandardScaler(), ["age", "hours"]),
        ("c", preprocessing.OneHotEncoder(handle_unknown="ignore"), ["job"])])
    yield Case("columns_named", columns.fit(FRAME), FRAME.head(30))
    yield Case("columns_pipeline", pipeline.make_pipeline(
        columns, linear_model.LogisticRegression()).fit(FRAME, Y), FRAME.head(30),
        cls="sklearn.compose._column_transformer.ColumnTransformer")
    yield Case("columns_places", compose.ColumnTransformer([
        ("a", preprocessing.StandardScaler(), [0, -1]), ("b", preprocessing.MinMaxScaler(), slice(1, 3)),
        ("m", "passthrough", [False, True, False, False])], remainder="drop").fit(X), ROWS)
    yield Case("columns_remainder", compose.ColumnTransformer(
        [("a", preprocessing.StandardScaler(), [2])], remainder="passthrough").fit(X), ROWS)
    yield Case("columns_weights", compose.ColumnTransformer(
        [("a", preprocessing.StandardScaler(), [2])], remainder=preprocessing.MaxAbsScaler(),
        transformer_weights={"a": 0.25}).fit(X), ROWS)
    yield Case("search", model_selection.GridSearchCV(
        linear_model.Ridge(), {"alpha": [0.1, 1]}, cv=2).fit(X, Z), ROWS)
    yield Case("random_search", model_selection.RandomizedSearchCV(
        linear_model.Ridge(), {"alpha": [0.1, 1]}, n_iter=1, cv=2, random_state=0).fit(X, Z), ROWS)
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401
    yield Case("halving", model_selection.HalvingGridSearchCV(
        linear_model.LogisticRegression(), {"C": [0.1, 1]}, cv=2, random_state=0).fit(X, Y), ROWS)
    yield Case("halving_random", model_selection.HalvingRandomSearchCV(
        linear_model.LogisticRegression(), {"C": [0.1, 1]}, cv=2, random_state=0).fit(X, Y), ROWS)
    if version >= (1, 5):
        yield Case("threshold_fixed", model_selection.FixedThresholdClassifier(
            linear_model.LogisticRegression(), threshold=0.3).fit(X, Y), ROWS)
        yield Case("threshold_tuned", model_selection.TunedThresholdClassifierCV(
            linear_model.LogisticRegression(), random_state=0).fit(X, Y), ROWS)
    yield Case("target", compose.TransformedTargetRegressor(
        linear_model.LinearRegression(), transformer=preprocessing.StandardScaler()).fit(X, Z), ROWS)
    yield Case("target_function", compose.TransformedTargetRegressor(
        linear_model.LinearRegression(), func=np.log, inverse_func=np.exp).fit(X, Z), ROWS)
    yield Case("dummy_mean", dummy.DummyRegressor().fit(X, Z), ROWS)
    yield Case("dummy_two", dummy.DummyRegressor().fit(X, np.c_[Z, Z + 1]), ROWS)
    for strategy in ["prior", "most_frequent"]:
        yield Case(f"dummy_{strategy}", dummy.DummyClassifier(strategy=strategy).fit(X, np.array(["no", "yes"])[Y]), ROWS)
    yield Case("dummy_constant", dummy.DummyClassifier(strategy="constant", constant=1).fit(X, Y), ROWS)
