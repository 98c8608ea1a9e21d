"""Boosters of XGBoost, LightGBM and CatBoost in their scikit-learn classes.

Under the versions in tests/requirements-boosters-*.txt, which have these libraries.
"""

import catboost
import lightgbm
import numpy as np
import pandas as pd
import xgboost
from fixtures import Case

RNG = np.random.RandomState(11)
X = RNG.normal(size=(90, 4))
Y = (X[:, 0] + 0.5 * RNG.normal(size=90) > 0).astype(int) + (X[:, 1] > 0.7)
B = (Y > 0).astype(int)
Z = np.sin(X[:, 0]) + X[:, 1] ** 2
NAMES = np.array(["low", "middle", "high"])
HOLES = X.copy()
HOLES[RNG.uniform(size=X.shape) < 0.2] = np.nan
ROWS = np.vstack([RNG.normal(size=(20, 4)), HOLES[:6], np.full((1, 4), np.nan)])
GROUPS = [30, 30, 30]
SINGLE = 1e-6
WHY = "float32: exp of another library"


def xgboosts(version):
    new = tuple(int(part) for part in xgboost.__version__.split(".")[:2]) >= (1, 6)
    some = {"n_estimators": 4, "max_depth": 3}
    one = {"tolerance": SINGLE, "why": WHY}
    yield Case("xgb", xgboost.XGBClassifier(**some).fit(HOLES, B), ROWS, **one)
    yield Case("xgb_three", xgboost.XGBClassifier(**some).fit(HOLES, Y), ROWS, **one)
    if not new:
        yield Case("xgb_text", xgboost.XGBClassifier(**some).fit(HOLES, NAMES[Y]), ROWS, **one)
    if new:
        yield Case("xgb_softmax", xgboost.XGBClassifier(**some, objective="multi:softmax").fit(HOLES, Y), ROWS, **one)
        stopped = xgboost.XGBClassifier(n_estimators=30, max_depth=4, learning_rate=1, early_stopping_rounds=2)
        yield Case("xgb_stopped", stopped.fit(X[:60], B[:60], eval_set=[(X[60:], B[60:])], verbose=False), ROWS, **one)
    else:
        stopped = xgboost.XGBClassifier(n_estimators=30, max_depth=4, learning_rate=1)
        yield Case("xgb_stopped", stopped.fit(X[:60], B[:60], eval_set=[(X[60:], B[60:])], verbose=False,
                                              early_stopping_rounds=2), ROWS, **one)
    filled = np.where(np.isnan(HOLES), -9, HOLES)
    yield Case("xgb_missing", xgboost.XGBRegressor(**some, missing=-9).fit(filled, Z), np.where(np.isnan(ROWS), -9, ROWS))
    yield Case("xgb_regressor", xgboost.XGBRegressor(**some).fit(HOLES, Z), ROWS)
    yield Case("xgb_dart", xgboost.XGBRegressor(**some, booster="dart").fit(HOLES, Z), ROWS, tolerance=2e-5,
               why="float32: the class adds the base score to each tree and takes it away again")
    yield Case("xgb_forest", xgboost.XGBRFClassifier(**some).fit(HOLES, B), ROWS, **one)
    yield Case("xgb_forest_regressor", xgboost.XGBRFRegressor(**some).fit(HOLES, Z), ROWS)
    ranker = xgboost.XGBRanker(**some)
    yield Case("xgb_ranker", ranker.fit(HOLES, Y, group=GROUPS), ROWS, methods=["predict"])
    frame = pd.DataFrame(HOLES, columns=list("abcd"))
    yield Case("xgb_frame", xgboost.XGBRegressor(**some).fit(frame, Z), pd.DataFrame(ROWS, columns=list("abcd")))


class Direct:
    """A booster that is asked with rows, as it is served."""

    def __init__(self, booster):
        self.booster = booster

    def predict(self, rows):
        return self.booster.predict(xgboost.DMatrix(rows))


