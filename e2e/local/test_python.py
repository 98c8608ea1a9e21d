"""PYTHON and `hari microservice`: real classes in real workers, that die, hang and eat memory."""

import json
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from google.protobuf import descriptor_pool, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from harness import Server, environment, binary, hari, http, until

PYTHON = {"HARI_PYTHON": sys.executable}

CLASS = """
    import os, sys, time

    class Model:
        def __init__(self, factor=1.0, times=1, deep=False, label="none"):
            assert type(factor) is float and type(times) is int
            assert type(deep) is bool and type(label) is str
            self.factor, self.times, self.label, self.seen = factor, times, label, 0.0

        def predict(self, X, names, meta=None):
            if isinstance(X, str):
                return self.command(*X.split(" "))
            return X * self.factor * self.times

        def command(self, word, argument="0"):
            if word == "sleep":
                time.sleep(float(argument))
            if word == "spin":
                while True:
                    pass
            if word == "die":
                os.kill(os.getpid(), 9)
            if word == "allocate":
                return str(len(bytearray(int(argument))))
            if word == "say":
                print("on the output", flush=True)
                print("on the error stream", file=sys.stderr, flush=True)
            if word == "pickle":
                return str("pickle" in sys.modules and "multiprocessing" in sys.modules)
            if word == "env":
                return os.environ.get(argument, "")
            return word

        def transform_input(self, X, names, meta=None):
            return X + 1

        def transform_output(self, X, names, meta=None):
            return X - 1

        def route(self, X, names, meta=None):
            return 1

        def aggregate(self, Xs, names, metas=None):
            return sum(Xs)

        def send_feedback(self, X, names, reward, truth, routing=None):
            self.seen += reward

        def tags(self):
            return {"pid": os.getpid(), "label": self.label, "seen": self.seen}

        def metrics(self):
            return [{"type": "COUNTER", "key": "answers", "value": 1}]

        def init_metadata(self):
            return {"name": "mine", "versions": ["v7"], "platform": "custom"}
"""

MANIFEST = """
    apiVersion: machinelearning.seldon.io/v1
    kind: SeldonDeployment
    metadata: {{name: python}}
    spec:
      annotations: {{seldon.io/rest-timeout: "{timeout}"}}
      predictors:
      - name: main
        graph: {graph}
        componentSpecs:
        - spec:
            containers:
            - name: unit
              env: {env}
              resources: {resources}
"""


def write(folder, name, text):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(textwrap.dedent(text))
    return folder / name


def manifest(folder, graph=None, env=(), memory=None, timeout=10_000, **more):
    """A deployment of the class in `folder`."""
    graph = graph or {
        "name": "unit",
        "implementation": "PYTHON",
        "modelUri": "./class",
        **more,
    }
    pairs = [{"name": name, "value": value} for name, value in dict(env).items()]
    text = MANIFEST.format(
        timeout=timeout,
        graph=json.dumps(graph),
        env=json.dumps(pairs),
        resources=json.dumps({"limits": {"memory": memory}} if memory else {}),
    )
    return write(folder, "deployment.yaml", text)


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "class", "Model.py", CLASS)
    return tmp_path


def asked(server, body, path="/api/v1.0/predictions"):
    return http(server.url(path), body)


def told(server, text):
    """What the class answers to a text."""
    return asked(server, {"strData": text})


def pid(reply):
    return int(reply.json()["meta"]["tags"]["pid"])


ROW = {"data": {"names": ["a", "b"], "ndarray": [[1, 2]]}}


def test_a_class_answers_with_its_arguments(folder):
    parameters = [
        {"name": "factor", "type": "FLOAT", "value": "2"},
        {"name": "times", "type": "INT", "value": "3"},
        {"name": "deep", "type": "BOOL", "value": "true"},
        {"name": "label", "type": "STRING", "value": "7"},
    ]
    with Server(manifest(folder, parameters=parameters), env=PYTHON) as server:
        reply = asked(server, ROW).json()
        assert reply["data"]["ndarray"] == [[6, 12]]
        assert reply["meta"]["tags"]["label"] == "7"
        assert reply["meta"]["requestPath"] == {"unit": "python"}
        assert reply["meta"]["metrics"] == [{"key": "answers", "type": "COUNTER", "value": 1}]
        tensor = {"data": {"tensor": {"shape": [1, 2], "values": [1, 2]}}}
        assert asked(server, tensor).json()["data"]["tensor"]["values"] == [6, 12]
        infer = {"inputs": [{"name": "x", "datatype": "FP64", "shape": [2], "data": [1, 2]}]}
        output = asked(server, infer, "/v2/models/unit/infer").json()["outputs"][0]
        assert (output["datatype"], output["data"]) == ("FP64", [6, 12])
        metadata = http(server.url("/v2/models/unit")).json()
        assert (metadata["versions"], metadata["platform"]) == (["v7"], "custom")
        environment = told(server, "env PREDICTIVE_UNIT_ID").json()
        assert environment["strData"] == "unit"


