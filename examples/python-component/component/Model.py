"""Writes texts without accents and in other alphabets' Latin letters."""

from unidecode import unidecode


class Model:
    """Transliterates: `lower` makes small letters of all."""

    def __init__(self, lower: bool = False):
        self.lower = lower

    def predict(self, X, names):
        """A text, or a JSON list of texts."""
        if isinstance(X, list):
            return {"texts": [self.plain(text) for text in X]}
        return self.plain(X)

    def plain(self, text):
        """One text in ASCII."""
        found = unidecode(text)
        return found.lower() if self.lower else found
