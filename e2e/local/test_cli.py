"""The command line: what is printed, where, and the exit code: 0 ok, 1 input, 2 usage, 3 the
environment."""

import functools
import http.server
import io
import json
import re
import shutil
import socket
import tarfile
import threading

import numpy as np
import pytest

from harness import (
    MANIFEST,
    MNIST,
    REQUESTS,
    close,
    expected,
    hari,
    pixels,
    predict_seven,
    probabilities,
    ten_digits,
)
from harness import http as ask

BROKEN = """\
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata:
  name: broken
spec:
  predictors:
    - name: a
      traffic: 70
      graph:
        name: m
        implementation: TENSORFLOW_SERVR
        modelUri: model
    - name: a
      traffic: 70
      graph:
        name: n
        implementation: TENSORFLOW_SERVER
        modelUri: model
        nosuchField: 1
"""


# validate


def test_a_good_deployment_has_no_issues():
    done = hari("validate", MANIFEST)
    assert "no issues" in done.stdout
    report = json.loads(hari("validate", "--json", MANIFEST).stdout)
    assert report["errors"] == 0 and report["documents"] == 1


@pytest.fixture
def broken(tmp_path):
    file = tmp_path / "broken.yaml"
    file.write_text(BROKEN)
    return file


def test_all_issues_are_said_at_once(broken):
    done = hari("validate", broken, code=1)
    text = done.stdout
    for words in ("TENSORFLOW_SERVR", "TENSORFLOW_SERVER", "nosuchField", "traffic"):
        assert words in text, text
    assert re.search(r"broken\.yaml:11\b", text), text
    assert "\x1b[" not in text, "no colours but on a terminal"


def test_issues_as_json_have_their_place(broken):
    report = json.loads(hari("validate", "--json", broken, code=1).stdout)
    assert report["errors"] >= 3
    [typo] = [issue for issue in report["issues"] if "TENSORFLOW_SERVR" in issue["message"]]
    assert typo["line"] == 11
    assert typo["path"] == "spec.predictors[0].graph.implementation"
    assert "TENSORFLOW_SERVER" in json.dumps(typo)
    unknown = [issue for issue in report["issues"] if "nosuchField" in json.dumps(issue)]
    assert unknown and unknown[0]["line"] == 19


def test_standard_input_and_what_is_not_there(tmp_path):
    hari("validate", tmp_path / "nosuch.yaml", code=1)
    hari("validate", code=2)
    not_yaml = tmp_path / "bad.yaml"
    not_yaml.write_text("a: [1\n")
    assert "bad.yaml:" in hari("validate", not_yaml, code=1).stdout


# inspect


def test_inspect_says_what_a_model_is():
    text = hari("inspect", MNIST / "model").stdout
    for words in ("image", "[-1,28,28,1]", "output_0", "FP32"):
        assert words in text.replace(", ", ","), text


def test_inspect_as_json():
    report = json.loads(hari("inspect", "--json", MNIST / "model").stdout)
    text = json.dumps(report)
    for words in ("image", "output_0", "FP32", "serving_default"):
        assert words in text, text


def test_inspect_refuses_what_is_no_model(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"\xff" * 100)
    hari("inspect", tmp_path, code=1)
    hari("inspect", tmp_path / "nosuch", code=1)
    report = json.loads(hari("inspect", "--json", tmp_path, code=1).stdout)
    assert "error" in json.dumps(report).lower()


# predict


@pytest.mark.parametrize("digit", range(10))
def test_predict_an_image(mnist, digit):
    image = MNIST / "digits" / f"{digit}.png"
    done = hari("predict", "--url", mnist.url(), "--image", image, "--json-output")
    close(probabilities(json.loads(done.stdout)), expected(digit))


def test_predict_draws_the_digit_and_ten_bars(mnist):
    image = MNIST / "digits" / "7.png"
    text = hari("predict", "--url", mnist.url(), "--image", image, "--plot").stdout
    bars = dict(re.findall(r" (\d) (█*) +0\.\d{6}", text))
    assert sorted(bars) == [str(digit) for digit in range(10)], text
    assert len(bars["7"]) > 10 and not any(bars[digit] for digit in "012345689"), text
    picture = [line[:28].rstrip() for line in text.splitlines()]
    assert sum(any(dot in line for dot in "▀▄█") for line in picture) > 8, text