def test_a_class_is_part_of_a_graph(folder):
    def node(name, kind, children=()):
        return {
            "name": name,
            "type": kind,
            "implementation": "PYTHON",
            "modelUri": "./class",
            "children": list(children),
        }

    leaves = [node("one", "MODEL"), node("unit", "MODEL")]
    graph = node("in", "TRANSFORMER", [node("choose", "ROUTER", leaves)])
    with Server(manifest(folder, graph), env=PYTHON) as server:
        reply = asked(server, ROW).json()
        assert reply["data"]["ndarray"] == [[2, 3]]
        assert reply["meta"]["routing"]["choose"] == 1
        feedback = {"request": ROW, "response": reply, "reward": 0.5}
        assert asked(server, feedback, "/api/v1.0/feedback").status == 200
        assert asked(server, ROW).json()["meta"]["tags"]["seen"] == 0.5
    combine = node("all", "COMBINER", [node("one", "MODEL"), node("two", "MODEL")])
    with Server(manifest(folder, combine), env=PYTHON) as server:
        assert asked(server, ROW).json()["data"]["ndarray"] == [[2, 4]]


def stub(channel):
    """The Seldon service, from what the server says of itself."""
    pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
    kind = message_factory.GetMessageClass(
        pool.FindMessageTypeByName("seldon.protos.SeldonMessage")
    )
    return kind, channel.unary_unary(
        "/seldon.protos.Seldon/Predict",
        request_serializer=kind.SerializeToString,
        response_deserializer=kind.FromString,
    )


def test_grpc_callers_get_the_same(folder):
    with Server(manifest(folder), env=PYTHON) as server, grpc.insecure_channel(server.grpc) as to:
        kind, predict = stub(to)
        message = kind()
        message.data.tensor.shape.extend([1, 2])
        message.data.tensor.values.extend([1.5, 2.5])
        reply = predict(message, timeout=10)
        assert list(reply.data.tensor.values) == [1.5, 2.5]
        with pytest.raises(grpc.RpcError) as refusal:
            predict(kind(strData="die"), timeout=10)
        assert refusal.value.code() == grpc.StatusCode.UNAVAILABLE
        assert "unit" in refusal.value.details()
        assert predict(message, timeout=10).data.tensor.shape == [1, 2]


def test_a_worker_killed_under_load_fails_only_what_it_had(folder):
    env = {"GUNICORN_WORKERS": "2"}
    with Server(manifest(folder, env=env), env=PYTHON) as server:
        stop, statuses, pids = threading.Event(), [], set()

        def load():
            while not stop.is_set():
                reply = asked(server, ROW)
                statuses.append(reply.status)
                if reply.status == 200:
                    pids.add(pid(reply))

        with ThreadPoolExecutor(4) as pool:
            loads = [pool.submit(load) for _ in range(4)]
            until(lambda: len(pids) == 2, "both workers answer")
            for victim in tuple(pids):
                before = len(statuses)
                os.kill(victim, signal.SIGKILL)
                until(lambda: len(statuses) > before + 50, "requests go on", 30)
            until(lambda: len(pids) == 4, "both are replaced", 30)
            stop.set()
            for one in loads:
                one.result()
        failed = [status for status in statuses if status != 200]
        assert set(failed) <= {503} and len(failed) <= 2, failed
        assert server.ready()


def test_a_hung_class_is_cut_at_the_deadline_and_replaced(folder):
    env = {**PYTHON, "HARI_PYTHON_STUCK_SECONDS": "1"}
    with Server(manifest(folder, timeout=500), env=env) as server:
        before = pid(told(server, "hello"))
        start = time.monotonic()
        reply = told(server, "spin")
        assert reply.status == 504 and time.monotonic() - start < 5
        assert reply.json()["status"]["reason"] == "DEADLINE_EXCEEDED"

        def replaced():
            reply = told(server, "hello")
            return reply.status == 200 and pid(reply) != before

        until(replaced, "another worker answers", 30)
        assert not Path(f"/proc/{before}").exists()
        assert "it was stuck" in server.stderr()


