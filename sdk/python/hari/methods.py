"""One call answered: the method of the component, or what stands in where it has none."""

from __future__ import annotations

import logging
from typing import Any, Callable

from hari import metadata, payload, raw
from hari.arrays import np
from hari.component import Methods, Response, checked_metrics, own_tags, unwrap
from hari.errors import BAD_METADATA, ServiceError, lacks
from hari.payload import Outgoing

log = logging.getLogger("hari")


class Unit:
    """A component as a unit of a graph, with what it is told of itself."""

    def __init__(self, component: Any, unit: str) -> None:
        self.component = component
        self.unit = unit
        self.methods = Methods(component)
        self.metadata: dict[str, Any] | None = None
        self.bad_metadata: str | None = None
        try:
            self.metadata = metadata.of(self.methods.find("init_metadata"), unit)
        except Exception as error:
            self.bad_metadata = str(error)
            log.error("the metadata of %s: %s", unit, error)

    def answer(self, call: dict[str, Any], body: memoryview) -> Outgoing:
        """Answers one call. Raises what the component raises, and `ServiceError`."""
        method = call["method"].replace("-", "_")
        wide = ANSWERS.get(method)
        if wide is None:
            raise ServiceError(f"there is no method '{call['method']}'", status_code=404)
        own = self.methods.raw.get(method)
        own = own and own[call.get("transport", "rest")]
        if own is not None:
            try:
                return raw.answer(own, method, call, body)
            except Exception as error:
                if not lacks(error):
                    raise
        return wide(self, call, body)

    def finish(self, value: Any, representation: str) -> Outgoing:
        """What a method returned, with names, tags and metrics."""
        data, tags, metrics = unwrap(value)
        methods = self.methods
        # Tags and metrics are asked for after the answer is there.
        outgoing = payload.answer(data, representation, methods.class_names())
        tags = own_tags(methods, tags) if methods.tags or tags else None
        reported = checked_metrics(methods, metrics) if methods.metrics or metrics else None
        if tags or reported:
            outgoing.message["meta"] = {"tags": tags or {}, "metrics": reported or []}
        return outgoing

    def health(self) -> str | None:
        """What is wrong with the component; none if it is well."""
        own = self.methods.raw["health_status"]["rest"]
        method = own or self.methods.health_status
        if method is None:
            return None
        try:
            method()
        except Exception as error:
            return None if lacks(error) else str(error) or type(error).__name__
        return None


def _first(call: dict[str, Any]) -> dict[str, Any]:
    messages = call.get("messages")
    return messages[0] if messages else {"kind": "empty"}


def _called(unit: Unit, method: Callable | None, call: dict, body: memoryview) -> Any:
    """Calls a method of (X, names, meta); what it has not implemented raises `NotThere`."""
    message = _first(call)
    x = payload.features(message, body)
    if method is None:
        raise NotThere(x)
    try:
        # Over gRPC a meta is always there.
        meta = payload.meta(message) or ({} if call.get("transport") == "grpc" else None)
        return method(x, payload.names(message), meta)
    except Exception as error:
        if lacks(error):
            raise NotThere(x) from error
        raise


class NotThere(Exception):
    """The component has no such method; `features` are what it would have been given."""

    def __init__(self, features: Any) -> None:
        super().__init__("not implemented")
        self.features = features


def _predict(unit: Unit, call: dict, body: memoryview) -> Outgoing:
    try:
        value = _called(unit, unit.methods.predict, call, body)
    except NotThere:
        value = []
    return unit.finish(value, _representation(call))


def _transform(name: str) -> Callable[[Unit, dict, memoryview], Outgoing]:
    def transform(unit: Unit, call: dict, body: memoryview) -> Outgoing:
        try:
            value = _called(unit, getattr(unit.methods, name), call, body)
        except NotThere as none:
            value = none.features
        return unit.finish(value, _representation(call))

    return transform


def _route(unit: Unit, call: dict, body: memoryview) -> Outgoing:
    try:
        value = _called(unit, unit.methods.route, call, body)
    except NotThere:
        raise ServiceError("route is not implemented by this component") from None
    data, tags, metrics = unwrap(value)
    if not _is_int(data):
        shown = f"{data!r} ({type(data).__name__})"[:200]
        raise ServiceError(f"route must return an int, the index of a child, found {shown}")
    return unit.finish(Response([[int(data)]], tags, metrics), _representation(call))


def _is_int(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (np is not None and isinstance(value, np.integer))


def _aggregate(unit: Unit, call: dict, body: memoryview) -> Outgoing:
    messages = call.get("messages") or []
    xs = [payload.features(message, body) for message in messages]
    names = [payload.names(message) for message in messages]
    try:
        if unit.methods.aggregate is None:
            raise ServiceError("aggregate is not implemented by this component")
        value = unit.methods.aggregate(xs, names)
    except Exception as error:
        if lacks(error):
            raise ServiceError("aggregate is not implemented by this component") from error
        raise
    return unit.finish(value, _representation(call))


def _send_feedback(unit: Unit, call: dict, body: memoryview) -> Outgoing:
    feedback = call.get("feedback") or {}
    request = feedback.get("request") or {}
    response = feedback.get("response") or {}
    routing = ((response.get("meta") or {}).get("routing") or {}).get(unit.unit)
    value = None
    if unit.methods.send_feedback is not None:
        try:
            value = unit.methods.send_feedback(
                _data(request, body),
                payload.names(request),
                feedback.get("reward") or 0.0,
                _data(feedback.get("truth") or {}, body),
                routing=routing,
            )
        except Exception as error:
            if not lacks(error):
                raise
    if value is None:
        return unit.finish([], "ndarray")
    return unit.finish(value, request.get("representation", ""))


def _data(message: dict[str, Any], body: memoryview) -> Any:
    """The array of a feedback's message; an empty one if it holds none."""
    if message.get("kind") == "tensors":
        return payload.features(message, body)
    return np.array([]) if np is not None else []


def _health_status(unit: Unit, _call: dict, _body: memoryview) -> Outgoing:
    value: Any = "healthy"
    if unit.methods.health_status is not None:
        try:
            value = unit.methods.health_status()
        except Exception as error:
            if not lacks(error):
                raise
    return unit.finish(value, "")


def _metadata(unit: Unit, _call: dict, _body: memoryview) -> Outgoing:
    if unit.bad_metadata is not None:
        raise ServiceError(unit.bad_metadata, status_code=500, reason=BAD_METADATA)
    return Outgoing({"kind": "json", "json": unit.metadata})


def _representation(call: dict[str, Any]) -> str:
    return _first(call).get("representation") or ""


ANSWERS: dict[str, Callable[[Unit, dict[str, Any], memoryview], Outgoing]] = {
    "predict": _predict,
    "transform_input": _transform("transform_input"),
    "transform_output": _transform("transform_output"),
    "route": _route,
    "aggregate": _aggregate,
    "send_feedback": _send_feedback,
    "health_status": _health_status,
    "metadata": _metadata,
}
