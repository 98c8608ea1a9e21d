"""Cases of ONNX models: `case.pb` holds inputs and answers as constants of a graph.

The messages are declared here with the few fields that are read, so that no test needs the `onnx`
package, which wants another protobuf than the clients do.
"""

import math

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from harness import ROOT

FIXTURES = ROOT / "data-plane" / "runtime" / "onnx" / "tests" / "fixtures"

FIELD = descriptor_pb2.FieldDescriptorProto
# ONNX's number of a type: numpy's type, the field of its values.
TYPES = {
    1: ("float32", "float_data"),
    4: ("uint16", "int32_data"),
    6: ("int32", "int32_data"),
    7: ("int64", "int64_data"),
    9: ("bool", "int32_data"),
    10: ("float16", "int32_data"),
    11: ("float64", "double_data"),
}
STRING = 8
# Name: number, kind, packed.
TENSOR = {
    "dims": (1, FIELD.TYPE_INT64),
    "data_type": (2, FIELD.TYPE_INT32),
    "float_data": (4, FIELD.TYPE_FLOAT),
    "int32_data": (5, FIELD.TYPE_INT32),
    "string_data": (6, FIELD.TYPE_BYTES),
    "int64_data": (7, FIELD.TYPE_INT64),
    "name": (8, FIELD.TYPE_STRING),
    "raw_data": (9, FIELD.TYPE_BYTES),
    "double_data": (10, FIELD.TYPE_DOUBLE),
}
ALONE = {"data_type", "name", "raw_data"}


def messages():
    file = descriptor_pb2.FileDescriptorProto(name="cases.proto", package="cases")
    tensor = file.message_type.add(name="Tensor")
    for name, (number, kind) in TENSOR.items():
        label = FIELD.LABEL_OPTIONAL if name in ALONE else FIELD.LABEL_REPEATED
        tensor.field.add(name=name, number=number, type=kind, label=label)
    graph = file.message_type.add(name="Graph")
    graph.field.add(
        name="initializer",
        number=5,
        type=FIELD.TYPE_MESSAGE,
        type_name=".cases.Tensor",
        label=FIELD.LABEL_REPEATED,
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("cases.Graph"))


GRAPH = messages()


def array(tensor):
    """A constant as an array; texts are objects."""
    if tensor.data_type == STRING:
        return np.array(list(tensor.string_data), dtype=np.object_).reshape(tensor.dims)
    kind, field = TYPES[tensor.data_type]
    if tensor.raw_data or not math.prod(tensor.dims):
        return np.frombuffer(tensor.raw_data, dtype=kind).reshape(tensor.dims)
    return np.array(getattr(tensor, field), dtype=kind).reshape(tensor.dims)


def case(name):
    """Inputs and answers of a fixture, each by name."""
    graph = GRAPH.FromString((FIXTURES / name / "case.pb").read_bytes())
    sides = {"in": {}, "out": {}}
    for tensor in graph.initializer:
        side, _, port = tensor.name.partition(":")
        sides[side][port] = array(tensor)
    return sides["in"], sides["out"]


def names():
    return sorted(path.parent.name for path in FIXTURES.glob("*/case.pb"))
