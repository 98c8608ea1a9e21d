"""Graphs: the examples with their READMEs, drawings, misfits at the start, nodes that fail."""

import json
import re

import numpy as np
import pytest

from harness import ROOT, Server, hari, http
from readme import answers

EXAMPLES = ROOT / "examples"
# With their pages: the example's own, and the guide's.
DRAWN = ("abtest", "ensemble", "transformer-chain", "epsilon-greedy")
GUIDE = ROOT / "docs/src/guides/graphs.md"
PREDICTIONS = "/api/v1.0/predictions"


def expected(example):
    return json.loads((EXAMPLES / example / "requests" / "expected.json").read_text())


def asked(example):
    return json.loads((EXAMPLES / example / "requests" / "seldon-ndarray.json").read_text())


def ask(server, body, path=PREDICTIONS):
    reply = http(server.url(path), body)
    assert reply.status == 200, reply.body
    return reply.json()


def close(found, wanted):
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12)


PAGES = [(name, page) for name in DRAWN for page in (EXAMPLES / name / "README.md", GUIDE)]


@pytest.mark.parametrize(("example", "page"), [*PAGES, ("outlier-router", GUIDE)])
def test_a_page_shows_the_graph_as_it_is_drawn(example, page):
    manifest = EXAMPLES / example / "seldondeployment.yaml"
    drawn = hari("render", "--graph", manifest).stdout
    assert drawn.startswith("flowchart TD\n")
    assert f"```mermaid\n{drawn}```" in page.read_text(), page


def test_a_graph_as_a_tree():
    manifest = EXAMPLES / "ensemble" / "seldondeployment.yaml"
    lines = hari("render", "--graph", "--format", "tree", manifest).stdout.splitlines()
    assert lines == [
        "ensemble",
        "└── default · 100 %",
        "    └── mean · COMBINER · AVERAGE_COMBINER",
        "        ├── 0: logistic · MODEL · SKLEARN_SERVER",
        "        ├── 1: forest · MODEL · SKLEARN_SERVER · optional",
        "        └── 2: bayes · MODEL · SKLEARN_SERVER",
    ]


def test_what_cannot_be_drawn_is_said(tmp_path):
    missing = tmp_path / "none.yaml"
    done = hari("render", "--graph", missing, code=1)
    assert "there is no such file" in done.stderr
    hari("render", missing, code=1)
    bad = tmp_path / "bad.yaml"
    text = (EXAMPLES / "ensemble" / "seldondeployment.yaml").read_text()
    bad.write_text(text.replace("forest=continue", "florest=continue"))
    done = hari("render", "--graph", bad, code=1)
    assert "unknown-node" in done.stdout and "did you mean `forest`?" in done.stdout


def test_the_ensemble_answers_the_mean(own):
    server = own(EXAMPLES / "ensemble" / "seldondeployment.yaml")
    seldon, mean, bayes = answers(EXAMPLES / "ensemble" / "README.md", server, 3)
    wanted = expected("ensemble")
    close(seldon["data"]["ndarray"], wanted["mean"])
    assert seldon["meta"]["routing"] == {"mean": -1, "logistic": -1, "forest": -1, "bayes": -1}
    [output] = mean["outputs"]
    close(np.reshape(output["data"], output["shape"]), wanted["mean"])
    assert len(bayes["outputs"]) == 1


def test_the_chain_answers_as_its_last_step(own):
    server = own(EXAMPLES / "transformer-chain" / "seldondeployment.yaml")
    [reply] = answers(EXAMPLES / "transformer-chain" / "README.md", server, 1)
    close(reply["data"]["ndarray"], expected("transformer-chain")["classifier"])
    assert set(reply["meta"]["routing"]) == {"scaler", "components", "classifier"}


def test_the_experiment_keeps_its_share_and_says_its_branch(own):
    server = own(EXAMPLES / "abtest" / "seldondeployment.yaml")
    [reply] = answers(EXAMPLES / "abtest" / "README.md", server, 1)
    wanted, taken = expected("abtest"), [reply["meta"]["routing"]["experiment"]]
    for _ in range(400):
        reply = ask(server, asked("abtest"))
        branch = reply["meta"]["routing"]["experiment"]
        close(reply["data"]["ndarray"], wanted[("forest", "logistic")[branch]])
        taken.append(branch)
    # 0.3 of 401: five standard deviations are 46.
    assert 74 < taken.count(0) < 167, taken.count(0)


def rearranged(folder, change):
    """The chain's deployment with its files elsewhere named in full, changed."""
    text = (EXAMPLES / "transformer-chain" / "seldondeployment.yaml").read_text()
    models = EXAMPLES / "transformer-chain" / "models"
    manifest = folder / "chain.yaml"
    manifest.write_text(change(text.replace("modelUri: models", f"modelUri: {models}")))
    return manifest


def test_steps_that_do_not_fit_fail_the_start_with_their_place(tmp_path):
    def swap(text):
        return re.sub("models/(components|scaler)", lambda found: {
            "models/components": "models/scaler",
            "models/scaler": "models/components",
        }[found[0]], text)

    manifest = rearranged(tmp_path, swap)
    free = ["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]
    done = hari("run", *free, manifest, code=1)
    said = done.stdout
    assert "chain.yaml:15:" in said or "chain.yaml:16:" in said, said
    assert "error[nodes-do-not-fit] spec.predictors[0].graph.children[0]" in said, said
    assert "[-1, 3]" in said and "[-1, 13]" in said, said
    assert "hint:" in said


def test_the_rest_answers_where_an_optional_child_fails(tmp_path, own):
    text = (EXAMPLES / "ensemble" / "seldondeployment.yaml").read_text()
    # A model of other columns in a place where nothing is known of it: it fails on each request.
    text = text.replace("modelUri: models", f"modelUri: {EXAMPLES}/ensemble/models")
    text = text.replace(
        f"{EXAMPLES}/ensemble/models/forest", f"{EXAMPLES}/transformer-chain/models/classifier"
    )
    manifest = tmp_path / "ensemble.yaml"
    manifest.write_text(text)
    reply = ask(own(manifest), asked("ensemble"))
    wanted = expected("ensemble")
    close(
        reply["data"]["ndarray"], np.mean([wanted["logistic"], wanted["bayes"]], axis=0)
    )
    assert reply["meta"]["tags"]["hari-skipped"] == ["forest"]
    manifest.write_text(text.replace("forest=continue", "forest=fail"))
    reply = http(own(manifest).url(PREDICTIONS), asked("ensemble"))
    assert reply.status == 400 and b"forest" in reply.body, reply.body
