"""The error of components, under the original's name."""

from hari.errors import ServiceError as SeldonMicroserviceException

__all__ = ["SeldonMicroserviceException"]
