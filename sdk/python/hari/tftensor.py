"""TensorFlow's `TensorProto` in JSON, as arrays and back."""

from __future__ import annotations

import base64
from typing import Any

from hari import arrays
from hari.errors import ServiceError

# TensorFlow's name and number of an element type: numpy's code, the member with the values.
TYPES: dict[str, tuple[int, str, str]] = {
    "DT_FLOAT": (1, "<f4", "floatVal"),
    "DT_DOUBLE": (2, "<f8", "doubleVal"),
    "DT_INT32": (3, "<i4", "intVal"),
    "DT_UINT8": (4, "<u1", "intVal"),
    "DT_INT16": (5, "<i2", "intVal"),
    "DT_INT8": (6, "<i1", "intVal"),
    "DT_STRING": (7, "O", "stringVal"),
    "DT_INT64": (9, "<i8", "int64Val"),
    "DT_BOOL": (10, "?", "boolVal"),
    "DT_UINT16": (17, "<u2", "intVal"),
    "DT_HALF": (19, "<f2", "halfVal"),
    "DT_UINT32": (22, "<u4", "uint32Val"),
    "DT_UINT64": (23, "<u8", "uint64Val"),
}
_NUMBERS = {number: name for name, (number, _, _) in TYPES.items()}
_CODES = {code: name for name, (_, code, _) in TYPES.items()}


def to_dict(array: Any) -> dict[str, Any]:
    """An array as JSON, its elements in `tensorContent`."""
    np = arrays.needed()
    name = _CODES.get(array.dtype.str.replace("|", "<"), _CODES.get(array.dtype.char))
    if name is None:
        raise ServiceError(f"tftensor: no TensorFlow type holds {array.dtype}")
    content = np.ascontiguousarray(array).tobytes()
    return {
        "dtype": name,
        "tensorShape": {"dim": [{"size": str(extent)} for extent in array.shape]},
        "tensorContent": base64.b64encode(content).decode(),
    }


def from_dict(tensor: dict[str, Any]) -> Any:
    """The array that the JSON says; one value alone fills the shape."""
    np = arrays.needed()
    dtype = tensor.get("dtype", "DT_INVALID")
    name = _NUMBERS.get(dtype, dtype) if isinstance(dtype, int) else dtype
    if name not in TYPES:
        raise ServiceError(f"tftensor.dtype: expected one of {', '.join(TYPES)}, found {dtype}")
    _, code, member = TYPES[name]
    dims = tensor.get("tensorShape", {}).get("dim", [])
    shape = [int(dim.get("size", 0)) for dim in dims]
    if tensor.get("tensorContent"):
        content = base64.b64decode(tensor["tensorContent"])
        return np.frombuffer(bytearray(content), code).reshape(shape)
    values = _values(np, tensor.get(member, []), code, member)
    if values.size == 1:
        return np.full(shape, values[0], values.dtype)
    return values.reshape(shape)


def _values(np: Any, values: list[Any], code: str, member: str) -> Any:
    if member == "stringVal":
        array = np.empty(len(values), object)
        array[:] = [base64.b64decode(value) for value in values]
        return array
    if member == "halfVal":
        return np.array(values, "<u2").view("<f2")
    if member in ("int64Val", "uint64Val"):
        values = [int(value) for value in values]
    return np.array(values, code)
