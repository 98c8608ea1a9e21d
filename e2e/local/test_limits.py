"""Abuse. After each: the same process is alive, the next good request is answered right within a
second, the refusal was well formed, and memory and descriptors came back."""

import contextlib
import gzip
import json
import random
import socket
import threading
import time
import zlib

import grpc
import pytest
import zstandard

from harness import MANIFEST, Server, http, pixels, predict_seven, until

PREDICTIONS = "/api/v1.0/predictions"
INFER = "/v2/models/mnist-model/infer"
PREDICT = "/v1/models/mnist-model:predict"
PATHS = (PREDICTIONS, INFER, PREDICT)
MIB = 1 << 20

# A refusal within this, a good answer within a second.
REFUSED_SECONDS = 10
SLACK = 48 * MIB


@pytest.fixture(scope="module")
def server():
    with Server(MANIFEST) as server:
        for _ in range(20):
            predict_seven(server)
        yield server


@pytest.fixture(autouse=True)
def unharmed(server):
    """What holds after every abuse."""
    memory, descriptors = server.resident(), server.descriptors()
    yield
    assert server.alive(), server.stderr()
    started = time.monotonic()
    predict_seven(server)
    took = time.monotonic() - started
    assert took < 1, f"the next good request took {took:.2f} seconds"
    until(
        lambda: server.resident() < memory + SLACK,
        f"memory comes back to {memory >> 20} MiB and {SLACK >> 20}",
        10,
        0.1,
    )
    until(
        lambda: server.descriptors() <= descriptors + 2,
        f"descriptors come back to {descriptors}",
        20,
        0.1,
    )
    assert "panicked" not in server.stderr()


