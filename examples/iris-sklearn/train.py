"""Trains a pipeline on Fisher's irises and writes it with joblib, with requests and answers.

The flowers are part of scikit-learn. What scikit-learn answers for four of those that the pipeline
was not trained with is written beside the requests.

    pip install -r requirements.txt
    python train.py
"""

import json
from pathlib import Path

import joblib
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HERE = Path(__file__).parent
SEED = 0


def write(name, value):
    path = HERE / "requests" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value, indent=1) + "\n")


def main():
    iris = load_iris()
    species = iris.target_names[iris.target]
    rows, others, labels, expected = train_test_split(
        iris.data, species, test_size=40, stratify=species, random_state=SEED)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, labels)
    right = model.score(others, expected)
    print(f"{len(rows)} flowers to train with, {right:.1%} of {len(others)} others right")
    assert right >= 0.9, "the model has not learnt the species"

    (HERE / "model").mkdir(exist_ok=True)
    joblib.dump(model, HERE / "model" / "model.joblib")
    asked = others[:4]
    write("seldon-ndarray", {"data": {"ndarray": asked.tolist()}})
    tensor = {"name": "flowers", "datatype": "FP64", "shape": list(asked.shape),
              "data": asked.ravel().tolist()}
    write("v2-infer", {"inputs": [tensor]})
    outputs = [{"name": "predict"}, {"name": "predict_proba"}]
    write("v2-outputs", {"inputs": [tensor], "outputs": outputs})
    write("expected", {"species": model.predict(asked).tolist(), "classes": model.classes_.tolist(),
                       "probabilities": model.predict_proba(asked).tolist()})


if __name__ == "__main__":
    main()
