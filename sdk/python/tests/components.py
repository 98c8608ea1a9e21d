"""Components of the tests, as users write them for the original's wrapper."""

import os
import sys
import threading
import time

import numpy as np
from seldon_core.flask_utils import SeldonMicroserviceException
from seldon_core.metrics import create_counter, create_gauge, create_timer
from seldon_core.user_model import SeldonComponent, SeldonResponse


class Nothing:
    pass


class Base(SeldonComponent):
    pass


class Echo:
    def predict(self, X, names, meta=None):
        return X

    def transform_input(self, X, names):
        return X

    def transform_output(self, X, names, **kwargs):
        return X

    def aggregate(self, features_list, names_list):
        return features_list[-1]

    def route(self, X, names):
        return 1

    def send_feedback(self, features, names, reward, truth, routing=None):
        return features


class Seen:
    """Answers with what it was given."""

    def predict(self, X, names, meta=None):
        return {
            "type": type(X).__name__,
            "dtype": str(getattr(X, "dtype", "")),
            "value": X.tolist() if isinstance(X, np.ndarray) else repr(X),
            "names": list(names),
            "meta": meta,
        }

    def transform_input(self, X, names):
        return repr((type(X).__name__, list(names)))

    def aggregate(self, features_list, names_list):
        return {"types": [type(x).__name__ for x in features_list], "names": names_list}

    def send_feedback(self, features, names, reward, truth, routing=None):
        return [
            list(features.ravel())
            + list(truth.ravel())
            + [reward, -9 if routing is None else routing]
        ]


class Strings:
    def predict(self, X, names):
        return [[f"<{x}>" for x in row] for row in X.tolist()]


class Named:
    class_names = ["c1", "c2"]

    def predict(self, X, names):
        return X

    def transform_input(self, X, names):
        return X

    def route(self, X, names):
        return 1


class NamedByMethod(SeldonComponent):
    def class_names(self):
        return ["m1", "m2"]

    def feature_names(self):
        return ["f1", "f2"]

    def predict(self, X, names, meta=None):
        return X

    def transform_input(self, X, names, meta=None):
        return X


class Tagged:
    def predict(self, X, names):
        return X

    def transform_input(self, X, names):
        return SeldonResponse(X, tags={"x": 3, "w": "run"}, metrics=[create_gauge("g", 2)])

    def route(self, X, names):
        return SeldonResponse(1, tags={"r": 1})

    def tags(self):
        return {"x": 2, "y": [1, {"z": None}]}

    def metrics(self):
        return [create_counter("c", 1), create_timer("t", 1.5)]


class BadMetrics:
    VALUES = {
        "type": [{"key": "k", "type": "X", "value": 1}],
        "value": [{"key": "k", "type": "COUNTER", "value": "1"}],
        "key": [{"type": "COUNTER", "value": 1}],
        "object": {"a": 1},
        "none": None,
    }

    def __init__(self, which="type"):
        self.which = which

    def predict(self, X, names):
        return X

    def metrics(self):
        return self.VALUES[self.which]


class RuntimeBadMetric:
    def predict(self, X, names):
        return SeldonResponse(X, metrics=[{"key": "k"}])


