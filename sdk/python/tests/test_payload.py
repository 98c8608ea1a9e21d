"""Arrays, JSON and metrics on their way into a frame and out of it."""

import json

import numpy as np
import pytest

from hari import arrays, jsons, metadata, metrics, payload, raw, tftensor
from hari.errors import Answered, ServiceError, as_frame

CODES = ["?", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8"]
SHAPES = [(), (0,), (3,), (2, 3), (0, 3), (2, 1, 4)]


def joined(outgoing):
    return memoryview(bytearray(b"".join(outgoing.chunks)))


def again(value, representation="tensor"):
    """What the next component sees of an answer."""
    outgoing = payload.answer(value, representation)
    said = json.loads(jsons.dumps(outgoing.message))
    return payload.features(said, joined(outgoing))


def random_array(rng, code, shape):
    array = rng.integers(0, 2 if code == "?" else 100, shape).astype(code)
    layout = rng.integers(4)
    if layout == 1:
        array = array.T
    elif layout == 2 and array.ndim:
        array = np.repeat(array, 2, axis=0)[::2]
    elif layout == 3:
        array = array.astype(array.dtype.newbyteorder(">"))
    return array


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("seed", range(4))
def test_an_answer_is_what_the_next_component_sees(code, seed):
    rng = np.random.default_rng(seed)
    for shape in SHAPES:
        array = random_array(rng, code, shape)
        found = again(array)
        assert found.dtype == np.dtype(code)
        np.testing.assert_array_equal(found, array)
        if found.size:
            assert found.flags.writeable


def test_arrays_are_not_copied_on_their_way_out():
    array = np.arange(1000.0)
    outgoing = payload.answer(array, "tensor")
    array[0] = 7
    assert np.frombuffer(outgoing.chunks[-1])[0] == 7


@pytest.mark.parametrize(
    "value",
    [
        [["a", "bb"], ["ž", ""]],
        [[1, "a", None, True]],
        np.array([["x", 1.5]], dtype=object),
        np.array(["a", "bb"]),
    ],
)
def test_texts_and_mixed_rows_travel_as_lists(value):
    outgoing = payload.answer(value, "tensor")
    assert outgoing.message["representation"] == "ndarray"
    assert outgoing.message["ndarray"] == (value if isinstance(value, list) else value.tolist())
    assert not outgoing.chunks


def test_dates_travel_as_texts():
    found = payload.answer(np.array(["2020-01-01"], dtype="M8[D]"), "ndarray").message
    assert found["ndarray"] == ["2020-01-01"]


def test_byte_strings_of_objects_travel_as_tensors():
    array = np.array([b"\xff\x00", bytearray(b"")], dtype=object)
    assert again(array, "").tolist() == [b"\xff\x00", b""]


def test_columns_are_counted_up_to_a_bound():
    assert payload.answer(np.zeros((1, 3)), "").message["names"] == ["t:0", "t:1", "t:2"]
    assert payload.answer(np.zeros((1, 5000)), "").message["names"] == []
    assert "names" not in payload.answer(np.zeros(3), "").message
    assert payload.answer(np.zeros((1, 2)), "", np.array(["a", "b"])).message["names"] == ["a", "b"]


def test_offsets_are_multiples_of_64():
    outgoing = payload.answer({"a": np.zeros(3, "u1"), "b": np.ones(5), "c": np.zeros(2, "i2")}, "")
    assert [tensor["offset"] for tensor in outgoing.message["tensors"]] == [0, 64, 128]
    assert len(joined(outgoing)) == outgoing.size == 132


def test_json_takes_numpy_and_has_no_nan():
    said = {"a": np.float32(1.5), "b": np.arange(2), "c": float("nan"), "d": [-float("inf")]}
    assert json.loads(jsons.dumps(said)) == {"a": 1.5, "b": [0, 1], "c": "NaN", "d": ["-Infinity"]}
    assert json.loads(jsons.dumps({"a": "\ud800"})) is not None
    with pytest.raises(TypeError, match="object of type object is not JSON"):
        jsons.dumps({"a": object()})


def test_metrics_are_plain_numbers_and_texts():
    found = metrics.checked([metrics.counter("k", np.float32(1.5), {"a": 1})])
    assert found == [{"key": "k", "type": "COUNTER", "value": 1.5, "tags": {"a": "1"}}]
    assert [metrics.gauge("g", 1)["type"], metrics.timer("t", 1)["type"]] == ["GAUGE", "TIMER"]


@pytest.mark.parametrize(
    "wrong",
    [None, {}, [1], [{}], [{"key": "", "type": "GAUGE", "value": 1}],
     [{"key": "k", "type": "GAUGE", "value": None}],
     [{"key": "k", "type": "GAUGE", "value": 1, "tags": 1}]],
)  # fmt: skip
def test_metrics_that_are_none_are_refused(wrong):
    with pytest.raises(ServiceError, match="key, type .* and a numeric value") as refused:
        metrics.checked(wrong)
    assert as_frame(refused.value)["reason"] == "MICROSERVICE_BAD_METRIC"
    assert as_frame(refused.value)["status"] == 500


def test_long_errors_are_cut():
    assert len(as_frame(ValueError("x" * 100_000))["info"]) < 5000
    assert as_frame(ValueError())["info"] == "ValueError"


def test_a_status_of_its_own_is_kept():
    said = as_frame(ServiceError("tea", status_code=418, reason="POT"))
    assert said["status"] == 418
    assert json.loads(said["body"]) == {
        "status": {"status": 1, "info": "tea", "code": -1, "reason": "POT"}
    }
    assert as_frame(ServiceError("no", status_code=404))["body"] is None


@pytest.mark.parametrize(
    "code", ["f4", "f8", "i4", "u1", "i2", "i1", "i8", "?", "u2", "f2", "u4", "u8"]
)
def test_tftensors_are_read_as_they_are_written(code):
    array = np.array([[0, 1, 1], [1, 0, 1]]).astype(code)
    np.testing.assert_array_equal(tftensor.from_dict(tftensor.to_dict(array)), array)


def dims(*sizes):
    return {"dim": [{"size": str(size)} for size in sizes]}


@pytest.mark.parametrize(
    "said, wanted",
    [
        ({"dtype": "DT_FLOAT", "tensorShape": dims(2), "floatVal": [1.5, 2]}, [1.5, 2]),
        ({"dtype": 3, "tensorShape": dims(2, 1), "intVal": [7]}, [[7], [7]]),
        (
            {"dtype": "DT_INT64", "tensorShape": dims(1), "int64Val": ["9007199254740993"]},
            [2**53 + 1],
        ),
        ({"dtype": "DT_STRING", "tensorShape": dims(1), "stringVal": ["YQ=="]}, [b"a"]),
        ({"dtype": "DT_HALF", "tensorShape": dims(1), "halfVal": [15872]}, [1.5]),
        ({"dtype": "DT_BOOL", "tensorShape": {}, "boolVal": [True]}, True),
    ],
)
def test_tftensors_hold_values_in_a_member_of_their_type(said, wanted):
    assert tftensor.from_dict(said).tolist() == wanted


def test_a_tftensor_of_an_unknown_type_is_refused():
    with pytest.raises(ServiceError, match="tftensor.dtype: expected one of"):
        tftensor.from_dict({"dtype": "DT_RESOURCE"})


def test_a_whole_message_with_an_error_status_is_that_error():
    with pytest.raises(Answered) as answered:
        raw.to_message({"status": {"code": 422, "info": "no"}})
    said = as_frame(answered.value)
    assert (said["status"], json.loads(said["body"])["status"]["info"]) == (422, "no")


def test_metadata_names_the_field_that_is_wrong():
    for wrong, words in [
        ({"nme": "x"}, "metadata.nme: expected one of"),
        ({"versions": "v1"}, "metadata.versions: expected a list, found str"),
        ({"versions": [1]}, r"metadata.versions\[0\]: expected a text, found int"),
        ({"custom": {"a": 1}}, "metadata.custom.a: expected a text"),
        ({"inputs": [{"datatype": "FP99"}]}, r"inputs\[0\].datatype: expected a datatype"),
        ({"inputs": [{"datatype": ["FP32"]}]}, r"inputs\[0\].datatype: expected a text"),
        ({"outputs": [{"shape": [True]}]}, r"outputs\[0\].shape\[0\]: expected an integer"),
        ({"outputs": [{"messagetype": "strData", "schema": {}}]}, r"outputs\[0\].schema"),
        ([], "expected a dict, found list"),
    ]:
        with pytest.raises(ValueError, match=words):
            metadata.of(lambda wrong=wrong: wrong, "u")


def test_metadata_of_the_environment_is_json_or_yaml(monkeypatch):
    monkeypatch.setenv(
        "MODEL_METADATA", "name: m\ninputs: [{name: x, datatype: FP32, shape: [-1, 2]}]"
    )
    monkeypatch.setenv("PREDICTIVE_UNIT_IMAGE", "registry:5000/i:v3")
    found = metadata.of(None, "u")
    assert (found["name"], found["versions"]) == ("m", ["v3"])
    assert found["inputs"][0]["shape"] == [-1, 2]
    monkeypatch.setenv("MODEL_METADATA", "[1")
    with pytest.raises(ValueError, match="neither JSON nor YAML"):
        metadata.of(None, "u")


def test_without_numpy_texts_do_and_arrays_say_what_is_missing(monkeypatch):
    for module in (arrays, payload):
        monkeypatch.setattr(module, "np", None)
    nothing = memoryview(b"")
    assert payload.features({"kind": "text", "text": "x"}, nothing) == "x"
    assert payload.answer("x", "").message == {"kind": "text", "text": "x"}
    assert payload.answer([[1]], "").message["ndarray"] == [[1]]
    with pytest.raises(ServiceError, match="add numpy to requirements.txt"):
        payload.features({"kind": "tensors", "ndarray": [[1]]}, nothing)
