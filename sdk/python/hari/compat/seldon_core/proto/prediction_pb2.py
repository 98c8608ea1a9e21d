"""`SeldonMessage` and the other messages."""

from hari.proto.prediction_pb2 import *  # noqa: F403
from hari.proto.prediction_pb2 import DESCRIPTOR

__all__ = ["DESCRIPTOR", *DESCRIPTOR.message_types_by_name]
