"""Components written in Python for Hari.

A component is a class with some of `predict`, `transform_input`, `transform_output`, `route`,
`aggregate` and `send_feedback`; it needs nothing of this package. What it may use: a base class, a
response with tags and metrics, makers of metrics, an error with a status, and the call under way.
"""

from hari.component import Component, Response
from hari.errors import ServiceError
from hari.metrics import counter, gauge, timer
from hari.request import Request, current

__all__ = [
    "Component",
    "Request",
    "Response",
    "ServiceError",
    "counter",
    "current",
    "gauge",
    "timer",
]
