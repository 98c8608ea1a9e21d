"""Whole Seldon messages, as `*_raw` methods take and return them: dicts in the protocol's JSON."""

from __future__ import annotations

import base64
import json
from typing import Any, Callable

from hari import arrays, metrics, payload, tftensor
from hari.arrays import np
from hari.errors import Answered, ServiceError
from hari.payload import Outgoing

META = ("puid", "tags", "routing", "requestPath", "metrics")


def answer(own: Callable[..., Any], method: str, call: dict, body: memoryview) -> Outgoing:
    """Calls a method on whole messages: dicts over REST, protocol buffers over gRPC.

    Feedback is a protocol buffer over both.
    """
    if method == "health_status":
        return to_message(own())
    grpc = call.get("transport") == "grpc"
    messages = call.get("messages") or [{"kind": "empty"}]
    if method == "send_feedback":
        from hari import protobuf

        value = own(protobuf.feedback(call.get("feedback") or {}, body))
        return _or_empty(value)
    if method == "aggregate":
        return to_message(own(_list(messages, body, grpc)))
    return to_message(own(_one(messages[0], body, grpc)))


def _or_empty(value: Any) -> Outgoing:
    if value is None:
        return payload.answer([], "ndarray")
    return to_message(value)


def _one(message: dict[str, Any], body: memoryview, grpc: bool) -> Any:
    if not grpc:
        return to_dict(message, body)
    from hari import protobuf

    return protobuf.to_proto(message, body)


def _list(messages: list[dict[str, Any]], body: memoryview, grpc: bool) -> Any:
    if not grpc:
        return [to_dict(message, body) for message in messages]
    from hari import protobuf

    return protobuf.to_list(messages, body)


def to_dict(message: dict[str, Any], body: memoryview) -> dict[str, Any]:
    """A message of a frame in the protocol's JSON."""
    found: dict[str, Any] = {}
    meta = payload.meta(message)
    if meta is not None:
        found["meta"] = meta
    kind = message.get("kind", "empty")
    if kind == "tensors":
        found.update(_data(message, body))
    elif kind == "text":
        found["strData"] = message.get("text", "")
    elif kind == "binary":
        found["binData"] = base64.b64encode(payload.part(message, body)).decode()
    elif kind == "json":
        found["jsonData"] = message.get("json")
    elif kind == "any":
        value = base64.b64encode(payload.part(message, body)).decode()
        found["customData"] = {"type_url": message.get("type_url", ""), "value": value}
    return found


def _data(message: dict[str, Any], body: memoryview) -> dict[str, Any]:
    """`data`, or `jsonData` with a member for each of several tensors."""
    tensors = message.get("tensors") or []
    if len(tensors) > 1:
        found = payload.features(message, body)
        return {"jsonData": {name: _lists(array) for name, array in found.items()}}
    data: dict[str, Any] = {"names": message["names"]} if message.get("names") else {}
    if not tensors:
        data["ndarray"] = message.get("ndarray", [])
        return {"data": data}
    array = arrays.from_tensor(tensors[0], body, texts=True)
    form = message.get("representation") or "tensor"
    if not arrays.is_numeric(array):
        form = "ndarray"
    if form == "tensor":
        data["tensor"] = {"shape": list(array.shape), "values": array.ravel().tolist()}
    else:
        data[form] = tftensor.to_dict(array) if form == "tftensor" else array.tolist()
    return {"data": data}


def _lists(array: Any) -> Any:
    if array.dtype.kind == "O":
        array = np.char.decode(array.astype("S"), "utf-8")
    return array.tolist()


def to_message(value: Any) -> Outgoing:
    """A whole message that a component returned. Raises `Answered` for one with an error status."""
    if not isinstance(value, dict):
        return _proto(value)
    _refuse_failure(value)
    outgoing = _payload(value)
    meta = value.get("meta")
    if isinstance(meta, dict):
        kept = {key: meta[key] for key in META if meta.get(key)}
        if "metrics" in kept:
            kept["metrics"] = metrics.checked(kept["metrics"])
        outgoing.message["meta"] = kept
    return outgoing


def _proto(value: Any) -> Outgoing:
    if not hasattr(value, "DESCRIPTOR"):
        raise ServiceError(
            "a raw method must return a whole message, a dict or a SeldonMessage, "
            f"found {type(value).__name__}"
        )
    from hari import protobuf

    return protobuf.from_proto(value)


def _refuse_failure(value: dict[str, Any]) -> None:
    """An error status in the message is the status of the answer; the message is its body."""
    status = value.get("status")
    code = status.get("code") if isinstance(status, dict) else None
    if isinstance(code, int) and 400 <= code <= 599:
        info = str(status.get("info", ""))
        raise Answered(code, json.dumps(value), "application/json", info)


def features(message: dict[str, Any]) -> Any:
    """What a component sees of a message in JSON."""
    if "data" in message:
        data = message["data"]
        outer = data if isinstance(data, dict) else {}
        return arrays.needed().array(_values(outer)[0])
    if "jsonData" in message:
        return message["jsonData"]
    if "strData" in message:
        return message["strData"]
    return base64.b64decode(message.get("binData", ""))


def _payload(value: dict[str, Any]) -> Outgoing:
    if "data" in value:
        return _array(value["data"] or {})
    if "jsonData" in value:
        return Outgoing({"kind": "json", "json": value["jsonData"]})
    if "strData" in value:
        return Outgoing({"kind": "text", "text": str(value["strData"])})
    if "binData" in value:
        found = value["binData"]
        return payload.answer(base64.b64decode(found) if isinstance(found, str) else found, "")
    if "customData" in value:
        raise ServiceError("customData is answered as a protocol buffer, over gRPC")
    return Outgoing({"kind": "empty"})


def _array(data: dict[str, Any]) -> Outgoing:
    """`data` of a message; its names are those it says, none if it says none."""
    found, form = _values(data)
    if isinstance(found, (int, float)):
        found = arrays.needed().array(found)
    outgoing = payload.answer(found, form, ())
    outgoing.message["names"] = [str(name) for name in data.get("names") or ()]
    return outgoing


def _values(data: dict[str, Any]) -> tuple[Any, str]:
    """The values of `data`, and the form they have there."""
    if "tensor" in data:
        tensor = data["tensor"]
        values = arrays.needed().array(tensor.get("values", []))
        return values.reshape(tensor.get("shape", values.shape)), "tensor"
    if "tftensor" in data:
        return tftensor.from_dict(data["tftensor"]), "tftensor"
    return data.get("ndarray", []), "ndarray"
