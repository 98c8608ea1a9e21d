"""Nodes elsewhere: this binary calls another one, in every protocol, over REST and gRPC."""

import os
import signal
import threading

import numpy as np
import pytest
import yaml

from harness import MANIFEST, Server, certificate, expected, http, pixels, until

SPOKEN = [
    (protocol, transport)
    for protocol in ("seldon", "v2", "tensorflow")
    for transport in ("rest", "grpc")
]


@pytest.fixture(scope="module")
def peer():
    with Server(MANIFEST) as server:
        yield server


def document(peer, protocol, transport, name="mnist-model", annotations=None):
    """A deployment whose only node is the model of `peer`."""
    host, http_port = peer.http.rsplit(":", 1)
    grpc_port = peer.grpc.rsplit(":", 1)[1]
    endpoint = {"service_host": host, "httpPort": int(http_port), "grpcPort": int(grpc_port)}
    spoken = {
        "hari.dev/node-protocol": f"{name}={protocol}",
        "hari.dev/node-transport": f"{name}={transport}",
    }
    graph = {"name": name, "type": "MODEL", "endpoint": endpoint}
    return {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": f"{protocol}-{transport}"},
        "spec": {
            "annotations": {**spoken, **(annotations or {})},
            "predictors": [{"name": "default", "graph": graph}],
        },
    }


@pytest.fixture(scope="module")
def front(peer, tmp_path_factory):
    path = tmp_path_factory.mktemp("remote") / "all.yaml"
    path.write_text(yaml.safe_dump_all(document(peer, *spoken) for spoken in SPOKEN))
    with Server(path) as server:
        yield server


def infer(server, deployment, rows):
    """In V2, with the name and the type that the model asks for."""
    rows = np.float32(rows)
    tensor = {"name": "image", "datatype": "FP32", "shape": rows.shape, "data": rows.ravel().tolist()}
    path = f"/seldon/default/{deployment}/v2/models/mnist-model/infer"
    reply = http(server.url(path), {"inputs": [tensor]})
    assert reply.status == 200, reply.body
    output = reply.json()["outputs"][0]
    return np.reshape(output["data"], output["shape"])


def predict(server, deployment, rows):
    path = f"/seldon/default/{deployment}/api/v1.0/predictions"
    return http(server.url(path), {"data": {"ndarray": rows}})


@pytest.mark.parametrize("spoken", SPOKEN, ids="-".join)
def test_a_model_elsewhere_answers_as_it_does_there(front, spoken):
    found = infer(front, "-".join(spoken), pixels(3))
    np.testing.assert_allclose(found, expected(3), atol=1e-5)


@pytest.mark.parametrize("transport", ["rest", "grpc"])
def test_a_message_without_names_gets_those_of_a_v2_model(front, transport):
    reply = predict(front, f"v2-{transport}", pixels(3).tolist())
    assert reply.status == 200, reply.body
    found = np.array(reply.json()["data"]["ndarray"])
    np.testing.assert_allclose(found, expected(3), atol=1e-5)


@pytest.mark.parametrize("spoken", SPOKEN, ids="-".join)
def test_a_node_is_described_as_it_describes_itself(front, peer, spoken):
    def described(server, path):
        found = http(server.url(path + "/v2/models/mnist-model")).json()
        return found["inputs"] and [found["inputs"], found["outputs"]]

    path = "/seldon/default/" + "-".join(spoken)
    found = until(lambda: described(front, path), "the metadata of the node")
    assert found == described(peer, "")


@pytest.mark.parametrize("spoken", SPOKEN, ids="-".join)
def test_a_wrong_shape_is_the_callers_fault(front, spoken):
    reply = predict(front, "-".join(spoken), [[1.0, 2.0]])
    assert reply.status == 400, reply.body
    assert "28" in reply.body.decode()


@pytest.mark.parametrize("transport", ["rest", "grpc"])
def test_a_node_killed_under_load_fails_its_own_requests_alone(peer, tmp_path, transport):
    lost = Server(MANIFEST)
    try:
        doomed = document(lost, "seldon", transport)
        doomed["metadata"]["name"] = "doomed"
        sound = document(peer, "seldon", transport)
        sound["metadata"]["name"] = "sound"
        path = tmp_path / "two.yaml"
        path.write_text(yaml.safe_dump_all([doomed, sound]))
        with Server(path) as server:
            stop, found = threading.Event(), {"doomed": [], "sound": []}

            def load(name):
                rows = pixels(3).tolist()
                while not stop.is_set():
                    found[name].append(predict(server, name, rows).status)

            threads = [threading.Thread(target=load, args=[name]) for name in found for _ in "ab"]
            for thread in threads:
                thread.start()
            try:
                until(lambda: len(found["doomed"]) > 5, "requests that are answered")
                os.kill(lost.pid, signal.SIGKILL)
                until(lambda: 503 in found["doomed"], "a failed request")
                answered = len(found["sound"])
                until(lambda: len(found["sound"]) > answered + 5, "requests of the other one")
            finally:
                stop.set()
                for thread in threads:
                    thread.join()
            assert set(found["doomed"]) == {200, 503}
            assert set(found["sound"]) == {200}
            assert server.alive()
            refused = predict(server, "doomed", pixels(3).tolist())
            assert "mnist-model" in refused.body.decode()
            assert "127.0.0.1" not in refused.body.decode()
            until(lambda: not server.ready(), "/ready says no")
    finally:
        lost.process.kill()
        lost.process.wait()
        lost.folder.cleanup()


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory):
    """A node behind TLS, and the folder of its certificate."""
    folder = tmp_path_factory.mktemp("encrypted")
    certificate(folder, "node")
    env = {
        "SELDON_CERT_MOUNT_PATH": str(folder),
        "SELDON_CERT_FILE_NAME": "chosen.crt",
        "SELDON_CERT_KEY_FILE_NAME": "chosen.key",
    }
    arguments = ("--file", MANIFEST, "--node-ports=false")
    with Server(*arguments, command="engine", env=env) as server:
        yield server, folder


@pytest.mark.parametrize("spoken", SPOKEN)
def test_a_node_behind_tls_is_asked_over_tls(encrypted, tmp_path, spoken):
    node, folder = encrypted
    path = tmp_path / "front.yaml"
    tls = {"hari.dev/node-tls": "mnist-model=on"}
    path.write_text(yaml.safe_dump(document(node, *spoken, annotations=tls)))
    with Server(path, env={"HARI_NODE_CA_FILE": str(folder / "chosen.crt")}) as server:
        found = infer(server, "-".join(spoken), pixels(3))
        np.testing.assert_allclose(found, expected(3), atol=1e-5)


def test_a_node_whose_certificate_nobody_signed_cannot_be_reached(encrypted, tmp_path):
    path = tmp_path / "front.yaml"
    tls = {"hari.dev/node-tls": "mnist-model=on"}
    path.write_text(yaml.safe_dump(document(encrypted[0], "v2", "rest", annotations=tls)))
    with Server(path, ready=False) as server:
        reply = predict(server, "v2-rest", pixels(3).tolist())
        assert reply.status == 503
        assert b"mnist-model" in reply.body
