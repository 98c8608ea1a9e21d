"""`hari engine` as in a pod, with the original's Python wrapper in the containers beside it."""

import base64
import json
import os
import re
import signal
import subprocess
import sys
import threading
from http.client import HTTPException

import grpc
import pytest
from seldon_core.proto import prediction_pb2, prediction_pb2_grpc

from harness import (
    MANIFEST,
    MNIST,
    ROOT,
    Server,
    certificate,
    expected,
    hari,
    http,
    pixels,
    until,
)

sys.path.append(str(ROOT / "e2e" / "parity"))

from wrapper import Microservice  # noqa: E402

QUESTION = {"data": {"ndarray": [[1.0], [2.0]]}}
# One more, then twice that.
ANSWER = [[4.0], [6.0]]
PATH = "/api/v1.0/predictions"


@pytest.fixture(scope="module")
def containers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("containers")
    running = {name: Microservice(name, folder) for name in ("shift", "double")}
    try:
        for name, one in running.items():
            until(one.ready, f"the component {name}", 60)
        yield running
    finally:
        for one in running.values():
            one.stop()


def unit(name, kind, one, transport="rest", children=()):
    """A unit with what the operator's defaults give it, and the empty fields of Go's JSON."""
    port = one.grpc if transport == "grpc" else one.http
    endpoint = {"service_host": "localhost", "service_port": port}
    endpoint |= {"httpPort": one.http, "grpcPort": one.grpc}
    return {
        "name": name,
        "type": kind,
        "implementation": "UNKNOWN_IMPLEMENTATION",
        "endpoint": endpoint,
        "children": list(children),
        "logger": None,
    }


def chain(containers, transport="rest"):
    double = unit("double", "MODEL", containers["double"], transport)
    shift = unit("shift", "TRANSFORMER", containers["shift"], transport, [double])
    images = [{"name": name, "image": f"{name}:1", "resources": {}} for name in containers]
    pod = {"metadata": {"creationTimestamp": None}, "spec": {"containers": images}}
    return {
        "name": "main",
        "graph": shift,
        "componentSpecs": [pod],
        "replicas": 0,
        "engineResources": {},
        "labels": {"version": "main"},
        "svcOrchSpec": {},
    }


def variables(predictor, **more):
    return {"ENGINE_PREDICTOR": base64.b64encode(json.dumps(predictor).encode()).decode(), **more}


def arguments(transport="rest", *more):
    """What the operator of the original writes, without ports."""
    named = ["--sdep", "d", "--namespace", "n", "--predictor", "main"]
    spoken = ["--protocol", "seldon", "--transport", transport, "--prometheus_path", "/prometheus"]
    queues = ["--server_type", "rpc", "--log_work_buffer_size", "10000"]
    queues += ["--log_write_timeout_ms", "2000"]
    return [*named, *spoken, *queues, *more]


def engine(predictor, *args, **more):
    return Server(*(args or arguments()), command="engine", env=variables(predictor, **more))


def in_flight(server):
    return sum(map(float, re.findall(r"^hari_requests_in_flight\S* (\S+)$", server.scrape(), re.M)))


def ask(server):
    return http(server.url(PATH), QUESTION)


@pytest.mark.parametrize("transport", ["rest", "grpc"])
def test_containers_are_called_for_rest_and_grpc(containers, transport):
    args = arguments(transport, "--full_health_checks=false")
    with engine(chain(containers, transport), *args) as server:
        reply = ask(server)
        assert reply.status == 200, reply.body
        assert reply.json()["data"]["ndarray"] == ANSWER
        assert reply.json()["meta"]["requestPath"] == {
            "shift": "parity/shift:1",
            "double": "parity/double:1",
        }
        data = prediction_pb2.DefaultData(
            tensor=prediction_pb2.Tensor(shape=[2, 1], values=[1.0, 2.0])
        )
        with grpc.insecure_channel(server.grpc) as channel:
            stub = prediction_pb2_grpc.SeldonStub(channel)
            found = stub.Predict(prediction_pb2.SeldonMessage(data=data), timeout=10)
        assert list(found.data.tensor.values) == [4.0, 6.0]
        # The port for REST has what the kubelet and Prometheus ask for.
        assert http(server.url("/live")).status == 200
        assert http(server.url("/ready")).status == 200
        metrics = http(server.url("/prometheus")).body.decode()
        assert 'deployment_name="d"' in metrics and 'predictor_name="main"' in metrics


def test_a_stopped_container_makes_the_pod_unready(containers, tmp_path):
    lost = Microservice("double", tmp_path)
    try:
        until(lost.ready, "the component", 60)
        with engine(chain({**containers, "double": lost})) as server:
            assert ask(server).status == 200
            lost.stop()
            until(lambda: http(server.url("/ready")).status == 503, "/ready says no")
            assert http(server.url("/live")).status == 200
            reply = ask(server)
            assert reply.status == 503 and "double" in reply.body.decode()
    finally:
        lost.stop()


def test_a_container_that_hangs_fails_full_health_checks_alone(containers):
    group = containers["double"].process.pid
    full = engine(chain(containers), *arguments("rest", "--full_health_checks=true"))
    plain = engine(chain(containers))
    try:
        os.killpg(group, signal.SIGSTOP)
        until(lambda: http(full.url("/ready")).status == 503, "/ready says no", 20)
        assert http(plain.url("/ready")).status == 200
        os.killpg(group, signal.SIGCONT)
        until(lambda: http(full.url("/ready")).status == 200, "/ready says yes", 20)
    finally:
        os.killpg(group, signal.SIGCONT)
        full.stop()
        plain.stop()


