"""curl: every way a body comes in, every error in the shape of its protocol, every header."""

import gzip
import json
import re
import subprocess
from urllib.parse import quote

import pytest
import zstandard

from harness import MANIFEST, REQUESTS, close, environment, expected, pixels

PREDICTIONS = "/api/v1.0/predictions"
INFER = "/v2/models/mnist-model/infer"
PREDICT = "/v1/models/mnist-model:predict"
JSON = ("-H", "Content-Type: application/json")
SEVEN = (REQUESTS / "seldon-ndarray.json").read_text()
# The same digit in few bytes: what fits into a URI of 8 KiB.
SHORT = json.dumps(
    {"data": {"ndarray": [[round(float(v), 1) or 0 for v in pixels(7).ravel()]]}},
    separators=(",", ":"),
)


class Answer:
    """Status, headers in lower case, and body."""

    def __init__(self, raw):
        head, self.body = raw.split(b"\r\n\r\n", 1)
        while head.startswith(b"HTTP/1.1 100"):
            head, self.body = self.body.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        self.status = int(lines[0].split()[1])
        pairs = [line.split(": ", 1) for line in lines[1:]]
        self.headers = {name.lower(): value for name, value in pairs}

    def json(self):
        return json.loads(self.body)


def curl(url, *options, data=None):
    """Runs curl; `data` goes to its standard input, for `@-`."""
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--include", "--max-time", "20", *options, url],
        input=data if data is None or isinstance(data, bytes) else data.encode(),
        env=environment(),
        capture_output=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr.decode()
    return Answer(done.stdout)


def told_seven(answer, digits=None):
    assert answer.status == 200, answer.body
    found = answer.json()["data"]["ndarray"]
    if digits is None:
        close(found, expected(7))
    else:
        close(found, expected(7), digits)


# Bodies of the Seldon protocol


@pytest.mark.parametrize("path", [PREDICTIONS, "/api/v0.1/predictions", "/predict"])
@pytest.mark.parametrize("prefix", ["", "/seldon/default/mnist"])
def test_a_json_body(mnist, prefix, path):
    told_seven(curl(mnist.url(prefix + path), *JSON, "--data-binary", "@-", data=SEVEN))


def test_a_json_body_without_a_content_type(mnist):
    told_seven(curl(mnist.url(PREDICTIONS), "-H", "Content-Type:", "--data-binary", "@-", data=SEVEN))


@pytest.mark.parametrize("path", [PREDICTIONS, "/predict"])
def test_a_form_field(mnist, path):
    told_seven(curl(mnist.url(path), "--data-urlencode", "json@-", data=SEVEN))


def test_a_query_parameter(mnist):
    target = mnist.url("/predict") + "?json=" + quote(SHORT, safe='{}[],:"').replace('"', "%22")
    assert len(target) < 8192
    told_seven(curl(target, "--globoff"), 0.05)


def test_a_multipart_form(mnist, tmp_path):
    image = tmp_path / "image.json"
    image.write_text(json.dumps(json.loads(SEVEN)["data"]))
    told_seven(curl(mnist.url(PREDICTIONS), "-F", f"data=<{image}"))
    whole = tmp_path / "whole.json"
    whole.write_text(SEVEN)
    told_seven(curl(mnist.url(PREDICTIONS), "-F", f"json=<{whole}"))


def test_a_multipart_file_of_bytes_is_refused_by_a_model_of_tensors(mnist, tmp_path):
    blob = tmp_path / "blob.bin"
    blob.write_bytes(bytes(range(256)))
    answer = curl(mnist.url(PREDICTIONS), "-F", f"binData=@{blob}")
    assert answer.status == 400, answer.body
    assert answer.json()["status"]["status"] == "FAILURE"


def test_a_chunked_body_and_one_that_waits_for_a_go(mnist):
    chunked = ("-H", "Transfer-Encoding: chunked")
    told_seven(curl(mnist.url(PREDICTIONS), *JSON, *chunked, "--data-binary", "@-", data=SEVEN))
    waiting = ("-H", "Expect: 100-continue")
    told_seven(curl(mnist.url(PREDICTIONS), *JSON, *waiting, "--data-binary", "@-", data=SEVEN))


def test_http2_without_an_upgrade(mnist):
    h2 = ("--http2-prior-knowledge",)
    told_seven(curl(mnist.url(PREDICTIONS), *JSON, *h2, "--data-binary", "@-", data=SEVEN))


# Compression


@pytest.mark.parametrize(
    ("name", "pack"),
    [("gzip", gzip.compress), ("zstd", zstandard.ZstdCompressor().compress)],
)
def test_a_compressed_request(mnist, name, pack):
    encoded = ("-H", f"Content-Encoding: {name}")
    body = pack(SEVEN.encode())
    told_seven(curl(mnist.url(PREDICTIONS), *JSON, *encoded, "--data-binary", "@-", data=body))


