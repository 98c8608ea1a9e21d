"""Finds rows that are unlike all that the classifier was trained on, and keeps them from it."""

from pathlib import Path

import numpy as np

from hari import Response, gauge

REFERENCE = Path(__file__).with_name("reference.csv")


class Model:
    """A router by Mahalanobis distance.

    `threshold` is the squared distance from the mean of the reference beyond which a row is an
    outlier. Squared distances of four normal columns follow a chi-squared distribution with four
    degrees of freedom: 18.47 is passed by one row of a thousand.
    """

    def __init__(self, threshold: float = 18.47):
        self.threshold = threshold

    def load(self):
        """Mean and inverse covariance of the reference."""
        rows = np.loadtxt(REFERENCE, delimiter=",", skiprows=1)
        self.mean = rows.mean(axis=0)
        self.precision = np.linalg.inv(np.cov(rows, rowvar=False))

    def distances(self, rows):
        """Squared Mahalanobis distance of each row."""
        offsets = np.atleast_2d(rows) - self.mean
        return np.einsum("ij,jk,ik->i", offsets, self.precision, offsets)

    def transform_input(self, X, names):
        """Hands the rows on as they are, and tags the answer with what is thought of them."""
        distances = self.distances(X)
        outliers = distances > self.threshold
        tags = {"distance": distances.round(2).tolist(), "outlier": outliers.tolist()}
        return Response(X, tags=tags, metrics=[gauge("outliers", outliers.sum())])

    def route(self, X, names):
        """Branch 1 if any row is an outlier, else branch 0."""
        return int((self.distances(X) > self.threshold).any())
