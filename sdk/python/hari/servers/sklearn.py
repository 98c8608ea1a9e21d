"""Any estimator that joblib or pickle can load. Loading runs code that the file holds."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from hari.errors import ServiceError
from hari.servers.files import missing, the_file

FILES = ("model.joblib", "model.pickle", "model.pkl")
METHODS = ("predict_proba", "predict", "decision_function", "transform")


class Estimator:
    """A fitted estimator.

    `model_uri` is its folder or file; `method` is the first of `METHODS` that the estimator has
    unless told otherwise.
    """

    def __init__(self, model_uri: str = ".", method: str = "", **_others: Any) -> None:
        if method and method not in METHODS:
            raise ValueError(f"method: expected one of {', '.join(METHODS)}, found '{method}'")
        self._folder, self._method = model_uri, method
        self._estimator: Any = None

    def load(self) -> None:
        """Reads the file and chooses the method."""
        self._estimator = _read(the_file(self._folder, FILES))
        self._method = self._method or _first(self._estimator)
        if not hasattr(self._estimator, self._method):
            raise ValueError(f"a {type(self._estimator).__name__} has no method '{self._method}'")

    def predict(self, X: Any, names: list[str]) -> Any:
        """Rows of features to rows of answers; columns are put in the estimator's order by name."""
        return getattr(self._estimator, self._method)(self._rows(X, names))

    def _rows(self, features: Any, names: list[str]) -> Any:
        wanted = getattr(self._estimator, "feature_names_in_", None)
        if wanted is None:
            return features
        try:
            import pandas as pd
        except ImportError:
            return features
        given = list(names) if set(names) == set(wanted) else list(wanted)
        if getattr(features, "ndim", 0) != 2 or features.shape[1] != len(given):
            raise ServiceError(f"expected rows of {len(given)} features: {', '.join(given[:10])}")
        return pd.DataFrame(features, columns=given)[list(wanted)]

    def init_metadata(self) -> dict[str, Any]:
        """Names the platform."""
        return {"platform": "sklearn"}


def _read(path: Path) -> Any:
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise missing("scikit-learn", "a scikit-learn model") from error
    if path.suffix == ".joblib":
        try:
            import joblib
        except ImportError as error:
            raise missing("joblib", path.name) from error
        return joblib.load(path)
    with path.open("rb") as file:
        return pickle.load(file)


def _first(estimator: Any) -> str:
    for method in METHODS:
        if hasattr(estimator, method):
            return method
    raise ValueError(f"a {type(estimator).__name__} has none of {', '.join(METHODS)}")
