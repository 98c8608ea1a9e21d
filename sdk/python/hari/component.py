"""What a component may define, and how Hari sees one: which methods it has, called how."""

from __future__ import annotations

import importlib
import inspect
import logging
import sys
from typing import Any, Callable

from hari import metrics
from hari.errors import NotImplementedByComponent, lacks

log = logging.getLogger("hari")

# Base classes whose methods stand for "not implemented".
BASES = frozenset(("hari.component", "seldon_core.user_model"))


class Component:
    """A base class that need not be used: every method may be left out."""

    def __init__(self, **parameters: Any) -> None:
        pass

    def load(self) -> None:
        """Runs once, before the first request."""

    def predict(self, X: Any, names: list[str], meta: dict | None = None) -> Any:
        """Answers a request."""
        raise NotImplementedByComponent("predict is not implemented")

    def transform_input(self, X: Any, names: list[str], meta: dict | None = None) -> Any:
        """Changes a request on its way to the children."""
        raise NotImplementedByComponent("transform_input is not implemented")

    def transform_output(self, X: Any, names: list[str], meta: dict | None = None) -> Any:
        """Changes an answer on its way back."""
        raise NotImplementedByComponent("transform_output is not implemented")

    def route(self, features: Any, feature_names: list[str]) -> int:
        """Chooses the child that answers: its index, or -1 for all."""
        raise NotImplementedByComponent("route is not implemented")

    def aggregate(self, features_list: list, feature_names_list: list) -> Any:
        """Makes one answer of those of the children."""
        raise NotImplementedByComponent("aggregate is not implemented")

    def send_feedback(
        self,
        features: Any,
        feature_names: list[str],
        reward: float,
        truth: Any,
        routing: int | None,
    ) -> Any:
        """Learns how good an answer was."""
        raise NotImplementedByComponent("send_feedback is not implemented")

    def class_names(self) -> list[str]:
        """Names of the columns of an answer."""
        raise NotImplementedByComponent("class_names is not implemented")

    def feature_names(self) -> list[str]:
        """Names of the columns of a request."""
        raise NotImplementedByComponent("feature_names is not implemented")

    def tags(self) -> dict[str, Any]:
        """Tags of the answer that was just given."""
        raise NotImplementedByComponent("tags is not implemented")

    def metrics(self) -> list[dict]:
        """Metrics of the answer that was just given."""
        raise NotImplementedByComponent("metrics is not implemented")

    def health_status(self) -> Any:
        """Says how the component is; raises if it is not well."""
        raise NotImplementedByComponent("health_status is not implemented")

    def init_metadata(self) -> dict[str, Any]:
        """Says what the component takes and gives."""
        raise NotImplementedByComponent("init_metadata is not implemented")


class Response:
    """An answer with tags and metrics of its own."""

    def __init__(
        self, data: Any, tags: dict[str, Any] | None = None, metrics: list[dict] | None = None
    ) -> None:
        self.data = data
        self.tags = tags if tags is not None else {}
        self.metrics = metrics if metrics is not None else []

    @classmethod
    def create(cls, data: Any) -> Response:
        """`data` itself if it is a response, else a response of it."""
        return data if isinstance(data, cls) else cls(data)


def load_class(name: str) -> type:
    """The class `Mod` of module `Mod`, or `Cls` of `pkg.mod` for `pkg.mod.Cls`."""
    module_name, _, class_name = name.rpartition(".")
    module_name = module_name or class_name
    module = _module(module_name)
    found = getattr(module, class_name, None)
    if not isinstance(found, type):
        others = [n for n, o in vars(module).items() if getattr(o, "__module__", "") == module_name]
        there = ", ".join(sorted(others)[:10]) or "none"
        raise ImportError(
            f"module '{module_name}' has no class '{class_name}'; classes there: {there}"
        )
    return found


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(error.name + ".")):
            raise ImportError(f"there is no module '{name}' in the component's folder") from error
        hint = f"add it to requirements.txt (module '{name}' imports it)"
        raise ImportError(f"no module named '{error.name}': {hint}") from error


def construct(cls: type, parameters: dict[str, Any]) -> Any:
    """The component, made with its parameters as keyword arguments."""
    try:
        signature = inspect.signature(cls)
    except (TypeError, ValueError):
        return cls(**parameters)
    try:
        signature.bind(**parameters)
    except TypeError as error:
        raise TypeError(
            f"{cls.__name__}{signature} does not take these parameters: {error}"
        ) from None
    return cls(**parameters)


