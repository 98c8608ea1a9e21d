"""A real worker process, asked by a parent that speaks frames."""

import os
import signal

import numpy as np
import pytest
from parent import Body, Parent, Refused, arrays, tensor

from hari import frame

ND = {"data": {"names": ["a", "b"], "ndarray": [[1, 2]]}}


def until_output(parent, text):
    """Waits until the worker printed `text`."""
    import time

    deadline = time.monotonic() + 30
    while text not in parent.output():
        assert time.monotonic() < deadline, parent.output()
        time.sleep(0.01)


def test_it_says_hello_and_what_it_loaded():
    with Parent("components.Loads") as worker:
        assert worker.hello["token"] == worker.token
        assert worker.hello["pid"] == worker.process.pid
        assert worker.hello["protocol"] == 1
        assert worker.hello["python"].count(".") == 2
        assert worker.loaded["methods"] == ["predict"]
        assert worker.loaded["numpy"] == np.__version__
        assert worker.call("predict", ND)["data"]["ndarray"] == [[1]]
        assert "loading" in worker.output()


def test_methods_are_those_that_the_class_has_itself():
    def methods(name):
        with Parent(name) as worker:
            return worker.loaded["methods"]

    assert methods("components.Base") == []
    assert methods("components.Raw") == ["predict", "transform-input", "route", "aggregate"]
    assert methods("components.Metadata") == ["metadata"]
    assert "send-feedback" in methods("components.Echo")


def test_parameters_are_keyword_arguments():
    with Parent("components.Parameters", {"a": 2.5, "c": False}) as worker:
        assert worker.call("predict", ND)["jsonData"] == {"a": 2.5, "b": "x", "c": False}


@pytest.mark.parametrize(
    "name, parameters, words",
    [
        ("components.Parameters", {"d": 1}, "Parameters(a=1, b='x', c=True) does not take these"),
        (
            "components.Missing",
            {},
            "module 'components' has no class 'Missing'; classes there: BadMetrics, Base,",
        ),
        ("nowhere", {}, "there is no module 'nowhere' in the component's folder"),
        ("nowhere.Cls", {}, "there is no module 'nowhere' in the component's folder"),
        ("lacking.Lacking", {}, "no module named 'some_package': add it to requirements.txt"),
        ("components.LoadFails", {}, "no weights"),
    ],
)
def test_what_cannot_be_loaded_is_told_and_ends_the_worker(tmp_path, name, parameters, words):
    (tmp_path / "lacking.py").write_text("import some_package\n")
    with Parent(name, load=False, env={"PYTHONPATH": path(tmp_path)}) as worker:
        with pytest.raises(Refused) as refused:
            worker.load(name, parameters)
        assert words in refused.value.info
        assert refused.value.status == 500
        assert worker.process.wait(30) == 1


def path(*folders):
    from parent import PACKAGE

    return os.pathsep.join(map(str, (PACKAGE, *folders)))


def test_a_module_may_have_the_name_of_its_class(tmp_path):
    (tmp_path / "Mod.py").write_text("class Mod:\n    def predict(self, X, names): return 'mod'\n")
    with Parent("Mod", folder=tmp_path) as worker:
        assert worker.call("predict", ND)["strData"] == "mod"


def test_input_may_be_edited_in_place():
    body = Body()
    given = np.arange(200_000, dtype=np.float64).reshape(2, -1)
    said = {
        "method": "predict",
        "messages": [
            {"kind": "tensors", "representation": "tensor", "tensors": [tensor("", given, body)]}
        ],
    }
    with Parent("components.Edits") as worker:
        worker.send_wire(said, body)
        (found,) = arrays(*worker.receive()).values()
    wanted = given + 1
    wanted[0] *= 2
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("size", [10, 300_000])
def test_inputs_that_a_component_keeps_stay_what_they_were(size):
    with Parent("components.Keeps") as worker:
        for n in range(5):
            body = Body()
            one = tensor("", np.full(size, n, np.float64), body)
            message = {"kind": "tensors", "representation": "", "tensors": [one]}
            worker.send_wire({"method": "predict", "messages": [message]}, body)
            (found,) = arrays(*worker.receive()).values()
            assert found.tolist() == [[0, 0, n + 1]]