def many_rows():
    return json.dumps({"data": {"ndarray": [pixels(7)[0].tolist()] * 20}})


@pytest.mark.parametrize(
    ("name", "unpack"),
    [
        ("gzip", gzip.decompress),
        ("zstd", lambda packed: zstandard.ZstdDecompressor().decompressobj().decompress(packed)),
    ],
)
def test_a_compressed_reply(mnist, name, unpack):
    accept = ("-H", f"Accept-Encoding: {name}")
    url = mnist.url(PREDICTIONS)
    answer = curl(url, *JSON, *accept, "--data-binary", "@-", data=many_rows())
    assert answer.status == 200
    assert answer.headers["content-encoding"] == name
    assert "accept-encoding" in answer.headers["vary"].lower()
    rows = json.loads(unpack(answer.body))["data"]["ndarray"]
    assert len(rows) == 20
    close(rows[:1], expected(7))


def test_who_asks_for_no_compression_gets_none(mnist):
    answer = curl(mnist.url(PREDICTIONS), *JSON, "--data-binary", "@-", data=many_rows())
    assert "content-encoding" not in answer.headers
    assert len(answer.json()["data"]["ndarray"]) == 20


def test_an_encoding_that_is_not_known(mnist):
    encoded = ("-H", "Content-Encoding: br")
    answer = curl(mnist.url(PREDICTIONS), *JSON, *encoded, "--data-binary", "@-", data=SEVEN)
    assert answer.status == 415
    assert "br" in answer.json()["status"]["info"]


# Errors in the shape of each protocol


def seldon_error(answer, code):
    status = answer.json()["status"]
    assert status["code"] == code
    assert status["status"] == "FAILURE"
    assert status["info"]
    return status["info"]


def plain_error(answer, _code):
    assert list(answer.json()) == ["error"]
    return answer.json()["error"]


SHAPES = [(PREDICTIONS, seldon_error), (INFER, plain_error), (PREDICT, plain_error)]


@pytest.mark.parametrize(("path", "said"), SHAPES)
@pytest.mark.parametrize("body", ["", "{", "[]", '{"nothing": 1}', "\x00\xff", '{"data":{"ndarray":[[1]]}}'])
def test_a_bad_body(mnist, path, said, body):
    answer = curl(mnist.url(path), *JSON, "--data-binary", "@-", data=body)
    assert answer.status == 400, answer.body
    assert answer.headers["content-type"] == "application/json"
    info = said(answer, 400)
    assert "/work" not in info and "src/" not in info


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/nosuch", seldon_error),
        ("/api/v1.0/nosuch", seldon_error),
        ("/seldon/default/nosuch" + PREDICTIONS, seldon_error),
        ("/v2/models/nosuch/infer", plain_error),
        ("/v2/nosuch", plain_error),
        ("/seldon/default/nosuch" + INFER, plain_error),
        ("/v1/models/nosuch:predict", plain_error),
        ("/v1/models/mnist-model/versions/9:predict", plain_error),
    ],
)
def test_what_is_not_there(mnist, path, said):
    answer = curl(mnist.url(path), *JSON, "--data-binary", "@-", data=SEVEN)
    assert answer.status == 404, answer.body
    said(answer, 404)


@pytest.mark.parametrize(("path", "said"), SHAPES)
def test_a_method_that_is_not_known(mnist, path, said):
    answer = curl(mnist.url(path), "-X", "DELETE")
    assert answer.status == 405, answer.body
    assert "POST" in answer.headers["allow"]
    said(answer, 405)


@pytest.mark.parametrize(("path", "said"), SHAPES)
def test_a_body_that_is_too_large(mnist, tmp_path, path, said):
    large = tmp_path / "large.json"
    with open(large, "wb") as file:
        file.truncate((64 << 20) + 1)
    answer = curl(mnist.url(path), *JSON, "-T", str(large), "-X", "POST")
    assert answer.status == 413, answer.body
    assert str(64 << 20) in said(answer, 413)


def test_a_uri_that_is_too_long(mnist):
    answer = curl(mnist.url("/predict?json=" + "x" * 9000))
    assert answer.status in (413, 414), answer.body


# Headers


UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@pytest.mark.parametrize("path", [PREDICTIONS, INFER, PREDICT, "/nosuch"])
def test_a_request_id_is_taken_over_or_made(mnist, path):
    body = ("--data-binary", "@-")
    given = curl(mnist.url(path), *JSON, *body, "-H", "Seldon-Puid: my-own-id", data=SEVEN)
    assert given.headers["seldon-puid"] == "my-own-id"
    first = curl(mnist.url(path), *JSON, *body, data=SEVEN).headers["seldon-puid"]
    second = curl(mnist.url(path), *JSON, *body, data=SEVEN).headers["seldon-puid"]
    assert UUID4.fullmatch(first) and UUID4.fullmatch(second) and first != second