@pytest.mark.parametrize("protocol", ["seldon", "v2", "tensorflow"])
@pytest.mark.parametrize("transport", ["rest", "grpc"])
def test_predict_over_everything(mnist, tmp_path, protocol, transport):
    rows = tmp_path / "rows.npy"
    np.save(rows, ten_digits())
    url = mnist.url() if transport == "rest" else f"grpc://{mnist.grpc}"
    done = hari("predict", "--url", url, "--protocol", protocol, "--npy", rows, "--json-output")
    rows = [probabilities(json.loads(line)) for line in done.stdout.splitlines()]
    close(np.concatenate(rows), expected())


def test_predict_a_csv(mnist, tmp_path):
    rows = tmp_path / "rows.csv"
    np.savetxt(rows, ten_digits().reshape(10, 784), delimiter=",", fmt="%.6f")
    text = hari("predict", "--url", mnist.url(), "--csv", rows).stdout
    assert len(text.splitlines()) >= 10, text


@pytest.mark.parametrize("name", ["seldon-ndarray", "v2-infer", "tensorflow-predict"])
def test_predict_a_body_as_it_is(mnist, name):
    body = REQUESTS / f"{name}.json"
    done = hari("predict", "--url", mnist.url(), "--json", body, "--json-output")
    assert "0.99823" in done.stdout


def test_predict_says_whose_fault_it_is(mnist, tmp_path):
    hari("predict", "--url", mnist.url(), "--image", tmp_path / "nosuch.png", code=1)
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"data":{"ndarray":[[1]]}}')
    refused = hari("predict", "--url", mnist.url(), "--json", wrong, code=1)
    assert "image" in refused.stderr
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    body = REQUESTS / "seldon-ndarray.json"
    hari("predict", "--url", f"http://127.0.0.1:{port}", "--json", body, code=3)
    hari("predict", "--nosuch-flag", code=2)


# fetch


@pytest.fixture
def shelf(tmp_path):
    """A folder that is served over HTTP, and its URL."""
    folder = tmp_path / "shelf"
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=str(folder))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def pack(folder, suffix):
    if suffix == "zip":
        shutil.make_archive(str(folder / "model"), "zip", MNIST / "model")
        return "model.zip"
    mode = "w" if suffix == "tar" else "w:gz"
    with tarfile.open(folder / f"model.{suffix}", mode) as archive:
        archive.add(MNIST / "model" / "1", arcname="1")
    return f"model.{suffix}"


@pytest.mark.parametrize("suffix", ["tar", "tgz", "tar.gz", "zip"])
def test_fetch_over_http_unpacks(shelf, tmp_path, suffix):
    folder, url = shelf
    name = pack(folder, suffix)
    there = tmp_path / "there"
    hari("fetch", f"{url}/{name}", there)
    [saved] = there.rglob("saved_model.pb")
    wanted = (MNIST / "model" / "1" / "saved_model.pb").read_bytes()
    assert saved.read_bytes() == wanted
    assert "FP32" in hari("inspect", there).stdout


def test_fetch_a_path(tmp_path):
    for uri in (MNIST / "model", (MNIST / "model").as_uri()):
        there = tmp_path / f"there-{len(str(uri))}"
        hari("fetch", uri, there)
        assert list(there.rglob("saved_model.pb"))