def test_several_tensors_are_arrays_by_name_both_ways():
    body = Body()
    a, b = np.array([1.5, 2.5]), np.array([1, 2], dtype=np.float32)
    message = {"kind": "tensors", "tensors": [tensor("a", a, body), tensor("b", b, body)]}
    with Parent("components.Several") as worker:
        worker.send_wire({"method": "predict", "messages": [message]}, body)
        reply = arrays(*worker.receive())
    assert reply["sum"].tolist() == [2.5, 4.5]
    assert reply["text"].tolist() == ["ž".encode(), b"b"]
    assert reply["names"].tolist() == [b"a", b"b"]


def test_texts_without_a_representation_are_bytes():
    body = Body()
    one = tensor("x", np.array([b"\xff", b"b"]), body)
    with Parent("components.Seen") as worker:
        worker.send_wire(
            {"method": "predict", "messages": [{"kind": "tensors", "tensors": [one]}]}, body
        )
        with pytest.raises(Refused):  # bytes in jsonData
            worker.receive()
    with Parent("components.Echo") as worker:
        body = Body()
        one = tensor("x", np.array([b"\xff", b"b"]), body)
        worker.send_wire(
            {"method": "predict", "messages": [{"kind": "tensors", "tensors": [one]}]}, body
        )
        (found,) = arrays(*worker.receive()).values()
        assert found.tolist() == [b"\xff", b"b"]


def test_a_bfloat16_is_seen_as_a_float():
    body = Body()
    halves = (np.array([1.5, -2.0], np.float32).view("<u4") >> 16).astype("<u2")
    one = {"name": "", "datatype": "BF16", "shape": [2], **body.push(halves.tobytes())}
    with Parent("components.Echo") as worker:
        worker.send_wire(
            {"method": "predict", "messages": [{"kind": "tensors", "tensors": [one]}]}, body
        )
        (found,) = arrays(*worker.receive()).values()
    assert found.tolist() == [1.5, -2.0]
    assert found.dtype == np.float32


def test_an_error_does_not_end_the_worker():
    with Parent("components.Boom") as worker:
        with pytest.raises(Refused) as refused:
            worker.call("predict", ND)
        assert refused.value.said == {
            "status": 500,
            "reason": "MICROSERVICE_INTERNAL_ERROR",
            "info": "boom",
            "kind": "model",
            "body": None,
            "content_type": None,
        }
        # The stack begins at the component.
        stack = worker.output().splitlines()
        assert stack[0] == "Traceback (most recent call last):"
        assert "components.py" in stack[1]
        assert 'raise ValueError("boom")' in stack[2]
        with pytest.raises(Refused, match="ZeroDivisionError"):
            worker.call("send-feedback", feedback={})
        with pytest.raises(Refused) as refused:
            worker.call("transform-output", ND)
        assert (refused.value.status, refused.value.said["kind"]) == (400, "caller")


def test_a_type_error_of_the_class_is_one_call():
    with Parent("components.TypeErrorInside") as worker:
        with pytest.raises(Refused, match="inside"):
            worker.call("predict", ND)
        assert worker.call("predict", ND)["data"]["ndarray"] == [[2]]


@pytest.mark.parametrize("which, index", [("numpy", 1), ("one", 1), ("all", -1)])
def test_routes_may_be_integers_of_numpy(which, index):
    with Parent("components.Routes", {"which": which}) as worker:
        worker.send("route", [ND])
        message, body = worker.receive()
        assert message["tensors"][0]["datatype"] == "INT64"
        assert arrays(message, body)[""].tolist() == [[index]]


def test_a_truth_is_no_route():
    with Parent("components.Routes", {"which": "bool"}) as worker:
        with pytest.raises(Refused, match="must return an int"):
            worker.call("route", ND)


