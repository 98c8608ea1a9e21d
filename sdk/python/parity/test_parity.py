"""The same components under the original's wrapper and in a worker: the same answers.

Needs the package seldon-core. Each case is asked of both in one run; where Hari differs on purpose,
the case says so and checks both.
"""

import json
import logging

import components
import numpy as np
import pytest
from parent import Refused, Threaded
from seldon_core.metrics import SeldonMetrics
from seldon_core.proto import prediction_pb2
from seldon_core.seldon_methods import aggregate, predict, route, transform_input, transform_output
from seldon_core.utils import json_to_seldon_message, seldon_message_to_json
from seldon_core.wrapper import get_rest_microservice

PATHS = {
    "predict": "/predict",
    "transform-input": "/transform-input",
    "transform-output": "/transform-output",
    "route": "/route",
    "aggregate": "/aggregate",
    "send-feedback": "/send-feedback",
}
ND = {"data": {"names": ["a", "b"], "ndarray": [[1, 2]]}}
FLAT = {"data": {"names": ["a", "b"], "tensor": {"shape": [1, 2], "values": [1.5, 2]}}}
META = {
    "puid": "p",
    "tags": {"x": 1, "z": {"deep": [0]}},
    "routing": {"r": 1},
    "requestPath": {"other": "image:1"},
    "metrics": [{"key": "q", "type": "GAUGE", "value": 9}],
}


@pytest.fixture(autouse=True)
def quiet():
    """The original logs every error."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


class Asked:
    """Status, and body or reason."""

    def __init__(self, status, body):
        self.status, self.body = status, body

    def __eq__(self, other):
        return (self.status, self.body) == (other.status, other.body)

    def __repr__(self):
        return f"{self.status} {json.dumps(self.body)}"


def original(name, parameters, method, body):
    """What the original's wrapper answers over REST."""
    app = get_rest_microservice(getattr(components, name)(**parameters), SeldonMetrics())
    app.config["PROPAGATE_EXCEPTIONS"] = False
    reply = app.test_client().post(PATHS[method], json=body)
    found = json.loads(reply.get_data(as_text=True))
    if reply.status_code != 200:
        return Asked(reply.status_code, found.get("status", {}).get("reason", found))
    return Asked(200, told(found))


def ours(name, parameters, method, body):
    """What a worker answers, with what Hari adds: the meta of the request."""
    with Threaded(f"components.{name}", parameters) as worker:
        try:
            if method == "send-feedback":
                found = worker.call(method, feedback=body)
            else:
                found = worker.call(method, *(body if isinstance(body, list) else [body]))
        except Refused as refused:
            written = refused.said["body"]
            answer = json.loads(written) if written else None
            reason = refused.reason or answer
            return Asked(refused.status, reason)
    own = "raw" in name.lower()
    merges = method not in ("route", "send-feedback", "aggregate") and not own
    return Asked(200, told(merged(body.get("meta", {}), found) if merges else found))


def merged(asked, found):
    """Hari's walk: tags and metrics of the request stay unless the unit says otherwise."""
    meta = found["meta"]
    tags = {**asked.get("tags", {}), **meta.get("tags", {})}
    metrics = [*asked.get("metrics", []), *meta.get("metrics", [])]
    return {**found, "meta": {"tags": tags, "metrics": metrics}}


def told(found):
    """What is compared: the data, the tags and the metrics."""
    meta = found.pop("meta", {})
    metrics = [{**metric, "tags": labels(metric)} for metric in meta.get("metrics", [])]
    data = found.get("data")
    if data is not None:
        data.setdefault("names", [])
        if "tensor" in data:
            data["tensor"].setdefault("values", [])
    return {**found, "tags": meta.get("tags", {}), "metrics": metrics}


def labels(metric):
    """The labels without the one that the original adds to some."""
    return {key: value for key, value in metric.get("tags", {}).items() if key != "method"}


def case(name, method="predict", body=ND, **parameters):
    label = "-".join([name, method, *map(str, parameters.values())])
    return pytest.param(name, parameters, method, body, id=f"{label}-{shape(body)}")


def shape(body):
    """A short word for a request."""
    if isinstance(body, list):
        return f"{len(body)}"
    data = body.get("data")
    return str(next(iter(data), "none") if data is not None else next(iter(body), "none"))


