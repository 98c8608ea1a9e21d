"""Gaussian processes: every kernel, sums, products and powers of them."""

import numpy as np
from fixtures import Case
from sklearn import gaussian_process
from sklearn.gaussian_process import kernels

RNG = np.random.RandomState(15)
X = RNG.normal(size=(25, 2))
Z = np.sin(X[:, 0]) + 0.3 * X[:, 1]
TWO = (X[:, 0] > 0).astype(int)
THREE = np.digitize(X[:, 1], [-0.5, 0.5])
NAMES = np.array(["ant", "bee", "cat"])
ROWS = np.vstack([RNG.normal(size=(20, 2)), X[:2], np.full((1, 2), 9.0)])
KERNELS = {
    "constant": kernels.ConstantKernel(2.0) * kernels.RBF(1.2),
    "anisotropic": kernels.RBF([0.7, 1.9]) + kernels.WhiteKernel(0.1),
    "matern_05": kernels.Matern(1.1, nu=0.5),
    "matern_15": kernels.Matern([1.1, 0.6], nu=1.5),
    "matern_25": kernels.Matern(1.1, nu=2.5),
    "matern_inf": kernels.Matern(1.1, nu=np.inf),
    "matern_any": kernels.Matern(1.1, nu=0.8),
    "quadratic": kernels.RationalQuadratic(1.3, alpha=0.7),
    "product": kernels.DotProduct(0.8) ** 2 + kernels.WhiteKernel(0.2),
    "pairwise_rbf": kernels.PairwiseKernel(0.7, metric="rbf"),
    "pairwise_laplacian": kernels.PairwiseKernel(0.7, metric="laplacian"),
    "pairwise_linear": kernels.PairwiseKernel(metric="linear") + kernels.WhiteKernel(0.2),
    "compound_sum": kernels.RBF(0.9) + 0.5 * kernels.DotProduct(1.0) + kernels.WhiteKernel(0.3),
}
WHY = "solved by another order of sums: the condition number of the kernel times 1e-16"


def cases(version):
    regressor = gaussian_process.GaussianProcessRegressor
    yield Case("regressor", regressor(kernels.RBF(1.0), alpha=1e-3, random_state=0).fit(X, Z), ROWS, 1e-10, WHY)
    yield Case("regressor_default", regressor(alpha=1e-3).fit(X, Z), ROWS, 1e-10, WHY)
    yield Case("regressor_normalized", regressor(alpha=1e-2, normalize_y=True).fit(X, Z + 5), ROWS, 1e-10, WHY)
    yield Case("regressor_outputs", regressor(alpha=1e-2, normalize_y=True).fit(X, np.c_[Z, -Z + 2]), ROWS, 1e-10, WHY)
    for name, kernel in KERNELS.items():
        yield Case(f"kernel_{name}", regressor(kernel, alpha=1e-2, optimizer=None).fit(X, Z), ROWS, 1e-10, WHY)
    yield Case("kernel_periodic", regressor(kernels.ExpSineSquared(1.1, periodicity=2.2), alpha=0.1, optimizer=None).fit(
        X[:, :1], Z), ROWS[:, :1], 1e-10, WHY)
    classifier = gaussian_process.GaussianProcessClassifier
    yield Case("classifier", classifier(kernels.RBF(1.0)).fit(X, NAMES[TWO]), ROWS, 1e-10, WHY)
    yield Case("classifier_inner", classifier(optimizer=None).fit(X, TWO == 1), ROWS, 1e-10, WHY,
               cls="sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace")
    yield Case("classifier_rest", classifier(1.5 * kernels.RBF(1.0), optimizer=None).fit(X, THREE), ROWS, 1e-10, WHY)
    yield Case("classifier_pairs", classifier(kernels.RBF(1.0), optimizer=None, multi_class="one_vs_one").fit(
        X, NAMES[THREE]), ROWS, methods=["predict"])
