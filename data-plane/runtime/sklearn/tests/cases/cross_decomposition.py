"""Partial least squares and canonical correlation."""

import numpy as np
from fixtures import Case
from sklearn import cross_decomposition as cd

RNG = np.random.RandomState(31)
X = RNG.normal(size=(40, 4))
Y = X[:, 0] - 2 * X[:, 1] + RNG.normal(scale=0.2, size=40)
YY = np.c_[Y, X @ [0.2, 0.1, -1.0, 0.4], RNG.normal(size=40)]
ROWS = np.vstack([RNG.normal(size=(18, 4)), np.zeros((1, 4)), np.full((1, 4), 1e3)])


def cases(version):
    for kind in [cd.PLSRegression, cd.PLSCanonical, cd.CCA]:
        name = kind.__name__.lower()
        yield Case(name, kind(n_components=2).fit(X, YY), ROWS)
        yield Case(f"{name}_raw", kind(n_components=1, scale=False).fit(X, YY), ROWS)
    yield Case("plsregression_one", cd.PLSRegression(n_components=3).fit(X, Y), ROWS)
    yield Case("plsregression_column", cd.PLSRegression(n_components=1).fit(X, Y[:, None]), ROWS)
    yield Case("plscanonical_svd", cd.PLSCanonical(algorithm="svd").fit(X, YY), ROWS)
    yield Case("plssvd", cd.PLSSVD(n_components=2).fit(X, YY), ROWS)
