"""JSON as Hari reads it: numpy's scalars and arrays are plain values, and no NaN is written."""

from __future__ import annotations

import json
import math
from typing import Any

from hari.arrays import np


def _plain(value: Any) -> Any:
    """What JSON has for a value that the encoder does not know."""
    if np is not None and isinstance(value, np.generic):
        return value.item()
    if np is not None and isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (bytes, bytearray)):
        return value.decode()
    raise TypeError(f"an object of type {type(value).__name__} is not JSON serializable")


_encode = json.JSONEncoder(
    separators=(",", ":"), ensure_ascii=False, check_circular=True, allow_nan=False, default=_plain
).encode
_lenient = json.JSONEncoder(default=_plain).encode


def dumps(value: Any) -> bytes:
    """`value` as UTF-8; NaN and infinities as these words, since JSON has no such numbers."""
    try:
        return _encode(value).encode()
    except ValueError:
        plain = json.loads(_lenient(value))
        return _encode(_worded(plain)).encode("utf-8", "backslashreplace")


def _worded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _worded(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_worded(member) for member in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
