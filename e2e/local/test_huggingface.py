"""HUGGINGFACE_SERVER: folders of text models, asked by tritonclient, curl and every protocol."""

import json

import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from tritonclient.utils import InferenceServerException

from harness import ROOT, Server, close, hari, http
from readme import answers, commands

EXAMPLE = ROOT / "examples" / "sentence-embeddings"
REQUESTS = EXAMPLE / "requests"
MODELS = ROOT / "data-plane" / "runtime" / "transformers" / "tests" / "models"
EXPECTED = json.loads((REQUESTS / "expected.json").read_text())
TEXTS, VECTORS = list(EXPECTED), np.array(list(EXPECTED.values()))


def cases(model, count=None):
    """What transformers answered, for cases without parameters."""
    found = json.loads((MODELS / model / "cases.json").read_text())
    return [case for case in found if not case["parameters"]][:count]


def same(found, expected):
    """Labels, words and offsets are equal; scores to 1e-5."""
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for key, value in expected.items():
            same(found[key], value)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected):
            same(one, other)
    elif isinstance(expected, float):
        assert abs(found - expected) < 1e-5, (found, expected)
    else:
        assert found == expected


@pytest.fixture(scope="module")
def sentences():
    with Server(EXAMPLE / "seldondeployment.yaml") as server:
        yield server


@pytest.fixture(scope="module")
def classifier():
    """A bare folder: the implementation is found, the architecture says the task."""
    with Server(MODELS / "bert-text-classification") as server:
        yield server


def infer(server, body):
    [model] = http(server.url("/v2/repository/index"), b"", method="POST").json()
    reply = http(server.url(f"/v2/models/{model['name']}/infer"), body)
    assert reply.status == 200, reply.body
    return reply.json()["outputs"]


def texts(name, values, **parameters):
    tensor = {"name": name, "shape": [len(values)], "datatype": "BYTES", "data": values}
    return {**tensor, "parameters": parameters} if parameters else tensor


def test_the_curl_commands_of_the_readme(sentences):
    for reply in answers(EXAMPLE / "README.md", sentences, 2):
        if "data" in reply:
            found = reply["data"]["ndarray"]
        else:
            [output] = reply["outputs"]
            found = np.reshape(output["data"], output["shape"])
        close(found, VECTORS)


def test_the_run_commands_of_the_readme_name_this_deployment():
    lines = [line for line in commands(EXAMPLE / "README.md") if " run examples" in line]
    assert len(lines) == 1
    hari("validate", lines[0].split()[-1], cwd=ROOT)


@pytest.mark.parametrize("module", [triton_http, triton_grpc])
def test_tritonclient_gets_vectors(sentences, module):
    address = sentences.http if module is triton_http else sentences.grpc
    client = module.InferenceServerClient(address)
    data = np.array([text.encode() for text in TEXTS], dtype=object)
    tensor = module.InferInput("args", list(data.shape), "BYTES")
    tensor.set_data_from_numpy(data)
    wanted = [module.InferRequestedOutput("embedding")]
    answer = client.infer("sentence-model", [tensor], outputs=wanted)
    close(answer.as_numpy("embedding"), VECTORS)
    both = client.infer("sentence-model", [tensor])
    rows = [json.loads(text) for text in both.as_numpy("output").ravel()]
    close(rows, VECTORS)
    with pytest.raises(InferenceServerException, match="args"):
        client.infer("sentence-model", [module.InferInput("text_inpts", [1], "BYTES").set_data_from_numpy(data[:1])])
    client.close()


def test_metadata_says_what_goes_in_and_out(sentences):
    metadata = http(sentences.url("/v2/models/sentence-model")).json()
    assert metadata["inputs"] == [{"name": "args", "datatype": "BYTES", "shape": [-1]}]
    assert metadata["outputs"] == [
        {"name": "embedding", "datatype": "FP32", "shape": [-1, 32]},
        {"name": "output", "datatype": "BYTES", "shape": [-1, 1]},
    ]


def test_one_text_in_the_seldon_protocol(sentences):
    reply = http(sentences.url("/api/v1.0/predictions"), {"strData": TEXTS[0]})
    close(reply.json()["data"]["ndarray"], VECTORS[:1])


