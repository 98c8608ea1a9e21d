"""Deployments that read requests from a topic of a real Kafka broker, and write answers to one."""

import collections
import contextlib
import json
import os
import signal
import struct
import subprocess

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

import harness
import kafka
from stores import SECRET


DOUBLE = {"data": {"ndarray": [[1.0, 2.0]]}}


@pytest.fixture(scope="module")
def broker():
    made = kafka.Broker()
    yield made
    made.stop()


def document(folder, variables, protocol="seldon", transport="rest", graph=None, kind="kafka"):
    """A deployment `clerk` in the namespace `post`, whose predictor is `main`."""
    graph = graph or {"name": "echo", "implementation": "SIMPLE_MODEL"}
    env = [{"name": name, "value": str(value)} for name, value in variables.items()]
    resource = {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": "clerk", "namespace": "post"},
        "spec": {
            "protocol": protocol,
            "transport": transport,
            "serverType": kind,
            "predictors": [
                {"name": "main", "graph": graph, "svcOrchSpec": {"env": env}},
            ],
        },
    }
    path = folder / "clerk.yaml"
    path.write_text(json.dumps(resource))
    return path


def topics(broker, partitions=1, at="PLAINTEXT", **more):
    """Variables for new topics of a broker."""
    return {
        "KAFKA_BROKER": broker.at(at),
        "KAFKA_INPUT_TOPIC": broker.topic(partitions),
        "KAFKA_OUTPUT_TOPIC": broker.topic(partitions),
        **more,
    }


def request(number=0):
    return json.dumps({"data": {"ndarray": [[float(number)]]}, "meta": {"tags": {"n": number}}})


def committed(broker, variables):
    place = ("main.clerk.post", variables["KAFKA_INPUT_TOPIC"])
    return sum(broker.committed(*place).values())


def mnist():
    return {
        "name": "classifier",
        "implementation": "TENSORFLOW_SERVER",
        "modelUri": str(harness.MNIST / "model"),
    }


