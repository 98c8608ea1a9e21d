"""seldon-core's own client, unmodified: REST and gRPC, every gateway, every payload."""

import json

import numpy as np
import pytest
from google.protobuf import json_format
from seldon_core.proto import prediction_pb2
from seldon_core.seldon_client import SeldonClient
from seldon_core.utils import seldon_message_to_json
from tensorflow import make_ndarray

from harness import MNIST, ROOT, Server, close, expected, pixels, ten_digits

TRANSPORTS = ("rest", "grpc")
GATEWAYS = ("seldon", "istio", "ambassador")
PAYLOADS = ("ndarray", "tensor", "tftensor")


def client(server, transport, gateway="seldon", deployment="mnist", **options):
    address = server.http if transport == "rest" else server.grpc
    return SeldonClient(
        gateway=gateway,
        transport=transport,
        gateway_endpoint=address,
        namespace="default",
        deployment_name=deployment,
        **options,
    )


def rows(data):
    """The answer in the `data` of a reply, as an array."""
    if "ndarray" in data:
        return np.array(data["ndarray"])
    if "tensor" in data:
        return np.array(data["tensor"]["values"]).reshape(data["tensor"]["shape"])
    message = prediction_pb2.SeldonMessage()
    json_format.ParseDict({"data": data}, message)
    return make_ndarray(message.data.tftensor)


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("gateway", GATEWAYS)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_digit_is_told(mnist, transport, gateway, payload):
    answer = client(mnist, transport, gateway).predict(
        data=pixels(7).astype(np.float64), payload_type=payload
    )
    assert answer.success, answer.msg
    data = answer.response["data"]
    assert payload in data, f"asked with {payload}, answered with {sorted(data)}"
    close(rows(data), expected(7))


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_ten_digits_at_once(mnist, transport):
    answer = client(mnist, transport).predict(data=ten_digits().astype(float), payload_type="tensor")
    assert answer.success, answer.msg
    close(rows(answer.response["data"]), expected())


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_reply_as_a_message(mnist, transport):
    answer = client(mnist, transport, client_return_type="proto").predict(
        data=pixels(3).astype(float), payload_type="tensor"
    )
    assert answer.success, answer.msg
    tensor = answer.response.data.tensor
    close(np.array(tensor.values).reshape(list(tensor.shape)), expected(3))


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_tags_come_back(mnist, transport):
    answer = client(mnist, transport, "istio").predict(
        data=pixels(1).astype(float), meta={"tenant": "a", "weight": 0.5}
    )
    assert answer.success, answer.msg
    assert answer.response["meta"]["tags"] == {"tenant": "a", "weight": 0.5}


def test_without_a_namespace_the_default_one_answers(mnist):
    lone = SeldonClient(
        gateway="ambassador", gateway_endpoint=mnist.http, deployment_name="mnist"
    )
    answer = lone.predict(data=pixels(7).astype(float))
    assert answer.success, answer.msg
    close(rows(answer.response["data"]), expected(7))


def test_a_prefix_of_the_callers_own(mnist):
    answer = client(mnist, "rest", "istio").predict(
        data=pixels(7).astype(float), gateway_prefix="/seldon/default/mnist"
    )
    assert answer.success, answer.msg
    close(rows(answer.response["data"]), expected(7))


def test_headers_of_the_caller_are_taken(mnist):
    answer = client(mnist, "grpc", "istio").predict(
        data=pixels(7).astype(float), headers={"seldon-puid": "e2e-1"}
    )
    assert answer.success, answer.msg


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_raw_request(mnist, transport):
    body = {"data": {"tensor": {"shape": [1, 784], "values": pixels(5).ravel().tolist()}}}
    answer = client(mnist, transport).predict(raw_data=body)
    assert answer.success, answer.msg
    close(rows(answer.response["data"]), expected(5))


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("payload", [{"str_data": "seven"}, {"bin_data": b"\x07"}])
def test_what_is_no_tensor_is_refused(mnist, transport, payload):
    answer = client(mnist, transport).predict(**payload)
    assert not answer.success
    assert ("400" if transport == "rest" else "INVALID_ARGUMENT") in answer.msg


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_wrong_shape_is_refused(mnist, transport):
    answer = client(mnist, transport).predict(shape=(1, 13))
    assert not answer.success
    assert ("400" if transport == "rest" else "INVALID_ARGUMENT") in answer.msg
    if transport == "grpc":
        assert "input `image`" in answer.msg


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_an_unknown_deployment_is_not_found(mnist, transport):
    answer = client(mnist, transport, "istio").predict(
        deployment_name="nosuch", data=pixels(7).astype(float)
    )
    assert not answer.success
    assert ("404" if transport == "rest" else "NOT_FOUND") in answer.msg


@pytest.mark.parametrize("gateway", ("seldon", "istio"))
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_feedback_is_taken(mnist, transport, gateway):
    asking = client(mnist, transport, gateway, client_return_type="proto")
    answer = asking.predict(data=pixels(7).astype(float))
    assert answer.success, answer.msg
    feedback = asking.feedback(answer.request, answer.response, None, reward=1.0)
    assert feedback.success, feedback.msg


@pytest.fixture(scope="module")
def unit():
    flags = ["--name", "mnist-model", "--implementation", "TENSORFLOW_SERVER"]
    with Server(*flags, "--model-uri", MNIST / "model", command="serve") as server:
        yield server


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_unit_is_called_as_the_orchestrator_calls_it(unit, transport, payload):
    asking = SeldonClient(
        transport=transport,
        microservice_endpoint=unit.http if transport == "rest" else unit.grpc,
    )
    answer = asking.microservice(
        method="predict", data=pixels(7).astype(float), payload_type=payload
    )
    assert answer.success, answer.msg
    data = seldon_message_to_json(answer.response)["data"]
    assert payload in data
    close(rows(data), expected(7))


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_unit_takes_feedback(unit, transport):
    asking = SeldonClient(
        transport=transport,
        microservice_endpoint=unit.http if transport == "rest" else unit.grpc,
        client_return_type="proto",
    )
    answer = asking.microservice(method="predict", data=pixels(7).astype(float))
    feedback = asking.microservice_feedback(answer.request, answer.response, 1.0)
    assert feedback.success, feedback.msg


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_rows_of_numbers_and_words(transport):
    """A booster with categories: mixed rows, some of which are missing, by name and by order."""
    folder = ROOT / "examples" / "income-xgboost"
    known = json.loads((folder / "requests" / "seldon-ndarray.json").read_text())["data"]
    wanted = np.array(json.loads((folder / "requests" / "expected.json").read_text())["probabilities"])
    names, table = known["names"], np.array(known["ndarray"], dtype=object)
    with Server(folder / "seldondeployment.yaml") as server:
        asking = client(server, transport, deployment="income")
        for order in (list(range(5)), [4, 2, 0, 1, 3]):
            answer = asking.predict(
                data=table[:, order], names=[names[at] for at in order], payload_type="ndarray"
            )
            assert answer.success, answer.msg
            close(rows(answer.response["data"]).ravel(), wanted, tolerance=1e-6)
        answer = asking.predict(data=table[:, :4], payload_type="ndarray")
        assert not answer.success and "Expected 5 features, got 4" in str(answer)
