"""Scalers, encoders and other transformations of columns."""

import numpy as np
import pandas as pd
import scipy.special
from fixtures import Case
from sklearn import compose, linear_model, pipeline, preprocessing

RNG = np.random.RandomState(21)
X = RNG.normal(size=(60, 4)) * [1, 10, 0.1, 3] + [0, 5, 1, -2]
X[:, 3] = 2.5
Z = np.exp(X[:, 0])
GAPS = np.where(RNG.uniform(size=X.shape) < 0.2, np.nan, X)
ROWS = np.vstack([RNG.normal(size=(20, 4)) * 8, X[:3], np.zeros((1, 4)), np.full((1, 4), 1e6)])
GAPS_ROWS = np.where(RNG.uniform(size=ROWS.shape) < 0.2, np.nan, ROWS)
CODES = RNG.randint(0, 4, size=(60, 3)).astype(float)
CODE_ROWS = np.vstack([RNG.randint(0, 4, size=(20, 3)), CODES[:2]]).astype(float)
NEW_ROWS = np.vstack([RNG.randint(-2, 7, size=(20, 3)), CODES[:2], [[0.5, -0.0, 1e9]]])
WORDS = pd.DataFrame({
    "pet": RNG.choice(["ant", "bee", "cat", "löwe", ""], 60, p=[0.5, 0.2, 0.1, 0.1, 0.1]),
    "size": RNG.choice([1.0, 2.0, 5.0], 60), "sex": RNG.choice(["m", "w"], 60)})
NEW_WORDS = pd.DataFrame({
    "pet": ["ant", "dog", "", "löwe", "Bee", "bee", "cat"] * 3, "size": [1.0, 2.0, 5.0, 9.0, -1.0, 0.0, 2.0] * 3,
    "sex": ["m", "w", "x", "w", "w", "m", ""] * 3})
HOLES = WORDS.assign(pet=WORDS["pet"].where(RNG.uniform(size=60) > 0.2, np.nan),
                     size=WORDS["size"].where(RNG.uniform(size=60) > 0.2, np.nan))
NEW_HOLES = NEW_WORDS.assign(pet=NEW_WORDS["pet"].where(RNG.uniform(size=21) > 0.3, np.nan),
                             size=NEW_WORDS["size"].where(RNG.uniform(size=21) > 0.3, np.nan))


def back(transformer, rows, y=Z):
    """`inverse_transform`, asked by what is made for it: a regressor whose target is transformed."""
    model = compose.TransformedTargetRegressor(
        linear_model.LinearRegression(), transformer=transformer, check_inverse=False)
    return model.fit(X, y), rows


def scalers(version):
    yield Case("standard", preprocessing.StandardScaler().fit(X), ROWS)
    yield Case("standard_missing", preprocessing.StandardScaler().fit(GAPS), GAPS_ROWS)
    yield Case("standard_mean", preprocessing.StandardScaler(with_std=False).fit(X), ROWS)
    yield Case("standard_scale", preprocessing.StandardScaler(with_mean=False).fit(X), ROWS)
    yield Case("standard_nothing", preprocessing.StandardScaler(with_mean=False, with_std=False).fit(X), ROWS)
    yield Case("min_max", preprocessing.MinMaxScaler().fit(X), ROWS)
    yield Case("min_max_clip", preprocessing.MinMaxScaler((-1, 2), clip=True).fit(GAPS), GAPS_ROWS)
    yield Case("max_abs", preprocessing.MaxAbsScaler().fit(GAPS), GAPS_ROWS)
    if version >= (1, 9):
        yield Case("max_abs_clip", preprocessing.MaxAbsScaler(clip=True).fit(X), ROWS)
    yield Case("robust", preprocessing.RobustScaler().fit(X), ROWS)
    yield Case("robust_missing", preprocessing.RobustScaler(with_centering=False).fit(GAPS), GAPS_ROWS)
    yield Case("robust_range", preprocessing.RobustScaler(
        with_scaling=False, quantile_range=(10, 90)).fit(X), ROWS)
    name = "sklearn.preprocessing._data."
    for scaler in [preprocessing.StandardScaler(), preprocessing.MinMaxScaler((-1, 1)), preprocessing.MaxAbsScaler(),
                   preprocessing.RobustScaler()]:
        kind = type(scaler).__name__
        yield Case(f"back_{kind.lower()}", *back(scaler, ROWS), cls=name + kind)
    sparse = pipeline.make_pipeline(
        preprocessing.OneHotEncoder(handle_unknown="ignore"), preprocessing.StandardScaler(with_mean=False))
    yield Case("standard_sparse", sparse.fit(CODES), NEW_ROWS, cls=name + "StandardScaler")
    sparse = pipeline.make_pipeline(preprocessing.OneHotEncoder(handle_unknown="ignore"), preprocessing.MaxAbsScaler())
    yield Case("max_abs_sparse", sparse.fit(CODES), NEW_ROWS, cls=name + "MaxAbsScaler")


