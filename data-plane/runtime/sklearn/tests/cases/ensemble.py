"""Forests, boosting, bagging, voting, stacking, isolation."""

import numpy as np
import pandas as pd
from fixtures import Case
from sklearn import dummy, ensemble, linear_model, naive_bayes, pipeline, preprocessing, svm, tree

RNG = np.random.RandomState(7)
X = RNG.normal(size=(90, 4)).astype(np.float32).astype(float)
Y = (X[:, 0] + 0.5 * RNG.normal(size=90) > 0).astype(int) + (X[:, 1] > 0.7)
B = (Y > 0).astype(int)
Z = np.sin(X[:, 0]) + X[:, 1] ** 2
COUNTS = np.floor(np.exp(X[:, 0]))
WEIGHTS = RNG.uniform(0.1, 3, size=90)
NAMES = np.array(["low", "middle", "high"])
ROWS = np.vstack([RNG.normal(size=(16, 4)), X[:3], X[:2] + 1e-9, np.zeros((1, 4)), [[1e30, -1e30, 3, 1]]])
HOLES = X.copy()
HOLES[RNG.uniform(size=X.shape) < 0.2] = np.nan
MISSING = np.vstack([ROWS, HOLES[:6], np.full((1, 4), np.nan)])
INFINITE = np.vstack([MISSING, [[np.inf, -np.inf, 1e300, -1e300]]])
CODES = np.c_[X[:, :2], RNG.randint(0, 6, 90), RNG.choice([0.0, 3.0, 250.0, np.nan], 90)]
CODED = np.vstack([CODES[:18], [[0, 0, 7, 3], [0, 1, -1, 250], [1, 0, np.nan, np.nan], [1, 1, 2, 251]]])


def small(kind=tree.DecisionTreeClassifier, depth=3, **more):
    return kind(max_depth=depth, random_state=0, **more)


def forests(version):
    some = {"n_estimators": 4, "max_depth": 4, "random_state": 0}
    yield Case("forest", ensemble.RandomForestClassifier(**some).fit(X, Y), ROWS)
    yield Case("forest_text", ensemble.RandomForestClassifier(**some).fit(X, NAMES[Y], sample_weight=WEIGHTS), ROWS)
    yield Case("forest_bool", ensemble.RandomForestClassifier(**some, class_weight="balanced").fit(X, Y > 0), ROWS)
    yield Case("forest_outputs", ensemble.RandomForestClassifier(**some).fit(X, np.c_[Y, B]), ROWS)
    yield Case("forest_one_row", ensemble.RandomForestClassifier(**some).fit(X, Y), ROWS[:1])
    yield Case("forest_regressor", ensemble.RandomForestRegressor(**some).fit(X, Z), ROWS)
    yield Case("forest_regressor_outputs", ensemble.RandomForestRegressor(**some).fit(X, np.c_[Z, -Z]), ROWS)
    yield Case("extra", ensemble.ExtraTreesClassifier(**some).fit(X, Y), ROWS)
    yield Case("extra_regressor", ensemble.ExtraTreesRegressor(**some, bootstrap=True).fit(X, Z), ROWS)
    yield Case("embedding", ensemble.RandomTreesEmbedding(n_estimators=4, max_depth=3, random_state=0).fit(X), ROWS)
    if version >= (1, 4):
        yield Case("forest_missing", ensemble.RandomForestClassifier(**some).fit(HOLES, Y), MISSING)
        yield Case("forest_regressor_missing", ensemble.RandomForestRegressor(**some).fit(HOLES, Z), MISSING)
    if version >= (1, 6):
        yield Case("extra_missing", ensemble.ExtraTreesClassifier(**some).fit(HOLES, Y), MISSING)
    frame = pd.DataFrame(X, columns=list("abcd"))
    yield Case("forest_frame", ensemble.RandomForestClassifier(**some).fit(frame, Y), frame.head(22))


def boosting(version):
    some = {"n_estimators": 4, "max_depth": 2, "random_state": 0}
    old = version < (1, 1)
    yield Case("gb", ensemble.GradientBoostingClassifier(**some).fit(X, B), ROWS)
    yield Case("gb_three", ensemble.GradientBoostingClassifier(**some, learning_rate=0.3).fit(X, NAMES[Y]), ROWS)
    yield Case("gb_exponential", ensemble.GradientBoostingClassifier(**some, loss="exponential").fit(X, B), ROWS)
    yield Case("gb_zero", ensemble.GradientBoostingClassifier(**some, init="zero").fit(X, B), ROWS)
    # Its probabilities are 0 and 1: they are kept off the ends.
    yield Case("gb_init", ensemble.GradientBoostingClassifier(**some, init=small(depth=8)).fit(X, B), ROWS)
    yield Case("gb_init_three", ensemble.GradientBoostingClassifier(**some, init=small(depth=8)).fit(X, Y), ROWS)
    for loss in ["ls" if old else "squared_error", "lad" if old else "absolute_error", "huber", "quantile"]:
        yield Case(f"gb_regressor_{loss}", ensemble.GradientBoostingRegressor(**some, loss=loss).fit(X, Z), ROWS)
    yield Case("gb_regressor_init", ensemble.GradientBoostingRegressor(
        **some, init=small(tree.DecisionTreeRegressor)).fit(X, Z), ROWS)
    yield Case("gb_regressor_zero", ensemble.GradientBoostingRegressor(**some, init="zero", subsample=0.7).fit(X, Z), ROWS)