def test_memory_is_limited(folder):
    # numpy's threads reserve address space of their own.
    env = {"OPENBLAS_NUM_THREADS": "1"}
    with Server(manifest(folder, env=env, memory="2Gi"), env=PYTHON) as server:
        assert told(server, "allocate 1000000").json()["strData"] == "1000000"
        reply = told(server, "allocate 4000000000")
        assert reply.status == 500, reply.body
        assert told(server, "hello").status == 200


def test_what_a_class_prints_is_in_the_log_under_its_node(folder):
    with Server(manifest(folder), env={**PYTHON, "HARI_LOG_FORMAT": "json"}) as server:
        told(server, "say")

        def lines():
            each = [line for line in server.stderr().splitlines() if line.startswith("{")]
            return [json.loads(line) for line in each]

        def said(text):
            return [line for line in lines() if line["message"] == text]

        out = until(lambda: said("on the output"), "the line of the output")[0]
        err = until(lambda: said("on the error stream"), "the other line")[0]
        assert (out["level"], out["node"]) == ("INFO", "unit")
        assert (err["level"], err["node"]) == ("WARN", "unit")


def test_nothing_between_the_processes_is_pickled(folder):
    with Server(manifest(folder), env=PYTHON) as server:
        assert told(server, "pickle").json()["strData"] == "False"


def test_workers_end_with_the_server(folder):
    server = Server(manifest(folder), env=PYTHON)
    worker = pid(told(server, "hello"))
    os.kill(server.pid, signal.SIGKILL)
    server.process.wait()
    until(lambda: not Path(f"/proc/{worker}").exists(), "the worker ends")
    server.folder.cleanup()


def test_requirements_become_a_cached_environment(folder):
    write(folder / "class", "requirements.txt", "flask==3.1.2\n")
    write(
        folder / "class",
        "Model.py",
        """
        import sys
        import flask

        class Broke(Exception):
            pass

        class Model:
            model_error_handler = flask.Blueprint("errors", __name__)

            @model_error_handler.app_errorhandler(Broke)
            def answer(error):
                return flask.jsonify({"mine": str(error)}), 402

            def predict(self, X, names, meta=None):
                if X == "broke":
                    raise Broke("no money")
                return f"{flask.__name__} {sys.prefix != sys.base_prefix}"
        """,
    )
    cache = {**PYTHON, "HARI_CACHE_DIR": str(folder / "cache")}
    for start in range(2):
        with Server(manifest(folder), env=cache) as server:
            assert told(server, "x").json()["strData"] == "flask True"
            broke = told(server, "broke")
            assert (broke.status, broke.json()) == (402, {"mine": "no money"})
            made = "the virtual environment is made" in server.stderr()
        assert made == (start == 0)