SAME = [
    *[
        case("Nothing", method)
        for method in ("predict", "transform-input", "transform-output", "route")
    ],
    *[
        case("Base", method)
        for method in ("predict", "transform-input", "transform-output", "route")
    ],
    case("Nothing", "aggregate", [ND, ND]),
    case("Base", "aggregate", [ND, ND]),
    *[
        case("Echo", method)
        for method in ("predict", "transform-input", "transform-output", "route")
    ],
    *[case("Echo", method, FLAT) for method in ("predict", "transform-input", "route")],
    case("Echo", body={**ND, "meta": META}),
    case("Echo", body={"strData": "x"}),
    case("Echo", body={"strData": ""}),
    case("Echo", body={"binData": "AP8="}),
    case("Echo", body={"jsonData": {"a": [1, None, "x"]}}),
    case("Echo", body={"jsonData": [1, 2]}),
    case("Echo", body={"jsonData": "s"}),
    case("Echo", body={"jsonData": 3.5}),
    case("Echo", body={"jsonData": None}),
    case("Echo", body={"data": {}}),
    case("Echo", body={}),
    case("Echo", body={"data": {"ndarray": [[1, "a"]]}}),
    case("Echo", body={"data": {"ndarray": [[1, "a", None]]}}),
    case("Echo", body={"data": {"ndarray": [[None, 1.5]]}}),
    case("Echo", body={"data": {"ndarray": [1, 2, 3]}}),
    case("Echo", body={"data": {"ndarray": [[[1, 2]]]}}),
    case("Echo", body={"data": {"ndarray": [[True, False]]}}),
    case("Echo", body={"data": {"ndarray": ["a", "ž"]}}),
    case("Echo", body={"data": {"ndarray": []}}),
    case("Echo", "aggregate", [ND, FLAT]),
    case("Echo", "aggregate", [FLAT, ND]),
    case("Echo", "aggregate", [{"strData": "x"}, {"strData": "y"}]),
    case("Echo", "send-feedback", {"request": ND, "reward": 1}),
    case("Echo", "send-feedback", {"request": FLAT, "reward": 1}),
    case("Echo", "send-feedback", {"reward": 1}),
    *[
        case("Seen", body=body)
        for body in (
            ND,
            {**ND, "meta": META},
            FLAT,
            {"data": {"tensor": {"shape": [2], "values": [1, 2]}}},
            {"strData": "x"},
            {"binData": "AP8="},
            {"jsonData": {"a": 1}},
            {"data": {"ndarray": [[1, "a"]]}},
            {"data": {"ndarray": [[1.5, "a", True]]}},
            {"data": {"ndarray": [["a", None]]}},
            {"data": {"ndarray": [["a", "ž"]]}},
            {"data": {"ndarray": [[True]]}},
            {"data": {}},
        )
    ],
    case("Seen", "transform-input"),
    case("Seen", "aggregate", [ND, {"strData": "x"}, {"jsonData": {}}]),
    case(
        "Seen",
        "send-feedback",
        {
            "request": ND,
            # The original took the unit's name from the environment when it was imported.
            "response": {"meta": {"routing": {"unit": 2, "0": 2}}},
            "reward": 0.5,
            "truth": {"data": {"ndarray": [[7]]}},
        },
    ),
    case(
        "Seen",
        "send-feedback",
        {"request": {"strData": "x"}, "truth": {"jsonData": 1}, "reward": 2},
    ),
    case("Strings", body={"data": {"ndarray": [[1, "a"]]}}),
    case("Named"),
    case("Named", "transform-input"),
    case("Named", body={"data": {"ndarray": [1, 2]}}),
    case("NamedByMethod"),
    case("NamedByMethod", "transform-input"),
    case("Tagged", body={**ND, "meta": META}),
    case("Tagged", "transform-input", {**ND, "meta": META}),
    case("Tagged", "route"),
    *[case("BadMetrics", which=which) for which in components.BadMetrics.VALUES],
    case("RuntimeBadMetric"),
    *[
        case("Returns", which=which, body=body)
        for which in components.Returns.VALUES
        for body in (FLAT, {"strData": "x"})
    ],
    *[
        case("Routes", "route", which=which)
        for which in components.Routes.VALUES
        if which not in ("numpy", "bool")
    ],
    *[case("Raw", which=which, body={**ND, "meta": META}) for which in components.Raw.VALUES],
    *[
        case("Raw", "transform-input", body)
        for body in (
            {**ND, "meta": META},
            FLAT,
            {"strData": "x"},
            {"binData": "AP8="},
            {"jsonData": [1]},
        )
    ],
    case("Raw", "aggregate", [ND, {"strData": "x"}]),
    case("Raw", "route"),
    case("RawNotImplemented"),
    case("Proto", "send-feedback", {"request": ND, "reward": 0.5, "truth": {"strData": "t"}}),
    *[
        case("Boom", method)
        for method in ("predict", "transform-input", "transform-output", "route")
    ],
    case("Boom", "aggregate", [ND]),
    case("Boom", "send-feedback", {"request": ND}),
    case("Feedback", "send-feedback", {"request": ND}),
    case("Nothing", "send-feedback", {"request": ND}),
    case("Handled"),
    case("Handled", "transform-input"),
]