def encoders(version):
    sparse = "sparse_output" if version >= (1, 2) else "sparse"
    one_hot, ordinal = preprocessing.OneHotEncoder, preprocessing.OrdinalEncoder
    ignore = {"handle_unknown": "ignore"}
    yield Case("one_hot", one_hot().fit(CODES), CODE_ROWS)
    yield Case("one_hot_dense", one_hot(**{sparse: False}, **ignore).fit(CODES), NEW_ROWS)
    yield Case("one_hot_words", one_hot(**ignore).fit(WORDS), NEW_WORDS)
    yield Case("one_hot_first", one_hot(drop="first").fit(WORDS), WORDS.head(25))
    yield Case("one_hot_binary", one_hot(drop="if_binary").fit(WORDS), WORDS.head(25))
    yield Case("one_hot_given_drop", one_hot(drop=["bee", 2.0, "w"]).fit(WORDS), WORDS.head(25))
    yield Case("one_hot_categories", one_hot(
        categories=[["zebra", "ant", "dog"], [1.0, 2.0, 5.0, 9.0], ["m", "w"]], **ignore).fit(WORDS), NEW_WORDS)
    yield Case("one_hot_missing", one_hot(**ignore).fit(HOLES), NEW_HOLES)
    yield Case("ordinal", ordinal().fit(WORDS), WORDS.head(25))
    yield Case("ordinal_numbers", ordinal().fit(CODES), CODE_ROWS)
    yield Case("ordinal_unknown", ordinal(handle_unknown="use_encoded_value", unknown_value=-1).fit(WORDS), NEW_WORDS)
    yield Case("ordinal_nan", ordinal(
        handle_unknown="use_encoded_value", unknown_value=np.nan).fit(CODES), NEW_ROWS)
    if version >= (1, 2):
        missing = {"handle_unknown": "use_encoded_value", "unknown_value": -1}
        yield Case("ordinal_missing", ordinal(**missing).fit(HOLES), NEW_HOLES)
        yield Case("ordinal_missing_code", ordinal(encoded_missing_value=-2, **missing).fit(HOLES), NEW_HOLES)
        rare = {"handle_unknown": "infrequent_if_exist"}
        yield Case("one_hot_rare", one_hot(min_frequency=8, **rare).fit(WORDS), NEW_WORDS)
        yield Case("one_hot_rare_ignore", one_hot(min_frequency=8, **ignore).fit(WORDS), NEW_WORDS)
        yield Case("one_hot_rare_share", one_hot(min_frequency=0.3, **rare).fit(CODES), NEW_ROWS)
        yield Case("one_hot_rare_most", one_hot(max_categories=3, drop="first", **rare).fit(HOLES), NEW_HOLES)
        yield Case("one_hot_drop_ignore", one_hot(drop="first", **ignore).fit(WORDS), NEW_WORDS)
    if version >= (1, 3):
        yield Case("ordinal_rare", ordinal(max_categories=3, **missing).fit(HOLES), NEW_HOLES)
    if version >= (1, 6):
        yield Case("one_hot_warn", one_hot(handle_unknown="warn", max_categories=2).fit(WORDS), NEW_WORDS)


def rowwise(version):
    rows = np.vstack([ROWS, np.zeros((1, 4)), np.full((1, 4), 1e-17), np.full((1, 4), -3.0)])
    for norm in ["l1", "l2", "max"]:
        yield Case(f"normalizer_{norm}", preprocessing.Normalizer(norm).fit(X), rows)
    yield Case("binarizer", preprocessing.Binarizer().fit(X), rows)
    yield Case("binarizer_threshold", preprocessing.Binarizer(threshold=-1.5).fit(X), rows)
    kernel = X[:20] @ X[:20].T
    yield Case("kernel_centerer", preprocessing.KernelCenterer().fit(kernel), ROWS @ X[:20].T)


