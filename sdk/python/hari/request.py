"""The call under way, for components that want to know more of it than their arguments say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Request(NamedTuple):
    """One call: a worker computes one at a time."""

    method: str
    puid: str
    transport: str
    headers: Mapping[str, str]


_NONE = Request("", "", "", {})
_current = _NONE


def current() -> Request:
    """The call under way; one of empty texts between calls."""
    return _current


def begin(call: dict[str, Any]) -> None:
    """Notes the call that begins."""
    global _current
    _current = Request(
        call.get("method", ""),
        call.get("puid", ""),
        call.get("transport", "rest"),
        call.get("headers") or {},
    )


def end() -> None:
    """Notes that no call is under way."""
    global _current
    _current = _NONE
