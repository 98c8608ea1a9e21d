"""Outliers by the distance of Mahalanobis."""

import numpy as np
from fixtures import Case
from sklearn import covariance

RNG = np.random.RandomState(18)
X = RNG.normal(size=(80, 3)) @ [[1.0, 0.3, 0.0], [0.0, 0.8, 0.2], [0.0, 0.0, 1.4]]
ROWS = np.vstack([RNG.normal(0, 2, size=(21, 3)), np.zeros((1, 3)), np.full((1, 3), 30.0)])


def cases(version):
    yield Case("envelope", covariance.EllipticEnvelope(random_state=0).fit(X), ROWS)
    yield Case("envelope_contamination", covariance.EllipticEnvelope(
        contamination=0.25, random_state=0, assume_centered=True).fit(X), ROWS)
    yield Case("envelope_support", covariance.EllipticEnvelope(support_fraction=0.9, random_state=0).fit(X), ROWS)