def test_fetch_leaves_nothing_half_done(shelf, tmp_path):
    folder, url = shelf
    there = tmp_path / "there"
    hari("fetch", f"{url}/nosuch.tgz", there, code=1)
    assert not there.exists() or not list(there.iterdir())
    whole = (folder / pack(folder, "tgz")).read_bytes()
    (folder / "torn.tgz").write_bytes(whole[: len(whole) // 2])
    hari("fetch", f"{url}/torn.tgz", there, code=1)
    assert not there.exists() or not list(there.iterdir())
    leftovers = {path.name for path in tmp_path.iterdir()} - {"there", "shelf"}
    assert not leftovers, leftovers


def test_fetch_refuses_an_archive_that_reaches_out(shelf, tmp_path):
    folder, url = shelf
    for number, name in enumerate(["../evil", "/evil", "a/../../evil"]):
        with tarfile.open(folder / f"evil-{number}.tar", "w") as archive:
            entry = tarfile.TarInfo(name)
            entry.size = 4
            archive.addfile(entry, io.BytesIO(b"evil"))
        hari("fetch", f"{url}/evil-{number}.tar", tmp_path / "there", code=1)
    with tarfile.open(folder / "link.tar", "w") as archive:
        entry = tarfile.TarInfo("link")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(entry)
    hari("fetch", f"{url}/link.tar", tmp_path / "there", code=1)
    assert not list(tmp_path.rglob("evil"))


# run and serve


def test_run_a_bare_model(own):
    predict_seven(own(MNIST / "model"))


def test_run_a_folder_of_deployments(own):
    predict_seven(own(MNIST))


def test_run_a_model_over_http(own, shelf):
    folder, url = shelf
    predict_seven(own(f"{url}/{pack(folder, 'tgz')}"))


def test_run_prints_a_table_and_a_line_to_paste(own):
    server = own(MANIFEST)
    text = server.stdout()
    for words in ("default/mnist", "mnist-model", "100 %", "DEPLOYMENT", "LOAD", "MEMORY", server.http):
        assert words in text, text
    assert len([line for line in text.splitlines() if line.strip().startswith("curl ")]) == 1
    assert "\x1b[" not in text


def test_two_deployments_are_told_apart_by_path_and_by_model(own, tmp_path):
    two = MANIFEST.read_text().replace("modelUri: model", f"modelUri: {MNIST / 'model'}")
    file = tmp_path / "two.yaml"
    file.write_text(
        two.replace("name: mnist\n", "name: one\n")
        + "---\n"
        + two.replace("name: mnist\n", "name: two\n  namespace: other\n").replace(
            "name: mnist-model\n", "name: second\n"
        )
    )
    server = own(file)
    body = {"data": {"ndarray": pixels(7).tolist()}}
    for prefix in ("/seldon/default/one", "/seldon/other/two"):
        reply = ask(server.url(prefix + "/api/v1.0/predictions"), body)
        close(reply.json()["data"]["ndarray"], expected(7))
    reply = ask(server.url("/api/v1.0/predictions"), body)
    assert reply.status == 404
    assert "default/one" in reply.json()["status"]["info"]
    for model in ("mnist-model", "second"):
        rows = ask(server.url(f"/v1/models/{model}:predict"), {"instances": pixels(7).tolist()})
        close(rows.json()["predictions"], expected(7))


def test_run_refuses_and_says_why(broken, tmp_path):
    done = hari("run", broken, code=1)
    assert "TENSORFLOW_SERVR" in done.stdout + done.stderr
    hari("run", tmp_path / "nosuch.yaml", code=1)
    hari("run", code=2)
    hari("run", "--http", "nowhere", MANIFEST, code=2)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        others = ["--grpc", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]
        done = hari("run", "--http", address, *others, MANIFEST, code=3)
    assert address in done.stderr


def test_run_refuses_a_model_that_is_broken(tmp_path):
    shutil.copytree(MNIST / "model", tmp_path / "model")
    shutil.copy(MANIFEST, tmp_path / "mnist.yaml")
    variables = next(tmp_path.rglob("variables.data-00000-of-00001"))
    variables.write_bytes(variables.read_bytes()[:1000])
    ports = ["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]
    done = hari("run", *ports, tmp_path / "mnist.yaml", code=1)
    assert "mnist" in done.stderr


def test_serve_takes_its_settings_from_the_environment(own):
    server = own(
        "--implementation",
        "TENSORFLOW_SERVER",
        "--model-uri",
        MNIST / "model",
        command="serve",
        env={
            "PREDICTIVE_UNIT_ID": "classifier",
            "PREDICTIVE_UNIT_PARAMETERS": json.dumps(
                [{"name": "signature_name", "value": "serving_default", "type": "STRING"}]
            ),
        },
    )
    predict_seven(server)
    reply = ask(server.url("/predict"), {"data": {"ndarray": pixels(7).tolist()}})
    close(reply.json()["data"]["ndarray"], expected(7))
    assert ask(server.url("/v2/models/classifier")).json()["name"] == "classifier"


# the rest


def test_crd_is_a_definition_that_names_the_resource():
    text = hari("crd").stdout
    assert "kind: CustomResourceDefinition" in text
    assert "seldondeployments.machinelearning.seldon.io" in text
    for version in ("v1", "v1alpha2", "v1alpha3"):
        assert re.search(rf"name: {version}\b", text), version


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions(shell):
    text = hari("completions", shell).stdout
    assert "validate" in text and "inspect" in text


def test_help_and_version():
    text = hari("--help").stdout
    for command in ("run", "serve", "validate", "inspect", "predict", "fetch", "crd"):
        assert re.search(rf"^\s+{command}\b", text, re.M), command
    assert re.match(r"hari \d+\.\d+", hari("--version").stdout)
    hari(code=2)
    hari("nosuch", code=2)


def test_logs_are_json_where_asked(own):
    server = own(MANIFEST, "--log-format", "json", "--log-level", "debug")
    predict_seven(server)
    server.terminate()
    lines = [json.loads(line) for line in server.stderr().splitlines()]
    assert lines and all({"timestamp", "level"} <= set(line) for line in lines)
