"""tritonclient, unmodified: the open inference protocol over HTTP and gRPC with its extensions."""

import queue

import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from google.protobuf import json_format
from tritonclient.utils import InferenceServerException

from harness import MNIST, close, expected, pixels, ten_digits

MODEL = "mnist-model"


@pytest.fixture(scope="module")
def over_http(mnist):
    client = triton_http.InferenceServerClient(mnist.http, concurrency=4)
    yield client
    client.close()


@pytest.fixture(scope="module")
def over_grpc(mnist):
    client = triton_grpc.InferenceServerClient(mnist.grpc)
    yield client
    client.close()


@pytest.fixture(params=["http", "grpc", "grpc-on-the-http-port"], scope="module")
def triton(request, mnist):
    """Client and the module that makes its inputs, for each transport."""
    if request.param == "http":
        module, address = triton_http, mnist.http
    else:
        module, address = triton_grpc, mnist.grpc if request.param == "grpc" else mnist.http
    client = module.InferenceServerClient(address)
    yield client, module
    client.close()


def image(module, array, **how):
    array = np.ascontiguousarray(array, dtype=np.float32)
    tensor = module.InferInput("image", list(array.shape), "FP32")
    tensor.set_data_from_numpy(array, **how)
    return [tensor]


def as_dict(reply):
    """Metadata of either client as plain data."""
    if isinstance(reply, (dict, list)):
        return reply
    return json_format.MessageToDict(reply, preserving_proto_field_name=True)


def test_health(triton):
    client, _ = triton
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(MODEL)
    assert client.is_model_ready(MODEL, "1")
    assert not client.is_model_ready("nosuch")
    assert not client.is_model_ready(MODEL, "9")


def test_server_metadata(triton):
    client, _ = triton
    metadata = as_dict(client.get_server_metadata())
    assert metadata["name"] == "hari"
    assert metadata["version"]
    assert "extensions" in metadata


def test_model_metadata(triton):
    client, _ = triton
    for version in ("", "1"):
        metadata = as_dict(client.get_model_metadata(MODEL, version))
        assert metadata["name"] == MODEL
        assert metadata["versions"] == ["1"]
        [given] = metadata["inputs"]
        [taken] = metadata["outputs"]
        assert (given["name"], given["datatype"]) == ("image", "FP32")
        assert [int(size) for size in given["shape"]] == [-1, 28, 28, 1]
        assert (taken["name"], taken["datatype"]) == ("output_0", "FP32")
        assert [int(size) for size in taken["shape"]] == [-1, 10]


def test_repository_index(triton):
    client, _ = triton
    index = as_dict(client.get_model_repository_index())
    models = index["models"] if isinstance(index, dict) else index
    [entry] = [model for model in models if model["name"] == MODEL]
    assert entry["state"] == "READY"


def test_a_digit_is_told(triton):
    client, module = triton
    result = client.infer(MODEL, image(module, pixels(7)))
    close(result.as_numpy("output_0"), expected(7))


def test_ten_digits_at_once(triton):
    client, module = triton
    result = client.infer(MODEL, image(module, ten_digits()))
    close(result.as_numpy("output_0"), expected())


def test_id_version_and_chosen_output(triton):
    client, module = triton
    result = client.infer(
        MODEL,
        image(module, pixels(7)),
        model_version="1",
        outputs=[module.InferRequestedOutput("output_0")],
        request_id="request-7",
    )
    reply = as_dict(result.get_response())
    assert reply["id"] == "request-7"
    assert reply["model_name"] == MODEL
    assert reply["model_version"] == "1"
    close(result.as_numpy("output_0"), expected(7))


def test_classification(triton):
    client, module = triton
    best = module.InferRequestedOutput("output_0", class_count=3)
    result = client.infer(MODEL, image(module, ten_digits()), outputs=[best])
    classes = result.as_numpy("output_0")
    assert classes.shape == (10, 3)
    for digit, row in enumerate(classes):
        pieces = [text.decode().split(":") for text in row]
        assert int(pieces[0][1]) == digit
        scores = [float(piece[0]) for piece in pieces]
        assert scores == sorted(scores, reverse=True)
        close(scores, np.sort(expected(digit)[0])[::-1][:3])


@pytest.mark.parametrize("shape", [(28, 28), (784,), (1, 28, 28), (1, 784)])
def test_one_reading_of_a_shape_is_taken(triton, shape):
    client, module = triton
    result = client.infer(MODEL, image(module, pixels(7).reshape(shape)))
    close(result.as_numpy("output_0"), expected(7))


@pytest.mark.parametrize(
    ("name", "shape", "kind", "model", "version"),
    [
        ("image", (1, 28, 27, 1), np.float32, MODEL, ""),
        ("nosuch", (1, 28, 28, 1), np.float32, MODEL, ""),
        ("image", (1, 28, 28, 1), np.float32, "nosuch", ""),
        ("image", (1, 28, 28, 1), np.float32, MODEL, "9"),
        ("image", (1, 28, 28, 1), object, MODEL, ""),
    ],
    ids=["shape", "name", "model", "version", "datatype"],
)
def test_what_does_not_fit_is_refused_by_name(triton, name, shape, kind, model, version):
    client, module = triton
    if kind is object:
        array, datatype = np.full(shape, b"x", dtype=object), "BYTES"
    else:
        array, datatype = np.zeros(shape, dtype=kind), "FP32"
    tensor = module.InferInput(name, list(shape), datatype)
    tensor.set_data_from_numpy(array)
    with pytest.raises(InferenceServerException) as refusal:
        client.infer(model, [tensor], model_version=version)
    said = refusal.value.message()
    status = refusal.value.status()
    not_found = model == "nosuch" or version == "9"
    assert status in (("404", "StatusCode.NOT_FOUND") if not_found else ("400", "StatusCode.INVALID_ARGUMENT"))
    assert (version or "nosuch" if not_found else name) in said
    assert "/" not in said.replace("and/or", ""), f"no path in what callers are told: {said}"


