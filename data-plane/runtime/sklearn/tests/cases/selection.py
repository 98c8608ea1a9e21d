"""Selection of columns: scores, p-values, variances and models."""

import numpy as np
from fixtures import Case
from sklearn import ensemble, feature_extraction, feature_selection, linear_model, pipeline, svm, tree

RNG = np.random.RandomState(24)
X = RNG.normal(size=(60, 7))
X[:, 5] = 1.0
X[:, 6] = X[:, 0]
Y = (X[:, 0] - 0.7 * X[:, 2] + 0.2 * RNG.normal(size=60) > 0).astype(int)
THREE = np.array(["ant", "bee", "cat"])[np.digitize(X[:, 1], [-0.4, 0.5])]
Z = X @ [2.0, 0.0, -1.0, 0.1, 0.0, 0.0, 0.3]
ROWS = np.vstack([RNG.normal(size=(21, 7)), np.zeros((1, 7)), X[:2]])
GAPS_ROWS = np.where(RNG.uniform(size=ROWS.shape) < 0.3, np.nan, ROWS)


def cases(version):
    pick = feature_selection
    for k in [2, 0, 6, "all"]:
        yield Case(f"best_{k}", pick.SelectKBest(k=k).fit(X, Y), ROWS)
    yield Case("best_chi2", pick.SelectKBest(pick.chi2, k=3).fit(np.abs(X), THREE), np.abs(ROWS))
    for share in [10, 45, 60, 100, 0]:
        yield Case(f"percentile_{share}", pick.SelectPercentile(pick.f_regression, percentile=share).fit(X[:, :5], Z), ROWS[:, :5])
    yield Case("false_positives", pick.SelectFpr(alpha=0.1).fit(X, Y), ROWS)
    yield Case("false_discoveries", pick.SelectFdr(pick.f_regression, alpha=0.1).fit(X[:, :5], Z), ROWS[:, :5])
    yield Case("family_wise", pick.SelectFwe(alpha=0.05).fit(X, Y), ROWS)
    for mode, param in {"percentile": 40, "k_best": 3, "fpr": 0.1, "fdr": 0.1, "fwe": 0.1}.items():
        yield Case(f"generic_{mode}", pick.GenericUnivariateSelect(mode=mode, param=param).fit(X, Y), ROWS)
    yield Case("variance", pick.VarianceThreshold().fit(X), GAPS_ROWS)
    yield Case("variance_more", pick.VarianceThreshold(0.9).fit(X), ROWS)
    model = pick.SelectFromModel
    yield Case("model_lasso", model(linear_model.Lasso(0.1)).fit(X, Z), ROWS)
    yield Case("model_logistic", model(linear_model.LogisticRegression()).fit(X, Y), ROWS)
    yield Case("model_classes", model(linear_model.LogisticRegression(), norm_order=2).fit(X, THREE), ROWS)
    yield Case("model_largest", model(linear_model.LogisticRegression(), norm_order=np.inf, threshold="0.5*median").fit(
        X, THREE), ROWS)
    yield Case("model_l1", model(svm.LinearSVC(C=0.1, penalty="l1", dual=False, random_state=0)).fit(X, Y), ROWS)
    yield Case("model_most", model(linear_model.Ridge(), max_features=2, threshold=-np.inf).fit(X, Z), ROWS)
    yield Case("model_prefit", model(linear_model.Ridge().fit(X, Z), prefit=True, threshold="median"), ROWS)
    yield Case("model_tree", model(tree.DecisionTreeRegressor(max_depth=3, random_state=0)).fit(X, Z), ROWS)
    yield Case("model_forest", model(ensemble.RandomForestClassifier(6, max_depth=3, random_state=0)).fit(X, Y), ROWS)
    yield Case("model_extra", model(ensemble.ExtraTreesRegressor(5, max_depth=3, random_state=0), threshold="1.2*mean").fit(
        X, Z), ROWS)
    yield Case("model_boosting", model(ensemble.GradientBoostingClassifier(
        n_estimators=5, max_depth=2, random_state=0)).fit(X, Y), ROWS)
    yield Case("elimination", pick.RFE(linear_model.LogisticRegression(), n_features_to_select=2).fit(X, Y), ROWS)
    yield Case("elimination_regressor", pick.RFE(linear_model.Ridge(), step=2).fit(X, Z), ROWS)
    yield Case("elimination_search", pick.RFECV(linear_model.LogisticRegression(), cv=3).fit(X, THREE), ROWS)
    yield Case("sequential", pick.SequentialFeatureSelector(
        linear_model.Ridge(), n_features_to_select=2, cv=2).fit(X, Z), ROWS)
    texts = ["a lazy dog", "quick brown fox", "the dog and the fox", "lazy fox", "brown dog quick"] * 4
    chosen = pipeline.make_pipeline(
        feature_extraction.text.TfidfVectorizer(), pick.SelectKBest(pick.chi2, k=4), linear_model.LogisticRegression())
    yield Case("best_text", chosen.fit(texts, [0, 1, 0, 1, 1] * 4), texts + ["", "unseen"],
               cls="sklearn.feature_selection._univariate_selection.SelectKBest")
