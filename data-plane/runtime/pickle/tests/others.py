"""Writes tests/others: models of other libraries, labels of pandas, distributions of
scipy, and what cloudpickle writes.

With any of xgboost, lightgbm, catboost, or scikit-learn with pandas, scipy or cloudpickle, as
tests/requirements-others.txt lists them:
    python tests/others.py tests/others
"""

import pathlib
import pickle
import sys
import warnings

import numpy as np

warnings.simplefilter("ignore")
FOLDER = pathlib.Path(sys.argv[1])
RNG = np.random.RandomState(7)
X = RNG.normal(size=(40, 3))
Y = (X[:, 0] + X[:, 1] > 0).astype(int)


def write(name, module, value, dump=pickle.dumps):
    (FOLDER / f"{name}-{module.__version__}.pkl").write_bytes(dump(value))


def main():
    FOLDER.mkdir(exist_ok=True)
    try:
        import xgboost
        write("xgboost", xgboost, xgboost.XGBClassifier(n_estimators=2, max_depth=2).fit(X, Y))
    except ImportError:
        pass
    try:
        import lightgbm
        model = lightgbm.LGBMRegressor(n_estimators=2, max_depth=2, min_child_samples=5)
        write("lightgbm", lightgbm, model.fit(X, X[:, 2]))
    except ImportError:
        pass
    try:
        import catboost
        write("catboost", catboost, catboost.CatBoostClassifier(iterations=2, depth=2, verbose=0).fit(X, Y))
    except ImportError:
        pass
    try:
        import pandas
        from sklearn import compose, preprocessing
        table = pandas.DataFrame(X, columns=["a", "b", "c"])
        model = compose.ColumnTransformer([("n", preprocessing.StandardScaler(), table.columns[:2]),
                                           ("r", "passthrough", [2])])
        write("pandas", pandas, model.fit(table))
    except ImportError:
        pass
    try:
        import scipy
        from scipy import stats
        from sklearn import model_selection, tree
        ranges = {"max_depth": stats.randint(1, 4), "ccp_alpha": stats.loguniform(1e-5, 1e-3)}
        model = model_selection.RandomizedSearchCV(tree.DecisionTreeClassifier(), ranges, n_iter=2, cv=2)
        write("search", scipy, model.fit(X, Y))
    except ImportError:
        pass
    try:
        import cloudpickle
        from sklearn import linear_model, preprocessing
        write("cloudpickle", cloudpickle, linear_model.LogisticRegression().fit(X, Y), cloudpickle.dumps)
        names = {"__name__": "__main__"}
        exec(compile("double = lambda x: x * 2", "train.py", "exec"), names)
        function = preprocessing.FunctionTransformer(names["double"])
        write("cloudpickle_function", cloudpickle, function, cloudpickle.dumps)
    except ImportError:
        pass


main()