def shapes(version):
    power, quantile = preprocessing.PowerTransformer, preprocessing.QuantileTransformer
    positive, positive_rows = np.abs(X) + 0.1, np.abs(ROWS) + 0.01
    yield Case("power", power().fit(GAPS), GAPS_ROWS)
    yield Case("power_plain", power(standardize=False).fit(X), ROWS)
    yield Case("power_box_cox", power("box-cox").fit(positive[:, :3]), positive_rows[:, :3])
    yield Case("quantile", quantile(n_quantiles=20).fit(GAPS), GAPS_ROWS)
    yield Case("quantile_ties", quantile(n_quantiles=30).fit(CODES), NEW_ROWS)
    yield Case("quantile_normal", quantile(n_quantiles=25, output_distribution="normal").fit(GAPS), GAPS_ROWS)
    yield Case("quantile_subsample", quantile(
        n_quantiles=10, subsample=30, random_state=0, output_distribution="normal").fit(X), ROWS)
    name = "sklearn.preprocessing._data."
    for given, transformer in {
            "power": power(), "power_box_cox": power("box-cox", standardize=False), "quantile": quantile(n_quantiles=20),
            "quantile_normal": quantile(n_quantiles=20, output_distribution="normal")}.items():
        yield Case(f"back_{given}", *back(transformer, ROWS[:20] / 8), cls=name + type(transformer).__name__)
    polynomial = preprocessing.PolynomialFeatures
    yield Case("polynomial", polynomial().fit(X), ROWS)
    yield Case("polynomial_cubic", polynomial(3, include_bias=False, order="F").fit(X), ROWS)
    yield Case("polynomial_interaction", polynomial(4, interaction_only=True).fit(X), ROWS)
    if version >= (1, 2):
        yield Case("polynomial_range", polynomial((2, 3), include_bias=False).fit(X), ROWS)
        yield Case("polynomial_range_interaction", polynomial((2, 4), interaction_only=True).fit(X), ROWS)
        yield Case("polynomial_zero", polynomial((0, 2)).fit(X), ROWS)
    bins = preprocessing.KBinsDiscretizer
    for strategy in ["uniform", "quantile", "kmeans"]:
        yield Case(f"bins_{strategy}", bins(4, encode="ordinal", strategy=strategy).fit(X[:, :3]), ROWS[:, :3])
    yield Case("bins_one_hot", bins([3, 4, 2]).fit(X[:, :3]), ROWS[:, :3])
    yield Case("bins_one_hot_dense", bins(3, encode="onehot-dense").fit(X[:, :3]), ROWS[:, :3])
    yield Case("back_bins", *back(bins(5, encode="ordinal"), X[10:35]), cls="sklearn.preprocessing._discretization.KBinsDiscretizer")
    if version >= (1, 3):
        target = preprocessing.TargetEncoder
        three = np.digitize(Z, [0.6, 1.7])
        yield Case("target_continuous", target(random_state=0).fit(WORDS, Z), NEW_WORDS)
        yield Case("target_binary", target(smooth=3.0, random_state=0).fit(HOLES, np.array(["a", "b"])[three % 2]), NEW_HOLES)
        if version >= (1, 4):
            yield Case("target_multiclass", target(random_state=0).fit(WORDS, three), NEW_WORDS)


def splines(version):
    spline = preprocessing.SplineTransformer
    rows = np.vstack([X[:18], ROWS[:6] / 3])
    for extrapolation in ["constant", "linear", "continue", "periodic"]:
        for degree in [1, 3]:
            yield Case(f"spline_{extrapolation}_{degree}", spline(4, degree, extrapolation=extrapolation).fit(X[:, :3]), rows[:, :3])
    yield Case("spline_error", spline(5, 2, extrapolation="error", knots="quantile").fit(X[:, :3]), X[:25, :3])
    yield Case("spline_flat", spline(3, 0, extrapolation="linear").fit(X[:, :1]), rows[:, :1])
    yield Case("spline_without_bias", spline(5, 3, knots="quantile", include_bias=False).fit(X[:, :3]), rows[:, :3])
    if version >= (1, 2):
        given = np.array([[-2.0, -10], [-1, 0], [0, 4], [3, 20]])
        yield Case("spline_knots", spline(degree=2, knots=given).fit(X[:, :2]), rows[:, :2])
    if version >= (1, 4):
        yield Case("spline_sparse", spline(4, sparse_output=True).fit(X[:, :3]), rows[:, :3])
    if version >= (1, 8):
        yield Case("spline_missing", spline(4, handle_missing="zeros").fit(GAPS[:, :3]), GAPS_ROWS[:, :3])


def functions(version):
    function = preprocessing.FunctionTransformer
    yield Case("function_nothing", function().fit(X), GAPS_ROWS)
    yield Case("function_validate", function(validate=True).fit(X), ROWS)
    rows = np.vstack([ROWS, [[np.inf, -np.inf, np.nan, -0.0]]])
    # What a function is does not depend on the version: all are compared under the newest alone.
    for name in ["log1p", "sqrt"] if version < (1, 9) else [
            "abs", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh", "cbrt", "ceil", "cos", "cosh", "deg2rad",
            "degrees", "exp", "exp2", "expm1", "floor", "log", "log10", "log1p", "log2", "negative", "positive", "reciprocal",
            "rint", "sign", "sin", "sinh", "sqrt", "square", "tan", "tanh", "trunc", "isnan", "isfinite", "signbit",
            "logical_not", "nan_to_num"]:
        yield Case(f"function_{name}", function(getattr(np, name)).fit(X[:, :2]), rows[:, [0, 3]] / 4)
    for name in ["expit"] if version < (1, 9) else ["expit", "logit", "erf", "erfc", "gamma", "gammaln", "ndtr", "ndtri"]:
        given = np.abs(rows) / 40 if name in ("gamma", "gammaln", "logit", "ndtri") else rows / 4
        yield Case(f"function_{name}", function(getattr(scipy.special, name)).fit(X[:, :2]), given[:, [0, 3]])
    yield Case("function_clip", function(np.clip, kw_args={"a_min": -1, "a_max": 2}).fit(X), rows)
    yield Case("back_function", *back(function(np.log1p, np.expm1), ROWS[:20] / 8),
               cls="sklearn.preprocessing._function_transformer.FunctionTransformer")


def cases(version):
    yield from shapes(version)
    yield from functions(version)
    if version >= (1, 0):
        yield from splines(version)
    yield from rowwise(version)
    yield from scalers(version)
    yield from encoders(version)
