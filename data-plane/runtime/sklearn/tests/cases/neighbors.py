"""Neighbours: every way to search, metrics, weights; density, outliers, centroids."""

import numpy as np
import scipy.sparse
from fixtures import Case
from sklearn import neighbors

RNG = np.random.RandomState(12)
X = RNG.normal(size=(45, 3))
TWO = (X[:, 0] > 0).astype(int)
THREE = np.digitize(X[:, 1], [-0.5, 0.5])
NAMES = np.array(["ant", "bee", "cat"])
Z = X @ [1.0, -2.0, 0.5]
GRID = RNG.randint(0, 4, size=(45, 3)).astype(float)
BITS = RNG.randint(0, 2, size=(45, 6)).astype(float)
ROWS = np.vstack([RNG.normal(size=(21, 3)), X[:2], np.full((1, 3), 50.0), np.zeros((1, 3))])
GRID_ROWS = np.vstack([RNG.randint(0, 5, size=(20, 3)), GRID[:3]]).astype(float)
BITS_ROWS = np.vstack([RNG.randint(0, 2, size=(20, 6)), np.zeros((1, 6))]).astype(float)
GEMM = "brute force in scikit-learn takes squared distances apart, |x|^2 - 2xy + |y|^2; here they are summed"
METRICS = {
    "manhattan": {}, "chebyshev": {}, "minkowski": {"p": 3}, "canberra": {}, "braycurtis": {},
    "seuclidean": {"V": [0.5, 1.0, 2.0]}, "mahalanobis": {"VI": [[2.0, 0.5, 0.1], [0.5, 1.5, 0.2], [0.1, 0.2, 1.0]]},
    "hamming": {}}
BINARY = ["jaccard", "dice", "rogerstanimoto", "russellrao", "sokalmichener", "sokalsneath", "matching", "kulsinski"]


def arrays(given):
    return {name: np.array(value) if isinstance(value, list) else value for name, value in given.items()}


def classifiers(version):
    make = neighbors.KNeighborsClassifier
    yield Case("knn_tree", make(4).fit(X, TWO), ROWS)
    yield Case("knn_names", make(3, weights="distance").fit(X, NAMES[THREE]), ROWS)
    yield Case("knn_ball", make(5, algorithm="ball_tree", leaf_size=5, weights="distance").fit(X, THREE), ROWS)
    yield Case("knn_kd", make(5, algorithm="kd_tree", leaf_size=4, p=1).fit(X, TWO == 1), ROWS)
    yield Case("knn_brute", make(5, algorithm="brute").fit(X, THREE), ROWS)
    yield Case("knn_outputs", make(3).fit(X, np.c_[TWO, THREE]), ROWS)
    yield Case("knn_outputs_alike", make(3, weights="distance").fit(X, np.c_[TWO, 1 - TWO]), ROWS)
    yield Case("knn_ties", make(4, algorithm="kd_tree", leaf_size=6).fit(GRID, THREE), GRID_ROWS)
    yield Case("knn_sparse", make(4, metric="manhattan").fit(scipy.sparse.csr_matrix(np.maximum(X, 0)), TWO), ROWS)
    yield Case("knn_cosine", make(4, metric="cosine", weights="distance").fit(X, THREE), ROWS[:-1], 1e-10,
               "distances of cosine are one minus almost one")
    for name, given in METRICS.items():
        params = dict(arrays(given))
        p = params.pop("p", 2)
        trees = {"mahalanobis": ["brute"], "seuclidean": ["brute"], "hamming": [], "braycurtis": ["ball_tree"]}.get(name, ["brute", "ball_tree"])
        for tree in trees:
            model = make(4, algorithm=tree, metric=name, p=p, metric_params=params or None, leaf_size=5)
            # From zero all rows, from fifty many are equally far by some metrics: without a tree, chance chooses.
            yield Case(f"knn_{name}_{tree}", model.fit(X, THREE), ROWS[:-2] if tree == "brute" else ROWS)
    yield Case("knn_hamming", make(4, algorithm="ball_tree", metric="hamming", leaf_size=5).fit(GRID, THREE), GRID_ROWS)
    if version >= (1, 6):
        holes = np.where(np.arange(135).reshape(45, 3) % 11 == 0, np.nan, X)
        yield Case("knn_holes", make(3, metric="nan_euclidean", weights="distance").fit(holes, THREE),
                   np.vstack([np.where(ROWS[:20] > 1.2, np.nan, ROWS[:20]), ROWS[:1]]), 1e-10, GEMM)
    yield Case("knn_correlation", make(4, metric="correlation").fit(X, THREE), ROWS[:20])
    squares = np.abs(X[:, None] - X[None]).sum(axis=2)
    yield Case("knn_precomputed", make(4, metric="precomputed").fit(squares, THREE), squares[:22] * 1.1)
    yield Case("knn_haversine", make(3, metric="haversine", algorithm="ball_tree").fit(X[:, :2] / 3, THREE), ROWS[:, :2] / 30)


