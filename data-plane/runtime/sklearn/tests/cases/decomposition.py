"""Decompositions: every form of components and kernels."""

import numpy as np
from fixtures import Case
from sklearn import decomposition, feature_extraction, pipeline

RNG = np.random.RandomState(23)
X = RNG.normal(size=(50, 3)) @ RNG.normal(size=(3, 6)) + 0.1 * RNG.normal(size=(50, 6)) + [1, 2, 3, 0, 0, -1]
POSITIVE = np.abs(X)
ROWS = np.vstack([RNG.normal(size=(20, 6)) * 3, X[:2], np.zeros((1, 6))])
POSITIVE_ROWS = np.abs(ROWS)
POSITIVE_ROWS[4, 2] = 0


SCORES = {"score_samples": 1e-9}
WHY = "scikit-learn inverts the covariance, here it is never written out"


def cases(version):
    pca = decomposition.PCA
    yield Case("pca", pca().fit(X), ROWS, SCORES, WHY)
    yield Case("pca_whiten", pca(3, whiten=True).fit(X), ROWS, SCORES, WHY)
    yield Case("pca_share", pca(0.9).fit(X), ROWS, SCORES, WHY)
    yield Case("pca_random", pca(2, svd_solver="randomized", random_state=0).fit(X), ROWS, SCORES, WHY)
    yield Case("incremental", decomposition.IncrementalPCA(2, batch_size=10).fit(X), ROWS)
    yield Case("incremental_whiten", decomposition.IncrementalPCA(3, whiten=True, batch_size=25).fit(X), ROWS)
    yield Case("svd", decomposition.TruncatedSVD(3, random_state=0).fit(X), ROWS)
    yield Case("svd_arpack", decomposition.TruncatedSVD(2, algorithm="arpack", random_state=0).fit(X), ROWS)
    texts = ["a lazy dog", "quick brown fox", "the dog and the fox", "lazy fox", "brown dog quick"] * 4
    yield Case("svd_text", pipeline.make_pipeline(
        feature_extraction.text.TfidfVectorizer(), decomposition.TruncatedSVD(2, random_state=0)).fit(texts),
        texts + ["", "unseen"], cls="sklearn.decomposition._truncated_svd.TruncatedSVD")
    yield Case("factors", decomposition.FactorAnalysis(2, random_state=0).fit(X), ROWS, SCORES, WHY)
    yield Case("factors_rotated", decomposition.FactorAnalysis(3, rotation="varimax", random_state=0).fit(X), ROWS, SCORES, WHY)
    whiten = {"whiten": "unit-variance"} if version >= (1, 2) else {}
    yield Case("ica", decomposition.FastICA(3, random_state=0, max_iter=500, **whiten).fit(X), ROWS)
    yield Case("ica_plain", decomposition.FastICA(whiten=False, random_state=0, max_iter=500).fit(X), ROWS)
    yield Case("sparse", decomposition.SparsePCA(3, random_state=0, max_iter=50).fit(X), ROWS)
    yield Case("sparse_batches", decomposition.MiniBatchSparsePCA(
        2, random_state=0, ridge_alpha=0.1, batch_size=10).fit(X), ROWS)
    for kernel in ["linear", "poly", "rbf", "sigmoid", "cosine"]:
        yield Case(f"kernel_{kernel}", decomposition.KernelPCA(3, kernel=kernel, gamma=0.05).fit(X), ROWS[:22], 1e-10,
                   "the kernel of centred rows cancels out")
    yield Case("kernel_default", decomposition.KernelPCA(2, kernel="rbf").fit(X), ROWS, 1e-10,
               "the kernel of centred rows cancels out")
    yield Case("kernel_given", decomposition.KernelPCA(2, kernel="precomputed").fit(X @ X.T), ROWS @ X.T, 1e-10,
               "the kernel of centred rows cancels out")
    near = "iterations stop at a threshold; sums are taken in another order"
    nmf = decomposition.NMF
    yield Case("nmf", nmf(3, init="nndsvd", random_state=0, max_iter=300).fit(POSITIVE), POSITIVE_ROWS, 1e-9, near)
    yield Case("nmf_updates", nmf(2, init="nndsvda", solver="mu", random_state=0).fit(POSITIVE), POSITIVE_ROWS, 1e-9, near)
    positive, rows = POSITIVE + 0.1, POSITIVE_ROWS + 0.1
    for loss in ["kullback-leibler", "itakura-saito", 1.5, 2.5]:
        yield Case(f"nmf_{loss}", nmf(2, init="random", solver="mu", beta_loss=loss, random_state=0, max_iter=400).fit(positive),
                   rows, 1e-9, near)
    if version >= (1, 2):
        yield Case("nmf_weights", nmf(2, init="nndsvda", alpha_W=0.01, l1_ratio=0.4, random_state=0).fit(POSITIVE),
                   POSITIVE_ROWS, 1e-9, near)
        for loss in ["frobenius", "kullback-leibler"]:
            yield Case(f"nmf_batches_{loss}", decomposition.MiniBatchNMF(
                2, init="nndsvda", beta_loss=loss, random_state=0, batch_size=20).fit(positive), rows, 1e-9, near)
    else:
        yield Case("nmf_weights", nmf(2, init="nndsvda", alpha=0.05, l1_ratio=0.4, random_state=0).fit(POSITIVE),
                   POSITIVE_ROWS, 1e-9, near)
    counts = RNG.poisson(1.0, size=(40, 8)).astype(float)
    topics = decomposition.LatentDirichletAllocation
    count_rows = np.vstack([RNG.poisson(1.5, size=(20, 8)), np.zeros((1, 8)), np.full((1, 8), 9)]).astype(float)
    yield Case("topics", topics(3, random_state=0, max_iter=5).fit(counts), count_rows, 1e-10, near)
    yield Case("topics_text", pipeline.make_pipeline(
        feature_extraction.text.CountVectorizer(), topics(2, random_state=0, max_doc_update_iter=20)).fit(texts),
        texts + ["", "unseen"], 1e-10, near, cls="sklearn.decomposition._lda.LatentDirichletAllocation")
