"""Writes tests/raw: small models as plain pickles, which tests damage in known places.

Under the newest version in tests/requirements-*.txt, with skops==0.16.0:
    python tests/raw.py tests/raw
"""

import pathlib
import pickle
import sys

import joblib
import numpy as np
import skops.io
from sklearn import ensemble, tree

RNG = np.random.RandomState(0)
X = RNG.normal(size=(60, 3))
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)


def main():
    folder = pathlib.Path(sys.argv[1])
    some = {"max_depth": 2, "random_state": 0}
    models = {
        "tree": tree.DecisionTreeClassifier(**some).fit(X, Y),
        "forest": ensemble.RandomForestRegressor(n_estimators=1, bootstrap=False, **some).fit(X, Y),
        "isolation": ensemble.IsolationForest(n_estimators=1, random_state=0, max_samples=4).fit(X),
        "hist": ensemble.HistGradientBoostingRegressor(
            max_iter=1, max_leaf_nodes=4, min_samples_leaf=3, **some).fit(X, X[:, 0]),
    }
    for name, model in models.items():
        (folder / f"{name}.pkl").write_bytes(pickle.dumps(model, protocol=4))
    # One tree, referred to so often that copies of it would fill the memory.
    forest = ensemble.RandomForestRegressor(n_estimators=1, random_state=0).fit(X, X[:, 0])
    forest.estimators_ *= 100_000
    joblib.dump(forest, folder / "repeated.joblib", compress=("zlib", 9), protocol=4)
    voters = ensemble.VotingRegressor([("tree", tree.DecisionTreeRegressor(random_state=0))]).fit(X, X[:, 0])
    voters.estimators_ *= 100_000
    joblib.dump(voters, folder / "repeated_voters.joblib", compress=("zlib", 9), protocol=4)
    (folder / "tree.skops").write_bytes(skops.io.dumps(models["tree"]))


if __name__ == "__main__":
    main()
