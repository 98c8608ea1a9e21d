"""Multi-layer perceptrons, and the restricted Boltzmann machine."""

import numpy as np
from fixtures import Case
from sklearn import neural_network

RNG = np.random.RandomState(13)
X = RNG.normal(size=(60, 4))
TWO = (X[:, 0] > 0).astype(int)
THREE = np.digitize(X[:, 1], [-0.5, 0.5])
NAMES = np.array(["ant", "bee", "cat"])
Z = X @ [1.0, -2.0, 0.5, 0.1]
ROWS = np.vstack([RNG.normal(size=(21, 4)), np.zeros((1, 4)), np.full((1, 4), 100.0), np.full((1, 4), -100.0)])


def cases(version):
    given = {"hidden_layer_sizes": (6, 5), "max_iter": 30, "random_state": 0}
    for activation in ["identity", "logistic", "tanh", "relu"]:
        yield Case(f"classifier_{activation}", neural_network.MLPClassifier(
            activation=activation, **given).fit(X, NAMES[THREE]), ROWS)
        yield Case(f"regressor_{activation}", neural_network.MLPRegressor(
            activation=activation, **given).fit(X, Z), ROWS)
    yield Case("classifier_two", neural_network.MLPClassifier(**given).fit(X, TWO), ROWS)
    yield Case("classifier_booleans", neural_network.MLPClassifier(solver="lbfgs", **given).fit(X, TWO == 1), ROWS)
    yield Case("classifier_labels", neural_network.MLPClassifier(**given).fit(X, np.c_[TWO, THREE == 1, THREE == 2].astype(int)), ROWS)
    yield Case("classifier_deep", neural_network.MLPClassifier(
        hidden_layer_sizes=(3, 3, 3), max_iter=10, random_state=1, early_stopping=True).fit(X, THREE), ROWS)
    yield Case("regressor_outputs", neural_network.MLPRegressor(**given).fit(X, np.c_[Z, -Z]), ROWS)
    if version >= (1, 7):
        yield Case("regressor_poisson", neural_network.MLPRegressor(loss="poisson", **given).fit(X, np.exp(Z / 4)), ROWS[:22])
    yield Case("boltzmann", neural_network.BernoulliRBM(3, random_state=0, n_iter=5).fit(X > 0), ROWS, methods=["transform"])