def regressors(version):
    make = neighbors.KNeighborsRegressor
    yield Case("regressor", make(4).fit(X, Z), ROWS)
    yield Case("regressor_distance", make(4, weights="distance").fit(X, np.c_[Z, Z + 1]), ROWS)
    yield Case("regressor_brute", make(4, weights="distance", algorithm="brute").fit(X, Z), ROWS[:-4], 1e-9, GEMM)
    for name, given in METRICS.items():
        if name in ("mahalanobis", "hamming", "seuclidean"):
            continue
        params = arrays(given)
        p = params.pop("p", 2)
        model = make(4, algorithm="ball_tree", metric=name, p=p, leaf_size=5, weights="distance")
        yield Case(f"regressor_{name}", model.fit(X, Z), ROWS)
    mahalanobis = make(4, algorithm="ball_tree", metric="mahalanobis", weights="distance",
                       metric_params=arrays(METRICS["mahalanobis"]))
    yield Case("regressor_mahalanobis", mahalanobis.fit(X, Z), ROWS)
    scaled = make(4, algorithm="ball_tree", metric="seuclidean", weights="distance",
                  metric_params=arrays(METRICS["seuclidean"]))
    yield Case("regressor_seuclidean", scaled.fit(X, Z), ROWS)
    for name in BINARY:
        model = make(44, algorithm="ball_tree", metric=name, weights="distance")
        try:
            model.fit(BITS[:44], Z[:44])
        except (ValueError, KeyError):
            continue
        yield Case(f"regressor_{name}", model, BITS_ROWS)
    yield Case("radius_regressor", neighbors.RadiusNeighborsRegressor(2.5).fit(X, Z), ROWS[:23])
    yield Case("radius_regressor_distance", neighbors.RadiusNeighborsRegressor(2.5, weights="distance").fit(
        X, np.c_[Z, -Z]), ROWS[:23])
    yield Case("radius_regressor_brute", neighbors.RadiusNeighborsRegressor(2.5, algorithm="brute").fit(X, Z), ROWS[:23])


def others(version):
    radius = neighbors.RadiusNeighborsClassifier
    yield Case("radius", radius(2.0).fit(X, TWO), ROWS[:20].clip(-1, 1))
    yield Case("radius_distance", radius(2.0, weights="distance").fit(X, NAMES[THREE]), ROWS[:20].clip(-1, 1))
    yield Case("radius_outlier", radius(1.0, outlier_label="most_frequent").fit(X, THREE), ROWS)
    yield Case("radius_outlier_given", radius(1.0, outlier_label=7).fit(X, THREE), ROWS, methods=["predict"])
    yield Case("centroid", neighbors.NearestCentroid().fit(X, NAMES[THREE]), ROWS, methods=["predict"])
    yield Case("centroid_manhattan", neighbors.NearestCentroid(metric="manhattan").fit(X, TWO), ROWS, methods=["predict"])
    yield Case("centroid_shrunk", neighbors.NearestCentroid(shrink_threshold=0.2).fit(X, THREE), ROWS, methods=["predict"])
    if version >= (1, 6):
        yield Case("centroid_all", neighbors.NearestCentroid(shrink_threshold=0.1).fit(X, THREE), ROWS, 1e-10,
                   "posteriors come from squared distances that scikit-learn takes apart")
        yield Case("centroid_two", neighbors.NearestCentroid(priors="empirical").fit(X, TWO), ROWS, 1e-10,
                   "posteriors come from squared distances that scikit-learn takes apart")
    why = "scikit-learn adds and takes away bounds of parts of the tree; here the sum is taken once"
    for kernel in ["gaussian", "tophat", "epanechnikov", "exponential", "linear", "cosine"]:
        yield Case(f"density_{kernel}", neighbors.KernelDensity(bandwidth=1.7, kernel=kernel).fit(X), ROWS, 1e-9, why,
                   methods=["score_samples"])
    yield Case("density_weights", neighbors.KernelDensity(metric="manhattan").fit(X, sample_weight=1 + TWO), ROWS,
               1e-9, why, methods=["score_samples"])
    yield Case("density_ball", neighbors.KernelDensity(algorithm="ball_tree", leaf_size=5).fit(X), ROWS, 1e-9, why,
               methods=["score_samples"])
    for mode in ["distance", "connectivity"]:
        yield Case(f"graph_{mode}", neighbors.KNeighborsTransformer(mode=mode, n_neighbors=3).fit(X), ROWS)
        yield Case(f"graph_radius_{mode}", neighbors.RadiusNeighborsTransformer(mode=mode, radius=1.2).fit(X), ROWS)
    novelty = ["predict", "decision_function", "score_samples"]
    yield Case("outlier", neighbors.LocalOutlierFactor(6, novelty=True).fit(X), ROWS, methods=novelty)
    yield Case("outlier_contamination", neighbors.LocalOutlierFactor(
        6, novelty=True, contamination=0.1, metric="manhattan").fit(X), ROWS, methods=novelty)
    yield Case("outlier_brute", neighbors.LocalOutlierFactor(6, novelty=True, algorithm="brute").fit(X), ROWS, 1e-10,
               GEMM, methods=novelty)
    yield Case("components", neighbors.NeighborhoodComponentsAnalysis(2, random_state=0).fit(X, THREE), ROWS)


def cases(version):
    yield from classifiers(version)
    yield from regressors(version)
    yield from others(version)