def messages():
    """Classes of the messages of gRPC, by full name."""
    described = descriptor_pb2.FileDescriptorSet()
    path = harness.ROOT / "data-plane/proto/src/gen/descriptor.bin"
    described.ParseFromString(path.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    left = {file.name: file for file in described.file}

    def add(name):
        """What a file imports goes before it."""
        file = left.pop(name, None)
        if file:
            for imported in file.dependency:
                add(imported)
            pool.Add(file)

    for name in list(left):
        add(name)
    return lambda name: message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


def metric(server, name):
    """The sum of a metric over its labels."""
    lines = [line for line in server.scrape().splitlines() if line.startswith(name + "{")]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def test_requests_are_answered_under_their_key(broker, own, tmp_path):
    variables = topics(broker, partitions=3)
    source, sink = variables["KAFKA_INPUT_TOPIC"], variables["KAFKA_OUTPUT_TOPIC"]
    server = own(document(tmp_path, variables))
    headers = [("Seldon-Puid", b"id-7"), ("Content-Type", b"application/json")]
    broker.write(source, [("seven", request(7), headers), (None, request(8), [])])
    answers = {one.key: one for one in broker.read(sink, 2)}
    seven, eight = answers[b"seven"], answers[None]
    assert seven.headers["seldon-puid"] == b"id-7"
    assert seven.headers["content-type"] == b"application/json"
    assert "error-code" not in seven.headers
    reply = json.loads(seven.value)
    assert reply["meta"]["tags"]["n"] == 7
    assert len(eight.headers["seldon-puid"]) == 36
    harness.until(lambda: committed(broker, variables) == 2, "both are committed", 20)
    # The sockets answer as ever.
    assert harness.http(server.url("/api/v1.0/predictions"), DOUBLE).status == 200


def test_a_callers_fault_is_answered_with_the_error(broker, own, tmp_path):
    variables = topics(broker)
    own(document(tmp_path, variables))
    bad = [("a", "{not json", []), ("b", request(1), []), ("c", None, [])]
    broker.write(variables["KAFKA_INPUT_TOPIC"], bad)
    answers = {one.key: one for one in broker.read(variables["KAFKA_OUTPUT_TOPIC"], 3)}
    for key in (b"a", b"c"):
        assert answers[key].headers["error-code"] == b"400", answers[key].value
        assert json.loads(answers[key].value)["status"]["status"] == "FAILURE"
    assert "error-code" not in answers[b"b"].headers


def test_errors_go_to_their_own_topic(broker, own, tmp_path):
    variables = topics(broker, KAFKA_ERROR_TOPIC=broker.topic())
    own(document(tmp_path, variables))
    broker.write(variables["KAFKA_INPUT_TOPIC"], [("a", "[", []), ("b", request(1), [])])
    assert [one.key for one in broker.read(variables["KAFKA_OUTPUT_TOPIC"], 1)] == [b"b"]
    assert [one.key for one in broker.read(variables["KAFKA_ERROR_TOPIC"], 1)] == [b"a"]


def test_open_inference_and_tensorflow(broker, own, tmp_path):
    digit = harness.pixels(7)
    tensor = {"name": "image", "datatype": "FP32", "shape": [1, 28, 28, 1]}
    bodies = {
        "v2": {"inputs": [{**tensor, "data": digit.ravel().tolist()}]},
        "tensorflow": {"instances": digit.tolist()},
        "seldon": {"data": {"ndarray": digit.tolist()}},
    }
    for protocol, body in bodies.items():
        folder = tmp_path / protocol
        folder.mkdir()
        variables = topics(broker)
        server = own(document(folder, variables, protocol, graph=mnist()))
        if protocol == "v2":
            path = "/v2/models/classifier"
            name = harness.http(server.url(path)).json()["inputs"][0]["name"]
            body["inputs"][0]["name"] = name
        broker.write(variables["KAFKA_INPUT_TOPIC"], [("k", json.dumps(body), [])])
        [answer] = broker.read(variables["KAFKA_OUTPUT_TOPIC"], 1)
        assert "error-code" not in answer.headers, answer.value
        harness.close(harness.probabilities(json.loads(answer.value)), harness.expected(7))


def test_messages_of_grpc(broker, own, tmp_path):
    message = messages()
    digit = harness.pixels(7)
    seldon = message("seldon.protos.SeldonMessage")()
    seldon.data.tensor.shape.extend(digit.shape)
    seldon.data.tensor.values.extend(digit.ravel().tolist())
    variables = topics(broker)
    server = own(document(tmp_path, variables, transport="grpc", graph=mnist()))
    about = harness.http(server.url("/v2/models/classifier")).json()
    infer = message("inference.ModelInferRequest")(model_name="classifier")
    given = infer.inputs.add(name=about["inputs"][0]["name"], datatype="FP32")
    given.shape.extend(digit.shape)
    infer.raw_input_contents.append(digit.tobytes())
    named = lambda one: [("proto-name", one.DESCRIPTOR.full_name.encode())]
    broker.write(
        variables["KAFKA_INPUT_TOPIC"],
        [
            ("seldon", seldon.SerializeToString(), named(seldon)),
            ("infer", infer.SerializeToString(), named(infer)),
            ("unnamed", seldon.SerializeToString(), []),
            ("strange", b"", [("proto-name", b"my.Message")]),
            ("broken", b"\xff\xff", named(seldon)),
        ],
    )
    answers = {one.key.decode(): one for one in broker.read(variables["KAFKA_OUTPUT_TOPIC"], 5)}
    found = message(answers["seldon"].headers["proto-name"].decode())()
    found.ParseFromString(answers["seldon"].value)
    harness.close([list(found.data.tensor.values)], harness.expected(7))
    found = message(answers["infer"].headers["proto-name"].decode())()
    assert found.DESCRIPTOR.full_name == "inference.ModelInferResponse"
    found.ParseFromString(answers["infer"].value)
    floats = struct.unpack("<10f", found.raw_output_contents[0])
    harness.close([floats], harness.expected(7))
    for key in ("unnamed", "strange", "broken"):
        assert answers[key].headers["error-code"] == b"400", answers[key].value
        assert "proto-name" not in answers[key].headers


COUNT = 2000


def test_killed_in_the_middle_no_request_is_lost(broker, tmp_path):
    variables = topics(broker, partitions=4, KAFKA_WORKERS=8)
    source, sink = variables["KAFKA_INPUT_TOPIC"], variables["KAFKA_OUTPUT_TOPIC"]
    path = document(tmp_path, variables)
    broker.write(source, [(f"k{n}", request(n), []) for n in range(COUNT)])
    kills = 0
    with broker.reader(sink) as reader:
        answered = collections.Counter()
        for share in (0.15, 0.5):
            server = harness.Server(path)
            try:

                def enough():
                    answered.update(one.key for one in reader.poll())
                    return len(answered) >= COUNT * share

                harness.until(enough, f"{share:.0%} are answered", 60)
            finally:
                os.kill(server.pid, signal.SIGKILL)
                server.process.wait()
                kills += 1
        assert kills == 2 and committed(broker, variables) < COUNT
        with harness.Server(path):

            def all_of_them():
                answered.update(one.key for one in reader.poll())
                return len(answered) == COUNT

            harness.until(all_of_them, "every request is answered", 90)
            harness.until(lambda: committed(broker, variables) == COUNT, "all is committed", 20)
    assert set(answered) == {f"k{n}".encode() for n in range(COUNT)}


def test_two_processes_share_the_work_and_one_goes_away(broker, tmp_path):
    variables = topics(broker, partitions=4)
    source, sink = variables["KAFKA_INPUT_TOPIC"], variables["KAFKA_OUTPUT_TOPIC"]
    path = document(tmp_path, variables)
    with harness.Server(path) as first:
        with harness.Server(path) as second:
            assigned = lambda server: "partitions assigned" in server.stderr()
            harness.until(lambda: assigned(first) and assigned(second), "both are members", 30)

            def both_work():
                broker.write(source, [(f"k{n}", request(n), []) for n in range(40)])
                counts = [metric(one, "hari_kafka_produced_total") for one in (first, second)]
                return min(counts) > 0

            harness.until(both_work, "both answer", 60, pause=1)
        # The second has left: what comes now is the first's.
        broker.write(source, [(f"l{n}", request(n), []) for n in range(40)])
        total = sum(broker.ends(source).values())
        answers = {(one.key, one.value) for one in broker.read(sink, total)}
        assert {f"l{n}".encode() for n in range(40)} <= {key for key, _ in answers}
        harness.until(lambda: committed(broker, variables) == total, "all is committed", 20)


def test_a_broker_that_dies_and_comes_back(own, tmp_path):
    broker = kafka.Broker()
    try:
        variables = topics(broker, partitions=2)
        source, sink = variables["KAFKA_INPUT_TOPIC"], variables["KAFKA_OUTPUT_TOPIC"]
        server = own(document(tmp_path, variables))
        broker.write(source, [(f"k{n}", request(n), []) for n in range(500)])
        harness.until(lambda: metric(server, "hari_kafka_produced_total") > 50, "it has begun", 30)
        broker.kill()
        assert harness.http(server.url("/api/v1.0/predictions"), DOUBLE).status == 200
        broker.start()
        broker.write(source, [(f"l{n}", request(n), []) for n in range(100)])
        expected = {f"k{n}".encode() for n in range(500)} | {f"l{n}".encode() for n in range(100)}
        answered = set()
        with broker.reader(sink) as reader:

            def everyone():
                answered.update(one.key for one in reader.poll())
                return answered >= expected

            harness.until(everyone, "every request is answered", 90)
        harness.until(lambda: committed(broker, variables) == 600, "all is committed", 30)
    finally:
        broker.stop()


def test_what_is_down_is_waited_for(broker, own, tmp_path):
    """A node that does not answer holds its requests; they are answered once it does."""
    port = kafka.free_port()
    graph = {
        "name": "far",
        "type": "MODEL",
        "endpoint": {"service_host": "127.0.0.1", "httpPort": port, "service_port": port},
    }
    variables = topics(broker)
    server = own(document(tmp_path, variables, graph=graph), ready=False)
    broker.write(variables["KAFKA_INPUT_TOPIC"], [(f"k{n}", request(n), []) for n in range(5)])
    assert committed(broker, variables) == 0
    with node_at(tmp_path, port):
        answers = broker.read(variables["KAFKA_OUTPUT_TOPIC"], 5)
        assert len({one.key for one in answers}) == 5
        assert not [one for one in answers if "error-code" in one.headers]
    # It goes away again in the middle.
    broker.write(variables["KAFKA_INPUT_TOPIC"], [(f"l{n}", request(n), []) for n in range(5)])
    retried = lambda: metric(server, "hari_kafka_retried_total") > 0
    harness.until(retried, "requests are tried again", 20)
    assert sum(broker.ends(variables["KAFKA_OUTPUT_TOPIC"]).values()) == 5
    with node_at(tmp_path, port):
        answers = broker.read(variables["KAFKA_OUTPUT_TOPIC"], 10)
        assert len({one.key for one in answers}) == 10
        assert not [one for one in answers if "error-code" in one.headers]


@contextlib.contextmanager
def node_at(folder, port):
    """A deployment that listens at a port, as a node elsewhere."""
    far = folder / "far"
    far.mkdir(exist_ok=True)
    line = [harness.binary(), "run", document(far, {}, kind="rpc")]
    line += ["--http", f"127.0.0.1:{port}", "--grpc", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]
    process = subprocess.Popen(list(map(str, line)), env=harness.environment())
    try:
        yield
    finally:
        process.kill()
        process.wait()


def test_what_finds_no_room_is_tried_again(broker, own, tmp_path):
    variables = topics(broker, partitions=2, KAFKA_WORKERS=8)
    limits = {"HARI_MAX_IN_FLIGHT": "1"}
    server = own(document(tmp_path, variables, graph=mnist()), env=limits)
    body = json.dumps({"data": {"ndarray": harness.ten_digits().tolist()}})
    broker.write(variables["KAFKA_INPUT_TOPIC"], [(f"k{n}", body, []) for n in range(60)])
    answers = broker.read(variables["KAFKA_OUTPUT_TOPIC"], 60)
    assert len({one.key for one in answers}) == 60
    assert not [one for one in answers if "error-code" in one.headers]
    harness.until(lambda: metric(server, "hari_kafka_retried_total") > 0, "some were tried again")


def certificates(broker, password=None):
    certificate, key = broker.authority.issue("hari", password)
    return {
        "KAFKA_SSL_CA_CERT": broker.authority.pem,
        "KAFKA_SSL_CLIENT_CERT": certificate,
        "KAFKA_SSL_CLIENT_KEY": key,
    }


def secured(broker, listener, tmp_path):
    user = {"KAFKA_SASL_USERNAME": kafka.USER, "KAFKA_SASL_PASSWORD": SECRET}
    if listener == "SSL":
        return certificates(broker, SECRET) | {"KAFKA_SSL_CLIENT_KEY_PASS": SECRET}
    if listener == "SASL_PLAINTEXT":
        return user | {"KAFKA_SASL_MECHANISM": "PLAIN"}
    authority = tmp_path / "authority.pem"
    authority.write_text(broker.authority.pem)
    scram = {"KAFKA_SASL_MECHANISM": "SCRAM-SHA-512", "KAFKA_SSL_CA_CERT_FILE": authority}
    return user | scram


@pytest.mark.parametrize("listener", list(kafka.LISTENERS))
def test_every_way_to_be_let_in(broker, own, tmp_path, listener):
    """Secrets come from the environment of the process, the rest from the document."""
    variables = topics(broker, at=listener)
    secrets = {name: str(value) for name, value in secured(broker, listener, tmp_path).items()}
    # The original reads it in any case.
    secrets["KAFKA_SECURITY_PROTOCOL"] = listener.lower()
    server = own(document(tmp_path, variables), env=secrets)
    broker.write(variables["KAFKA_INPUT_TOPIC"], [("k", request(1), [])])
    assert [one.key for one in broker.read(variables["KAFKA_OUTPUT_TOPIC"], 1)] == [b"k"]
    assert SECRET not in server.stdout() + server.stderr()


def test_a_wrong_password_is_told_and_the_sockets_answer(broker, own, tmp_path):
    variables = topics(broker, at="SASL_PLAINTEXT", KAFKA_SECURITY_PROTOCOL="SASL_PLAINTEXT")
    wrong = {"KAFKA_SASL_USERNAME": kafka.USER, "KAFKA_SASL_PASSWORD": SECRET + "no"}
    server = own(document(tmp_path, variables), env=wrong)
    told = "does not let us in"
    harness.until(lambda: told in server.stderr(), "the log says so", 30)
    assert SECRET not in server.stdout() + server.stderr()
    assert harness.http(server.url("/api/v1.0/predictions"), DOUBLE).status == 200


@pytest.mark.parametrize(
    "changed, said",
    [
        ({"KAFKA_FULL_GRAPH": "true"}, "KAFKA_FULL_GRAPH"),
        ({"KAFKA_WORKERS": "none"}, "KAFKA_WORKERS: expected a number"),
        ({"KAFKA_SECURITY_PROTOCOL": "TLS"}, "KAFKA_SECURITY_PROTOCOL: expected"),
        ({"KAFKA_OUTPUT_TOPIC": "in"}, "both read and written"),
    ],
)
def test_what_cannot_be_is_said_at_the_start(tmp_path, changed, said):
    least = {"KAFKA_BROKER": "kafka", "KAFKA_INPUT_TOPIC": "in", "KAFKA_OUTPUT_TOPIC": "out"}
    path = document(tmp_path, least | changed)
    done = harness.hari("run", path, code=1)
    assert said in done.stderr and "predictor `main`" in done.stderr, done.stderr


def test_flags_of_hari_run(broker, own, tmp_path):
    variables = topics(broker)
    flags = {"--kafka-broker": "KAFKA_BROKER", "--kafka-input-topic": "KAFKA_INPUT_TOPIC"}
    flags["--kafka-output-topic"] = "KAFKA_OUTPUT_TOPIC"
    line = [part for flag, name in flags.items() for part in (flag, variables[name])]
    own(document(tmp_path, {}, kind="rpc"), *line, "--kafka-workers", 2)
    broker.write(variables["KAFKA_INPUT_TOPIC"], [("k", request(1), [])])
    assert [one.key for one in broker.read(variables["KAFKA_OUTPUT_TOPIC"], 1)] == [b"k"]


def test_a_document_without_its_topics_is_refused(tmp_path):
    path = document(tmp_path, {"KAFKA_BROKER": "kafka"})
    done = harness.hari("validate", path, code=1)
    assert "KAFKA_INPUT_TOPIC" in done.stdout + done.stderr


def test_metrics_and_lag(broker, own, tmp_path):
    variables = topics(broker, partitions=2)
    server = own(document(tmp_path, variables))
    broker.write(variables["KAFKA_INPUT_TOPIC"], [(f"k{n}", request(n), []) for n in range(20)])
    broker.write(variables["KAFKA_INPUT_TOPIC"], [("bad", "[", [])])
    broker.read(variables["KAFKA_OUTPUT_TOPIC"], 21)
    harness.until(lambda: metric(server, "hari_kafka_produced_total") == 21, "all counted")
    assert metric(server, "hari_kafka_consumed_total") == 21
    assert metric(server, "hari_kafka_failed_total") == 1
    labels = f'deployment_name="clerk",predictor_name="main",topic="{variables["KAFKA_INPUT_TOPIC"]}"'
    assert labels in server.scrape()
    lag = lambda: "hari_kafka_lag{" in server.scrape() and metric(server, "hari_kafka_lag") == 0
    harness.until(lag, "nothing waits", 20)
