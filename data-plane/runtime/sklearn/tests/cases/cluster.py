"""Clusters that tell where a new row belongs."""

import numpy as np
from fixtures import Case
from sklearn import cluster

RNG = np.random.RandomState(17)
X = np.vstack([RNG.normal(size=(30, 3)), RNG.normal(4, 0.7, size=(30, 3)), RNG.normal(-4, 0.7, size=(20, 3))])
ROWS = np.vstack([RNG.normal(0, 4, size=(21, 3)), np.zeros((1, 3)), np.full((1, 3), 30.0), X[:2]])
WHY = "scikit-learn takes squared distances apart, |x|^2 - 2xy + |y|^2; here they are summed"


def cases(version):
    yield Case("kmeans", cluster.KMeans(3, random_state=0, n_init=2).fit(X), ROWS, 1e-10, WHY)
    yield Case("kmeans_eight", cluster.KMeans(8, random_state=0, n_init=1, algorithm="elkan").fit(X), ROWS, 1e-10, WHY)
    yield Case("kmeans_one", cluster.KMeans(1, random_state=0, n_init=1).fit(X), ROWS, 1e-10, WHY)
    yield Case("mini_batch", cluster.MiniBatchKMeans(4, random_state=0, n_init=2).fit(X), ROWS, 1e-10, WHY)
    if version >= (1, 2):
        yield Case("bisecting", cluster.BisectingKMeans(5, random_state=0).fit(X), ROWS, 1e-10, WHY)
        yield Case("bisecting_largest", cluster.BisectingKMeans(
            4, random_state=0, bisecting_strategy="largest_cluster").fit(X), ROWS, 1e-10, WHY)
    yield Case("birch", cluster.Birch(n_clusters=3, threshold=1.0).fit(X), ROWS, 1e-10, WHY)
    yield Case("birch_plain", cluster.Birch(n_clusters=None, threshold=2.0).fit(X), ROWS, 1e-10, WHY)
    yield Case("mean_shift", cluster.MeanShift(bandwidth=3.0).fit(X), ROWS)
    yield Case("affinity", cluster.AffinityPropagation(random_state=0, preference=-50).fit(X), ROWS)
    yield Case("agglomeration", cluster.FeatureAgglomeration(2).fit(np.c_[X, X[:, 0] + 0.1, X[:, 1]]), np.c_[ROWS, ROWS[:, :2]])
    yield Case("agglomeration_max", cluster.FeatureAgglomeration(3, pooling_func=np.max).fit(
        np.c_[X, X[:, 0] + 0.1, X[:, 1]]), np.c_[ROWS, ROWS[:, :2]])
    yield Case("agglomeration_median", cluster.FeatureAgglomeration(2, pooling_func=np.median).fit(
        np.c_[X, X[:, 0] + 0.1, X[:, 1]]), np.c_[ROWS, ROWS[:, :2]])
