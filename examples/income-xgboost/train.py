"""Trains boosted trees on people and their incomes, with words and gaps, and writes them as JSON.

The people are made by this script, by a rule with noise in it: no real data. Two columns are words,
which XGBoost keeps as categories, and one number in ten is missing. What XGBoost answers for a few
people is written beside the requests.

    pip install -r requirements.txt
    python train.py
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import xgboost

HERE = Path(__file__).parent
SEED = 0
PEOPLE, HELD_OUT = 6000, 1500
EDUCATION = ["bachelors", "doctorate", "high-school", "masters", "none"]
WORK = ["government", "private", "self-employed"]
WORTH = dict(zip(EDUCATION, [0.9, 1.9, 0.0, 1.4, -0.8]))
FACTOR = dict(zip(WORK, [0.1, 0.0, 0.5]))
WORDS = {"education": EDUCATION, "work": WORK}


def people(count, random):
    """A table of people, and whether each earns more than 50,000 a year."""
    table = pd.DataFrame({
        "age": random.integers(18, 80, count).astype(float),
        "education": random.choice(EDUCATION, count),
        "work": random.choice(WORK, count),
        "hours": np.clip(random.normal(38, 10, count), 5, 80).round(),
        "gains": np.where(random.random(count) < 0.1, random.exponential(8000, count).round(), 0.0),
    })
    worth = (table["education"].map(WORTH) + table["work"].map(FACTOR) - ((table["age"] - 50) / 20) ** 2
             + 0.06 * (table["hours"] - 40) + table["gains"] / 6000 + random.normal(0, 0.5, count))
    for column in ["age", "hours", "gains"]:
        table.loc[random.random(count) < 0.1, column] = np.nan
    for column in ["education", "work"]:
        table.loc[random.random(count) < 0.05, column] = None
    return typed(table), (worth > 0.3).astype(int)


def typed(table):
    """Words as categories."""
    kinds = {column: pd.CategoricalDtype(words) for column, words in WORDS.items()}
    return table.astype(kinds)


ASKED = pd.DataFrame({
    "age": [46.0, 23.0, None, 61.0],
    "education": ["doctorate", "none", "masters", None],
    "work": ["self-employed", "private", "government", "private"],
    "hours": [50.0, 20.0, 40.0, None],
    "gains": [0.0, 0.0, 12000.0, 0.0],
})


def plain(table):
    """Rows as JSON has them: a gap is null."""
    return table.astype(object).where(table.notna(), None).values.tolist()


def column(name, values):
    kind = "BYTES" if name in WORDS else "FP64"
    given = [None if pd.isna(value) else value for value in values]
    return {"name": name, "datatype": kind, "shape": [len(given)], "data": given}


def write(name, value):
    path = HERE / "requests" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value, indent=1) + "\n")


def main():
    random = np.random.default_rng(SEED)
    train, labels = people(PEOPLE, random)
    others, expected = people(HELD_OUT, random)
    booster = xgboost.train(
        {"objective": "binary:logistic", "max_depth": 4, "eta": 0.2, "seed": SEED},
        xgboost.DMatrix(train, labels, enable_categorical=True), num_boost_round=60)
    found = booster.predict(xgboost.DMatrix(others, enable_categorical=True)) > 0.5
    right = (found == expected).mean()
    print(f"{len(train)} people to train with, {right:.1%} of {len(others)} others right")
    assert right >= 0.85, "the model has not learnt the rule"

    (HERE / "model").mkdir(exist_ok=True)
    booster.save_model(HERE / "model" / "model.json")
    answers = booster.predict(xgboost.DMatrix(typed(ASKED), enable_categorical=True))
    for row, answer in zip(plain(ASKED), answers):
        print(f"{answer:.4f}  {row}")
    write("seldon-ndarray", {"data": {"names": list(ASKED.columns), "ndarray": plain(ASKED)}})
    columns = [column(name, ASKED[name]) for name in ASKED.columns]
    write("v2-infer", {"parameters": {"content_type": "pd"}, "inputs": columns})
    write("expected", {"probabilities": answers.tolist()})


if __name__ == "__main__":
    main()
