"""A scikit-learn model behind the Python wrapper, as its scikit-learn server has it."""

import os

import joblib
import numpy as np


class Iris:
    def __init__(self):
        self.model = None

    def load(self):
        self.model = joblib.load(os.environ["BENCH_MODEL"])

    def predict(self, X, names, meta=None):
        if self.model is None:
            self.load()
        return self.model.predict_proba(np.asarray(X))
