"""Trains two versions of a model of disease progression and writes both as ONNX.

Version 1 is a ridge regression on the first hundred patients, version 2 a small
neural network on all of them; both take the ten measurements of a patient as
scikit-learn's diabetes data set has them and give one number. The held-out patients' answers, as ONNX Runtime computes them,
are written beside the requests.

    pip install -r requirements.txt
    python train.py
"""

import json
from pathlib import Path

import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HERE = Path(__file__).parent
SEED = 0
ROWS = 3
# Version 1 knows this many patients.
FIRST = 100


def main():
    data = load_diabetes(scaled=False)
    split = train_test_split(
        data.data.astype(np.float32), data.target.astype(np.float32), random_state=SEED
    )
    train_x, test_x, train_y, test_y = split
    versions = {
        1: (make_pipeline(StandardScaler(), Ridge(alpha=1.0)), FIRST),
        2: (make_pipeline(StandardScaler(), network()), len(train_x)),
    }
    rows = test_x[:ROWS]
    expected = {}
    for version, (estimator, patients) in versions.items():
        estimator.fit(train_x[:patients], train_y[:patients])
        error = mean_absolute_error(test_y, estimator.predict(test_x))
        path = HERE / "model" / str(version) / "model.onnx"
        path.parent.mkdir(parents=True, exist_ok=True)
        model = to_onnx(estimator, train_x[:1], target_opset={"": 18, "ai.onnx.ml": 3})
        path.write_bytes(model.SerializeToString())
        session = onnxruntime.InferenceSession(path)
        (answer,) = session.run(None, {"X": rows})
        expected[str(version)] = answer.ravel().tolist()
        print(f"version {version}: mean absolute error {error:.1f} on {len(test_y)} patients")
    write("requests/v2-infer.json", infer(rows))
    write("requests/tensorflow-predict.json", {"instances": rows.tolist()})
    write("requests/expected.json", expected)
    for version in versions:
        warm = HERE / "model" / str(version) / "warmup.jsonl"
        warm.write_text(json.dumps(infer(rows)) + "\n")


def network():
    return MLPRegressor(
        hidden_layer_sizes=(16, 8),
        alpha=30.0,
        learning_rate_init=0.003,
        max_iter=1500,
        random_state=SEED,
    )


def infer(rows):
    return {
        "inputs": [
            {
                "name": "X",
                "datatype": "FP32",
                "shape": list(rows.shape),
                "data": rows.ravel().tolist(),
            }
        ]
    }


def write(name, value):
    (HERE / name).write_text(json.dumps(value, indent=1) + "\n")


if __name__ == "__main__":
    main()