def test_meta_of_a_reply_is_the_units_own():
    meta = {"tags": {"x": 1, "z": 0}, "metrics": [{"key": "q", "type": "GAUGE", "value": 9}]}
    with Parent("components.Tagged") as worker:
        found = worker.call("transform-input", {**ND, "meta": meta})["meta"]
    assert found["tags"] == {"x": 3, "y": [1, {"z": None}], "w": "run"}
    assert [metric["key"] for metric in found["metrics"]] == ["c", "t", "g"]


def test_feedback_without_routing_in_its_signature():
    with Parent("components.OldFeedback") as worker:
        assert (
            worker.call("send-feedback", feedback={"request": ND, "reward": 1})["strData"] == "old"
        )


def test_health_is_asked_by_ping():
    with Parent("components.Health", {"which": "raise"}) as worker:
        assert worker.ping() == {"healthy": False, "info": "no database"}
        with pytest.raises(Refused, match="no database"):
            worker.call("health-status")
    for name in ("components.Base", "components.Nothing", "components.Health"):
        with Parent(name) as worker:
            assert worker.ping() == {"healthy": True}


def test_metadata_is_told_at_load_and_when_asked():
    env = {"MODEL_METADATA": '{"versions": ["v9"], "custom": {"team": "x"}}'}
    with Parent("components.Metadata", env=env) as worker:
        found = worker.call("metadata")["jsonData"]
        assert found == worker.loaded["metadata"]
        assert (found["name"], found["versions"], found["custom"]) == ("m", ["v9"], {"team": "x"})
        assert found["inputs"] == [{"messagetype": "tensor", "schema": {"names": ["a"]}}]
    with Parent("components.Metadata", {"which": "bad"}) as worker:
        with pytest.raises(Refused, match=r"inputs\[0\].schema.names: expected a list") as refused:
            worker.call("metadata")
        assert refused.value.reason == "MICROSERVICE_BAD_METADATA"
        assert worker.ping()["healthy"]


def test_protocol_buffers_come_over_grpc_and_with_feedback():
    with Parent("components.Proto") as worker:
        reply = worker.call("predict", {**ND, "meta": {"tags": {"a": 1}}}, transport="grpc")
        assert reply["data"] == {"names": ["a", "b"], "ndarray": [[1.0, 2.0]]}
        assert reply["meta"]["tags"] == {"a": 1.0, "seen": "SeldonMessage"}
        flat = {"data": {"names": ["a"], "tensor": {"shape": [1, 1], "values": [2.5]}}}
        assert worker.call("predict", flat, transport="grpc")["data"] == flat["data"]
        for other in ({"strData": "x"}, {"binData": "AP8="}, {"jsonData": {"a": [1.0]}}):
            reply = worker.call("predict", other, transport="grpc")
            assert {key: reply[key] for key in other} == other
        assert worker.call("aggregate", ND, {"strData": "b"}, transport="grpc")["strData"] == "b"
        said = {"request": ND, "reward": 0.5, "truth": {"strData": "t"}}
        assert worker.call("send-feedback", feedback=said)["strData"] == "data 0.5 t"


def test_a_protocol_buffer_of_any_type_comes_back():
    for name in ("components.Echo", "components.Proto"):
        body = Body()
        message = {"kind": "any", "type_url": "t/custom.Type", **body.push(b"\x08\x01")}
        with Parent(name) as worker:
            worker.send_wire(
                {"method": "predict", "transport": "grpc", "messages": [message]}, body
            )
            found, data = worker.receive()
        assert (found["kind"], found["type_url"]) == ("any", "t/custom.Type")
        assert bytes(data[found["offset"] : found["offset"] + found["length"]]) == b"\x08\x01"


def test_deprecated_methods_are_chosen_by_transport():
    with Parent("components.ByTransport") as worker:
        assert worker.call("predict", ND)["strData"] == "rest"
        assert worker.call("predict", ND, transport="grpc")["strData"] == "grpc"


