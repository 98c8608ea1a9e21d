"""Decision trees."""

import numpy as np
from fixtures import Case
from sklearn import tree

RNG = np.random.RandomState(5)
X = RNG.normal(size=(80, 4)).astype(np.float32)
X[:, 3] = 1
Y = (X[:, 0] + 0.5 * RNG.normal(size=80) > 0).astype(int) + (X[:, 1] > 0.7)
Z = np.sin(X[:, 0]) + X[:, 1] ** 2
WEIGHTS = RNG.uniform(0.1, 3, size=80)
NAMES = np.array(["low", "middle", "high"])
# Some rows lie exactly on a threshold, or so close to it that float32 makes them equal.
ROWS = np.vstack([RNG.normal(size=(16, 4)), X[:3], X[:2] + 1e-9, [[0, 0, 0, 0]], [[1e30, -1e30, 3, 1]]])
HOLES = X.copy()
HOLES[RNG.uniform(size=X.shape) < 0.2] = np.nan
MISSING = np.vstack([ROWS, HOLES[:8], np.full((1, 4), np.nan)])


def on_thresholds(fitted, rows=ROWS):
    """The rows, and one for each of the first thresholds, exactly there."""
    found = fitted.tree_
    # A split between what is there and what is missing has an infinite threshold.
    splits = (found.children_left >= 0) & np.isfinite(found.threshold)
    places = np.flatnonzero(splits)[:4]
    more = np.zeros((len(places), rows.shape[1]))
    more[np.arange(len(places)), found.feature[places]] = found.threshold[places]
    return np.vstack([rows, more])


def case(name, fitted, rows=ROWS):
    return Case(name, fitted, on_thresholds(fitted, rows))


def every(version):
    yield case("classifier", tree.DecisionTreeClassifier(random_state=0).fit(X, Y))
    yield case("classifier_depth", tree.DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, NAMES[Y]))
    yield case("classifier_weights", tree.DecisionTreeClassifier(
        criterion="entropy", max_depth=4, random_state=0).fit(X, Y > 0, sample_weight=WEIGHTS))
    yield case("classifier_balanced", tree.DecisionTreeClassifier(
        class_weight="balanced", max_leaf_nodes=7, random_state=0).fit(X, Y * 10))
    yield case("classifier_pruned", tree.DecisionTreeClassifier(ccp_alpha=0.02, random_state=0).fit(X, Y))
    yield case("classifier_many", tree.DecisionTreeClassifier(
        max_depth=3, random_state=0).fit(X, np.arange(80) % 11, sample_weight=WEIGHTS))
    yield case("classifier_one_class", tree.DecisionTreeClassifier().fit(X, np.ones(80)))
    yield case("classifier_outputs", tree.DecisionTreeClassifier(
        max_depth=4, random_state=0).fit(X, np.c_[Y, Y > 1], sample_weight=WEIGHTS))
    yield case("classifier_outputs_text", tree.DecisionTreeClassifier(
        max_depth=4, random_state=0).fit(X, np.c_[NAMES[Y], NAMES[2 - Y]]))
    yield case("regressor", tree.DecisionTreeRegressor(random_state=0).fit(X, Z))
    yield case("regressor_weights", tree.DecisionTreeRegressor(
        max_depth=4, random_state=0).fit(X, Z, sample_weight=WEIGHTS))
    yield case("regressor_outputs", tree.DecisionTreeRegressor(max_depth=5, random_state=0).fit(X, np.c_[Z, -Z, X[:, 2]]))
    yield case("regressor_mae", tree.DecisionTreeRegressor(
        criterion="mae" if version < (1, 0) else "absolute_error", max_depth=3, random_state=0).fit(X, Z))
    yield case("extra_classifier", tree.ExtraTreeClassifier(max_depth=5, random_state=0).fit(X, Y))
    yield case("extra_regressor", tree.ExtraTreeRegressor(max_depth=5, random_state=0).fit(X, Z))
    if version >= (1, 3):
        yield case("classifier_missing", tree.DecisionTreeClassifier(max_depth=5, random_state=0).fit(HOLES, Y), MISSING)
        yield case("regressor_missing", tree.DecisionTreeRegressor(max_depth=5, random_state=0).fit(HOLES, Z), MISSING)
        yield case("classifier_missing_unseen", tree.DecisionTreeClassifier(max_depth=4, random_state=0).fit(X, Y), MISSING)
    if version >= (1, 4):
        yield case("classifier_monotonic", tree.DecisionTreeClassifier(
            max_depth=4, monotonic_cst=[1, 0, 0, 0], random_state=0).fit(X, Y > 0))
    if version >= (1, 6):
        yield case("extra_missing", tree.ExtraTreeClassifier(max_depth=5, random_state=0).fit(HOLES, Y), MISSING)


def cases(version):
    # Parameters that change nothing in what a file looks like: the oldest and the newest version.
    ends = {"classifier_many", "classifier_one_class", "classifier_outputs_text", "regressor_weights", "regressor_mae"}
    for each in every(version):
        if version < (1, 0) or version >= (1, 9) or each.name not in ends:
            yield each
