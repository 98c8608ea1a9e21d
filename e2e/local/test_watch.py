"""`run --watch`: versions are swapped under load, with no failed request and no wrong answer."""

import json
import shutil
import threading
import time

import numpy as np
import pytest
import tensorflow as tf

from harness import MNIST, Server, close, expected, http, pixels, predict_seven, until

SWAPS = 20
THREADS = 4
MODEL = "mnist-model"
INFER = f"/v2/models/{MODEL}/infer"


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """A second model of the same shape that gives digit d the score of digit 9 - d."""
    folder = tmp_path_factory.mktemp("other") / "1"
    loaded = tf.saved_model.load(str(MNIST / "model" / "1"))
    serve = loaded.signatures["serving_default"]

    @tf.function(input_signature=[tf.TensorSpec([None, 28, 28, 1], tf.float32, name="image")])
    def turned(image):
        return {"output_0": tf.reverse(serve(image=image)["output_0"], axis=[1])}

    module = tf.Module()
    module.kept = loaded
    module.variables_ = [tf.Variable(value) for value in serve.variables]
    weights = dict(zip((value.ref() for value in serve.variables), module.variables_))
    assert len(weights) == len(module.variables_)
    tf.saved_model.save(module, str(folder), signatures={"serving_default": turned})
    found = tf.saved_model.load(str(folder)).signatures["serving_default"](image=pixels(7))
    close(found["output_0"].numpy(), expected(7)[:, ::-1])
    return folder


def right(version, other_versions):
    """The answer that a version of the model gives for a seven."""
    return expected(7)[:, ::-1] if version in other_versions else expected(7)


class Load(threading.Thread):
    """Asks for a seven until it is stopped, and keeps what went wrong."""

    def __init__(self, server, other_versions):
        super().__init__(daemon=True)
        self.server, self.other_versions = server, other_versions
        self.stopped = threading.Event()
        self.asked, self.faults, self.seen = 0, [], set()
        self.body = json.dumps(
            {
                "inputs": [
                    {
                        "name": "image",
                        "shape": [1, 28, 28, 1],
                        "datatype": "FP32",
                        "data": pixels(7).ravel().tolist(),
                    }
                ]
            }
        ).encode()

    def run(self):
        while not self.stopped.is_set():
            self.asked += 1
            try:
                self.ask()
            except Exception as fault:  # every fault of a request is what this test counts
                self.faults.append(repr(fault))

    def ask(self):
        reply = http(
            self.server.url(INFER), self.body, {"Content-Type": "application/json"}, timeout=10
        )
        assert reply.status == 200, (reply.status, reply.body)
        answer = reply.json()
        version = answer["model_version"]
        self.seen.add(version)
        found = np.array(answer["outputs"][0]["data"]).reshape(1, 10)
        close(found, right(version, self.other_versions))


def served(server):
    """The versions that the model says it has."""
    return http(server.url(f"/v2/models/{MODEL}")).json()["versions"]


@pytest.fixture
def watched(tmp_path):
    """A copy of the example, and its server with --watch."""
    shutil.copytree(MNIST / "model", tmp_path / "model")
    shutil.copy(MNIST / "seldondeployment.yaml", tmp_path / "mnist.yaml")
    with Server(tmp_path / "mnist.yaml", "--watch") as server:
        yield server, tmp_path


@pytest.mark.timeout(240)
def test_twenty_swaps_under_load(watched, other):
    server, folder = watched
    versions = range(2, 2 + SWAPS)
    other_versions = {str(version) for version in versions if version % 2 == 0}
    load = [Load(server, other_versions) for _ in range(THREADS)]
    for one in load:
        one.start()
    before = server.resident()
    for version in versions:
        source = other if version % 2 == 0 else MNIST / "model" / "1"
        if version % 3 == 0:
            # As a careless copy does it: file by file, in the folder that is watched.
            shutil.copytree(source, folder / "model" / str(version))
        else:
            shutil.copytree(source, folder / f"new-{version}")
            (folder / f"new-{version}").rename(folder / "model" / str(version))
        until(lambda: str(version) in served(server), f"version {version} is served", 20)
        asked = [one.asked for one in load]
        until(
            lambda: all(one.asked >= count + 3 for one, count in zip(load, asked)),
            "requests after the swap",
            20,
        )
    for one in load:
        one.stopped.set()
    for one in load:
        one.join(30)
    faults = [fault for one in load for fault in one.faults]
    total = sum(one.asked for one in load)
    assert not faults, f"{len(faults)} of {total} requests: {faults[:3]}"
    assert total > 20 * SWAPS
    seen = set().union(*(one.seen for one in load))
    assert {str(version) for version in versions} <= seen
    last = str(versions[-1])
    reply = http(server.url(INFER), load[0].body, {"Content-Type": "application/json"}).json()
    assert reply["model_version"] == last
    # Twenty models were loaded; what is kept is one.
    grown = server.resident() - before
    assert grown < 64 << 20, f"{grown >> 20} MiB more than before the swaps"


def test_a_version_that_cannot_be_loaded_leaves_the_old_one(watched):
    server, folder = watched
    shutil.copytree(MNIST / "model" / "1", folder / "new")
    data = folder / "new" / "variables" / "variables.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:100])
    (folder / "new").rename(folder / "model" / "2")
    until(
        lambda: 'hari_reloads_total{deployment_name="mnist",outcome="failed"}' in server.scrape(),
        "the failed reload is counted",
        20,
    )
    assert served(server) == ["1"]
    predict_seven(server)
    # What is mended is taken up.
    shutil.rmtree(folder / "model" / "2")
    shutil.copytree(MNIST / "model" / "1", folder / "mended")
    (folder / "mended").rename(folder / "model" / "3")
    until(lambda: "3" in served(server), "version 3 is served", 20)
    predict_seven(server)


def test_a_change_of_the_deployment_is_taken_up(watched):
    server, folder = watched
    manifest = folder / "mnist.yaml"
    text = manifest.read_text()
    manifest.write_text(text.replace("name: mnist-model", "name: renamed"))
    until(
        lambda: http(server.url("/v2/models/renamed")).status == 200, "the new name answers", 20
    )
    assert http(server.url(f"/v2/models/{MODEL}")).status == 404
    manifest.write_text("kind: [broken")
    started = time.monotonic()
    until(
        lambda: 'outcome="failed"' in server.scrape() or time.monotonic() - started > 5,
        "the broken file is seen",
        20,
    )
    predict_seven(server)
    assert http(server.url("/v2/models/renamed")).status == 200
