"""Every scenario in every mode, against Hari; units alone also against the wrapper itself."""

import grpc
import pytest
from google.protobuf import json_format
from seldon_core.proto import prediction_pb2, prediction_pb2_grpc

from harness import http
from scenario import component, load, misses, modes, of_mode, present

SCENARIOS = load()
PREDICTIONS = "/api/v1.0/predictions"

REPLAYED = [
    pytest.param(scenario, mode, id=f"{scenario['name']}-{mode}")
    for scenario in SCENARIOS
    for mode in modes(scenario)
]

# Units alone, whose answers are the wrapper's own.
ALONE = [
    pytest.param(scenario, id=scenario["name"])
    for scenario in SCENARIOS
    if not scenario["graph"].get("children")
]

PAYLOADS = ("data", "strData", "binData", "jsonData")


@pytest.mark.parametrize(("scenario", "mode"), REPLAYED)
def test_a_scenario(hari, scenario, mode):
    base = f"/seldon/default/{scenario['name']}-{mode}"
    for request in scenario["requests"]:
        path = base + request.get("path", PREDICTIONS)
        reply = http(hari.url(path), request["send"])
        shown = f"{request['send']} -> {reply.status} {reply.body}"
        assert reply.status == of_mode(request.get("status", 200), mode), shown
        body = reply.json()
        assert misses(request.get("expect", {}), body) == [], shown
        assert present(request.get("absent", {}), body) == [], shown
        assert says(request, reply.body.decode()), shown
        if request.get("path", PREDICTIONS) == PREDICTIONS and reply.status == 200:
            assert reply.headers["seldon-puid"], shown


def says(request, text):
    """Whether the text has one of those that the request names; it may name none."""
    wanted = request.get("says", "")
    return any(one in text for one in (wanted if isinstance(wanted, list) else [wanted]))


def call(channel, request, deployment):
    """The same request over gRPC, and its reply as JSON would have it."""
    stub = prediction_pb2_grpc.SeldonStub(channel)
    ask, message = stub.Predict, prediction_pb2.SeldonMessage()
    if request.get("path", PREDICTIONS) != PREDICTIONS:
        ask, message = stub.SendFeedback, prediction_pb2.Feedback()
    json_format.ParseDict(request["send"], message)
    metadata = (("seldon", deployment), ("namespace", "default"))
    reply = ask(message, metadata=metadata, timeout=30)
    return json_format.MessageToDict(reply, including_default_value_fields=True)


@pytest.mark.parametrize(("scenario", "mode"), REPLAYED)
def test_a_scenario_over_grpc(hari, scenario, mode):
    with grpc.insecure_channel(hari.grpc) as channel:
        for request in scenario["requests"]:
            deployment = f"{scenario['name']}-{mode}"
            if of_mode(request.get("status", 200), mode) == 200:
                reply = call(channel, request, deployment)
                shown = f"{request['send']} -> {reply}"
                assert misses(request.get("expect", {}), reply) == [], shown
                assert present(request.get("absent", {}), reply) == [], shown
                continue
            with pytest.raises(grpc.RpcError) as refused:
                call(channel, request, deployment)
            assert says(request, refused.value.details()), refused.value


@pytest.mark.parametrize("scenario", ALONE)
def test_a_unit_alone_answers_as_its_wrapper_does(hari, microservices, scenario):
    unit = microservices[component(scenario["graph"])]
    for request in scenario["requests"]:
        if "path" in request:
            continue
        own = http(f"http://127.0.0.1:{unit.http}/predict", request["send"])
        got = http(hari.url(f"/seldon/default/{scenario['name']}-rest{PREDICTIONS}"), request["send"])
        shown = f"{request['send']} -> {own.status} {own.body}, {got.status} {got.body}"
        assert own.status == got.status, shown
        own, got = own.json(), got.json()
        for name in PAYLOADS:
            assert (name in own) == (name in got), shown
            assert misses(own.get(name), got.get(name)) == [], shown
        for name in ("tags", "metrics"):
            expected = own.get("meta", {}).get(name)
            assert misses(expected, got.get("meta", {}).get(name)) == [], shown


def test_the_scenarios_have_every_kind_of_node_and_error():
    text = " ".join(str(scenario) for scenario in SCENARIOS)
    for word in ("ROUTER", "COMBINER", "TRANSFORMER", "OUTPUT_TRANSFORMER", "MODEL", "feedback"):
        assert word in text
    statuses = {
        status
        for scenario in SCENARIOS
        for request in scenario["requests"]
        for status in [of_mode(request.get("status", 200), "rest")]
    }
    assert statuses >= {200, 400, 418, 500}
    names = [scenario["name"] for scenario in SCENARIOS]
    assert len(names) == len(set(names)) > 15
