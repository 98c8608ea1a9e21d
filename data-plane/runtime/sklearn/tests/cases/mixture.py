"""Gaussian mixtures: every covariance type."""

import numpy as np
from fixtures import Case
from sklearn import mixture

RNG = np.random.RandomState(16)
X = np.vstack([RNG.normal(size=(40, 3)), RNG.normal(3, 0.5, size=(40, 3))])
ROWS = np.vstack([RNG.normal(1, 2, size=(21, 3)), np.zeros((1, 3)), np.full((1, 3), 30.0)])


def cases(version):
    for kind in ["full", "tied", "diag", "spherical"]:
        yield Case(f"gaussian_{kind}", mixture.GaussianMixture(3, covariance_type=kind, random_state=0).fit(X), ROWS)
        yield Case(f"bayesian_{kind}", mixture.BayesianGaussianMixture(
            n_components=3, covariance_type=kind, random_state=0, max_iter=20).fit(X), ROWS)
    yield Case("gaussian_one", mixture.GaussianMixture(1).fit(X), ROWS)
    yield Case("bayesian_distribution", mixture.BayesianGaussianMixture(
        n_components=3, weight_concentration_prior_type="dirichlet_distribution", random_state=0, max_iter=20).fit(X), ROWS)
    yield Case("gaussian_far", mixture.GaussianMixture(2, random_state=0).fit(X + 1000), ROWS + 1000, 1e-9,
               "at a thousand, the products that are taken from each other lose digits")
    yield Case("gaussian_row", mixture.GaussianMixture(2, covariance_type="diag", random_state=0).fit(X), ROWS[:1])