@pytest.mark.parametrize("name, parameters, method, body", SAME)
def test_answers_are_the_originals(name, parameters, method, body):
    assert ours(name, parameters, method, body) == original(name, parameters, method, body)


@pytest.mark.parametrize(
    "name, parameters, method, body, here, there",
    [
        ("Routes", {"which": "numpy"}, "route", ND, 200, 400),
        ("Routes", {"which": "bool"}, "route", ND, 400, 200),
        ("OldFeedback", {}, "send-feedback", {"request": ND}, 200, 500),
    ],
)
def test_where_hari_does_what_was_meant(name, parameters, method, body, here, there):
    assert ours(name, parameters, method, body).status == here
    assert original(name, parameters, method, body).status == there


METHODS = {
    "predict": predict,
    "transform-input": transform_input,
    "transform-output": transform_output,
    "route": route,
}
GRPC = [
    case(name, method, body)
    for name in ("Echo", "Named", "Proto", "ByTransport")
    for method in ("predict", "transform-input", "route")
    for body in (ND, FLAT, {"strData": "x"}, {"binData": "AP8="}, {"jsonData": {"a": [1.5]}})
    if not (name != "Echo" and (method == "route" or body in ({"strData": "x"}, FLAT)))
] + [
    case("Seen", body=body)
    for body in (
        ND,
        FLAT,
        {"strData": "x"},
        {"jsonData": {"a": 1.0}},
        {"data": {"ndarray": [[1, "a"]]}},
    )
]


@pytest.mark.parametrize("name, parameters, method, body", GRPC)
def test_answers_over_grpc_are_the_originals(name, parameters, method, body):
    component = getattr(components, name)(**parameters)
    asked = json_to_seldon_message(body)
    there = seldon_message_to_json(METHODS[method](component, asked, SeldonMetrics()))
    with Threaded(f"components.{name}", parameters) as worker:
        here = worker.call(method, body, transport="grpc")
    assert told(here) == told(there)


def test_a_list_over_grpc_is_aggregated_like_the_originals():
    messages = prediction_pb2.SeldonMessageList(
        seldonMessages=[json_to_seldon_message(one) for one in (ND, FLAT)]
    )
    for name in ("Echo", "Proto"):
        component = getattr(components, name)()
        there = seldon_message_to_json(aggregate(component, messages, SeldonMetrics()))
        with Threaded(f"components.{name}") as worker:
            here = worker.call("aggregate", ND, FLAT, transport="grpc")
        assert told(here) == told(there), name


@pytest.mark.parametrize("name", ["Nothing", "Base", "Health", "Metadata"])
@pytest.mark.parametrize(
    "path, method", [("/health/status", "health-status"), ("/metadata", "metadata")]
)
def test_health_and_metadata_are_the_originals(name, path, method):
    client = get_rest_microservice(getattr(components, name)(), SeldonMetrics()).test_client()
    there = json.loads(client.get(path).get_data(as_text=True))
    with Threaded(f"components.{name}") as worker:
        here = worker.call(method)
    if method == "metadata":
        # Without an image there is no version; the name is the unit's.
        there = {**there, "versions": [], "name": there["name"] or "unit"}
        assert here["jsonData"] == there
    elif name == "Base":
        assert here["strData"] == "healthy"
        assert there["strData"].endswith("assuming healthy")
    else:
        assert told(here) == told(there)


def test_arrays_reach_the_class_with_the_same_types():
    body = {"data": {"tensor": {"shape": [1, 1], "values": [1]}}}
    for sent, dtype in ((body, "int64"), (FLAT, "float64")):
        with Threaded("components.Seen") as worker:
            assert worker.call("predict", sent)["jsonData"]["dtype"] == dtype
        asked = original("Seen", {}, "predict", sent)
        assert asked.body["jsonData"]["dtype"] == np.dtype(dtype).name
