"""Answers in the classifier's place what it should not be asked."""


class Model:
    """Says that a person has to look."""

    def predict(self, X, names):
        """One decision for each row."""
        return [["review"] for _ in X]
