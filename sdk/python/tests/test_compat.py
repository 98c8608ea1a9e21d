"""What stands in for the original's package where that is not installed."""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest
from parent import PACKAGE, Parent

COMPAT = PACKAGE / "hari" / "compat"

OURS = importlib.util.find_spec("seldon_core") is None


def run(code):
    """What a program prints that has only the stand-in."""
    path = f"import sys; sys.path[:0] = [{str(PACKAGE)!r}, {str(COMPAT)!r}]\n"
    done = subprocess.run(
        [sys.executable, "-c", path + code], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_names_are_there_without_protobuf_being_imported():
    code = """
from seldon_core.user_model import SeldonComponent, SeldonResponse, SeldonNotImplementedError
from seldon_core.flask_utils import SeldonMicroserviceException
from seldon_core.metrics import create_counter, create_gauge, create_timer, validate_metrics
from seldon_core import Storage
print(SeldonMicroserviceException("m", status_code=404, reason="R").to_dict()["status"]["reason"])
print(SeldonResponse.create([1]).data, validate_metrics([create_counter("k", 1)]))
print("google.protobuf" in sys.modules)
"""
    assert run(code).splitlines() == ["R", "[1] True", "False"]


def test_storage_is_for_what_lies_here(tmp_path):
    code = f"""
from seldon_core import Storage
print(Storage.download({str(tmp_path)!r}) == Storage.download("file://" + {str(tmp_path)!r}))
try:
    Storage.download("s3://bucket/model")
except ValueError as error:
    print(error)
"""
    there, refused = run(code).splitlines()
    assert there == "True"
    assert refused.startswith("'s3' is not fetched from within a component: give it as modelUri")


@pytest.mark.skipif(not OURS, reason="the original is installed here, and is taken")
def test_helpers_make_messages_and_read_them():
    code = """
import numpy as np
from seldon_core import utils
from seldon_core.proto import prediction_pb2
for form in ("tensor", "ndarray", "tftensor"):
    data = utils.array_to_grpc_datadef(form, np.array([[1.5, 2]]), ["a", "b"])
    message = prediction_pb2.SeldonMessage(data=data)
    again = utils.json_to_seldon_message(utils.seldon_message_to_json(message))
    array = utils.get_data_from_proto(again)
    said = {"data": utils.array_to_rest_datadef(form, array, ["a"])}
    print(array.tolist(), utils.extract_request_parts_json(said)[0].tolist(), list(data.names))
feedback = utils.json_to_feedback({"reward": 1, "request": {"data": {"ndarray": [[1]]}}})
features = utils.extract_feedback_request_parts(feedback)[1]
print(features.tolist(), utils.feedback_to_json(feedback)["reward"])
print(utils.get_data_from_proto(utils.json_to_seldon_message({"jsonData": {"a": [1]}})))
print(utils.getenv_as_bool("NOT_SET", default=True), utils.getenv("NOT_SET", default="d"))
"""
    assert run(code).splitlines() == [
        *["[[1.5, 2.0]] [[1.5, 2.0]] ['a', 'b']"] * 3,
        "[[1.0]] 1.0",
        "{'a': [1.0]}",
        "True d",
    ]


@pytest.mark.skipif(not OURS, reason="the original is installed here, and is taken")
def test_tensorflow_can_be_imported_beside_the_messages():
    code = """
from seldon_core.proto import prediction_pb2
import tensorflow as tf
message = prediction_pb2.SeldonMessage()
message.data.tftensor.CopyFrom(tf.make_tensor_proto([[1.5]]))
from seldon_core.utils import get_data_from_proto
print(get_data_from_proto(message).tolist())
"""
    assert run(code) == "[[1.5]]"


def test_an_installed_original_is_taken(tmp_path):
    (tmp_path / "seldon_core").mkdir()
    (tmp_path / "seldon_core" / "__init__.py").write_text("")
    (tmp_path / "seldon_core" / "user_model.py").write_text(
        "class SeldonComponent: mark = 'theirs'\n"
    )
    (tmp_path / "Uses.py").write_text(
        "from seldon_core.user_model import SeldonComponent\n"
        "class Uses(SeldonComponent):\n    def predict(self, X, names): return self.mark\n"
    )
    with Parent("Uses", folder=tmp_path) as worker:
        reply = worker.call("predict", {"data": {"ndarray": [[1]]}})
    assert reply["strData"] == "theirs"
    assert np.__version__ == worker.loaded["numpy"]
