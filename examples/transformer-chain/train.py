"""Trains three steps on the wines of scikit-learn, each a file of its own: a scaler, principal
components, a classifier. Requests and what the steps answer one after the other are written, too.

    pip install -r requirements.txt
    python train.py
"""

import json
from pathlib import Path

import joblib
from sklearn.datasets import load_wine
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

HERE = Path(__file__).parent
SEED = 2

STEPS = {
    "scaler": StandardScaler(),
    "components": PCA(n_components=3, random_state=SEED),
    "classifier": LogisticRegression(),
}


def write(name, value):
    path = HERE / "requests" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value, indent=1) + "\n")


def main():
    wine = load_wine()
    rows, others, labels, expected = train_test_split(
        wine.data, wine.target, test_size=40, stratify=wine.target, random_state=SEED)
    asked, after = others[:3], {}
    for name, step in STEPS.items():
        step.fit(rows, labels)
        (HERE / "models" / name).mkdir(parents=True, exist_ok=True)
        joblib.dump(step, HERE / "models" / name / "model.joblib")
        if name == "classifier":
            right = step.score(others, expected)
            after[name] = step.predict_proba(others[:3])
        else:
            rows, others = step.transform(rows), step.transform(others)
            after[name] = others[:3]
    print(f"{right:.1%} of {len(others)} wines right")
    assert right >= 0.9, "the steps have not learnt the wines"

    write("seldon-ndarray", {"data": {"ndarray": asked.tolist()}})
    write("expected", {name: answer.tolist() for name, answer in after.items()})


if __name__ == "__main__":
    main()
