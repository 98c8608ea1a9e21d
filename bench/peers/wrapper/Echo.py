"""A class that does nothing: what is measured is the way to it and back."""


class Echo:
    def predict(self, X, names, meta=None):
        return X