class Methods:
    """The methods of one component; what is looked up and inspected is so once."""

    def __init__(self, component: Any) -> None:
        self.component = component
        self.predict = self._wide("predict")
        self.transform_input = self._wide("transform_input")
        self.transform_output = self._wide("transform_output")
        self.route = self._wide("route")
        self.aggregate = self.find("aggregate")
        self.send_feedback = self._with_routing(self.find("send_feedback"))
        self.tags = self.find("tags")
        self.metrics = self.find("metrics")
        self.health_status = self.find("health_status")
        self.raw = {name: self._raw(name) for name in RAW}

    def find(self, name: str) -> Callable[..., Any] | None:
        """A method that the component itself has."""
        found = getattr(self.component, name, None)
        if not callable(found) or getattr(found, "__module__", None) in BASES:
            return None
        return found

    def answered(self) -> list[str]:
        """Which methods of the protocol the component has an answer of its own for."""
        own = [name for name in RAW if getattr(self, name, None) or any(self.raw[name].values())]
        if self.find("init_metadata"):
            own.append("metadata")
        return [name.replace("_", "-") for name in own]

    def class_names(self) -> Any:
        """The component's names for columns, a method or an attribute; none if it has none."""
        found = getattr(self.component, "class_names", None)
        if found is None or getattr(found, "__module__", None) in BASES:
            return None
        if not callable(found):
            return found
        try:
            return found()
        except Exception as error:
            if lacks(error):
                return None
            raise

    def _wide(self, name: str) -> Callable[[Any, Any, Any], Any] | None:
        """A method of (X, names, meta), called with as many of them as its signature takes."""
        method = self.find(name)
        if method is None or takes(method, "meta"):
            return method and (lambda x, names, meta: method(x, names, meta=meta))
        return lambda x, names, _meta: method(x, names)

    def _with_routing(self, method: Callable[..., Any] | None) -> Callable[..., Any] | None:
        if method is None or takes(method, "routing"):
            return method
        return lambda features, names, reward, truth, routing: method(
            features, names, reward, truth
        )

    def _raw(self, name: str) -> dict[str, Callable[..., Any] | None]:
        """The methods on whole messages, by transport."""
        raw = self.find(name + "_raw")
        return {
            "rest": raw or self.find(name + "_rest"),
            "grpc": raw or self.find(name + "_grpc"),
        }


RAW = (
    "predict",
    "transform_input",
    "transform_output",
    "route",
    "aggregate",
    "send_feedback",
    "health_status",
)


def takes(method: Callable[..., Any], name: str) -> bool:
    """Whether a method has a keyword argument `name`."""
    try:
        parameters = inspect.signature(method).parameters.values()
    except (TypeError, ValueError):
        return False
    return any(
        parameter.kind is parameter.VAR_KEYWORD
        or (parameter.name == name and parameter.kind is not parameter.POSITIONAL_ONLY)
        for parameter in parameters
    )


def unwrap(value: Any) -> tuple[Any, dict[str, Any], list[dict]]:
    """Data, tags and metrics of what a method returned."""
    if isinstance(value, Response) or _of_seldon(value):
        return value.data, value.tags or {}, value.metrics or []
    return value, {}, []


def _of_seldon(value: Any) -> bool:
    cls = type(value)
    return cls.__name__ == "SeldonResponse" and cls.__module__ in BASES


def add_folder(folder: str) -> None:
    """Puts the component's folder first on the path of imports, once."""
    if folder and folder not in sys.path:
        sys.path.insert(0, folder)


def checked_metrics(methods: Methods, runtime: list[dict]) -> list[dict]:
    """The metrics of an answer: the component's, then those of the answer itself."""
    found = _call(methods.metrics)
    reported = [] if found is _NONE else metrics.checked(found)
    return reported + metrics.checked(runtime) if runtime else reported


def own_tags(methods: Methods, runtime: dict[str, Any]) -> dict[str, Any]:
    """The tags of an answer: the component's, then those of the answer itself."""
    found = _call(methods.tags)
    tags = {} if found is _NONE or not found else dict(found)
    tags.update(runtime)
    return tags


_NONE = object()


def _call(method: Callable[[], Any] | None) -> Any:
    if method is None:
        return _NONE
    try:
        return method()
    except Exception as error:
        if lacks(error):
            return _NONE
        raise
