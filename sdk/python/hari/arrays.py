"""Tensors of a frame as numpy arrays, and arrays as tensors of a frame."""

from __future__ import annotations

import struct
from typing import Any

from hari.errors import ServiceError

try:
    import numpy as np
except ImportError:  # texts, bytes and JSON do without
    np = None

# Names of the open inference protocol, and numpy's.
DTYPES = {
    "BOOL": "?",
    "UINT8": "<u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "INT8": "<i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
}
if np is not None:
    _DTYPES = {name: np.dtype(code) for name, code in DTYPES.items()}
    _NAMES = {dtype: name for name, dtype in _DTYPES.items()}

_LENGTH = struct.Struct("<I")

NEEDS_NUMPY = "this Python has no numpy, which arrays need: add numpy to requirements.txt"


def needed() -> Any:
    """The numpy module; an error that says what to do when it is not there."""
    if np is None:
        raise ServiceError(NEEDS_NUMPY, 500, reason="MICROSERVICE_INTERNAL_ERROR")
    return np


def from_tensor(tensor: dict[str, Any], body: memoryview, texts: bool) -> Any:
    """A tensor as an array that looks at `body`; `texts` makes strings of BYTES."""
    needed()
    datatype, shape = tensor["datatype"], tensor["shape"]
    offset, length = tensor.get("offset", 0), tensor.get("length", 0)
    if datatype == "BYTES":
        return _strings(body[offset : offset + length], texts).reshape(shape)
    if datatype == "BF16":
        return _from_bf16(body, offset, length).reshape(shape)
    dtype = _DTYPES[datatype]
    if not length:
        return np.empty(shape, dtype)
    return np.frombuffer(body, dtype, length // dtype.itemsize, offset).reshape(shape)


def _from_bf16(body: memoryview, offset: int, length: int) -> Any:
    """Numpy has no bfloat16: the upper halves of float32."""
    halves = np.frombuffer(body, "<u2", length // 2, offset)
    return (halves.astype("<u4") << 16).view("<f4")


def _strings(part: memoryview, texts: bool) -> Any:
    elements: list[Any] = []
    at = 0
    while at < len(part):
        (length,) = _LENGTH.unpack_from(part, at)
        at += _LENGTH.size
        element = bytes(part[at : at + length])
        elements.append(element.decode() if texts else element)
        at += length
    if texts:
        return np.array(elements, dtype=str)
    array = np.empty(len(elements), object)
    array[:] = elements
    return array


def is_numeric(array: Any) -> bool:
    """Whether the elements are numbers; booleans are not."""
    return array.dtype.kind in "fiuc"


def to_tensor(name: str, array: Any) -> tuple[dict[str, Any], Any] | None:
    """An array as a tensor and its bytes; none if it must go as nested lists.

    Raises TypeError for elements that no protocol carries.
    """
    kind = array.dtype.kind
    if kind == "S" or (kind == "O" and array.size and _all_bytes(array)):
        chunk = _packed(array)
        return _tensor(name, "BYTES", array, len(chunk)), chunk
    if kind not in "fiub":
        if kind == "c":
            raise TypeError("complex numbers have no place in a message")
        return None
    datatype = _NAMES.get(array.dtype)
    if datatype is None:
        array = array.astype(_native(array.dtype))
        datatype = _NAMES[array.dtype]
    if not array.flags.c_contiguous:
        array = array.copy("C")
    return _tensor(name, datatype, array, array.nbytes), _bytes_of(array)


def _native(dtype: Any) -> Any:
    """The little-endian type of a protocol that holds `dtype`; long doubles become doubles."""
    if dtype.itemsize > 8:
        return _DTYPES["FP64"]
    return dtype.newbyteorder("<")


def _bytes_of(array: Any) -> memoryview:
    """The bytes of a contiguous array, not copied."""
    if not array.size:
        return memoryview(b"")
    return memoryview(array.reshape(-1).view(np.uint8))


def _tensor(name: str, datatype: str, array: Any, length: int) -> dict[str, Any]:
    return {
        "name": name,
        "datatype": datatype,
        "shape": list(array.shape),
        "offset": 0,
        "length": length,
    }


def _all_bytes(array: Any) -> bool:
    return all(isinstance(element, (bytes, bytearray)) for element in array.flat)


def _packed(array: Any) -> bytes:
    parts = []
    for element in array.flat:
        parts += (_LENGTH.pack(len(element)), bytes(element))
    return b"".join(parts)


def nested(array: Any) -> Any:
    """An array of strings, dates or objects as nested lists."""
    if array.dtype.kind in "mM":
        array = array.astype(str)
    return array.tolist()