def test_labels_in_every_protocol(classifier):
    asked = cases("bert-text-classification")
    inputs = [case["inputs"] for case in asked]
    expected = [case["expected"] for case in asked]
    [output] = infer(classifier, {"inputs": [texts("args", inputs)]})
    assert (output["name"], output["shape"]) == ("output", [len(inputs), 1])
    assert output["parameters"] == {"content_type": "hg_jsonlist"}
    same([json.loads(text) for text in output["data"]], expected)

    seldon = classifier.url("/api/v1.0/predictions")
    same(http(seldon, {"data": {"ndarray": inputs}}).json()["jsonData"], expected)
    same(http(seldon, {"strData": inputs[0]}).json()["jsonData"], expected[0])
    same(http(seldon, {"jsonData": {"inputs": inputs[0]}}).json()["jsonData"], expected[0])

    [model] = http(classifier.url("/v2/repository/index"), b"", method="POST").json()
    reply = http(classifier.url(f"/v1/models/{model['name']}:predict"), {"instances": inputs})
    assert reply.status == 200, reply.body
    same([json.loads(np.ravel(row)[0]) for row in reply.json()["predictions"]], expected)


def test_parameters_come_as_tensors_and_beside_the_request(classifier):
    top = {"name": "top_k", "shape": [1], "datatype": "INT64", "data": [2]}
    [output] = infer(classifier, {"inputs": [texts("args", ["hi"]), top]})
    assert len(json.loads(output["data"][0])) == 2
    [output] = infer(classifier, {"parameters": {"top_k": 3}, "inputs": [texts("args", ["hi"])]})
    assert len(json.loads(output["data"][0])) == 3


def test_what_is_wrong_is_said(classifier):
    seldon = classifier.url("/api/v1.0/predictions")
    for body, words in [
        ({"strData": "word " * 400}, "truncation"),
        ({"jsonData": {"inputs": "hi", "parameters": {"stride": 2}}}, "`stride`"),
        ({"jsonData": {"inputs": "hi", "parameters": {"top_k": "many"}}}, "`top_k`"),
        ({"jsonData": {"inputs": 7}}, "expected a text"),
        ({"data": {"ndarray": [[1.0, 2.0]]}}, "expected texts"),
    ]:
        reply = http(seldon, body)
        assert reply.status == 400, reply.body
        assert words in reply.json()["status"]["info"], reply.body
    assert http(seldon, {"strData": "still here"}).status == 200


@pytest.mark.parametrize(
    "model", ["bert-question-answering", "roberta-fill-mask", "deberta-v2-token-classification"]
)
def test_a_bare_folder_of_each_kind(own, model):
    server = own(MODELS / model)
    for case in cases(model, 2):
        body = {"jsonData": {"inputs": case["inputs"]}}
        reply = http(server.url("/api/v1.0/predictions"), body)
        assert reply.status == 200, reply.body
        same(reply.json()["jsonData"], case["expected"])


def test_zero_shot_by_the_parameters_of_the_deployment(own, tmp_path):
    manifest = tmp_path / "zero-shot.yaml"
    manifest.write_text(
        f"""
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {{name: topics}}
spec:
  predictors:
  - name: default
    graph:
      name: topic
      implementation: HUGGINGFACE_SERVER
      modelUri: {MODELS / "bert-zero-shot-classification"}
      parameters:
      - {{name: task, type: STRING, value: zero-shot-classification}}
      - {{name: candidate_labels, type: STRING, value: "politics, sports, travel"}}
"""
    )
    [case, *_] = json.loads((MODELS / "bert-zero-shot-classification" / "cases.json").read_text())
    server = own(manifest)
    reply = http(server.url("/api/v1.0/predictions"), {"strData": case["inputs"]})
    same(reply.json()["jsonData"], case["expected"])


def test_inspect_says_what_a_folder_is():
    done = hari("inspect", MODELS / "bert-token-classification", "--json")
    found = json.loads(done.stdout)
    assert found["servable"] and found["implementation"] == "HUGGINGFACE_SERVER"
    assert found["facts"]["task"] == "token-classification"
    assert found["written_by"] == "transformers 4.57.6"
    assert [spec["name"] for spec in found["signatures"][0]["inputs"]] == ["args"]


def test_a_model_that_is_not_served_is_refused_by_name(tmp_path):
    for name in ["config.json", "tokenizer.json", "model.safetensors"]:
        (tmp_path / name).write_bytes((MODELS / "bert-fill-mask" / name).read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    config["architectures"] = ["GPT2LMHeadModel"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    done = hari("inspect", tmp_path, code=1)
    assert "GPT2LMHeadModel" in done.stderr and "fill-mask" in done.stderr