def lightgbms(version):
    some = {"n_estimators": 4, "max_depth": 3, "min_child_samples": 5, "verbose": -1}
    yield Case("lgbm", lightgbm.LGBMClassifier(**some).fit(HOLES, NAMES[B]), ROWS)
    yield Case("lgbm_three", lightgbm.LGBMClassifier(**some).fit(HOLES, Y * 10), ROWS)
    yield Case("lgbm_regressor", lightgbm.LGBMRegressor(**some).fit(HOLES, Z), ROWS)
    yield Case("lgbm_poisson", lightgbm.LGBMRegressor(**some, objective="poisson").fit(HOLES, np.exp(Z)), ROWS)
    yield Case("lgbm_forest", lightgbm.LGBMRegressor(
        **some, boosting_type="rf", subsample=0.7, subsample_freq=1).fit(HOLES, Z), ROWS)
    yield Case("lgbm_ranker", lightgbm.LGBMRanker(**some).fit(HOLES, Y, group=GROUPS), ROWS)
    quick = dict(some, n_estimators=30, learning_rate=1, max_depth=4)
    if hasattr(lightgbm, "early_stopping"):
        stop = {"callbacks": [lightgbm.early_stopping(2, verbose=False)]}
    else:
        stop = {"early_stopping_rounds": 2, "verbose": False}
    stopped = lightgbm.LGBMClassifier(**quick).fit(X[:60], B[:60], eval_set=[(X[60:], B[60:])], **stop)
    assert 0 < stopped.booster_.best_iteration < 30
    yield Case("lgbm_stopped", stopped, ROWS)
    yield Case("lgbm_booster", lightgbm.LGBMRegressor(**some).fit(HOLES, Z).booster_, ROWS)
    frame = pd.DataFrame({"size": X[:, 0], "kind": pd.Categorical(RNG.choice(["a", "b", "c"], 90)), "age": X[:, 1]})
    fitted = lightgbm.LGBMRegressor(**some).fit(frame, Z)
    yield Case("lgbm_frame", fitted, frame.head(24))


def catboosts(version):
    some = {"iterations": 4, "depth": 3, "verbose": 0, "allow_writing_files": False, "random_seed": 0}
    yield Case("cat", catboost.CatBoostClassifier(**some).fit(X, NAMES[B]), ROWS)
    yield Case("cat_numbers", catboost.CatBoostClassifier(**some).fit(HOLES, B), ROWS)
    # The framework answers with a column of labels for more than two classes.
    yield Case("cat_three", catboost.CatBoostClassifier(**some).fit(X, NAMES[Y]), ROWS, methods=["predict_proba"])
    yield Case("cat_regressor", catboost.CatBoostRegressor(**some).fit(X, Z), ROWS)
    yield Case("cat_poisson", catboost.CatBoostRegressor(**some, loss_function="Poisson").fit(X, np.exp(Z)), ROWS)
    pool = catboost.Pool(X, Y, group_id=np.repeat([0, 1, 2], 30))
    yield Case("cat_ranker", catboost.CatBoostRanker(**some).fit(pool), ROWS, methods=["predict"])
    yield Case("cat_raw", catboost.CatBoost(dict(some, loss_function="Logloss")).fit(X, B), ROWS)
    frame = pd.DataFrame({"size": X[:, 0], "kind": RNG.choice(["a", "b", "c"], 90), "age": X[:, 1]})
    fitted = catboost.CatBoostClassifier(**some, cat_features=["kind"]).fit(frame, B)
    rows = frame.head(24).copy()
    rows.loc[3, "kind"] = "unseen"
    yield Case("cat_categories", fitted, rows)


def cases(version):
    for family in [xgboosts, lightgbms, catboosts]:
        for case in family(version):
            yield case
    booster = xgboost.XGBRegressor(n_estimators=4, max_depth=3).fit(HOLES, Z).get_booster()
    found = Case("xgb_booster", booster, ROWS, methods=["predict"])
    found.asked = Direct(booster)
    yield found
