"""Errors that a component raises, and how any error is told to Hari."""

from __future__ import annotations

import json
from typing import Any

BAD_DATA = "MICROSERVICE_BAD_DATA"
BAD_METRIC = "MICROSERVICE_BAD_METRIC"
BAD_METADATA = "MICROSERVICE_BAD_METADATA"
INTERNAL_ERROR = "MICROSERVICE_INTERNAL_ERROR"

# Statuses that Hari gives back in the words of the caller's protocol.
PLAIN = frozenset((400, 401, 403, 404, 413, 429, 500, 501, 503))

# Longer texts are cut: an error is not a payload.
MAX_INFO = 4096


class ServiceError(Exception):
    """A refusal with an HTTP status and a reason; raise it from any method of a component.

    `payload`, a dict, is for the component's own handlers: callers do not see it.
    """

    status_code = 400

    def __init__(
        self,
        message: str,
        status_code: int | None = None,
        payload: dict[str, Any] | None = None,
        reason: str = BAD_DATA,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.payload = payload
        self.reason = reason
        if status_code is not None:
            self.status_code = status_code

    def to_dict(self) -> dict[str, Any]:
        """The refusal as a Seldon status, with the payload's members beside it."""
        status = {"status": 1, "info": self.message, "code": -1, "reason": self.reason}
        return {**(self.payload or {}), "status": status}


class NotImplementedByComponent(Exception):
    """A base class's way to say that it has no such method: Hari falls back."""

    status_code = 400

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Answered(Exception):
    """A component answered with an error of its own: status, body and content type as they are."""

    def __init__(self, status: int, body: str, content_type: str, info: str = "") -> None:
        super().__init__(info or f"the component answered {status}")
        self.status, self.body, self.content_type = status, body, content_type


def bad_metric(problem: str) -> ServiceError:
    """The error for a metric that is none; it is the component's fault."""
    return ServiceError(problem, status_code=500, reason=BAD_METRIC)


def lacks(error: BaseException) -> bool:
    """Whether `error` says that the component has no such method; other packages have theirs."""
    if isinstance(error, NotImplementedByComponent):
        return True
    return any(base.__name__ == "SeldonNotImplementedError" for base in type(error).__mro__)


def as_frame(error: BaseException) -> dict[str, Any]:
    """What the `error` frame says of `error`."""
    if isinstance(error, Answered):
        return _frame(error.status, "", str(error), error.body, error.content_type)
    status = _status(error)
    if status is None:
        return _frame(500, INTERNAL_ERROR, str(error) or type(error).__name__)
    reason = getattr(error, "reason", None)
    reason = reason if isinstance(reason, str) else BAD_DATA
    info = str(getattr(error, "message", None) or error)
    if status in PLAIN:
        return _frame(status, reason, info)
    # Hari has no kind of error with this status: the answer is written here.
    said = {"status": {"status": 1, "info": info, "code": -1, "reason": reason}}
    return _frame(status, reason, info, json.dumps(said), "application/json")


def _status(error: BaseException) -> int | None:
    """The HTTP status that the error has of itself."""
    if not (isinstance(error, ServiceError) or lacks(error) or _of_seldon(error)):
        return None
    status = getattr(error, "status_code", 400)
    return status if isinstance(status, int) and 400 <= status <= 599 else 500


def _of_seldon(error: BaseException) -> bool:
    """Whether the error is the one of the original's package, installed beside this one."""
    return any(base.__name__ == "SeldonMicroserviceException" for base in type(error).__mro__)


def _frame(
    status: int,
    reason: str,
    info: str,
    body: str | None = None,
    content_type: str | None = None,
) -> dict[str, Any]:
    return {
        "status": status,
        "reason": reason,
        "info": info if len(info) <= MAX_INFO else info[:MAX_INFO] + "...",
        "kind": "caller" if status < 500 else "model",
        "body": body,
        "content_type": content_type,
    }