@pytest.mark.parametrize("path", ["/live", "/ready", "/v2/health/ready", "/v1/models/mnist-model"])
def test_every_reply_says_nosniff_and_cors(mnist, path):
    answer = curl(mnist.url(path))
    assert answer.status == 200
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["access-control-allow-origin"] == "*"
    allowed = answer.headers["access-control-allow-headers"]
    assert {"Authorization", "Content-Type", "X-CSRF-Token"} <= set(allowed.split(", "))


@pytest.mark.parametrize("path", [PREDICTIONS, INFER, PREDICT])
def test_a_browser_asks_first(mnist, path):
    origin = ("-H", "Origin: https://example.com", "-H", "Access-Control-Request-Method: POST")
    answer = curl(mnist.url(path), "-X", "OPTIONS", *origin)
    assert answer.status == 200
    assert answer.body == b""
    allowed = set(answer.headers["access-control-allow-methods"].split(","))
    # The model's own path, `/v1/models/NAME`, is the same piece of the path with another verb.
    more = {"GET"} if path == PREDICT else set()
    assert {"OPTIONS", "POST"} <= allowed <= {"OPTIONS", "POST"} | more


def test_cors_is_what_the_settings_say(own):
    settings = {"CORS_ALLOWED_ORIGINS": "https://a.example", "CORS_ALLOWED_HEADERS": "X-One"}
    answer = curl(own(MANIFEST, env=settings).url("/live"))
    assert answer.headers["access-control-allow-origin"] == "https://a.example"
    assert answer.headers["access-control-allow-headers"] == "X-One"


def test_a_cloud_event_is_answered_as_one(mnist):
    event = ("-H", "Ce-Specversion: 0.3", "-H", "Seldon-Puid: event-1")
    answer = curl(mnist.url(PREDICTIONS), *JSON, *event, "--data-binary", "@-", data=SEVEN)
    told_seven(answer)
    found = {name: value for name, value in answer.headers.items() if name.startswith("ce-")}
    assert found == {
        "ce-id": "event-1",
        "ce-specversion": "0.3",
        "ce-path": PREDICTIONS,
        "ce-type": "seldon.mnist.default.response",
        "ce-source": "seldon.mnist",
    }
    plain = curl(mnist.url(PREDICTIONS), *JSON, "--data-binary", "@-", data=SEVEN)
    assert not any(name.startswith("ce-") for name in plain.headers)


def test_markup_in_a_reply_is_escaped(mnist):
    body = json.dumps({"data": json.loads(SEVEN)["data"], "meta": {"tags": {"t": "<b>&\u2028"}}})
    answer = curl(mnist.url(PREDICTIONS), *JSON, "--data-binary", "@-", data=body)
    told_seven(answer)
    assert answer.json()["meta"]["tags"]["t"] == "<b>&\u2028"
    assert b"<" not in answer.body and b"\\u003c" in answer.body


def test_meta_of_the_caller_comes_back(mnist):
    meta = {"puid": "p-1", "tags": {"tenant": "a"}, "requestPath": {"before": "image:1"}}
    body = json.dumps({"data": json.loads(SEVEN)["data"], "meta": meta})
    found = curl(mnist.url(PREDICTIONS), *JSON, "--data-binary", "@-", data=body).json()["meta"]
    assert found["puid"] == "p-1"
    assert found["tags"] == {"tenant": "a"}
    assert found["requestPath"]["before"] == "image:1"
    assert "mnist-model" in found["requestPath"]


# The other paths of the Seldon protocol


def test_probes_status_and_metadata(mnist):
    for path in ("/live", "/ready", "/api/v1.0/status", "/api/v1.0/health/status", "/health/status"):
        assert curl(mnist.url(path)).status == 200, path
    assert curl(mnist.url("/health/ping")).body == b"pong"
    assert curl(mnist.url("/api/v1.0/status/mnist-model")).status == 200
    assert curl(mnist.url("/api/v1.0/status/nosuch")).status == 404
    one = curl(mnist.url("/api/v1.0/metadata/mnist-model")).json()
    assert one["name"] == "mnist-model"
    assert one["inputs"][0]["shape"] == [-1, 28, 28, 1]
    graph = curl(mnist.url("/api/v1.0/metadata")).json()
    assert list(graph["models"]) == ["mnist-model"]


def test_feedback(mnist):
    feedback = json.dumps({"request": json.loads(SEVEN), "reward": 1.0})
    answer = curl(mnist.url("/api/v1.0/feedback"), *JSON, "--data-binary", "@-", data=feedback)
    assert answer.status == 200, answer.body
    answer.json()