def failed(folder, env=None, **more):
    """What `hari run` says when the class cannot be started."""
    env = {**PYTHON, "HARI_CACHE_DIR": str(folder / "cache"), **(env or {})}
    ports = ["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]
    done = subprocess.run(
        [str(binary()), "run", *ports, str(manifest(folder, **more))],
        env=environment(env),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode != 0 and "panicked" not in done.stderr
    return done.stderr


def test_what_cannot_be_started_says_why(folder):
    parameters = [{"name": "wrong", "type": "INT", "value": "1"}]
    assert "wrong" in failed(folder, parameters=parameters)
    (folder / "class" / "Model.py").rename(folder / "class" / "Other.py")
    said = failed(folder)
    assert "expected `Model.py`" in said and "Other.py" in said
    write(folder / "class", "Model.py", "class Model:\n    broken(\n")
    assert "never closed" in failed(folder)
    write(folder / "class", "requirements.txt", "no-such-package-of-hari==0.0.1\n")
    said = failed(folder, env={"PIP_NO_INDEX": "1", "UV_OFFLINE": "1"})
    assert "requirements.txt cannot be installed" in said and "no-such-package-of-hari" in said
    assert "cannot be started" in failed(folder, env={"HARI_PYTHON": "/no/such/python"})


def test_what_a_manifest_says_wrongly_is_told(folder):
    parameters = [{"name": "not a name", "type": "INT", "value": "1"}]
    env = {"GUNICORN_WORKERS": "many", "MODEL_NAME": "no-class"}
    file = manifest(folder, env=env, memory="lots", parameters=parameters)
    said = hari("validate", file, code=1).stdout
    for word in ("not a name", "GUNICORN_WORKERS", "MODEL_NAME", "limits.memory"):
        assert word in said, said


@pytest.fixture
def microservice(folder):
    write(
        folder / "class",
        "Shop.py",
        """
        from Model import Model

        class Shop(Model):
            def predict(self, X, names, meta=None):
                return X * self.factor
        """,
    )
    parameters = json.dumps([{"name": "factor", "value": "4", "type": "FLOAT"}])
    env = {**PYTHON, "PREDICTIVE_UNIT_PARAMETERS": parameters}
    arguments = ["Shop", "--folder", folder / "class", "--service-type", "ROUTER", "--threads", "2"]
    with Server(*arguments, command="microservice", env=env) as server:
        yield server


def test_a_microservice_answers_every_method(microservice):
    def answer(path, body=ROW):
        reply = asked(microservice, body, path)
        assert reply.status == 200, (path, reply.body)
        return reply.json().get("data", {}).get("ndarray")

    assert answer("/predict") == [[4, 8]]
    assert answer("/api/v1.0/predictions") == [[4, 8]]
    assert answer("/transform-input") == [[2, 3]]
    assert answer("/transform-output") == [[0, 1]]
    assert answer("/route") == [[1]]
    assert answer("/aggregate", {"seldonMessages": [ROW, ROW]}) == [[2, 4]]
    answer("/send-feedback", {"request": ROW, "reward": 2})
    assert asked(microservice, ROW, "/predict").json()["meta"]["tags"]["seen"] == 2
    assert http(microservice.url("/health/ping")).body == b"pong"
    assert http(microservice.url("/metadata")).json()["platform"] == "custom"
    assert "--threads" in microservice.stderr()


def test_a_microservice_counts_what_its_class_reports(microservice):
    # One more with every answer, on the port of metrics.
    before = counted(microservice)
    assert asked(microservice, ROW, "/predict").status == 200
    assert counted(microservice) == before + 1


def counted(server):
    lines = [line for line in server.scrape().splitlines() if line.startswith("answers_total{")]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def test_an_estimator_that_is_no_data_needs_trust(tmp_path):
    class Gadget:
        def __reduce__(self):
            return (os.system, (f"touch {tmp_path}/ran",))

    (tmp_path / "model").mkdir()
    with open(tmp_path / "model" / "model.pkl", "wb") as file:
        pickle.dump(Gadget(), file)
    graph = {"name": "unit", "implementation": "SKLEARN_SERVER", "modelUri": "./model"}
    said = failed(tmp_path, graph=graph)
    assert "`trusted: true`" in said and not (tmp_path / "ran").exists()
    said = failed(tmp_path, graph={
        **graph, "parameters": [{"name": "trusted", "type": "BOOL", "value": "true"}],
    })
    assert "code that it holds runs" in said


PYFUNC = """
    class Sum:
        def predict(self, data, params=None):
            return data.sum(axis=1)

    def _load_pyfunc(path):
        return Sum()
"""


def test_a_python_function_of_mlflow_runs_where_it_is_trusted(tmp_path):
    model = tmp_path / "model"
    write(model, "MLmodel", "flavors:\n  python_function: {loader_module: sums}\n")
    write(model, "sums.py", PYFUNC)
    # MLflow's own loader is large; this one does of it what the server asks for.
    write(
        model / "mlflow",
        "__init__.py",
        """
        from types import SimpleNamespace
        import importlib

        class pyfunc:
            @staticmethod
            def load_model(folder):
                model = importlib.import_module("sums")._load_pyfunc(folder)
                return SimpleNamespace(predict=model.predict, metadata=None)
        """,
    )
    graph = {"name": "unit", "implementation": "MLFLOW_SERVER", "modelUri": "./model"}
    assert "`trusted: true`" in failed(tmp_path, graph=graph)
    trusted = [{"name": "trusted", "type": "BOOL", "value": "true"}]
    with Server(manifest(tmp_path, {**graph, "parameters": trusted}), env=PYTHON) as server:
        assert asked(server, {"data": {"ndarray": [[1, 2], [3, 4]]}}).json()["data"]["ndarray"] == [3, 7]
        assert "code that it holds runs" in server.stderr()
