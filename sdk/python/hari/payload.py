"""Messages of a frame as the arguments of a component, and what it returns as messages."""

from __future__ import annotations

from typing import Any

from hari import arrays
from hari.arrays import np
from hari.errors import BAD_DATA, ServiceError
from hari.frame import ALIGNMENT, Chunk

# Columns beyond these are not counted out by name.
MAX_COUNTED = 4096

_counted: dict[int, list[str]] = {}


class Outgoing:
    """A message on its way out: the JSON, and the chunks of the body."""

    __slots__ = ("chunks", "message", "size")

    def __init__(self, message: dict[str, Any]) -> None:
        self.message = message
        self.chunks: list[Chunk] = []
        self.size = 0

    def place(self, chunk: Chunk) -> int:
        """Puts `chunk` into the body and returns its offset there."""
        gap = -self.size % ALIGNMENT
        if gap:
            self.chunks.append(bytes(gap))
            self.size += gap
        at = self.size
        self.chunks.append(chunk)
        self.size += len(chunk)
        return at


def features(message: dict[str, Any], body: memoryview) -> Any:
    """What a component sees of a message: array, dict of arrays, text, bytes or JSON."""
    kind = message["kind"]
    if kind == "tensors":
        return _arrays(message, body)
    if kind == "text":
        return message.get("text", "")
    if kind == "binary":
        return bytes(part(message, body))
    if kind == "json":
        return message.get("json")
    if kind == "any":
        return _any(message, body)
    raise ServiceError(
        "Invalid request data type: expected one of data, jsonData, strData and binData, found none"
    )


def part(message: dict[str, Any], body: memoryview) -> memoryview:
    """The bytes that `offset` and `length` of the message itself mean."""
    offset = message.get("offset", 0)
    return body[offset : offset + message.get("length", 0)]


def _arrays(message: dict[str, Any], body: memoryview) -> Any:
    tensors = message.get("tensors")
    if not tensors:
        return arrays.needed().array(message.get("ndarray", []))
    texts = bool(message.get("representation"))
    if len(tensors) == 1:
        return arrays.from_tensor(tensors[0], body, texts)
    return {tensor["name"]: arrays.from_tensor(tensor, body, texts) for tensor in tensors}


def _any(message: dict[str, Any], body: memoryview) -> Any:
    from google.protobuf.any_pb2 import Any as AnyMessage

    return AnyMessage(type_url=message.get("type_url", ""), value=bytes(part(message, body)))


def names(message: dict[str, Any]) -> list[str]:
    """Names of the columns; of the tensors, if there are several."""
    tensors = message.get("tensors") or ()
    if len(tensors) > 1:
        return [tensor["name"] for tensor in tensors]
    return message.get("names") or []


def meta(message: dict[str, Any]) -> dict[str, Any] | None:
    """The meta that came with a message; none if it holds nothing."""
    found = message.get("meta")
    if not found:
        return None
    return {key: value for key, value in found.items() if value} or None


def answer(value: Any, representation: str, class_names: Any = None) -> Outgoing:
    """The message that says `value`, in the representation of the request."""
    if np is not None and isinstance(value, (np.ndarray, list)):
        return _array(value, representation, class_names)
    if isinstance(value, str):
        return Outgoing({"kind": "text", "text": value})
    if isinstance(value, dict):
        return _object(value, representation)
    if isinstance(value, (bytes, bytearray)):
        outgoing = Outgoing({"kind": "binary", "length": len(value)})
        outgoing.message["offset"] = outgoing.place(value)
        return outgoing
    if isinstance(value, list):
        return Outgoing({"kind": "tensors", "representation": "ndarray", "ndarray": value})
    if type(value).__name__ == "Any" and hasattr(value, "type_url"):
        return any_message(value)
    raise ServiceError(
        "Unknown data type returned as payload: expected an array, a list, a str, bytes or a dict, "
        f"found {_shown(value)}",
        reason=BAD_DATA,
    )


def _shown(value: Any) -> str:
    text = f"{value!r} ({type(value).__name__})"
    return text if len(text) <= 200 else f"a {type(value).__name__}"


def any_message(value: Any) -> Outgoing:
    """A protocol buffer of any type."""
    outgoing = Outgoing({"kind": "any", "type_url": value.type_url, "length": len(value.value)})
    outgoing.message["offset"] = outgoing.place(value.value)
    return outgoing


def _array(value: Any, representation: str, class_names: Any) -> Outgoing:
    array = value if isinstance(value, np.ndarray) else np.array(value)
    packed = arrays.to_tensor("", array)
    message: dict[str, Any] = {"kind": "tensors", "representation": representation}
    if array.ndim > 1:
        message["names"] = column_names(array.shape[1], class_names)
    outgoing = Outgoing(message)
    if packed is None:
        message["representation"] = "ndarray"
        # The list itself: numbers beside strings stay numbers.
        message["ndarray"] = value if isinstance(value, list) else arrays.nested(array)
        return outgoing
    if packed[0]["datatype"] == "BOOL":
        message["representation"] = "ndarray"
    _add(outgoing, *packed)
    return outgoing


def _add(outgoing: Outgoing, tensor: dict[str, Any], chunk: Chunk) -> None:
    tensor["offset"] = outgoing.place(chunk)
    outgoing.message.setdefault("tensors", []).append(tensor)


def _object(value: dict[str, Any], representation: str) -> Outgoing:
    """Arrays by name, if all members are arrays; otherwise any JSON."""
    if np is None or not value or not all(isinstance(v, np.ndarray) for v in value.values()):
        return Outgoing({"kind": "json", "json": value})
    outgoing = Outgoing({"kind": "tensors", "representation": representation})
    for name, array in value.items():
        packed = arrays.to_tensor(name, array if array.dtype.kind != "U" else _encoded(array))
        if packed is None:
            raise TypeError(f"output '{name}' holds {array.dtype}, which no tensor can")
        _add(outgoing, *packed)
    return outgoing


def _encoded(array: Any) -> Any:
    return np.char.encode(array, "utf-8")


def column_names(count: int, class_names: Any) -> list[str]:
    """The component's own names, else `t:0`, `t:1` and so on."""
    if class_names is not None:
        return [str(name) for name in class_names]
    if count > MAX_COUNTED:
        return []
    found = _counted.get(count)
    if found is None:
        found = _counted[count] = [f"t:{at}" for at in range(count)]
    return found
