"""Trains three models on Fisher's irises, with requests and the mean of what they answer.

The flowers are part of scikit-learn. What the three answer for four flowers that none was trained
with, and their mean, is written beside the requests.

    pip install -r requirements.txt
    python train.py
"""

import json
from pathlib import Path

import joblib
import numpy as np
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HERE = Path(__file__).parent
SEED = 1

MEMBERS = {
    "logistic": make_pipeline(StandardScaler(), LogisticRegression()),
    "forest": RandomForestClassifier(n_estimators=20, max_depth=4, random_state=SEED),
    "bayes": GaussianNB(),
}


def write(name, value):
    path = HERE / "requests" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value, indent=1) + "\n")


def main():
    iris = load_iris()
    species = iris.target_names[iris.target]
    rows, others, labels, expected = train_test_split(
        iris.data, species, test_size=40, stratify=species, random_state=SEED)
    answers = {}
    for name, model in MEMBERS.items():
        model.fit(rows, labels)
        print(f"{name}: {model.score(others, expected):.1%} of {len(others)} right")
        (HERE / "models" / name).mkdir(parents=True, exist_ok=True)
        joblib.dump(model, HERE / "models" / name / "model.joblib")
        answers[name] = model.predict_proba(others)
    mean = np.mean(list(answers.values()), axis=0)
    right = np.mean(MEMBERS["bayes"].classes_[mean.argmax(axis=1)] == expected)
    print(f"their mean: {right:.1%} right")
    assert right >= 0.9, "the models have not learnt the species"

    asked = others[:4]
    write("seldon-ndarray", {"data": {"ndarray": asked.tolist()}})
    tensor = {"name": "flowers", "datatype": "FP64", "shape": list(asked.shape),
              "data": asked.ravel().tolist()}
    write("v2-infer", {"inputs": [tensor]})
    members = {name: answer[:4].tolist() for name, answer in answers.items()}
    write("expected", {**members, "mean": mean[:4].tolist()})


if __name__ == "__main__":
    main()
