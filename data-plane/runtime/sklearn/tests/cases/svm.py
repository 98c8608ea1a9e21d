"""Support vector machines: every kernel, pairs of classes, probabilities, sparse ones."""

import numpy as np
import scipy.sparse
from fixtures import Case
from sklearn import svm

RNG = np.random.RandomState(8)
X = RNG.normal(size=(45, 3))
Y = X[:, 0] - np.sin(2 * X[:, 1]) + RNG.normal(scale=0.2, size=45)
TWO = (Y > 0).astype(int)
THREE = np.digitize(Y, [-0.6, 0.8])
FOUR = THREE + (THREE == 1) * 2 * (X[:, 2] > 0)
NAMES = np.array(["ant", "bee", "cat", "dog"])
ROWS = np.vstack([RNG.normal(size=(17, 3)), np.zeros((1, 3)), np.full((1, 3), 30.0), X[:1]])
KERNELS = {"linear": {}, "poly": {"degree": 2, "coef0": 0.5}, "rbf": {"gamma": 0.7}, "sigmoid": {"coef0": -0.3, "gamma": 0.2}}


def sparse(model, target):
    return model.fit(scipy.sparse.csr_matrix(np.where(np.abs(X) < 0.4, 0, X)), target)


def cases(version):
    for kernel, given in KERNELS.items():
        yield Case(f"svc_{kernel}", svm.SVC(kernel=kernel, **given).fit(X, NAMES[THREE]), ROWS)
        yield Case(f"svc_{kernel}_two", svm.SVC(kernel=kernel, **given).fit(X, TWO), ROWS)
        yield Case(f"svr_{kernel}", svm.SVR(kernel=kernel, **given).fit(X, Y), ROWS)
        yield Case(f"svc_{kernel}_sparse", sparse(svm.SVC(kernel=kernel, **given), THREE), ROWS)
    yield Case("svc_auto", svm.SVC(gamma="auto", class_weight="balanced").fit(X, TWO == 1), ROWS)
    yield Case("svc_ovo", svm.SVC(decision_function_shape="ovo").fit(X, FOUR), ROWS)
    yield Case("svc_break_ties", svm.SVC(break_ties=True).fit(X, FOUR), ROWS)
    yield Case("svc_probability", svm.SVC(probability=True, random_state=0).fit(X, NAMES[TWO]), ROWS)
    yield Case("svc_probability_four", svm.SVC(probability=True, random_state=0).fit(X, FOUR), ROWS)
    yield Case("svc_probability_sparse", sparse(svm.SVC(probability=True, random_state=0), THREE), ROWS)
    yield Case("nu_svc", svm.NuSVC(nu=0.3).fit(X, THREE), ROWS)
    yield Case("nu_svc_probability", svm.NuSVC(nu=0.3, probability=True, random_state=0).fit(X, TWO), ROWS)
    yield Case("nu_svr", svm.NuSVR(C=0.5).fit(X, Y), ROWS)
    yield Case("svr_sparse", sparse(svm.SVR(), Y), ROWS)
    yield Case("one_class", svm.OneClassSVM(nu=0.3).fit(X), ROWS)
    yield Case("one_class_poly", svm.OneClassSVM(kernel="poly", nu=0.1, coef0=1.0).fit(X), ROWS)
    yield Case("one_class_sparse", sparse(svm.OneClassSVM(nu=0.2), None), ROWS)
    gram, asked = X[:20] @ X[:20].T, ROWS @ X[:20].T
    yield Case("svc_precomputed", svm.SVC(kernel="precomputed").fit(gram, THREE[:20]), asked)
    yield Case("svr_precomputed", svm.SVR(kernel="precomputed").fit(gram, Y[:20]), asked)
    yield Case("linear_svc", svm.LinearSVC(random_state=0).fit(X, NAMES[THREE]), ROWS)
    yield Case("linear_svc_two", svm.LinearSVC(random_state=0, penalty="l1", dual=False).fit(X, TWO), ROWS)
    yield Case("linear_svc_crammer", svm.LinearSVC(multi_class="crammer_singer", random_state=0).fit(X, THREE), ROWS)
    yield Case("linear_svc_crammer_two", svm.LinearSVC(multi_class="crammer_singer", random_state=0).fit(X, TWO), ROWS)
    yield Case("linear_svr", svm.LinearSVR(random_state=0).fit(X, Y), ROWS)
    yield Case("linear_svr_origin", svm.LinearSVR(fit_intercept=False, random_state=0).fit(X, Y), ROWS)
