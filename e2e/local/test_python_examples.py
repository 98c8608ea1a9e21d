"""The examples with Python classes: the commands of their READMEs, and what they promise."""

import re
import sys

import pytest

from harness import ROOT, Server, http, until
from readme import answers

# Environments are made with the interpreter of the tests.
PYTHON = {"HARI_PYTHON": sys.executable}
ROUTER = ROOT / "examples" / "outlier-router"
COMPONENT = ROOT / "examples" / "python-component"


@pytest.fixture(scope="module")
def router():
    with Server(ROUTER / "seldondeployment.yaml", env=PYTHON, ready=False) as server:
        until(server.ready, "/ready answers 200", 120)
        yield server


def test_usual_rows_are_classified_and_outliers_are_not(router):
    usual, unusual = answers(ROUTER / "README.md", router, 2)
    assert usual["meta"]["routing"]["detector"] == 0
    assert usual["meta"]["tags"]["outlier"] == [False, False]
    rows = usual["data"]["ndarray"]
    assert [row.index(max(row)) for row in rows] == [0, 2]
    assert unusual["meta"]["routing"]["detector"] == 1
    assert unusual["meta"]["tags"]["outlier"] == [False, True]
    assert unusual["meta"]["tags"]["distance"][1] > 100
    assert unusual["data"]["ndarray"] == [["review"], ["review"]]


def test_the_gauge_tells_how_many_there_were(router):
    answers(ROUTER / "README.md", router, 2)
    found = re.findall(r"^outliers\{[^}]*\} (\S+)$", router.scrape(), re.M)
    assert found and float(found[0]) == 1


def test_the_router_answers_v2_callers(router):
    body = {
        "inputs": [
            {"name": "x", "shape": [1, 4], "datatype": "FP64", "data": [5.1, 3.5, 1.4, 0.2]}
        ]
    }
    reply = http(router.url("/v2/models/outliers/infer"), body)
    assert reply.status == 200, reply.body
    assert reply.json()["outputs"][0]["data"][0] > 0.9


def test_a_class_has_its_package_and_its_argument():
    with Server(COMPONENT / "seldondeployment.yaml", env=PYTHON, ready=False) as server:
        until(server.ready, "/ready answers 200", 120)
        text, several = answers(COMPONENT / "README.md", server, 2)
        assert text["strData"] == "zlutoucky kun, kiyiv, bei jing "
        assert several["jsonData"] == {"texts": ["aeroskobing", "naive cafe"]}
