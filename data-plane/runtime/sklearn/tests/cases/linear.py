"""Linear models: every class, labels of every type, several outputs, sparse weights."""

import numpy as np
from fixtures import Case
from sklearn import linear_model as lm

RNG = np.random.RandomState(5)
X = RNG.normal(size=(60, 3))
X[:, 2] = 0.5
Y = X @ [1.5, -2.0, 0.0] + 0.7 + RNG.normal(scale=0.3, size=60)
YY = np.c_[Y, X @ [0.2, -1.0, 0.0] - 3]
COUNTS = RNG.poisson(np.exp(0.4 * X[:, 0] - 0.2 * X[:, 1]))
TWO = (Y > 0.5).astype(int)
THREE = np.digitize(Y, [-0.5, 1.5])
NAMES = np.array(["ant", "bee", "cat"])
ROWS = np.vstack([RNG.normal(size=(17, 3)), np.zeros((1, 3)), np.full((1, 3), 1e3), X[:1]])


def regressors(version):
    yield "ols", lm.LinearRegression(), Y
    yield "ols_two_outputs", lm.LinearRegression(), YY
    yield "ols_column", lm.LinearRegression(), Y[:, None]
    yield "ols_origin", lm.LinearRegression(fit_intercept=False), Y
    yield "ols_positive", lm.LinearRegression(positive=True), Y
    yield "ridge", lm.Ridge(alpha=0.5), Y
    yield "ridge_two_outputs", lm.Ridge(alpha=np.array([0.5, 2.0])), YY
    yield "ridge_column", lm.Ridge(), Y[:, None]
    yield "ridge_cv", lm.RidgeCV(alphas=[0.1, 1.0]), Y
    yield "ridge_cv_two_outputs", lm.RidgeCV(alphas=[0.1, 1.0]), YY
    yield "lasso", lm.Lasso(alpha=0.1), Y
    yield "lasso_two_outputs", lm.Lasso(alpha=0.1), YY
    yield "lasso_cv", lm.LassoCV(cv=3), Y
    yield "elastic_net", lm.ElasticNet(alpha=0.1), Y
    yield "elastic_net_cv", lm.ElasticNetCV(cv=3), Y
    yield "multi_task_lasso", lm.MultiTaskLasso(alpha=0.1), YY
    yield "multi_task_lasso_cv", lm.MultiTaskLassoCV(cv=3), YY
    yield "multi_task_elastic_net", lm.MultiTaskElasticNet(alpha=0.1), YY
    yield "multi_task_elastic_net_cv", lm.MultiTaskElasticNetCV(cv=3), YY
    yield "lars", lm.Lars(n_nonzero_coefs=2), Y
    yield "lars_two_outputs", lm.Lars(), YY
    yield "lars_cv", lm.LarsCV(cv=3), Y
    yield "lasso_lars", lm.LassoLars(alpha=0.01), Y
    yield "lasso_lars_cv", lm.LassoLarsCV(cv=3), Y
    yield "lasso_lars_ic", lm.LassoLarsIC(criterion="bic"), Y
    yield "omp", lm.OrthogonalMatchingPursuit(n_nonzero_coefs=2), Y
    yield "omp_two_outputs", lm.OrthogonalMatchingPursuit(n_nonzero_coefs=2), YY
    yield "omp_cv", lm.OrthogonalMatchingPursuitCV(cv=3), Y
    yield "bayesian_ridge", lm.BayesianRidge(), Y
    yield "ard", lm.ARDRegression(), Y
    yield "huber", lm.HuberRegressor(), Y
    yield "theil_sen", lm.TheilSenRegressor(random_state=0, max_subpopulation=200), Y
    yield "ransac", lm.RANSACRegressor(random_state=0), Y
    yield "ransac_two_outputs", lm.RANSACRegressor(lm.Ridge(), min_samples=8, random_state=0), YY
    yield "sgd", lm.SGDRegressor(random_state=0), Y
    yield "sgd_average", lm.SGDRegressor(loss="huber", average=True, random_state=0), Y
    yield "sgd_epsilon", lm.SGDRegressor(loss="epsilon_insensitive", penalty="l1", random_state=0), Y
    yield "passive_aggressive_regressor", lm.PassiveAggressiveRegressor(random_state=0), Y
    yield "poisson", lm.PoissonRegressor(), COUNTS
    yield "gamma", lm.GammaRegressor(), COUNTS + 0.5
    for name, power, link in [("normal", 0, "auto"), ("normal_log", 0, "log"), ("compound", 1.5, "auto"),
                              ("gauss", 3, "auto"), ("negative", -1, "auto"), ("identity", 1, "identity")]:
        target = {"negative": np.abs(Y) + 1, "identity": COUNTS + 3.0}.get(name, COUNTS + 0.5)
        yield f"tweedie_{name}", lm.TweedieRegressor(power=power, link=link), target
    if version >= (1, 2):
        yield "quantile", lm.QuantileRegressor(quantile=0.7, alpha=0.01), Y


