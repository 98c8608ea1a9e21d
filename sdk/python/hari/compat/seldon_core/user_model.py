"""The base class and the response of components, under the original's names."""

from hari.component import Component as SeldonComponent
from hari.component import Response as SeldonResponse
from hari.errors import NotImplementedByComponent as SeldonNotImplementedError

__all__ = ["SeldonComponent", "SeldonNotImplementedError", "SeldonResponse"]
