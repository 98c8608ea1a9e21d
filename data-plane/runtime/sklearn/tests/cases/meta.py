"""Classifiers over classifiers: classes and outputs one by one, calibration, unknown labels."""

import numpy as np
from fixtures import Case
from sklearn import calibration, isotonic, linear_model as lm, multiclass, multioutput, naive_bayes, pipeline, preprocessing, semi_supervised, svm, tree

RNG = np.random.RandomState(21)
X = RNG.normal(size=(60, 3))
Y = X[:, 0] - X[:, 1] * X[:, 2] + RNG.normal(scale=0.3, size=60)
TWO = (Y > 0).astype(int)
THREE = np.digitize(Y, [-0.6, 0.8])
FOUR = THREE + (THREE == 1) * 2 * (X[:, 2] > 0)
NAMES = np.array(["ant", "bee", "cat", "dog"])
LABELS = np.c_[TWO, THREE == 1, X[:, 2] > 0].astype(int)
CONSTANT = np.c_[np.ones(60), np.zeros(60), TWO].astype(int)
YY = np.c_[Y, X @ [0.2, -1.0, 0.5]]
ROWS = np.vstack([RNG.normal(size=(18, 3)), np.zeros((1, 3)), np.full((1, 3), 20.0)])


def logistic():
    return lm.LogisticRegression()


def decides():
    return lm.RidgeClassifier()


def multi():
    yield "rest", multiclass.OneVsRestClassifier(logistic()), NAMES[FOUR]
    yield "rest_two", multiclass.OneVsRestClassifier(logistic()), NAMES[TWO]
    yield "rest_decides", multiclass.OneVsRestClassifier(decides()), THREE
    yield "rest_decides_two", multiclass.OneVsRestClassifier(decides()), TWO == 1
    yield "rest_bayes", multiclass.OneVsRestClassifier(naive_bayes.GaussianNB()), THREE
    yield "rest_bayes_two", multiclass.OneVsRestClassifier(naive_bayes.GaussianNB()), TWO
    yield "rest_regressor", multiclass.OneVsRestClassifier(lm.LinearRegression()), THREE
    yield "rest_labels", multiclass.OneVsRestClassifier(logistic()), LABELS
    yield "rest_labels_bayes", multiclass.OneVsRestClassifier(naive_bayes.GaussianNB()), LABELS
    yield "rest_constant", multiclass.OneVsRestClassifier(logistic()), CONSTANT
    yield "rest_svc", multiclass.OneVsRestClassifier(svm.SVC()), FOUR
    sure = tree.DecisionTreeClassifier(random_state=0)
    yield "rest_ties", multiclass.OneVsRestClassifier(sure), THREE
    yield "pairs_ties", multiclass.OneVsOneClassifier(sure), FOUR
    yield "pairs", multiclass.OneVsOneClassifier(logistic()), NAMES[FOUR]
    yield "pairs_two", multiclass.OneVsOneClassifier(logistic()), TWO
    yield "pairs_bayes", multiclass.OneVsOneClassifier(naive_bayes.GaussianNB()), FOUR
    yield "pairs_bayes_two", multiclass.OneVsOneClassifier(naive_bayes.GaussianNB()), NAMES[TWO]
    yield "pairs_svc", multiclass.OneVsOneClassifier(svm.LinearSVC(random_state=0)), FOUR
    yield "codes", multiclass.OutputCodeClassifier(logistic(), code_size=2, random_state=0), NAMES[FOUR]
    yield "codes_bayes", multiclass.OutputCodeClassifier(naive_bayes.GaussianNB(), code_size=1.5, random_state=3), THREE


def several():
    yield "outputs", multioutput.MultiOutputClassifier(logistic()), np.c_[TWO, THREE]
    yield "outputs_names", multioutput.MultiOutputClassifier(logistic()), NAMES[LABELS]
    yield "outputs_one", multioutput.MultiOutputClassifier(logistic()), THREE[:, None]
    yield "outputs_decides", multioutput.MultiOutputClassifier(decides()), np.c_[TWO, THREE]
    yield "outputs_numbers", multioutput.MultiOutputRegressor(lm.Ridge()), YY
    yield "outputs_svr", multioutput.MultiOutputRegressor(svm.SVR()), YY
    yield "chain", multioutput.ClassifierChain(logistic(), order=[2, 0, 1]), LABELS
    yield "chain_random", multioutput.ClassifierChain(logistic(), order="random", random_state=4), LABELS
    yield "chain_cv", multioutput.ClassifierChain(logistic(), cv=2), LABELS
    yield "chain_bayes", multioutput.ClassifierChain(naive_bayes.GaussianNB()), LABELS
    yield "chain_numbers", multioutput.RegressorChain(lm.Ridge(), order=[1, 0]), YY
    yield "chain_numbers_plain", multioutput.RegressorChain(lm.LinearRegression()), YY


