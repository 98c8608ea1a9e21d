"""Imputation: every strategy, what counts as missing, indicators."""

import numpy as np
import pandas as pd
from fixtures import Case
from sklearn import impute, pipeline, preprocessing

RNG = np.random.RandomState(22)
X = RNG.normal(size=(50, 4)) * [1, 10, 0.1, 3] + [0, 5, 1, -2]
GAPS = np.where(RNG.uniform(size=X.shape) < 0.25, np.nan, X)
GAPS[:, 3] = X[:, 3]
ROWS = np.where(RNG.uniform(size=(24, 4)) < 0.4, np.nan, RNG.normal(size=(24, 4)) * 5)
ROWS[:2] = [[np.nan] * 4, [0, 0, 0, 0]]
EMPTY = np.c_[GAPS[:, :2], np.full(50, np.nan), GAPS[:, 3]]
CODES = RNG.randint(-1, 3, size=(50, 3)).astype(float)
CODE_ROWS = RNG.randint(-1, 4, size=(22, 3)).astype(float)
WORDS = pd.DataFrame({"pet": RNG.choice(["ant", "bee", "cat", "?"], 50), "sex": RNG.choice(["m", "w"], 50)}).astype(object)
HOLES = WORDS.where(RNG.uniform(size=WORDS.shape) > 0.2, np.nan)
WORD_ROWS = pd.DataFrame({"pet": ["ant", "?", np.nan, "", "dog"] * 5, "sex": ["m", np.nan, "w", "w", np.nan] * 5})
SIMPLE = "sklearn.impute._base.SimpleImputer"


def encoded(imputer, version):
    """Text is encoded, so that the answer is numbers."""
    return pipeline.make_pipeline(imputer, preprocessing.OneHotEncoder(handle_unknown="ignore"))


def cases(version):
    simple = impute.SimpleImputer
    for strategy in ["mean", "median", "most_frequent", "constant"]:
        yield Case(f"simple_{strategy}", simple(strategy=strategy).fit(GAPS), ROWS)
        yield Case(f"simple_{strategy}_empty", simple(strategy=strategy, add_indicator=True).fit(EMPTY), ROWS)
        if version >= (1, 2):
            yield Case(f"simple_{strategy}_kept", simple(strategy=strategy, keep_empty_features=True).fit(EMPTY), ROWS)
    yield Case("simple_value", simple(strategy="constant", fill_value=-7.5).fit(GAPS), ROWS)
    yield Case("simple_minus_one", simple(missing_values=-1, strategy="most_frequent").fit(CODES), CODE_ROWS)
    yield Case("simple_indicator", simple(add_indicator=True).fit(GAPS), ROWS)
    yield Case("simple_words", encoded(simple(strategy="most_frequent"), version).fit(HOLES), WORD_ROWS, cls=SIMPLE)
    yield Case("simple_words_constant", encoded(
        simple(strategy="constant", fill_value="none"), version).fit(HOLES), WORD_ROWS, cls=SIMPLE)
    yield Case("simple_words_default", encoded(simple(strategy="constant"), version).fit(HOLES), WORD_ROWS, cls=SIMPLE)
    marked = WORD_ROWS.fillna("?")
    yield Case("simple_words_mark", encoded(
        simple(missing_values="?", strategy="most_frequent"), version).fit(WORDS), marked, cls=SIMPLE)
    yield Case("indicator", impute.MissingIndicator(error_on_new=False).fit(GAPS), ROWS)
    yield Case("indicator_all", impute.MissingIndicator(features="all").fit(GAPS), ROWS)
    yield Case("indicator_value", impute.MissingIndicator(missing_values=-1).fit(CODES), CODE_ROWS)
    for name, given in {
            "knn": {}, "knn_distance": {"weights": "distance", "n_neighbors": 3}, "knn_indicator": {"add_indicator": True},
            "knn_many": {"n_neighbors": 500}}.items():
        yield Case(name, impute.KNNImputer(**given).fit(GAPS), ROWS, 1e-10,
                   "scikit-learn takes squared distances apart, |x|^2 - 2xy + |y|^2; here they are summed")
    yield Case("knn_empty", impute.KNNImputer(n_neighbors=2).fit(EMPTY), ROWS)
    yield Case("knn_value", impute.KNNImputer(missing_values=-1, n_neighbors=4).fit(np.c_[CODES, X[:, 0]]),
               np.c_[CODE_ROWS, X[:22, 0] * 2])
    if version >= (1, 2):
        yield Case("knn_kept", impute.KNNImputer(keep_empty_features=True).fit(EMPTY), ROWS)
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn import linear_model, tree
    iterative = impute.IterativeImputer
    yield Case("iterative", iterative(random_state=0, max_iter=4).fit(GAPS), ROWS)
    yield Case("iterative_bounds", iterative(
        random_state=0, max_iter=3, min_value=-1, max_value=4, initial_strategy="median", add_indicator=True).fit(GAPS), ROWS)
    yield Case("iterative_empty", iterative(random_state=0, max_iter=2, n_nearest_features=2).fit(EMPTY), ROWS)
    yield Case("iterative_ridge", iterative(linear_model.Ridge(), random_state=0, max_iter=3,
                                            imputation_order="descending").fit(GAPS), ROWS)
    yield Case("iterative_tree", iterative(
        tree.DecisionTreeRegressor(max_depth=2, random_state=0), random_state=0, max_iter=2).fit(GAPS), ROWS)
    yield Case("iterative_nothing", iterative(max_iter=0).fit(GAPS), ROWS)
    yield Case("iterative_one", iterative(random_state=0, max_iter=2).fit(GAPS), np.full((1, 4), np.nan))
    if version >= (1, 6):
        yield Case("iterative_kept", iterative(random_state=0, max_iter=2, keep_empty_features=True).fit(EMPTY), ROWS)