def test_an_unknown_output_is_refused(triton):
    client, module = triton
    with pytest.raises(InferenceServerException, match="nosuch"):
        client.infer(
            MODEL,
            image(module, pixels(7)),
            outputs=[module.InferRequestedOutput("nosuch")],
        )


# HTTP alone


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False])
def test_binary_and_json_tensors(over_http, binary_in, binary_out):
    result = over_http.infer(
        MODEL,
        image(triton_http, ten_digits(), binary_data=binary_in),
        outputs=[triton_http.InferRequestedOutput("output_0", binary_data=binary_out)],
    )
    [output] = result.get_response()["outputs"]
    assert ("data" in output) != binary_out
    assert ("binary_data_size" in output.get("parameters", {})) == binary_out
    close(result.as_numpy("output_0"), expected())


@pytest.mark.parametrize("sent", [None, "gzip", "deflate"])
@pytest.mark.parametrize("wanted", [None, "gzip", "deflate"])
def test_compression_over_http(over_http, sent, wanted):
    result = over_http.infer(
        MODEL,
        image(triton_http, ten_digits()),
        outputs=[triton_http.InferRequestedOutput("output_0", binary_data=False)],
        request_compression_algorithm=sent,
        response_compression_algorithm=wanted,
    )
    close(result.as_numpy("output_0"), expected())


def test_many_at_once_over_http(over_http):
    asked = [
        over_http.async_infer(MODEL, image(triton_http, pixels(digit))) for digit in range(10)
    ]
    for digit, one in enumerate(asked):
        close(one.get_result().as_numpy("output_0"), expected(digit))


def test_behind_the_gateways_prefix(mnist):
    address = f"{mnist.http}/seldon/default/mnist"
    client = triton_http.InferenceServerClient(address)
    assert client.is_model_ready(MODEL)
    close(client.infer(MODEL, image(triton_http, pixels(7))).as_numpy("output_0"), expected(7))
    client.close()


# gRPC alone


def test_compression_over_grpc(over_grpc):
    for algorithm in ("gzip", "deflate"):
        if algorithm == "deflate":
            # gRPC servers need not know it; a clean refusal is an answer.
            with pytest.raises(InferenceServerException, match="UNIMPLEMENTED"):
                over_grpc.infer(
                    MODEL, image(triton_grpc, ten_digits()), compression_algorithm=algorithm
                )
            continue
        result = over_grpc.infer(
            MODEL, image(triton_grpc, ten_digits()), compression_algorithm=algorithm
        )
        close(result.as_numpy("output_0"), expected())


def test_config_and_statistics(over_grpc):
    config = over_grpc.get_model_config(MODEL, as_json=True)["config"]
    assert config["name"] == MODEL
    assert [given["name"] for given in config["input"]] == ["image"]


def test_metadata_of_a_gateway(over_grpc):
    here = {"seldon": "mnist", "namespace": "default"}
    result = over_grpc.infer(MODEL, image(triton_grpc, pixels(7)), headers=here)
    close(result.as_numpy("output_0"), expected(7))
    with pytest.raises(InferenceServerException, match="NOT_FOUND"):
        over_grpc.infer(MODEL, image(triton_grpc, pixels(7)), headers={"seldon": "nosuch"})


def test_a_stream(mnist):
    client = triton_grpc.InferenceServerClient(mnist.grpc)
    answers = queue.Queue(maxsize=16)
    client.start_stream(callback=lambda result, error: answers.put((result, error)))
    for digit in range(10):
        client.async_stream_infer(MODEL, image(triton_grpc, pixels(digit)), request_id=str(digit))
    for _ in range(10):
        result, error = answers.get(timeout=10)
        assert error is None, error
        close(result.as_numpy("output_0"), expected(int(result.get_response().id)))
    client.async_stream_infer("nosuch", image(triton_grpc, pixels(7)))
    _, error = answers.get(timeout=10)
    assert "nosuch" in error.message()
    client.async_stream_infer(MODEL, image(triton_grpc, pixels(7)))
    result, error = answers.get(timeout=10)
    assert error is None, "an error ends the message, not the stream"
    client.stop_stream()
    client.close()


def test_a_deadline_of_the_caller(over_grpc):
    many = np.repeat(pixels(7), 4000, axis=0)
    with pytest.raises(InferenceServerException, match="Deadline"):
        over_grpc.infer(MODEL, image(triton_grpc, many), client_timeout=0.02)
    result = over_grpc.infer(MODEL, image(triton_grpc, pixels(7)), client_timeout=5)
    close(result.as_numpy("output_0"), expected(7))


def test_what_is_not_there_says_so(over_grpc):
    for call in (
        lambda: over_grpc.get_system_shared_memory_status(),
        lambda: over_grpc.load_model("nosuch"),
    ):
        with pytest.raises(InferenceServerException) as refusal:
            call()
        assert refusal.value.status() == "StatusCode.UNIMPLEMENTED"


def test_a_served_unit_answers_too(own):
    unit = own("--name", "digits", "--model-uri", MNIST / "model", command="serve")
    client = triton_http.InferenceServerClient(unit.http)
    close(client.infer("digits", image(triton_http, pixels(7))).as_numpy("output_0"), expected(7))
    client.close()