@pytest.mark.parametrize("transport", ["rest", "grpc"])
def test_timeouts_are_the_pods_annotations(containers, tmp_path, transport):
    file = tmp_path / "annotations"
    file.write_text(
        'kubernetes.io/config.source="api"\n'
        'other/json="{\\"a\\": \\"b=c\\"}\\n"\n'
        f'seldon.io/{transport}-timeout="300"'
    )
    group = containers["double"].process.pid
    more = {"HARI_ANNOTATIONS_FILE": str(file)}
    with engine(chain(containers, transport), *arguments(transport), **more) as server:
        assert ask(server).status == 200
        os.killpg(group, signal.SIGSTOP)
        try:
            reply = ask(server)
        finally:
            os.killpg(group, signal.SIGCONT)
        assert reply.status == 504, reply.body
        until(lambda: ask(server).status == 200, "the container goes on")


def test_a_timeout_that_is_no_number_is_refused(containers, tmp_path):
    file = tmp_path / "annotations"
    file.write_text('seldon.io/rest-timeout="soon"\n')
    env = variables(chain(containers), HARI_ANNOTATIONS_FILE=str(file))
    ports = ["--host", "127.0.0.1", "--http-port", "0", "--grpc-port", "0"]
    done = hari("engine", *ports, *arguments(), env=env, code=1)
    assert "seldon.io/rest-timeout" in done.stdout + done.stderr


def test_sigterm_drops_no_request(containers):
    args = arguments("rest", "--shutdown_delay", "3s", "--graceful_timeout", "15s")
    server = engine(chain(containers), *args)
    stop, found = threading.Event(), []

    def load():
        while not stop.is_set():
            found.append(ask(server).status)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        until(lambda: len(found) > 20, "requests that are answered", 30)
        os.kill(server.pid, signal.SIGTERM)
        until(lambda: not server.ready(), "/ready says no")
        # Whoever has not heard of it yet is still answered.
        answered = len(found)
        until(lambda: len(found) > answered + 4, "requests after SIGTERM")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    server.stop()
    assert set(found) == {200}


def test_requests_open_beyond_the_time_are_an_exit_code(containers):
    group = containers["double"].process.pid
    server = engine(chain(containers), *arguments("rest", "--graceful_timeout", "300ms"))
    ended = []
    os.killpg(group, signal.SIGSTOP)
    try:
        def hang():
            try:
                ended.append(ask(server).status)
            except OSError as error:
                ended.append(error)

        asking = threading.Thread(target=hang)
        asking.start()
        until(lambda: in_flight(server) > 0, "the request has begun")
        assert server.terminate() == 1
        asking.join()
        assert ended != [200]
    finally:
        os.killpg(group, signal.SIGCONT)
        server.folder.cleanup()


def test_models_without_a_container_run_in_the_engine():
    graph = {
        "name": "mnist-model",
        "implementation": "TENSORFLOW_SERVER",
        "modelUri": str(MNIST / "model"),
    }
    args = arguments("rest", "--node-ports=false")
    with engine({"name": "main", "graph": graph, "traffic": 20}, *args) as server:
        reply = http(server.url(PATH), {"data": {"ndarray": pixels(3).tolist()}})
        assert reply.status == 200, reply.body
        assert abs(reply.json()["data"]["ndarray"][0][3] - expected(3)[0][3]) < 1e-5


def test_a_file_is_served_by_its_predictor():
    with Server("--file", MANIFEST, "--node-ports=false", command="engine") as server:
        reply = http(server.url(PATH), {"data": {"ndarray": pixels(3).tolist()}})
        assert reply.status == 200, reply.body


def curl(server, folder, *more):
    line = ["curl", "-sS", "--max-time", "20", "--cacert", f"{folder}/chosen.crt", *more]
    body = ["-H", "content-type: application/json", "-d", json.dumps(QUESTION)]
    url = f"https://{server.http}{PATH}"
    return subprocess.run([*line, *body, url], capture_output=True, text=True, timeout=60)


def test_tls(containers, tmp_path):
    certificate(tmp_path, "first")
    names = {
        "SELDON_CERT_MOUNT_PATH": str(tmp_path),
        "SELDON_CERT_FILE_NAME": "chosen.crt",
        "SELDON_CERT_KEY_FILE_NAME": "chosen.key",
    }
    with engine(chain(containers), **names) as server:
        done = curl(server, tmp_path, "-w", "%{http_version}", "-o", "/dev/null")
        assert done.returncode == 0, done.stderr
        assert done.stdout in ("2", "1.1")
        answer = json.loads(curl(server, tmp_path).stdout)
        assert answer["data"]["ndarray"] == ANSWER
        # A client that insists on ALPN.
        trusted = grpc.ssl_channel_credentials((tmp_path / "chosen.crt").read_bytes())
        data = prediction_pb2.DefaultData(tensor=prediction_pb2.Tensor(shape=[1, 1], values=[1]))
        with grpc.secure_channel(server.grpc, trusted) as channel:
            stub = prediction_pb2_grpc.SeldonStub(channel)
            found = stub.Predict(prediction_pb2.SeldonMessage(data=data), timeout=10)
        assert list(found.data.tensor.values) == [4.0]
        with pytest.raises((OSError, HTTPException)):
            ask(server)
        # A renewed certificate is shown without a restart.
        certificate(tmp_path, "second")
        until(lambda: curl(server, tmp_path).returncode == 0, "the new certificate", 30, 0.2)


def test_a_certificate_that_is_missing_is_named(containers, tmp_path):
    env = variables(chain(containers), SELDON_CERT_MOUNT_PATH=str(tmp_path))
    done = hari("engine", *arguments(), env=env, code=1)
    assert "tls.crt" in done.stderr
