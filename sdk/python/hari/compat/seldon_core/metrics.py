"""Makers of metrics, under the original's names."""

from hari.metrics import COUNTER, GAUGE, TIMER
from hari.metrics import counter as create_counter
from hari.metrics import gauge as create_gauge
from hari.metrics import timer as create_timer
from hari.metrics import valid as validate_metrics

__all__ = [
    "COUNTER",
    "GAUGE",
    "TIMER",
    "create_counter",
    "create_gauge",
    "create_timer",
    "validate_metrics",
]
