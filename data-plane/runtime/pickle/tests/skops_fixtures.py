"""Writes tests/fixtures/*/NAME.VERSION.skops: the objects of the joblib files beside them.

Under each version in tests/requirements-*.txt that has skops, after fixtures.py; and with skops 0.5.0,
which writes protocol 0, in the place of 0.9.0:
    python tests/skops_fixtures.py tests/fixtures
"""

import pathlib
import sys
import warnings
import zipfile

import joblib
import sklearn
import skops
import skops.io as sio

warnings.simplefilter("ignore")

# Saved deflated, too.
PACKED = {"tree", "csr", "tfidf"}

# What the versions before the newest save: a file of each kind is enough.
FEW = PACKED | {"arrays", "objects", "plain", "records", "scalars", "names", "csc", "svc",
                "sgd", "kd_tree", "logistic_pipeline", "columns", "hist_gradient_boosting"}
NEWEST = "0.16.0"
BEFORE_COMPRESSION = "0.5.0"


def save(value, path, **options):
    try:
        path.write_bytes(sio.dumps(value, **options))
    except Exception as error:
        print(f"{path.name}: not saved: {error!r:.100}")


def main():
    folder = pathlib.Path(sys.argv[1]) / sklearn.__version__
    version = skops.__version__
    for path in sorted(folder.glob("*.joblib")):
        name = path.name.removesuffix(".joblib")
        if name.startswith("compressed") or version != NEWEST and name not in FEW:
            continue
        value = joblib.load(path)
        save(value, folder / f"{name}.{version}.skops")
        if name in PACKED and version != BEFORE_COMPRESSION:
            save(value, folder / f"{name}.deflated.{version}.skops", compression=zipfile.ZIP_DEFLATED)


main()
