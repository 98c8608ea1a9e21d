"""Servers of trusted models where their packages are not installed."""

import importlib.util

import pytest
from parent import Parent, Refused


@pytest.mark.parametrize(
    "name, package",
    [
        ("hari.servers.sklearn.Estimator", "scikit-learn"),
        ("hari.servers.mlflow.PythonFunction", "mlflow"),
    ],
)
def test_the_missing_package_is_named(tmp_path, name, package):
    assert importlib.util.find_spec({"scikit-learn": "sklearn"}.get(package, package)) is None
    (tmp_path / "model.joblib").touch()
    with Parent(name, load=False, folder=tmp_path) as worker:
        with pytest.raises(Refused, match=f"add {package} to requirements.txt"):
            worker.load(name, {}, tmp_path)
