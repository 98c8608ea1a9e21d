"""Linear and quadratic discriminant analysis."""

import numpy as np
from fixtures import Case
from sklearn import discriminant_analysis

RNG = np.random.RandomState(14)
X = RNG.normal(size=(80, 4))
TWO = (X[:, 0] > 0).astype(int)
THREE = np.digitize(X[:, 1], [-0.5, 0.5])
NAMES = np.array(["ant", "bee", "cat"])
ROWS = np.vstack([RNG.normal(size=(21, 4)), np.zeros((1, 4)), np.full((1, 4), 30.0)])


def cases(version):
    linear = discriminant_analysis.LinearDiscriminantAnalysis
    yield Case("linear", linear().fit(X, NAMES[THREE]), ROWS)
    yield Case("linear_two", linear().fit(X, TWO), ROWS)
    yield Case("linear_lsqr", linear(solver="lsqr", shrinkage=0.2).fit(X, THREE), ROWS,
               methods=["predict", "predict_proba", "decision_function"])
    yield Case("linear_eigen", linear(solver="eigen", shrinkage="auto", n_components=1).fit(X, THREE), ROWS)
    yield Case("linear_priors", linear(priors=[0.2, 0.8], n_components=1).fit(X, TWO == 1), ROWS)
    quadratic = discriminant_analysis.QuadraticDiscriminantAnalysis
    yield Case("quadratic", quadratic().fit(X, NAMES[THREE]), ROWS)
    yield Case("quadratic_two", quadratic(reg_param=0.1, priors=[0.4, 0.6]).fit(X, TWO), ROWS)
    yield Case("quadratic_stored", quadratic(store_covariance=True).fit(X, THREE), ROWS)
