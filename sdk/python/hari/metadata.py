"""The metadata of a component: what it says of itself, checked."""

from __future__ import annotations

import json
import os
from typing import Any, Callable

from hari.errors import lacks

KEYS = {"name", "versions", "platform", "inputs", "outputs", "custom"}
DATATYPES = {
    "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64",
    "FP16", "FP32", "FP64", "BYTES",
}  # fmt: skip
ARRAYS = {"tensor", "ndarray", "tftensor"}
BARE = {"strData", "binData"}


def of(init_metadata: Callable[[], Any] | None, unit: str) -> dict[str, Any]:
    """`init_metadata()`, with what MODEL_METADATA says over it. Raises ValueError if it is none."""
    found = _said(init_metadata)
    found.update(_environment())
    name, _, version = os.environ.get("PREDICTIVE_UNIT_IMAGE", "").rpartition(":")
    whole = {
        "name": name or unit,
        "versions": [version] if version else [],
        "platform": "",
        "inputs": [],
        "outputs": [],
        "custom": {},
        **found,
    }
    check(whole)
    return whole


def _said(init_metadata: Callable[[], Any] | None) -> dict[str, Any]:
    if init_metadata is None:
        return {}
    try:
        said = init_metadata()
    except Exception as error:
        if lacks(error):
            return {}
        raise
    if said is not None and not isinstance(said, dict):
        raise ValueError(f"init_metadata: expected a dict, found {type(said).__name__}")
    return dict(said or {})


def _environment() -> dict[str, Any]:
    text = os.environ.get("MODEL_METADATA", "").strip()
    if not text:
        return {}
    try:
        said = json.loads(text)
    except ValueError:
        said = _yaml(text)
    if not isinstance(said, dict):
        raise ValueError("MODEL_METADATA: expected an object in JSON or YAML")
    return said


def _yaml(text: str) -> Any:
    try:
        import yaml
    except ImportError:
        raise ValueError(
            "MODEL_METADATA is no JSON; to write it as YAML, add PyYAML to requirements.txt"
        ) from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"MODEL_METADATA is neither JSON nor YAML: {error}") from None


def check(metadata: dict[str, Any]) -> None:
    """Checks the whole; raises ValueError with the field's path, expected and found."""
    for key in metadata:
        _expect(key in KEYS, str(key), f"one of {', '.join(sorted(KEYS))}", "an unknown key")
    for key in ("name", "platform"):
        _is(metadata[key], str, key, "a text")
    _list(metadata["versions"], "versions", lambda value, path: _is(value, str, path, "a text"))
    _list(metadata["inputs"], "inputs", _check_message)
    _list(metadata["outputs"], "outputs", _check_message)
    _is(metadata["custom"], dict, "custom", "an object")
    for key, value in metadata["custom"].items():
        _is(value, str, f"custom.{key}", "a text")


def _check_message(message: Any, path: str) -> None:
    _is(message, dict, path, "an object")
    if "messagetype" not in message:
        _check_tensor(message, path)
        return
    kind = message["messagetype"]
    _is(kind, str, f"{path}.messagetype", "a text")
    _only(message, {"messagetype"} if kind in BARE else {"messagetype", "schema"}, path)
    schema = message.get("schema", {})
    _is(schema, dict, f"{path}.schema", "an object")
    if kind in ARRAYS:
        _only(schema, {"names", "shape"}, f"{path}.schema")
        _list(schema.get("names", []), f"{path}.schema.names", _text)
        _list(schema.get("shape", []), f"{path}.schema.shape", _int)


def _check_tensor(message: dict[str, Any], path: str) -> None:
    _only(message, {"name", "datatype", "shape"}, path)
    _text(message.get("name", ""), f"{path}.name")
    if "datatype" in message:
        found = message["datatype"]
        _text(found, f"{path}.datatype")
        _expect(found in DATATYPES, f"{path}.datatype", "a datatype such as FP32", repr(found))
    _list(message.get("shape", []), f"{path}.shape", _int)


def _only(found: dict[str, Any], keys: set[str], path: str) -> None:
    for key in found:
        _expect(key in keys, f"{path}.{key}", f"one of {', '.join(sorted(keys))}", "an unknown key")


def _list(value: Any, path: str, check: Callable[[Any, str], None]) -> None:
    _is(value, list, path, "a list")
    for at, member in enumerate(value):
        check(member, f"{path}[{at}]")


def _text(value: Any, path: str) -> None:
    _is(value, str, path, "a text")


def _int(value: Any, path: str) -> None:
    _expect(not isinstance(value, bool), path, "an integer", "a boolean")
    _is(value, int, path, "an integer")


def _is(value: Any, kind: type, path: str, expected: str) -> None:
    _expect(isinstance(value, kind), path, expected, type(value).__name__)


def _expect(holds: bool, path: str, expected: str, found: str) -> None:
    if not holds:
        raise ValueError(f"metadata.{path}: expected {expected}, found {found}")
