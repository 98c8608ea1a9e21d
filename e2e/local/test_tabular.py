"""`examples/` of scikit-learn, XGBoost and MLflow: every request, and the commands of the READMEs."""

import json
import shlex

import numpy as np
import pytest

from harness import ROOT, Server, close, hari, http
from readme import answers, commands

# Example: its model's name, and for each request the path and what of `expected.json` it gives.
EXAMPLES = {
    "iris-sklearn": ("classifier", {
        "seldon-ndarray": ("/api/v1.0/predictions", ["probabilities"]),
        "v2-infer": ("/v2/models/classifier/infer", ["species"]),
        "v2-outputs": ("/v2/models/classifier/infer", ["species", "probabilities"]),
    }),
    "income-xgboost": ("earner", {
        "seldon-ndarray": ("/api/v1.0/predictions", ["probabilities"]),
        "v2-infer": ("/v2/models/earner/infer", ["probabilities"]),
    }),
    "wine-mlflow": ("grapes", {
        "seldon-ndarray": ("/api/v1.0/predictions", ["grapes"]),
        "v2-infer": ("/v2/models/grapes/infer", ["grapes"]),
        "dataframe-split": ("/invocations", ["grapes"]),
        "dataframe-records": ("/invocations", ["grapes"]),
    }),
    "text-tfidf": ("language", {
        "seldon-ndarray": ("/api/v1.0/predictions", ["probabilities"]),
        "v2-infer": ("/v2/models/language/infer", ["languages"]),
    }),
}


def folder(name):
    return ROOT / "examples" / name


@pytest.fixture(scope="module", params=sorted(EXAMPLES))
def example(request):
    with Server(folder(request.param) / "seldondeployment.yaml") as server:
        yield request.param, server


def values(reply):
    """What a reply holds, whichever protocol it is in: one list for each output."""
    if "predictions" in reply:
        return [reply["predictions"]]
    if "outputs" in reply:
        return [np.array(one["data"]).reshape(one["shape"]).tolist() for one in reply["outputs"]]
    return [reply["data"]["ndarray"]]


def compare(found, wanted):
    """Text is equal, numbers are close; a column of one is as good as none."""
    if isinstance(np.ravel(wanted)[0], str):
        assert np.ravel(found).tolist() == wanted
    else:
        close(np.reshape(found, np.shape(wanted)), np.array(wanted))


def test_every_request_file_is_sent():
    for name, (_, requests) in EXAMPLES.items():
        files = {path.stem for path in (folder(name) / "requests").iterdir()} - {"expected"}
        assert files == set(requests), name


def test_requests_are_answered_as_the_original_does(example):
    name, server = example
    expected = json.loads((folder(name) / "requests" / "expected.json").read_text())
    for request, (path, wanted) in EXAMPLES[name][1].items():
        body = (folder(name) / "requests" / f"{request}.json").read_bytes()
        reply = http(server.url(path), body, {"Content-Type": "application/json"})
        assert reply.status == 200, (request, reply.body)
        found = values(reply.json())
        assert len(found) == len(wanted), request
        for each, key in zip(found, wanted):
            compare(each, expected[key])


def test_the_curl_commands_of_the_readme(example):
    name, server = example
    readme = folder(name) / "README.md"
    count = len([line for line in commands(readme) if line.startswith("curl ")])
    assert count >= len(EXAMPLES[name][1])
    for reply in answers(readme, server, count):
        assert all(len(each) for each in values(reply))


def test_the_other_commands_of_the_readme_name_what_is_there(example):
    name, _ = example
    lines = list(commands(folder(name) / "README.md"))
    [line] = [line for line in lines if " run examples" in line]
    hari("validate", shlex.split(line)[-1], cwd=ROOT)
    [line] = [line for line in lines if " inspect examples" in line]
    done = hari("inspect", shlex.split(line)[-1], cwd=ROOT)
    assert "input" in done.stdout.lower(), done.stdout


def test_the_metadata_names_the_input(example):
    name, server = example
    reply = http(server.url(f"/v2/models/{EXAMPLES[name][0]}"))
    assert reply.status == 200, reply.body
    assert reply.json()["inputs"] and reply.json()["outputs"]
