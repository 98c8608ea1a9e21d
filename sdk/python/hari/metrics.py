"""Metrics that components report: made, and checked before they leave."""

from __future__ import annotations

import json
import numbers
from typing import Any

from hari.errors import bad_metric

COUNTER, GAUGE, TIMER = "COUNTER", "GAUGE", "TIMER"
KINDS = frozenset((COUNTER, GAUGE, TIMER))

Metric = dict


def counter(key: str, value: float, tags: dict[str, str] | None = None) -> Metric:
    """Adds `value` to a total."""
    return _metric(COUNTER, key, value, tags)


def gauge(key: str, value: float, tags: dict[str, str] | None = None) -> Metric:
    """Sets a level to `value`."""
    return _metric(GAUGE, key, value, tags)


def timer(key: str, value: float, tags: dict[str, str] | None = None) -> Metric:
    """Observes a time of `value` milliseconds."""
    return _metric(TIMER, key, value, tags)


def _metric(kind: str, key: str, value: float, tags: dict[str, str] | None) -> Metric:
    metric: Metric = {"key": key, "type": kind, "value": value}
    if tags:
        metric["tags"] = tags
    return metric


def valid(metrics: Any) -> bool:
    """Whether `metrics` is a list of well-formed metrics."""
    return isinstance(metrics, (list, tuple)) and all(map(_valid, metrics))


def _valid(metric: Any) -> bool:
    if not isinstance(metric, dict):
        return False
    tags = metric.get("tags")
    return (
        isinstance(metric.get("key"), str)
        and bool(metric["key"])
        and metric.get("type") in KINDS
        and isinstance(metric.get("value"), numbers.Real)
        and (tags is None or isinstance(tags, dict))
    )


def checked(metrics: Any) -> list[Metric]:
    """The metrics as Hari takes them: plain numbers, texts as tags. Raises `ServiceError`."""
    if not valid(metrics):
        shown = json.dumps(metrics, default=repr)[:500]
        raise bad_metric(
            "Bad metric created during request: expected objects with key, type (COUNTER, GAUGE or "
            f"TIMER) and a numeric value, found {shown}"
        )
    return [_plain(metric) for metric in metrics]


def _plain(metric: Metric) -> Metric:
    tags = {str(key): str(value) for key, value in (metric.get("tags") or {}).items()}
    return _metric(metric["type"], metric["key"], float(metric["value"]), tags)
