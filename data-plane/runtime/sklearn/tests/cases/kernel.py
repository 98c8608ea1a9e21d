"""Kernel ridge, kernels approximated by features, random projections."""

import numpy as np
from fixtures import Case
from sklearn import kernel_approximation, kernel_ridge, random_projection

RNG = np.random.RandomState(19)
X = RNG.normal(size=(40, 3))
Z = np.sin(X[:, 0]) + 0.3 * X[:, 1]
POSITIVE = np.abs(X)
WIDE = RNG.normal(size=(20, 60))
ROWS = np.vstack([RNG.normal(size=(21, 3)), np.zeros((1, 3)), X[:1]])
WHY = "scikit-learn takes squared distances apart, |x|^2 - 2xy + |y|^2; here they are summed"


def cases(version):
    ridge = kernel_ridge.KernelRidge
    yield Case("ridge", ridge().fit(X, Z), ROWS)
    yield Case("ridge_outputs", ridge(kernel="rbf", gamma=0.4).fit(X, np.c_[Z, -Z]), ROWS, 1e-10, WHY)
    for kernel in ["rbf", "polynomial", "poly", "sigmoid", "laplacian", "cosine", "chi2", "additive_chi2"]:
        positive = "chi2" in kernel
        yield Case(f"ridge_{kernel}", ridge(kernel=kernel, gamma=0.8 if kernel == "chi2" else None).fit(POSITIVE if positive else X, Z),
                   np.abs(ROWS) if positive else ROWS, 1e-10, WHY)
    yield Case("fourier", kernel_approximation.RBFSampler(gamma=0.5, n_components=6, random_state=0).fit(X), ROWS)
    yield Case("skewed", kernel_approximation.SkewedChi2Sampler(n_components=6, random_state=0).fit(POSITIVE), np.abs(ROWS))
    yield Case("additive", kernel_approximation.AdditiveChi2Sampler(sample_steps=2).fit(POSITIVE), np.abs(ROWS))
    yield Case("additive_three", kernel_approximation.AdditiveChi2Sampler(sample_steps=3, sample_interval=0.6).fit(POSITIVE), np.abs(ROWS))
    for kernel in ["rbf", "poly", "linear", "sigmoid", "cosine", "laplacian"]:
        yield Case(f"nystroem_{kernel}", kernel_approximation.Nystroem(
            kernel=kernel, n_components=3, random_state=0).fit(X), ROWS, 1e-10, WHY)
    yield Case("sketch", kernel_approximation.PolynomialCountSketch(n_components=7, degree=3, random_state=0).fit(X), ROWS)
    yield Case("sketch_coefficient", kernel_approximation.PolynomialCountSketch(
        n_components=16, degree=2, coef0=1.0, gamma=0.5, random_state=0).fit(X), ROWS)
    wide = np.vstack([WIDE, np.zeros((1, 60))])
    yield Case("projection_gaussian", random_projection.GaussianRandomProjection(4, random_state=0).fit(WIDE), wide)
    yield Case("projection_sparse", random_projection.SparseRandomProjection(4, random_state=0).fit(WIDE), wide)