def test_the_call_under_way_can_be_asked_for():
    with Parent("components.Current") as worker:
        assert worker.call("predict", ND)["jsonData"] == {
            "method": "predict",
            "puid": "p",
            "headers": {"traceparent": "00-1-2-01"},
        }


def test_what_is_printed_is_there_at_once():
    with Parent("components.Talks") as worker:
        worker.call("predict", ND)
        assert {"to stdout", "to stderr"} <= set(worker.output().splitlines())


def test_a_service_runs_beside_the_calls_of_the_first_worker_alone():
    with Parent("components.Serves") as worker:
        assert worker.call("predict", {"data": {"ndarray": [[1]]}})["data"]["ndarray"] == [[1]]
    with Parent("components.Serves", env={"HARI_WORKER_INDEX": "1"}) as worker:
        assert worker.call("predict", {"data": {"ndarray": [[0]]}})["data"]["ndarray"] == [[0]]


def test_stop_ends_it():
    with Parent("components.Echo") as worker:
        assert worker.stop() == 0


def test_sigterm_ends_an_idle_worker():
    with Parent("components.Echo") as worker:
        worker.signal()
        assert worker.process.wait(30) == 0


def test_sigterm_lets_the_call_under_way_finish(tmp_path):
    with Parent("components.Waits") as worker:
        worker.send("predict", [{"strData": str(tmp_path / "go")}])
        until_output(worker, "waiting")
        worker.signal()
        worker.signal(signal.SIGINT)
        (tmp_path / "go").touch()
        message, _ = worker.receive()
        assert message["text"] == "done"
        assert worker.process.wait(30) == 0


def test_an_idle_worker_ends_when_its_parent_is_gone():
    with Parent("components.Echo") as worker:
        worker.stream.close()
        assert worker.process.wait(30) == 0


def test_a_worker_ends_within_a_call_when_its_parent_is_gone(tmp_path):
    with Parent("components.Waits") as worker:
        worker.send("predict", [{"strData": str(tmp_path / "never")}])
        until_output(worker, "waiting")
        worker.stream.close()
        assert worker.process.wait(30) == 0


def test_a_crash_tells_where():
    with Parent("components.Dies") as worker:
        worker.send("predict", [ND])
        assert worker.connection.read() is None
        assert worker.process.wait(30) == 3
    with Parent("components.Waits") as worker:
        worker.send("predict", [{"strData": "/nonexistent"}])
        until_output(worker, "waiting")
        worker.signal(signal.SIGABRT)
        worker.process.wait(30)
        assert "components.py" in worker.output()


def test_a_signal_tells_where_a_worker_is(tmp_path):
    with Parent("components.Waits") as worker:
        worker.send("predict", [{"strData": str(tmp_path / "go")}])
        until_output(worker, "waiting")
        worker.signal(signal.SIGUSR1)
        until_output(worker, "in predict")
        (tmp_path / "go").touch()
        assert worker.receive()[0]["text"] == "done"


def test_garbage_ends_it_with_a_word():
    with Parent("components.Echo") as worker:
        worker.stream.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert worker.process.wait(30) != 0
        assert "expected a frame" in worker.output()


def test_an_unknown_method_is_refused():
    with Parent("components.Echo") as worker:
        with pytest.raises(Refused, match="no method 'fly'"):
            worker.call("fly", ND)


def test_a_call_before_load_is_refused():
    with Parent("", load=False) as worker:
        with pytest.raises(Refused, match="before the component was loaded"):
            worker.call("predict", ND)


def test_it_says_what_it_needs_when_hari_did_not_start_it():
    import subprocess
    import sys

    from parent import PACKAGE

    env = {"PYTHONPATH": str(PACKAGE), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-m", "hari.worker"], env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "HARI_WORKER_SOCKET is not set: a worker is started by Hari" in done.stderr


def test_frames_that_only_workers_send_are_refused():
    with Parent("components.Echo") as worker:
        worker.connection.write(frame.HELLO, 0, b"{}")
        assert worker.process.wait(30) != 0