def post(server, path, body, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return http(
        server.url(path), body, {"Content-Type": "application/json", **named}, timeout=REFUSED_SECONDS
    )


def refused(reply, *codes):
    """A refusal is one of `codes`, in the shape of a protocol, and tells nothing of the machine."""
    assert reply.status in codes, (reply.status, reply.body[:300])
    said = reply.json()
    text = said["error"] if "error" in said else said["status"]["info"]
    assert text and len(text) < 2000
    assert not any(word in text for word in ("/work", "/root", "src/", ".rs:", "panicked"))


DEEP = b"[" * 200_000
MALFORMED = {
    "nothing": b"",
    "white": b" " * 1000,
    "half": b'{"data":{"ndarray":[[0,1',
    "nul": b"\0" * 1000,
    "utf8": b'{"strData":"\xff\xfe"}',
    "surrogate": b'{"strData":"\\ud800"}',
    "deep-array": b'{"data":{"ndarray":' + DEEP,
    "deep-object": b'{"a":' * 100_000,
    "deep-inputs": b'{"inputs":' + DEEP,
    "deep-instances": b'{"instances":' + DEEP,
    "ragged": b'{"data":{"ndarray":[[1,2],[3]]},"instances":[[1,2],[3]]}',
    "huge-shape": b'{"data":{"tensor":{"shape":[4000000000,4000000000],"values":[1]}}}',
    "negative-shape": b'{"data":{"tensor":{"shape":[-1,-784],"values":[1]}}}',
    "fraction-shape": b'{"data":{"tensor":{"shape":[0.5],"values":[1]}}}',
    "rank": b'{"data":{"tensor":{"shape":[' + b"1," * 500 + b'1],"values":[1]}}}',
    "number": b'{"data":{"ndarray":[[1e99999999]]},"instances":[[1e99999999]]}',
    "digits": b'{"data":{"ndarray":[' + b"9" * 1_000_000 + b"]}}",
    "keys": b"{" + b",".join(b'"k%d":1' % n for n in range(50_000)) + b"}",
    "tftensor": b'{"data":{"tftensor":{"dtype":"DT_FLOAT","tensorShape":{"dim":[{"size":"9000000000000000000"}]},"tensorContent":"AAAA"}}}',
    "base64": b'{"binData":"!!!!","instances":[{"b64":"!!!!"}]}',
    "huge-input": b'{"inputs":[{"name":"image","shape":[1000000000000,784],"datatype":"FP32","data":[1]}]}',
    "wrapped-input": b'{"inputs":[{"name":"image","shape":[4294967296,4294967296],"datatype":"FP32","data":[]}]}',
    "many-inputs": b'{"inputs":[' + b",".join([b'{"name":"x","shape":[1],"datatype":"FP32","data":[1]}'] * 5000) + b"]}",
    "empty-dim": b'{"inputs":[{"name":"image","shape":[0,28,28,1],"datatype":"FP32","data":[1]}]}',
    "datatype": b'{"inputs":[{"name":"image","shape":[1],"datatype":"FP128","data":[1]}]}',
    "binary-size": b'{"inputs":[{"name":"image","shape":[1],"datatype":"FP32","parameters":{"binary_data_size":18446744073709551615}}]}',
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_bodies(server, name):
    for path in PATHS:
        refused(post(server, path, MALFORMED[name]), 400, 413)


def test_random_bytes(server):
    dice = random.Random(7)
    for _ in range(100):
        body = dice.randbytes(dice.randrange(1, 3000))
        refused(post(server, dice.choice(PATHS), body), 400)


def test_a_good_body_cut_and_changed_anywhere(server):
    dice = random.Random(11)
    good = json.dumps({"data": {"ndarray": pixels(7).tolist()}}).encode()
    for _ in range(100):
        at = dice.randrange(len(good))
        torn = good[:at] if dice.random() < 0.5 else good[:at] + dice.randbytes(1) + good[at + 1 :]
        reply = post(server, PREDICTIONS, torn)
        if reply.status != 200:
            refused(reply, 400)


def test_binary_tensors_that_lie_about_their_length(server):
    head = b'{"inputs":[{"name":"image","shape":[1,28,28,1],"datatype":"FP32","parameters":{"binary_data_size":3136}}]}'
    for length in ("0", "-1", "x", str(len(head) - 1), str(len(head) + 5000), "99999999999999999999"):
        reply = post(server, INFER, head + b"\0" * 3136, Inference_Header_Content_Length=length)
        refused(reply, 400)
    for tail in (0, 1, 3135, 3137, 10_000):
        body = head + b"\0" * tail
        refused(post(server, INFER, body, Inference_Header_Content_Length=str(len(head))), 400)


@pytest.mark.parametrize("path", PATHS)
def test_a_body_over_the_limit(server, path):
    refused(post(server, path, b" " * (64 * MIB + 1)), 413)


@pytest.mark.parametrize("path", PATHS)
def test_a_body_over_the_limit_that_does_not_say_so(server, path):
    host, port = server.http.split(":")
    with socket.create_connection((host, int(port)), timeout=REFUSED_SECONDS) as link:
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        link.sendall(head.encode())
        chunk = b"100000\r\n" + b" " * MIB + b"\r\n"
        # The server stops reading as soon as it has had enough.
        with contextlib.suppress(ConnectionError, TimeoutError):
            for _ in range(80):
                link.sendall(chunk)
        assert b"413" in link.recv(64)


def bombs():
    zeros = b'{"data":{"ndarray":[[' + b"0," * (300 * MIB // 2) + b"0]]}}"
    yield "gzip", gzip.compress(zeros, 9)
    yield "zstd", zstandard.ZstdCompressor(19).compress(zeros)
    yield "deflate", zlib.compress(zeros, 9)


def test_compressed_bombs(server):
    for name, bomb in bombs():
        assert len(bomb) < 2 * MIB
        peak = server.status("VmHWM")
        started = time.monotonic()
        for path in PATHS:
            refused(post(server, path, bomb, Content_Encoding=name), 400, 413)
        assert time.monotonic() - started < REFUSED_SECONDS
        grown = server.status("VmHWM") - peak
        assert grown < min(100 * len(bomb) * len(PATHS), 256 * MIB), f"{name}: {grown >> 20} MiB"


def test_bodies_that_only_say_they_are_compressed(server):
    whole = gzip.compress(json.dumps({"data": {"ndarray": pixels(7).tolist()}}).encode())
    for name in ("gzip", "zstd", "deflate"):
        for body in (b"", b"\x1f\x8b", b"x" * 100, whole[: len(whole) // 2]):
            refused(post(server, PREDICTIONS, body, Content_Encoding=name), 400)


def send(server, raw, seconds=REFUSED_SECONDS):
    """Sends bytes as they are, and returns what comes back until the server closes or is done."""
    host, port = server.http.split(":")
    with socket.create_connection((host, int(port)), timeout=seconds) as link:
        with contextlib.suppress(ConnectionError):
            link.sendall(raw)
        with contextlib.suppress(OSError):
            link.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while piece := link.recv(65536):
                answer += piece
    return answer


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200,
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /live HTTP/1.1\r\nHost: x\r\n" + b"X: " + b"a" * 200_000 + b"\r\n\r\n",
        b"GET /live HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: a\r\n" % n for n in range(500)) + b"\r\n",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\nabcdef",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 1000,
    ],
    ids=["tls", "verb", "version", "uri", "header", "headers", "lengths", "negative", "chunk", "h2"],
)
def test_what_is_no_http(server, raw):
    answer = send(server, raw)
    assert not answer.startswith(b"HTTP/1.1 200"), answer[:200]
    if answer.startswith(b"HTTP/1.1"):
        assert answer.split()[1] in (b"400", b"404", b"413", b"414", b"431", b"505"), answer[:200]


@pytest.mark.timeout(120)
def test_slow_clients_are_given_up_and_harm_no_other(server):
    """A hundred that never finish their headers, and as many that never finish their body."""
    host, port = server.http.split(":")
    headers = b"POST /predict HTTP/1.1\r\nHost: x\r\n"
    body = headers + b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    links = []
    for start in [headers] * 100 + [body] * 100:
        link = socket.create_connection((host, int(port)), timeout=5)
        link.sendall(start)
        links.append(link)
    started = time.monotonic()
    predict_seven(server)
    assert time.monotonic() - started < 1
    ended = 0
    for link in links:
        link.settimeout(max(0.1, started + 25 - time.monotonic()))
        with contextlib.suppress(ConnectionError):
            while link.recv(65536):
                pass
        ended += 1
        link.close()
    assert ended == len(links)
    assert time.monotonic() - started < 25


def test_many_connections(server):
    host, port = server.http.split(":")
    with contextlib.ExitStack() as open_links:
        for _ in range(1000):
            open_links.enter_context(socket.create_connection((host, int(port)), timeout=5))
        started = time.monotonic()
        predict_seven(server)
        assert time.monotonic() - started < 1
        grown = server.resident()
    assert grown < 512 * MIB


def test_connections_over_the_limit_are_closed_and_room_comes_back(own):
    small = own(MANIFEST, env={"HARI_MAX_CONNECTIONS": "8"})
    host, port = small.http.split(":")
    links = [socket.create_connection((host, int(port)), timeout=5) for _ in range(8)]
    request = b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n"
    for link in links:
        link.sendall(request)
        assert link.recv(64).startswith(b"HTTP/1.1 200")
    with socket.create_connection((host, int(port)), timeout=5) as one_more:
        with contextlib.suppress(ConnectionError):
            one_more.sendall(request)
            assert one_more.recv(64) == b""
    for link in links:
        link.close()

    def room():
        with contextlib.suppress(OSError):
            return http(small.url("/live"), timeout=2).status == 200
        return False

    until(room, "room for new connections", 5)
    predict_seven(small)


def test_clients_that_go_away_in_the_middle(server):
    host, port = server.http.split(":")
    good = json.dumps({"data": {"ndarray": pixels(7).tolist() * 200}}).encode()
    head = f"POST {PREDICTIONS} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(good)}\r\n\r\n".encode()
    for cut in (10, len(good) // 2, len(good)):
        for _ in range(20):
            link = socket.create_connection((host, int(port)), timeout=5)
            link.sendall(head + good[:cut])
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            link.close()


def test_more_than_can_be_answered_is_refused_with_a_time_to_come_back(own):
    small = own(MANIFEST, env={"HARI_MAX_IN_FLIGHT": "2"})
    body = json.dumps({"data": {"ndarray": pixels(7).tolist() * 300}}).encode()
    replies = []

    def ask():
        replies.append(post(small, PREDICTIONS, body))

    threads = [threading.Thread(target=ask) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    codes = {reply.status for reply in replies}
    assert codes <= {200, 429, 503}, codes
    assert 200 in codes
    for reply in replies:
        if reply.status != 200:
            refused(reply, 429, 503)
            assert int(reply.headers["Retry-After"]) >= 1
    predict_seven(small)


def test_a_deadline_ends_what_takes_too_long(own):
    hurried = own(MANIFEST, env={"HARI_REQUEST_TIMEOUT_MS": "1"})
    body = {"data": {"ndarray": pixels(7).tolist() * 2000}}
    reply = http(hurried.url(PREDICTIONS), body)
    refused(reply, 504)


GRPC = {
    "seldon": "/seldon.protos.Seldon/Predict",
    "v2": "/inference.GRPCInferenceService/ModelInfer",
    "tensorflow": "/tensorflow.serving.PredictionService/Predict",
}


def status(server, method, message, seconds=REFUSED_SECONDS):
    options = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(server.grpc, options) as channel:
        try:
            channel.unary_unary(method)(message, timeout=seconds)
        except grpc.RpcError as refusal:
            return refusal.code(), refusal.details()
    return grpc.StatusCode.OK, ""


@pytest.mark.parametrize("name", GRPC)
def test_grpc_messages_that_cannot_be_read(server, name):
    dice = random.Random(5)
    cases = [b"\xff" * 100, b"\x0a\xff\xff\xff\xff\x0f", b"\x1a\x05abc", b"\x0b" * 5000]
    cases += [dice.randbytes(dice.randrange(1, 500)) for _ in range(30)]
    fine = {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    }
    for message in cases:
        code, details = status(server, GRPC[name], message)
        assert code in fine, (code, details)


@pytest.mark.parametrize("name", GRPC)
def test_a_grpc_message_over_the_limit(server, name):
    # One unknown field of 64 MiB: well formed but for its size.
    size = 64 * MIB
    message = b"\xfa\x7f" + bytes([0x80, 0x80, 0x80, 0x20]) + b"\0" * size
    code, _ = status(server, GRPC[name], message)
    assert code == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_grpc_method_that_is_not_there(server):
    for method in ("/seldon.protos.Seldon/Nosuch", "/no.such.Service/Call"):
        code, _ = status(server, method, b"")
        assert code == grpc.StatusCode.UNIMPLEMENTED