class Returns:
    """Returns one of many values: `which` names it."""

    VALUES = {
        "none": None,
        "int": 3,
        "float": 3.5,
        "bool": True,
        "tuple": (1, 2),
        "set": {1},
        "np_scalar": np.float64(3),
        "str": "s",
        "unicode": "žluťoučký 🐎",
        "bytes": b"\x00\xff",
        "bytearray": bytearray(b"y"),
        "empty_bytes": b"",
        "empty_str": "",
        "dict": {"a": [1, {"b": None}], "c": "d"},
        "empty_dict": {},
        "list": [1, 2],
        "rows": [[1, 2], [3, 4]],
        "floats": [[1.5, -2.0]],
        "strings": ["a"],
        "string_rows": [["a", "b"]],
        "mixed": [[1, "a"]],
        "with_none": [None],
        "bools": [[True, False]],
        "scalar_array": np.array(3.0),
        "float32": np.array([[1.5]], dtype=np.float32),
        "float16": np.array([[1.5]], dtype=np.float16),
        "int8": np.array([[1, -1]], dtype=np.int8),
        "uint64": np.array([[2**63]], dtype=np.uint64),
        "big_endian": np.array([[1.5, 2.5]], dtype=">f8"),
        "transposed": np.arange(6).reshape(2, 3).T,
        "strided": np.arange(10)[::3],
        "bool_array": np.array([[True]]),
        "string_array": np.array([["a", "bb"]]),
        "object_array": np.array([["a", 1, None]], dtype=object),
        "empty": [],
        "empty_row": [[]],
        "empty_rows": np.zeros((0, 3)),
        "cube": np.zeros((1, 2, 2)),
        "ragged": [[1], [2, 3]],
        "complex": np.array([[1 + 2j]]),
        "np_in_dict": {"a": 1.5},
        "response": SeldonResponse([[1]], {"t": 1}, [create_gauge("k", 2)]),
        "response_str": SeldonResponse("s"),
        "response_none": SeldonResponse(None),
    }

    def __init__(self, which="none"):
        self.which = which

    def predict(self, X, names, meta=None):
        return self.VALUES[self.which]


class Routes:
    VALUES = {
        "one": 1,
        "all": -1,
        "far": 99,
        "text": "1",
        "float": 1.0,
        "none": None,
        "list": [1],
        "response": SeldonResponse(2, {"t": 1}),
        "numpy": np.int64(1),
        "bool": True,
    }

    def __init__(self, which="one"):
        self.which = which

    def route(self, X, names):
        return self.VALUES[self.which]


class Raw:
    def __init__(self, which="ndarray"):
        self.which = which

    VALUES = {
        "ndarray": {"data": {"names": ["r"], "ndarray": [[1, 2.5]]}, "meta": {"tags": {"r": 1}}},
        "unnamed": {"data": {"ndarray": [[1, 2]]}, "meta": {}},
        "mixed": {"data": {"ndarray": [[1, "a", None]]}, "meta": {}},
        "tensor": {"data": {"tensor": {"shape": [2, 1], "values": [1, 2]}}, "meta": {}},
        "text": {"strData": "raw", "meta": {"tags": {"r": [1]}}},
        "json": {"jsonData": {"a": [1, None]}, "meta": {}},
        "binary": {"binData": "AP8=", "meta": {}},
        "metrics": {
            "strData": "",
            "meta": {"metrics": [{"key": "k", "type": "GAUGE", "value": 1.5}]},
        },
        "failure": {"status": {"code": 400, "info": "no"}},
        "late": {"status": {"code": 503, "info": "later"}, "strData": "x"},
    }

    def predict_raw(self, msg):
        return self.VALUES[self.which]

    def transform_input_raw(self, msg):
        return {"jsonData": msg, "meta": {}}

    def aggregate_raw(self, msgs):
        return {"jsonData": msgs, "meta": {}}

    def route_raw(self, msg):
        return {"data": {"ndarray": [[1]]}, "meta": {}}


class RawNotImplemented(SeldonComponent):
    """Raises the base class's own error from a raw method: the plain one answers."""

    def predict_raw(self, msg):
        return super().predict_raw(msg)

    def predict(self, X, names, meta=None):
        return X


class Proto:
    """Raw methods on protocol buffers."""

    def predict_raw(self, msg):
        from seldon_core.proto import prediction_pb2

        reply = prediction_pb2.SeldonMessage()
        reply.CopyFrom(msg)
        reply.meta.tags["seen"].string_value = type(msg).__name__
        return reply

    def aggregate_raw(self, msgs):
        return msgs.seldonMessages[-1]

    def send_feedback_raw(self, feedback):
        from seldon_core.proto import prediction_pb2

        kind = feedback.request.WhichOneof("data_oneof")
        return prediction_pb2.SeldonMessage(
            strData=f"{kind} {feedback.reward} {feedback.truth.strData}"
        )


class ByTransport:
    def predict_rest(self, msg):
        return {"strData": "rest", "meta": {}}

    def predict_grpc(self, msg):
        from seldon_core.proto import prediction_pb2

        return prediction_pb2.SeldonMessage(strData="grpc")


