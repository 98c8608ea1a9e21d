"""Components for the scenarios: small classes as users write them for the original's wrapper."""

import numpy as np


class Double:
    """A model: twice what it gets, under a name for each column."""

    def predict(self, X, names, meta=None):
        return np.asarray(X) * 2

    def class_names(self):
        return ["twice"]

    def tags(self):
        return {"common": "double", "double": "yes"}

    def metrics(self):
        return [
            {"type": "COUNTER", "key": "double_calls", "value": 1},
            {"type": "GAUGE", "key": "double_gauge", "value": 2.5},
        ]


class Shift:
    """A transformer both ways: one more on the way down, a hundred more on the way up."""

    def transform_input(self, X, names, meta=None):
        return np.asarray(X) + 1

    def transform_output(self, X, names, meta=None):
        return np.asarray(X) + 100

    def tags(self):
        return {"common": "shift", "shift": "yes"}


class Choose:
    """A router: the first number of the request is the branch."""

    def route(self, X, names, meta=None):
        number = float(np.asarray(X).ravel()[0])
        return int(number) if number.is_integer() else number

    def tags(self):
        return {"choose": "never seen"}

    def send_feedback(self, X, names, reward, truth, routing=None):
        return [[reward, -7 if routing is None else routing]]


class First:
    """A router that takes the first child."""

    def route(self, X, names, meta=None):
        return 0


class Mean:
    """A combiner: the mean of what its children answer."""

    def aggregate(self, X, names):
        return np.mean([np.asarray(one) for one in X], axis=0)

    def tags(self):
        return {"combiner": "yes"}


class Echo:
    """A model that answers whatever it gets."""

    def predict(self, X, names, meta=None):
        return X


class Constant:
    """A model that answers three classes, as the first example of the original did."""

    def predict(self, X, names, meta=None):
        return np.array([[0.1, 0.9, 0.5]])

    def class_names(self):
        return ["class0", "class1", "class2"]


class Learner:
    """A model that answers what it was rewarded."""

    def predict(self, X, names, meta=None):
        return np.asarray(X)

    def send_feedback(self, X, names, reward, truth, routing=None):
        return [[reward * 10]]


class Faulty:
    """A model that fails as its first number tells."""

    def predict(self, X, names, meta=None):
        number = int(np.asarray(X).ravel()[0])
        if number == 1:
            raise ValueError("the value was one")
        if number == 2:
            return {"not": object()}
        return np.asarray(X)

    def transform_input(self, X, names, meta=None):
        return self.predict(X, names, meta)

    transform_output = transform_input