def classifiers(version):
    for name, labels in [("two", TWO), ("booleans", TWO == 1), ("three", THREE), ("names", NAMES[THREE]), ("floats", TWO + 0.5)]:
        yield f"logistic_{name}", lm.LogisticRegression(), (THREE - 1.0 if name == "floats" else labels)
    yield "logistic_liblinear", lm.LogisticRegression(solver="liblinear", C=0.3), NAMES[TWO]
    yield "logistic_l1", lm.LogisticRegression(solver="saga", penalty="l1", max_iter=300, random_state=0), THREE
    yield "logistic_cv", lm.LogisticRegressionCV(cv=2, Cs=3), THREE
    yield "logistic_cv_two", lm.LogisticRegressionCV(cv=2, Cs=3, fit_intercept=False), NAMES[TWO]
    if version < (1, 8):
        yield "logistic_liblinear_three", lm.LogisticRegression(solver="liblinear"), THREE
        yield "logistic_ovr", lm.LogisticRegression(multi_class="ovr"), THREE
        yield "logistic_ovr_two", lm.LogisticRegression(multi_class="ovr"), TWO
        yield "logistic_multinomial", lm.LogisticRegression(multi_class="multinomial"), THREE
        yield "logistic_multinomial_two", lm.LogisticRegression(multi_class="multinomial"), TWO
        yield "logistic_cv_ovr", lm.LogisticRegressionCV(cv=2, Cs=3, multi_class="ovr"), THREE
    if version >= (1, 2):
        yield "logistic_newton", lm.LogisticRegression(solver="newton-cholesky"), TWO
        if version < (1, 8) and version >= (1, 5):
            yield "logistic_newton_three", lm.LogisticRegression(solver="newton-cholesky"), THREE
    yield "logistic_sparse", lm.LogisticRegression(solver="liblinear", penalty="l1", C=0.2), TWO
    yield "logistic_sparse_three", lm.LogisticRegression(solver="saga", penalty="l1", C=0.1, max_iter=300, random_state=0), THREE
    yield "ridge_classifier", lm.RidgeClassifier(), NAMES[TWO]
    yield "ridge_classifier_three", lm.RidgeClassifier(), THREE
    yield "ridge_classifier_cv", lm.RidgeClassifierCV(), THREE
    if version >= (1, 2):
        yield "ridge_classifier_labels", lm.RidgeClassifier(), np.c_[TWO, THREE == 1, THREE == 2].astype(int)
    log = "log" if version < (1, 1) else "log_loss"
    for loss in ["hinge", log, "modified_huber", "squared_hinge", "perceptron", "huber"]:
        name = loss.replace("log_loss", "log")
        yield f"sgd_{name}_two", lm.SGDClassifier(loss=loss, random_state=0), TWO
        yield f"sgd_{name}_three", lm.SGDClassifier(loss=loss, random_state=0), NAMES[THREE]
    yield "perceptron", lm.Perceptron(random_state=0), THREE
    yield "perceptron_two", lm.Perceptron(random_state=0), NAMES[TWO]
    yield "passive_aggressive", lm.PassiveAggressiveClassifier(random_state=0), THREE
    yield "passive_aggressive_two", lm.PassiveAggressiveClassifier(random_state=0), TWO


def cases(version):
    for make in [regressors, classifiers]:
        for name, model, target in make(version):
            model.fit(X, target)
            if "sparse" in name:
                model.sparsify()
            yield Case(name, model, ROWS)
    if version >= (1, 0):
        yield Case("sgd_one_class", lm.SGDOneClassSVM(random_state=0).fit(X), ROWS)
        yield Case("sgd_one_class_origin", lm.SGDOneClassSVM(nu=0.2, fit_intercept=False, random_state=0).fit(X), ROWS)