def histograms(version):
    if version < (1, 0):
        from sklearn.experimental import enable_hist_gradient_boosting  # noqa: F401
    some = {"max_iter": 3, "min_samples_leaf": 5, "max_leaf_nodes": 6}
    one, other = ensemble.HistGradientBoostingClassifier, ensemble.HistGradientBoostingRegressor
    yield Case("hist", one(**some).fit(HOLES, NAMES[B]), INFINITE)
    yield Case("hist_three", one(**some).fit(HOLES, Y), INFINITE)
    yield Case("hist_no_missing", one(**some).fit(X, Y), MISSING)
    yield Case("hist_regressor", other(**some).fit(HOLES, Z), INFINITE)
    absolute = "least_absolute_deviation" if version < (1, 0) else "absolute_error"
    losses = [absolute, "poisson"]
    if version >= (1, 1):
        losses += ["quantile"]
    if version >= (1, 3):
        losses += ["gamma"]
    for loss in losses:
        more = {"quantile": 0.8} if loss == "quantile" else {}
        yield Case(f"hist_regressor_{loss}", other(**some, loss=loss, **more).fit(X, np.exp(Z)), MISSING)
    yield Case("hist_categories", one(**some, categorical_features=[2, 3]).fit(CODES, B), CODED)
    yield Case("hist_categories_mask", other(
        **some, categorical_features=[False, False, True, True]).fit(CODES, Z), CODED)
    if version >= (1, 4):
        frame = pd.DataFrame({"size": HOLES[:, 0], "kind": RNG.choice(["a", "b", "c"], 90), "age": X[:, 1]})
        frame["kind"] = frame["kind"].astype("category")
        rows = frame.head(22).copy()
        rows["kind"] = rows["kind"].astype(object)
        rows.loc[3, "kind"], rows.loc[5, "kind"] = "unseen", None
        fitted = one(**some, categorical_features=["kind"]).fit(frame, Y)
        yield Case("hist_categories_text", fitted, rows)


def voting(version):
    line = linear_model.LogisticRegression()
    members = [("line", line), ("bayes", naive_bayes.GaussianNB()), ("tree", small())]
    dropped = members[:2] + [("gone", "drop")] + members[2:]
    yield Case("voting_hard", ensemble.VotingClassifier(members).fit(X, NAMES[Y]), ROWS,
               methods=["predict"])
    yield Case("voting_hard_weights", ensemble.VotingClassifier(
        dropped, weights=[1, 2, 5, 2.5]).fit(X, Y), ROWS, methods=["predict"])
    yield Case("voting_soft", ensemble.VotingClassifier(members, voting="soft").fit(X, NAMES[Y]), ROWS)
    yield Case("voting_soft_weights", ensemble.VotingClassifier(
        dropped, voting="soft", weights=[1, 2, 5, 3]).fit(X, B), ROWS)
    yield Case("voting_soft_deep", ensemble.VotingClassifier(
        members, voting="soft", flatten_transform=False).fit(X, B), ROWS, methods=["predict", "predict_proba"])
    members = [("line", linear_model.LinearRegression()), ("tree", small(tree.DecisionTreeRegressor))]
    yield Case("voting_regressor", ensemble.VotingRegressor(members).fit(X, Z), ROWS)
    yield Case("voting_regressor_weights", ensemble.VotingRegressor(members, weights=[1, 4]).fit(X, Z), ROWS)


def stacking(version):
    members = [("line", linear_model.LogisticRegression()), ("tree", small()), ("svm", svm.LinearSVC(random_state=0))]
    last = linear_model.LogisticRegression()
    for name, method, classes in [("auto", "auto", Y), ("auto_two", "auto", B), ("predict", "predict", NAMES[Y])]:
        yield Case(f"stacking_{name}", ensemble.StackingClassifier(
            members, final_estimator=last, cv=2, stack_method=method).fit(X, classes), ROWS,
            methods=["predict", "predict_proba"] + ["transform"] * (method != "predict"))
    yield Case("stacking_passthrough", ensemble.StackingClassifier(
        members[:2] + [("gone", "drop")], final_estimator=small(), cv=2, passthrough=True).fit(X, NAMES[B]), ROWS)
    members = [("line", linear_model.LinearRegression()), ("tree", small(tree.DecisionTreeRegressor))]
    yield Case("stacking_regressor", ensemble.StackingRegressor(members, cv=2).fit(X, Z), ROWS)
    yield Case("stacking_regressor_passthrough", ensemble.StackingRegressor(
        members, final_estimator=small(tree.DecisionTreeRegressor), cv=2, passthrough=True).fit(X, Z), ROWS)