class Boom:
    def predict(self, X, names):
        raise ValueError("boom")

    def transform_input(self, X, names):
        raise SeldonMicroserviceException("mine", status_code=418, payload={"a": 1}, reason="WHY")

    def transform_output(self, X, names):
        raise SeldonMicroserviceException("mine")

    def route(self, X, names):
        raise KeyError("k")

    def aggregate(self, Xs, names):
        raise SeldonMicroserviceException("gone", status_code=404, reason="GONE")

    def send_feedback(self, features, names, reward, truth, routing=None):
        raise ZeroDivisionError()


class TypeErrorInside:
    """Raises a TypeError of its own: it is called once."""

    calls = 0

    def predict(self, X, names, meta=None):
        TypeErrorInside.calls += 1
        if TypeErrorInside.calls == 1:
            raise TypeError("inside")
        return [[TypeErrorInside.calls]]


class Handled:
    """Has a handler of its own for one kind of error."""

    class Own(Exception):
        pass

    def __init__(self):
        from flask import Blueprint, jsonify

        blueprint = Blueprint("handlers", __name__)

        @blueprint.app_errorhandler(Handled.Own)
        def handle(error):
            response = jsonify({"problem": str(error)})
            response.status_code = 409
            return response

        self.model_error_handler = blueprint

    def predict(self, X, names):
        raise Handled.Own("mine")

    def transform_input(self, X, names):
        raise ValueError("other")


class Feedback:
    def send_feedback(self, features, names, reward, truth, routing=None):
        return None


class OldFeedback:
    def send_feedback(self, features, names, reward, truth):
        return "old"


class Health:
    def __init__(self, which="list"):
        self.which = which

    def health_status(self):
        if self.which == "raise":
            raise RuntimeError("no database")
        return {"list": [1, 2], "text": "fine"}[self.which]


class Metadata:
    def __init__(self, which="good"):
        self.which = which

    def init_metadata(self):
        return {
            "good": {
                "name": "m",
                "inputs": [{"messagetype": "tensor", "schema": {"names": ["a"]}}],
            },
            "bad": {"inputs": [{"messagetype": "tensor", "schema": {"names": 3}}]},
        }[self.which]


class Parameters:
    def __init__(self, a=1, b="x", c=True):
        self.values = {"a": a, "b": b, "c": c}

    def predict(self, X, names):
        return self.values


class Loads:
    loaded = False

    def load(self):
        print("loading")
        self.loaded = True

    def predict(self, X, names):
        return [[int(self.loaded)]]


class LoadFails:
    def load(self):
        raise OSError("no weights")


class Edits:
    """Changes its input in place."""

    def predict(self, X, names):
        X += 1
        X[0] *= 2
        return X


class Keeps:
    """Keeps every input, and says what the first one holds."""

    def __init__(self):
        self.kept = []

    def predict(self, X, names):
        self.kept.append(X)
        return [[float(self.kept[0].min()), float(self.kept[0].max()), len(self.kept)]]


class Several:
    """Takes and gives several arrays by name."""

    def predict(self, X, names):
        return {"sum": X["a"] + X["b"], "text": np.array(["ž", "b"]), "names": np.array(names)}


class Waits:
    """Answers once a file is there."""

    def predict(self, X, names):
        print("waiting")
        while not os.path.exists(X):
            time.sleep(0.01)
        return "done"


class Talks:
    def predict(self, X, names):
        print("to stdout")
        print("to stderr", file=sys.stderr)
        return X


class Serves:
    """Has a service of its own beside its calls."""

    def __init__(self):
        self.served = threading.Event()

    def custom_service(self):
        self.served.set()

    def predict(self, X, names):
        return [[int(self.served.wait(5 if X[0, 0] else 0.2))]]


class Current:
    def predict(self, X, names):
        import hari

        call = hari.current()
        return {"method": call.method, "puid": call.puid, "headers": dict(call.headers)}


class Dies:
    def predict(self, X, names):
        os._exit(3)


class Chosen:
    """Returns the value of `Returns` that a tag of the request names."""

    def predict(self, X, names, meta):
        return Returns.VALUES[meta["tags"]["which"]]
