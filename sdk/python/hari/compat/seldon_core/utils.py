"""What components use of the original's helpers: messages to JSON and back, arrays in messages."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import numpy as np
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import ListValue

from hari import raw, tftensor
from hari.errors import ServiceError
from seldon_core.proto import prediction_pb2

__all__ = [
    "array_to_grpc_datadef",
    "array_to_list_value",
    "array_to_rest_datadef",
    "extract_feedback_request_parts",
    "extract_request_parts",
    "extract_request_parts_json",
    "feedback_to_json",
    "get_data_from_proto",
    "get_meta_from_proto",
    "getenv",
    "getenv_as_bool",
    "grpc_datadef_to_array",
    "json_to_feedback",
    "json_to_seldon_message",
    "json_to_seldon_messages",
    "seldon_message_to_json",
    "seldon_messages_to_json",
]

TRUE = ("1", "true", "t")


def getenv(*env_vars: str, default: str | None = None) -> str | None:
    """The first of several environment variables that is set."""
    return next((os.environ[name] for name in env_vars if name in os.environ), default)


def getenv_as_bool(*env_vars: str, default: bool = False) -> bool:
    """The same, as a boolean: `1`, `true` and `t` are true."""
    found = getenv(*env_vars)
    return default if found is None else found.lower() in TRUE


def json_to_seldon_message(message_json: Any) -> Any:
    """A dict as a `SeldonMessage`."""
    return _parse(message_json or {}, prediction_pb2.SeldonMessage())


def json_to_seldon_messages(message_json: Any) -> Any:
    """A dict as a `SeldonMessageList`."""
    return _parse(message_json, prediction_pb2.SeldonMessageList())


def json_to_feedback(message_json: dict) -> Any:
    """A dict as a `Feedback`."""
    return _parse(message_json, prediction_pb2.Feedback())


def _parse(said: dict, message: Any) -> Any:
    try:
        return ParseDict(said, message)
    except Exception as error:
        raise ServiceError(f"Invalid JSON: {error}") from error


def seldon_message_to_json(message_proto: Any) -> dict:
    """A `SeldonMessage` as a dict."""
    return MessageToDict(message_proto)


def seldon_messages_to_json(message_protos: Any) -> dict:
    """A `SeldonMessageList` as a dict."""
    return MessageToDict(message_protos)


def feedback_to_json(message_proto: Any) -> dict:
    """A `Feedback` as a dict."""
    return MessageToDict(message_proto)


def get_meta_from_proto(request: Any) -> dict:
    """The meta of a `SeldonMessage` as a dict."""
    return MessageToDict(request.meta)


def get_data_from_proto(request: Any) -> Any:
    """What a `SeldonMessage` holds: an array, text, bytes, JSON or a message."""
    kind = request.WhichOneof("data_oneof")
    if kind == "data":
        return grpc_datadef_to_array(request.data)
    if kind == "jsonData":
        return MessageToDict(request.jsonData)
    if kind in ("strData", "binData", "customData"):
        return getattr(request, kind)
    raise ServiceError("Unknown data in SeldonMessage")


def grpc_datadef_to_array(datadef: Any) -> np.ndarray:
    """The array of a `DefaultData`."""
    kind = datadef.WhichOneof("data_oneof")
    if kind == "tensor":
        values = np.array(datadef.tensor.values)
        return values.reshape(list(datadef.tensor.shape)) if datadef.tensor.shape else values
    if kind == "ndarray":
        return np.array(MessageToDict(datadef.ndarray))
    if kind == "tftensor":
        return tftensor.from_dict(MessageToDict(datadef.tftensor))
    return np.array([])


def array_to_list_value(array: np.ndarray, lv: ListValue | None = None) -> ListValue:
    """An array as nested lists of a protocol buffer."""
    lv = ListValue() if lv is None else lv
    return ParseDict(np.asarray(array).tolist(), lv)


def array_to_grpc_datadef(
    data_type: str, array: np.ndarray, names: Iterable[str] | None = None
) -> Any:
    """An array as a `DefaultData` of a form: `tensor`, `ndarray` or `tftensor`."""
    array = np.asarray(array)
    datadef = prediction_pb2.DefaultData(names=names or [])
    if data_type == "tensor":
        datadef.tensor.shape.extend(array.shape)
        datadef.tensor.values.extend(array.ravel().tolist())
    elif data_type == "tftensor":
        ParseDict(tftensor.to_dict(array), datadef.tftensor)
    else:
        datadef.ndarray.SetInParent()
        array_to_list_value(array, datadef.ndarray)
    return datadef


def array_to_rest_datadef(
    data_type: str, array: np.ndarray, names: list[str] | None = None
) -> dict:
    """An array as the JSON of `data`, of a form: `tensor`, `ndarray` or `tftensor`."""
    array = np.asarray(array)
    datadef: dict[str, Any] = {"names": list(names or [])}
    if data_type == "tensor":
        datadef["tensor"] = {"shape": list(array.shape), "values": array.ravel().tolist()}
    elif data_type == "tftensor":
        datadef["tftensor"] = tftensor.to_dict(array)
    else:
        datadef["ndarray"] = array.tolist()
    return datadef


def extract_request_parts(request: Any) -> tuple[Any, dict, Any, str | None]:
    """Features, meta, `data` and form of a `SeldonMessage`."""
    return (
        get_data_from_proto(request),
        get_meta_from_proto(request),
        request.data,
        request.WhichOneof("data_oneof"),
    )


def extract_request_parts_json(request: Any) -> tuple[Any, dict | None, Any, str]:
    """Features, meta, `data` and form of a message as a dict."""
    if not isinstance(request, dict):
        raise ServiceError(f"Invalid request data type: {request}")
    for form in ("data", "jsonData", "strData", "binData"):
        if form in request:
            return raw.features(request), request.get("meta"), request[form], form
    raise ServiceError(f"Invalid request data type: {request}")


def extract_feedback_request_parts(request: Any) -> tuple[Any, np.ndarray, np.ndarray, float]:
    """`data`, features, truth and reward of a `Feedback`."""
    features = grpc_datadef_to_array(request.request.data)
    truth = grpc_datadef_to_array(request.truth.data)
    return request.request.data, features, truth, request.reward