def calibrated(version):
    kind = calibration.CalibratedClassifierCV
    methods = ["sigmoid", "isotonic"] + (["temperature"] if version >= (1, 8) else [])
    for method in methods:
        for name, make in [("logistic", logistic), ("bayes", naive_bayes.GaussianNB)]:
            yield f"calibrated_{method}_{name}_two", kind(make(), method=method, cv=2), TWO
            yield f"calibrated_{method}_{name}", kind(make(), method=method, cv=2), THREE
        yield f"calibrated_{method}_svc", kind(svm.SVC(), method=method, cv=2, ensemble=False), THREE
        yield f"calibrated_{method}_names", kind(decides(), method=method, cv=2), NAMES[FOUR]
    yield "calibrated_default", kind(cv=3), NAMES[TWO]
    fitted = logistic().fit(X, NAMES[THREE])
    if version >= (1, 6):
        from sklearn.frozen import FrozenEstimator
        yield "calibrated_frozen", kind(FrozenEstimator(fitted)), NAMES[THREE]
    else:
        yield "calibrated_prefit", kind(fitted, cv="prefit"), NAMES[THREE]


def cases(version):
    for group in [multi(), several(), calibrated(version)]:
        for name, model, target in group:
            cls = "sklearn.multiclass._ConstantPredictor" if name == "rest_constant" else None
            yield Case(name, model.fit(X, target), ROWS, cls=cls)
    if version >= (1, 5):
        for method in ["predict_proba", "decision_function"]:
            model = multioutput.ClassifierChain(logistic(), chain_method=method)
            yield Case(f"chain_{method}", model.fit(X, LABELS), ROWS)
    if version >= (1, 6):
        from sklearn.frozen import FrozenEstimator
        yield Case("frozen", FrozenEstimator(svm.SVC(kernel="linear").fit(X, NAMES[THREE])), ROWS)
    gram = X[:24] @ X[:24].T
    yield Case("pairs_precomputed", multiclass.OneVsOneClassifier(svm.SVC(kernel="precomputed")).fit(gram, THREE[:24]),
               ROWS @ X[:24].T)

    bins = np.digitize(X, [-0.5, 0.5]).astype(float)
    asked = np.vstack([RNG.randint(0, 3, size=(19, 3)), [[7, 0, 1]]]).astype(float)
    flat = lm.LogisticRegression(solver="liblinear", penalty="l1", C=0.3)
    for name, model in [("rest", multiclass.OneVsRestClassifier(logistic())), ("svc", svm.SVC()),
                        ("linear", lm.SGDClassifier(random_state=0)), ("calibrated", calibration.CalibratedClassifierCV(decides(), cv=2)),
                        ("sparsified", flat)]:
        coded = pipeline.make_pipeline(preprocessing.OneHotEncoder(handle_unknown="ignore"), model)
        coded.fit(bins, TWO if name == "sparsified" else THREE)
        if name == "sparsified":
            coded[-1].sparsify()
        yield Case(f"coded_{name}", coded, asked)
    chain = pipeline.make_pipeline(preprocessing.OneHotEncoder(handle_unknown="ignore"), multioutput.ClassifierChain(logistic()))
    yield Case("coded_chain", chain.fit(bins, LABELS), asked)

    for outside in ["nan", "clip"]:
        model = isotonic.IsotonicRegression(out_of_bounds=outside, increasing=outside == "nan")
        model.fit(np.round(X[:, 0], 1), Y)
        yield Case(f"isotonic_{outside}", model, np.r_[np.linspace(-3, 3, 30), model.X_thresholds_][:, None])
    yield Case("isotonic_raise", isotonic.IsotonicRegression(out_of_bounds="raise", y_min=-0.5, y_max=0.5, increasing="auto")
               .fit(X[:, 0], Y), np.linspace(-1, 1, 20)[:, None])
    yield Case("isotonic_constant", isotonic.IsotonicRegression().fit(np.ones(5), np.arange(5.0)), np.ones((20, 1)))

    unknown = np.where(np.arange(60) % 3 == 0, -1, THREE)
    named = np.where(np.arange(60) % 3 == 0, -1, TWO)
    yield Case("self_training", semi_supervised.SelfTrainingClassifier(logistic(), threshold=0.6).fit(X, unknown), ROWS)
    yield Case("self_training_svc", semi_supervised.SelfTrainingClassifier(
        svm.SVC(probability=True, random_state=0), criterion="k_best", k_best=5).fit(X, named), ROWS)
    for name, kind in [("propagation", semi_supervised.LabelPropagation), ("spreading", semi_supervised.LabelSpreading)]:
        near = ROWS[:19]
        yield Case(name, kind(gamma=2.0).fit(X, unknown), np.vstack([near, X[:3]]), tolerance=1e-10,
                   why="squared distances are found as a sum that cancels out")
        yield Case(f"{name}_knn", kind(kernel="knn", n_neighbors=9).fit(X, named), np.vstack([near, X[:3]]))
