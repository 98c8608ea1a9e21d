"""Payloads of nodes, logged: to a receiver of CloudEvents, to files, and what is lost when."""

import glob
import http.server
import json
import threading

import cloudevents.http
import grpc
import pyarrow.parquet
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from harness import ROOT, Server, hari, until
from harness import http as ask
from payload_log import counter, document, rows, simple

PREDICTIONS = "/api/v1.0/predictions"
FEEDBACK = "/api/v1.0/feedback"
KIND = "io.seldon.serving."
REQUEST, RESPONSE = KIND + "inference.request", KIND + "inference.response"


class Receiver:
    """An HTTP server that keeps the CloudEvents it gets. `port` of an earlier one takes its place."""

    def __init__(self, port=0, status=200):
        self.events, self.status, self.dead = [], status, False
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if outer.dead:
                    self.close_connection = True
                    return
                if outer.status == 200:
                    headers = dict(self.headers.items())
                    outer.events.append(cloudevents.http.from_http(headers, body, lambda data: data))
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Ends as a killed process does: open connections are closed without an answer."""
        self.dead = True
        self.server.shutdown()
        self.server.server_close()

    def wait(self, count):
        until(lambda: len(self.events) >= count, f"{count} events, got {len(self.events)}")
        return self.events


def predict(server, body, puid, **headers):
    headers = {"Seldon-Puid": puid, **headers}
    reply = ask(server.url(PREDICTIONS), body, headers)
    assert reply.status == 200, reply.body
    return reply.json()


def test_events_of_a_request_are_a_pair(tmp_path):
    with Receiver() as receiver, Server(document(tmp_path, simple(receiver.url))) as server:
        predict(server, rows(1.0, 2.0), "one")
        request, response = receiver.wait(2)
        if request["type"] == RESPONSE:
            request, response = response, request
        assert (request["type"], response["type"]) == (REQUEST, RESPONSE)
        assert request["id"] != response["id"]
        for event in (request, response):
            assert event["specversion"] == "1.0"
            assert event["source"] == "/seldon/post/clerk/main/m"
            assert event["requestid"] == "one"
            assert event["modelid"] == "m"
            assert event["inferenceservicename"] == "clerk"
            assert event["namespace"] == "post"
            assert event["endpoint"] == "main"
            assert event["protocol"] == "seldon"
            assert event["datacontenttype"] == "application/json"
        assert json.loads(request.data)["data"]["ndarray"] == [[1.0, 2.0]]
        assert json.loads(response.data)["data"]["ndarray"] == [[0.1, 0.9, 0.5]]
        until(lambda: counter(server, "sent_total", model_name="m", sink="http") == 2, "sent")
        assert counter(server, "queued", model_name="m") == 0


def test_open_inference_requests_are_logged_as_such(tmp_path):
    tensor = {"name": "x", "shape": [1, 2], "datatype": "FP64", "data": [1.0, 2.0]}
    with Receiver() as receiver:
        path = document(tmp_path, simple(receiver.url), protocol="v2")
        with Server(path) as server:
            reply = ask(server.url("/v2/models/m/infer"), {"inputs": [tensor]}, {"Seldon-Puid": "p"})
            assert reply.status == 200, reply.body
            by_kind = {event["type"]: event for event in receiver.wait(2)}
    request = json.loads(by_kind[REQUEST].data)
    assert request == {"id": "p", "inputs": [tensor]}
    response = json.loads(by_kind[RESPONSE].data)
    assert response["model_name"] == "m" and response["outputs"][0]["data"] == [0.1, 0.9, 0.5]
    assert by_kind[REQUEST]["protocol"] == "v2"


def messages():
    """Classes of the messages of gRPC, by full name."""
    described = descriptor_pb2.FileDescriptorSet()
    path = ROOT / "data-plane/proto/src/gen/descriptor.bin"
    described.ParseFromString(path.read_bytes())
    files = {file.name: file for file in described.file}
    pool = descriptor_pool.DescriptorPool()

    def add(name):
        if name in files:
            file = files.pop(name)
            for needed in file.dependency:
                add(needed)
            pool.Add(file)

    for name in list(files):
        add(name)
    return lambda name: message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


def test_what_came_over_grpc_is_a_protocol_buffer(tmp_path):
    message = messages()("seldon.protos.SeldonMessage")
    request = message()
    request.data.tensor.shape.extend([1, 2])
    request.data.tensor.values.extend([1.0, 2.0])
    with Receiver() as receiver, Server(document(tmp_path, simple(receiver.url))) as server:
        with grpc.insecure_channel(server.grpc) as channel:
            call = channel.unary_unary(
                "/seldon.protos.Seldon/Predict",
                request_serializer=message.SerializeToString,
                response_deserializer=message.FromString,
            )
            reply = call(request, metadata=[("seldon-puid", "g")], timeout=30)
        by_kind = {event["type"]: event for event in receiver.wait(2)}
    for kind, values in ((REQUEST, [1.0, 2.0]), (RESPONSE, reply.data.tensor.values)):
        event = by_kind[kind]
        assert event["datacontenttype"] == "application/protobuf"
        assert event["requestid"] == "g"
        assert list(message.FromString(event.data).data.tensor.values) == list(values)


def test_feedback_and_modes(tmp_path):
    told = {"request": rows(1.0), "reward": 0.5}
    for mode, expected in (
        ("all", {REQUEST, RESPONSE, KIND + "feedback"}),
        ("request", {REQUEST}),
        ("response", {RESPONSE, KIND + "feedback"}),
    ):
        with Receiver() as receiver:
            with Server(document(tmp_path, simple(receiver.url, mode))) as server:
                predict(server, rows(1.0), "p")
                reply = ask(server.url(FEEDBACK), told, {"Seldon-Puid": "f"})
                assert reply.status == 200, reply.body
            # Stopping writes what waits.
            assert {event["type"] for event in receiver.events} == expected
            assert len(receiver.events) == len(expected)
            for event in receiver.events:
                if event["type"].endswith("feedback"):
                    assert json.loads(event.data)["reward"] == 0.5


def test_each_node_of_a_graph_is_logged_once(tmp_path):
    with Receiver() as receiver:
        children = [simple(receiver.url, name="a"), simple(receiver.url, name="b")]
        graph = {
            "name": "mean",
            "implementation": "AVERAGE_COMBINER",
            "logger": {"mode": "all", "url": receiver.url},
            "children": children,
        }
        with Server(document(tmp_path, graph)) as server:
            predict(server, rows(7.0), "p")
        found = sorted((event["modelid"], event["type"]) for event in receiver.events)
        nodes = ("a", "b", "mean")
        assert found == [(node, kind) for node in nodes for kind in (REQUEST, RESPONSE)]
        bodies = {
            event["type"]: json.loads(event.data)["data"]["ndarray"]
            for event in receiver.events
            if event["modelid"] == "mean"
        }
        # What went into the node, not its children's answers.
        assert bodies == {REQUEST: [[7.0]], RESPONSE: [[0.1, 0.9, 0.5]]}


def test_callers_and_annotations_keep_payloads_back(tmp_path):
    annotations = {
        "hari.dev/payload-log-sample": "m=0.5",
        "hari.dev/payload-log-redact": "income,user",
    }
    body = {
        "data": {"names": ["age", "income"], "ndarray": [[41.0, 99.0]]},
        "meta": {"tags": {"user": "ann", "kept": 1}},
    }
    with Receiver() as receiver:
        path = document(tmp_path, simple(receiver.url), annotations=annotations)
        with Server(path) as server:
            predict(server, body, "skipped", **{"Seldon-Skip-Logging": "true"})
            for number in range(100):
                predict(server, body, str(number))
        ids = [event["requestid"] for event in receiver.events]
        assert "skipped" not in ids
        assert 40 <= len(ids) <= 160, "about half of 200"
        assert all(ids.count(one) == 2 for one in ids)
        for event in receiver.events:
            assert event["redacted"] == "income,user"
            assert b"99" not in event.data and b"ann" not in event.data
            if event["type"] == REQUEST:
                assert json.loads(event.data)["data"]["ndarray"] == [[41.0, 0.0]]
                assert json.loads(event.data)["meta"]["tags"]["kept"] == 1


def test_a_receiver_that_dies_costs_no_prediction_and_is_found_again(tmp_path):
    receiver = Receiver()
    path = document(tmp_path, simple(receiver.url))
    env = {"HARI_PAYLOAD_LOG_ATTEMPTS": "100", "HARI_PAYLOAD_LOG_QUEUE": "20"}
    with Server(path, env=env) as server:
        predict(server, rows(1.0), "before")
        receiver.wait(2)
        receiver.stop()
        for number in range(200):
            predict(server, rows(float(number)), f"down-{number}")
        dropped = counter(server, "dropped_total", reason="full")
        assert dropped > 0, "20 fit the queue, 10 are on their way"
        assert counter(server, "queued") <= 30
        assert "payload log: no room, dropped" in server.stderr()
        with Receiver(port=receiver.port) as again:
            until(lambda: counter(server, "queued") == 0, "what waited is sent", 60)
            predict(server, rows(1.0), "after")
            until(lambda: {"after"} <= {event["requestid"] for event in again.events}, "back")
            assert counter(server, "retried_total") > 0
            assert counter(server, "failed_total") == 0
            assert counter(server, "dropped_total", reason="full") == dropped
            sent = counter(server, "sent_total")
            assert sent + dropped == 2 + 400 + 2


def test_what_cannot_be_sent_before_the_end_is_said(tmp_path):
    with Receiver(status=503) as receiver:
        env = {"HARI_PAYLOAD_LOG_ATTEMPTS": "1000", "HARI_DRAIN_MS": "500"}
        server = Server(document(tmp_path, simple(receiver.url)), env=env)
        predict(server, rows(1.0), "lost")
        assert server.terminate() == 0
        assert "events were not written before the end" in server.stderr()
        server.folder.cleanup()


def test_a_receiver_that_refuses_is_not_asked_again(tmp_path):
    with Receiver(status=400) as receiver:
        with Server(document(tmp_path, simple(receiver.url))) as server:
            predict(server, rows(1.0), "p")
            until(lambda: counter(server, "failed_total") == 2, "both are given up")
            assert counter(server, "retried_total") == 0


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_files_are_read_back(tmp_path, form):
    logs = tmp_path / "logs"
    bare = {"name": "m", "implementation": "SIMPLE_MODEL"}
    path = document(tmp_path, bare)
    with Server(path, "--log-payloads", f"{logs}?format={form}") as server:
        for number in range(3):
            predict(server, rows(float(number)), f"p{number}")
        assert not glob.glob(f"{logs}/*.{form}"), "a file has its name once it is closed"
    [file] = glob.glob(f"{logs}/*")
    assert file.endswith("." + form)
    if form == "parquet":
        table = pyarrow.parquet.read_table(file)
        assert str(table.schema.field("time").type) == "timestamp[us, tz=UTC]"
        events = table.to_pylist()
        bodies = [json.loads(event["data"]) for event in events]
        assert events[0]["shape"] == "[1, 1]" and events[0]["datatype"] == "FP64"
    else:
        events = [json.loads(line) for line in open(file)]
        bodies = [event["data"] for event in events]
        cloudevents.http.from_json(json.dumps(events[0]))
    assert len(events) == 6
    requests = [body for event, body in zip(events, bodies) if event["type"] == REQUEST]
    assert sorted(body["data"]["ndarray"][0][0] for body in requests) == [0.0, 1.0, 2.0]
    assert sorted(event["requestid"] for event in events) == ["p0", "p0", "p1", "p1", "p2", "p2"]


def test_a_logger_without_an_address(tmp_path):
    path = document(tmp_path, simple())
    with Receiver() as receiver:
        env = {"REQUEST_LOGGER_DEFAULT_ENDPOINT": receiver.url}
        with Server(path, env=env) as server:
            predict(server, rows(1.0), "p")
            receiver.wait(2)
    with Server(path) as server:
        predict(server, rows(1.0), "p")
        assert "REQUEST_LOGGER_DEFAULT_ENDPOINT" in server.stderr()


def test_mistakes_are_found_before_anything_runs(tmp_path):
    annotations = {"hari.dev/payload-log-sample": "n=0.5,m=2"}
    path = document(tmp_path, simple("broker.default"), annotations=annotations)
    found = hari("validate", path, code=1)
    found = found.stdout + found.stderr
    assert "logger-url" in found and "broker.default" in found
    assert "unknown-node" in found and "payload-log-share" in found
