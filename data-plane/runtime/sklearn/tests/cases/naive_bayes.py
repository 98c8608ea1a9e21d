"""Naive Bayes: every event model, labels of every type."""

import numpy as np
import scipy.sparse
from fixtures import Case
from sklearn import naive_bayes

RNG = np.random.RandomState(11)
X = RNG.normal(size=(60, 4))
X[:, 3] = 1.5
TWO = (X[:, 0] + X[:, 1] > 0).astype(int)
THREE = np.digitize(X[:, 0] + 0.5 * X[:, 2], [-0.4, 0.6])
NAMES = np.array(["ant", "bee", "cat"])
COUNTS = RNG.poisson(1.2, size=(60, 5)).astype(float)
COUNTS[7] = 0
WORDS = RNG.randint(0, 4, size=(60, 3))
ROWS = np.vstack([RNG.normal(size=(20, 4)), np.zeros((1, 4)), np.full((1, 4), 1e3), X[:2]])
BAGS = np.vstack([RNG.poisson(1.5, size=(20, 5)), np.zeros((1, 5)), [[0, 0, 40, 0, 0]]]).astype(float)


def cases(version):
    yield Case("gaussian_two", naive_bayes.GaussianNB().fit(X, TWO), ROWS)
    yield Case("gaussian_names", naive_bayes.GaussianNB(var_smoothing=1e-3).fit(X, NAMES[THREE]), ROWS)
    yield Case("gaussian_booleans", naive_bayes.GaussianNB(priors=[0.3, 0.7]).fit(X, TWO == 1), ROWS)
    yield Case("multinomial", naive_bayes.MultinomialNB().fit(COUNTS, THREE), BAGS)
    yield Case("multinomial_names", naive_bayes.MultinomialNB(alpha=0.2, fit_prior=False).fit(COUNTS, NAMES[TWO]), BAGS)
    yield Case("multinomial_sparse", naive_bayes.MultinomialNB().fit(scipy.sparse.csr_matrix(COUNTS), TWO), BAGS)
    yield Case("complement", naive_bayes.ComplementNB().fit(COUNTS, THREE), BAGS)
    yield Case("complement_norm", naive_bayes.ComplementNB(norm=True).fit(COUNTS, TWO), BAGS)
    if version >= (1, 2):
        yield Case("complement_one_class", naive_bayes.ComplementNB().fit(COUNTS, np.ones(60)), BAGS)
    yield Case("bernoulli", naive_bayes.BernoulliNB().fit(X, TWO), ROWS)
    yield Case("bernoulli_threshold", naive_bayes.BernoulliNB(binarize=0.7, alpha=0.1).fit(X, NAMES[THREE]), ROWS)
    yield Case("bernoulli_given", naive_bayes.BernoulliNB(binarize=None).fit(COUNTS > 0, THREE), (BAGS > 1).astype(float))
    words = np.vstack([WORDS[:20], [[3, 3, 3], [0, 0, 0]]]).astype(float)
    yield Case("categorical", naive_bayes.CategoricalNB().fit(WORDS, THREE), words)
    yield Case("categorical_more", naive_bayes.CategoricalNB(alpha=0.3, min_categories=6).fit(WORDS, NAMES[TWO]), words)
