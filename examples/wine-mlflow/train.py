"""Trains a forest on Italian wines and writes it as an MLflow model, with requests and answers.

The wines are part of scikit-learn. The model has a signature, so that names and types of columns are
checked. What MLflow itself answers for four wines that the forest was not trained with is written
beside the requests.

    pip install -r requirements.txt
    python train.py
"""

import json
import shutil
from pathlib import Path

import mlflow
import numpy as np
from mlflow.models import infer_signature
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HERE = Path(__file__).parent
SEED = 0
GRAPES = np.array(["barolo", "grignolino", "barbera"])
COLUMNS = ["alcohol", "malic_acid", "ash", "flavanoids", "color_intensity", "hue", "proline"]


def write(name, value):
    path = HERE / "requests" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value, indent=1) + "\n")


def main():
    wine = load_wine(as_frame=True)
    table, grapes = wine.data[COLUMNS], GRAPES[wine.target]
    rows, others, labels, expected = train_test_split(
        table, grapes, test_size=45, stratify=grapes, random_state=SEED)
    forest = RandomForestClassifier(n_estimators=25, max_depth=6, random_state=SEED)
    model = make_pipeline(StandardScaler(), forest).fit(rows, labels)
    right = model.score(others, expected)
    print(f"{len(rows)} wines to train with, {right:.1%} of {len(others)} others right")
    assert right >= 0.9, "the model has not learnt the grapes"

    folder = HERE / "model"
    shutil.rmtree(folder, ignore_errors=True)
    mlflow.sklearn.save_model(
        model, folder, signature=infer_signature(rows, labels), serialization_format="cloudpickle")
    asked = others.head(4)
    answers = mlflow.pyfunc.load_model(str(folder)).predict(asked)
    split = json.loads(asked.to_json(orient="split", index=False))
    write("dataframe-split", {"dataframe_split": split})
    write("dataframe-records", {"dataframe_records": json.loads(asked.to_json(orient="records"))})
    write("seldon-ndarray", {"data": {"names": COLUMNS, "ndarray": asked.values.tolist()}})
    columns = [{"name": name, "datatype": "FP64", "shape": [len(asked)],
                "data": asked[name].tolist()} for name in COLUMNS]
    write("v2-infer", {"parameters": {"content_type": "pd"}, "inputs": columns})
    write("expected", {"grapes": [str(each) for each in answers]})


if __name__ == "__main__":
    main()
