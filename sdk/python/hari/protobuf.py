"""Messages as protocol buffers, for `*_raw` methods of gRPC callers and of feedback."""

from __future__ import annotations

import importlib
from typing import Any

from hari import arrays, payload, raw
from hari.errors import INTERNAL_ERROR, Answered, ServiceError
from hari.payload import Outgoing

NEEDS_PROTOBUF = (
    "a raw method of gRPC or of feedback takes a protocol buffer: add protobuf to requirements.txt"
)


def messages() -> Any:
    """The module with `SeldonMessage`: an installed original's, or that of this package."""
    for name in ("seldon_core.proto.prediction_pb2", "hari.proto.prediction_pb2"):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("google"):
                raise ServiceError(NEEDS_PROTOBUF, 500, reason=INTERNAL_ERROR) from error
    raise ServiceError(NEEDS_PROTOBUF, 500, reason=INTERNAL_ERROR)


def to_proto(message: dict[str, Any], body: memoryview) -> Any:
    """A message of a frame as a `SeldonMessage`."""
    found = messages().SeldonMessage()
    _fill(found, message, body)
    return found


def to_list(several: list[dict[str, Any]], body: memoryview) -> Any:
    """Messages of a frame as a `SeldonMessageList`."""
    found = messages().SeldonMessageList()
    for message in several:
        _fill(found.seldonMessages.add(), message, body)
    return found


def feedback(said: dict[str, Any], body: memoryview) -> Any:
    """A feedback of a frame as a `Feedback`."""
    found = messages().Feedback(reward=said.get("reward") or 0.0)
    for part in ("request", "response", "truth"):
        if said.get(part):
            member = getattr(found, part)
            member.SetInParent()
            _fill(member, said[part], body)
    return found


def _fill(found: Any, message: dict[str, Any], body: memoryview) -> None:
    from google.protobuf.json_format import ParseDict

    kind = message.get("kind")
    if kind == "binary":
        found.binData = bytes(payload.part(message, body))
    elif kind == "any":
        found.customData.CopyFrom(payload.features(message, body))
    elif kind == "tensors" and _is_tensor(message):
        _fill_tensor(found.data, message, body)
    else:
        ParseDict(raw.to_dict(message, body), found)
        return
    meta = payload.meta(message)
    if meta is not None:
        ParseDict(meta, found.meta)


def _is_tensor(message: dict[str, Any]) -> bool:
    tensors = message.get("tensors") or ()
    numbers = len(tensors) == 1 and tensors[0]["datatype"] not in ("BOOL", "BYTES")
    return numbers and message.get("representation") in ("", None, "tensor")


def _fill_tensor(data: Any, message: dict[str, Any], body: memoryview) -> None:
    array = arrays.from_tensor(message["tensors"][0], body, texts=False)
    data.names.extend(message.get("names") or ())
    data.tensor.shape.extend(array.shape)
    data.tensor.values.extend(array.ravel().tolist())


def from_proto(found: Any) -> Outgoing:
    """A `SeldonMessage` as a message of a frame."""
    from google.protobuf.json_format import MessageToDict

    if found.DESCRIPTOR.full_name != "seldon.protos.SeldonMessage":
        raise ServiceError(
            f"a raw method must return a SeldonMessage, found a {found.DESCRIPTOR.full_name}"
        )
    code = found.status.code
    if 400 <= code <= 599:
        from google.protobuf.json_format import MessageToJson

        raise Answered(code, MessageToJson(found), "application/json", found.status.info)
    kind = found.WhichOneof("data_oneof")
    if kind == "customData":
        return _with_meta(payload.any_message(found.customData), found)
    if kind == "data" and found.data.WhichOneof("data_oneof") == "tensor":
        return _with_meta(_from_tensor(found.data), found)
    return raw.to_message(MessageToDict(found))


def _from_tensor(data: Any) -> Outgoing:
    array = arrays.needed().array(data.tensor.values)
    if data.tensor.shape:
        array = array.reshape(list(data.tensor.shape))
    outgoing = payload.answer(array, "tensor", ())
    outgoing.message["names"] = list(data.names)
    return outgoing


def _with_meta(outgoing: Outgoing, found: Any) -> Outgoing:
    from google.protobuf.json_format import MessageToDict

    meta = MessageToDict(found.meta)
    for metric in meta.get("metrics", ()):
        metric.setdefault("type", "COUNTER")
        metric.setdefault("value", 0.0)
    outgoing.message["meta"] = meta
    return outgoing
