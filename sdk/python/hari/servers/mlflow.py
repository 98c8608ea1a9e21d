"""Any model with MLflow's `python_function` flavour. Loading runs code that the folder holds."""

from __future__ import annotations

from typing import Any

from hari.arrays import needed
from hari.errors import ServiceError
from hari.servers.files import missing


class PythonFunction:
    """A model that `mlflow.pyfunc` loads.

    `model_uri` is its folder. It is given a DataFrame whose columns are the names of the request,
    else those of its signature; an array if there are no names.
    """

    def __init__(self, model_uri: str = ".", xtype: str = "", **_others: Any) -> None:
        if xtype not in ("", "ndarray", "DataFrame"):
            raise ValueError(f"xtype: expected ndarray or DataFrame, found '{xtype}'")
        self._folder, self._xtype = model_uri, xtype
        self._model: Any = None
        self._columns: list[str] = []

    def load(self) -> None:
        """Loads the model and reads the names of its columns."""
        try:
            from mlflow import pyfunc
        except ImportError as error:
            raise missing("mlflow", "an MLflow model") from error
        self._model = pyfunc.load_model(self._folder)
        schema = self._model.metadata.get_input_schema() if self._model.metadata else None
        self._columns = (
            schema.input_names() if schema is not None and schema.has_input_names() else []
        )

    def predict(self, X: Any, names: list[str]) -> Any:
        """Rows to whatever the model answers, as an array."""
        return _plain(self._model.predict(self._input(X, names)))

    def _input(self, features: Any, names: list[str]) -> Any:
        if isinstance(features, dict):
            return features
        columns = list(names) or self._columns
        if self._xtype == "ndarray" or (not columns and self._xtype != "DataFrame"):
            return features
        try:
            import pandas as pd
        except ImportError as error:
            raise missing("pandas", "a table") from error
        if not columns:
            return pd.DataFrame(features)
        if getattr(features, "ndim", 0) != 2 or features.shape[1] != len(columns):
            raise ServiceError(
                f"expected rows of {len(columns)} columns: {', '.join(columns[:10])}"
            )
        return pd.DataFrame(features, columns=columns).infer_objects()

    def init_metadata(self) -> dict[str, Any]:
        """Names the platform."""
        return {"platform": "mlflow"}


def _plain(answer: Any) -> Any:
    """DataFrames and Series as arrays; what messages can hold, as it is."""
    if hasattr(answer, "to_numpy"):
        return answer.to_numpy()
    if isinstance(answer, (str, bytes, dict, list)):
        return answer
    return needed().asarray(answer)