def weighted(version):
    some = {"n_estimators": 4, "random_state": 0}
    yield Case("ada", ensemble.AdaBoostClassifier(**some).fit(X, B), ROWS)
    yield Case("ada_three", ensemble.AdaBoostClassifier(small(), **some).fit(X, NAMES[Y]), ROWS)
    if version < (1, 6):
        for name, classes in [("two", B), ("three", Y)]:
            yield Case(f"ada_samme_{name}", ensemble.AdaBoostClassifier(
                small(depth=2), **some, algorithm="SAMME").fit(X, classes), ROWS)
    yield Case("ada_pipeline", ensemble.AdaBoostClassifier(naive_bayes.GaussianNB(), **some).fit(X, Y), ROWS)
    for loss in ["linear", "square", "exponential"]:
        yield Case(f"ada_regressor_{loss}", ensemble.AdaBoostRegressor(
            small(tree.DecisionTreeRegressor), **some, loss=loss).fit(X, Z), ROWS)


def bags(version):
    some = {"n_estimators": 4, "random_state": 0}
    yield Case("bagging", ensemble.BaggingClassifier(small(), **some).fit(X, NAMES[Y]), ROWS)
    yield Case("bagging_features", ensemble.BaggingClassifier(
        small(), max_features=0.6, max_samples=0.5, **some).fit(X, Y), ROWS)
    yield Case("bagging_twice", ensemble.BaggingClassifier(
        small(), max_features=6, bootstrap_features=True, **some).fit(np.c_[X, X], Y), np.c_[ROWS, ROWS])
    # Members that have not seen every class.
    rare = np.r_[[3, 4], Y[2:]]
    yield Case("bagging_rare", ensemble.BaggingClassifier(small(), max_samples=12, **some).fit(X, rare), ROWS)
    yield Case("bagging_votes", ensemble.BaggingClassifier(
        linear_model.RidgeClassifier(), **some).fit(X, NAMES[Y]), ROWS)
    yield Case("bagging_decisions", ensemble.BaggingClassifier(
        linear_model.LogisticRegression(), **some).fit(X, B), ROWS)
    yield Case("bagging_pipeline", ensemble.BaggingClassifier(pipeline.make_pipeline(
        preprocessing.StandardScaler(), linear_model.LogisticRegression()), **some).fit(X, Y), ROWS)
    yield Case("bagging_regressor", ensemble.BaggingRegressor(
        small(tree.DecisionTreeRegressor), max_features=3, **some).fit(X, Z), ROWS)
    yield Case("bagging_regressor_outputs", ensemble.BaggingRegressor(
        linear_model.LinearRegression(), **some).fit(X, np.c_[Z, -Z]), ROWS)
    yield Case("bagging_constant", ensemble.BaggingRegressor(dummy.DummyRegressor(), **some).fit(X, Z), MISSING)


def isolation(version):
    some = {"n_estimators": 4, "random_state": 0}
    yield Case("isolation", ensemble.IsolationForest(**some).fit(X), ROWS)
    yield Case("isolation_contamination", ensemble.IsolationForest(
        **some, contamination=0.2, max_samples=32).fit(X), ROWS)
    yield Case("isolation_features", ensemble.IsolationForest(
        **some, max_features=3, bootstrap=True, max_samples=0.5).fit(X), ROWS)
    if version >= (1, 6):
        yield Case("isolation_missing", ensemble.IsolationForest(**some).fit(HOLES), MISSING)


# Parameters that change nothing in what a file looks like: the oldest and the newest version.
ENDS = {"forest_bool", "forest_one_row", "forest_frame", "gb_zero", "gb_init_three", "gb_regressor_zero",
        "gb_regressor_huber", "hist_no_missing", "hist_regressor_poisson", "voting_hard_weights",
        "voting_soft_deep", "voting_regressor_weights", "stacking_predict", "stacking_auto_two",
        "stacking_regressor_passthrough", "ada_pipeline", "ada_regressor_square", "ada_regressor_exponential",
        "bagging_twice", "bagging_pipeline", "bagging_constant", "bagging_decisions", "isolation_contamination"}


def cases(version):
    for family in [forests, boosting, histograms, voting, stacking, weighted, bags, isolation]:
        for case in family(version):
            if version < (1, 0) or version >= (1, 9) or case.name not in ENDS:
                yield case
